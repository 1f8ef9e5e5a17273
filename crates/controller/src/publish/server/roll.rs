//! Who has a stream: one for each pod, the newest.
//!
//! A proxy whose network broke comes again long before its old connection is known to be dead.

use std::{collections::HashMap, sync::Arc};

use api::meta::NamespacedName;
use parking_lot::Mutex;
use tokio::sync::oneshot;

type Pod = (NamespacedName, Arc<str>);

/// The streams of all pods.
#[derive(Default)]
pub(super) struct Roll(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    next: u64,
    pods: HashMap<Pod, (u64, oneshot::Sender<()>)>,
}

/// A place in the roll; given back when dropped.
pub(super) struct Place<'r> {
    roll: &'r Roll,
    pod: Pod,
    number: u64,
    superseded: oneshot::Receiver<()>,
}

impl Roll {
    /// Enters a pod in its ServiceAccount's namespace, and ends the stream that it had.
    pub(super) fn enter(&self, account: &NamespacedName, pod: &Arc<str>) -> Place<'_> {
        let pod = (account.clone(), pod.clone());
        let (supersede, superseded) = oneshot::channel();
        let mut entries = self.0.lock();
        entries.next += 1;
        let number = entries.next;
        // The channel of the one before closes with this.
        entries.pods.insert(pod.clone(), (number, supersede));
        Place { roll: self, pod, number, superseded }
    }
}

impl Place<'_> {
    /// Returns when the same pod has come again.
    pub(super) async fn superseded(&mut self) {
        // Nothing is ever sent: the other end is dropped.
        let _ = (&mut self.superseded).await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut entries = self.roll.0.lock();
        if entries.pods.get(&self.pod).is_some_and(|(number, _)| *number == self.number) {
            entries.pods.remove(&self.pod);
        }
    }
}
