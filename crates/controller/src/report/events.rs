//! Kubernetes Events for what an operator has to act on, beside the object concerned: `kubectl
//! describe` shows them.
//!
//! What goes in is state: a [`Notice`] is raised while it is true, and cleared. It is told once,
//! and again only when it says something else or came back; then the same Event counts (`series`).
//! One that is cleared before its patience ends is never told. Events are few by design: a bounded
//! number a second, and of one notice at most one a minute.
//!
//! Absent on purpose: conditions. They say all that is wrong; Events draw attention to the worst.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use api::{
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
};
use kube::Client;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use self::event::Event;
use crate::{lead::Lead, mailbox::Mailbox, provider::kubernetes::LiveObjects};

mod event;
mod findings;

pub use findings::of_status;

/// Something that an operator has to know while it is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// A word for machines, in CamelCase. One object has one notice of a reason (and part).
    pub reason: &'static str,
    /// What was tried, as a verb and its object in CamelCase.
    pub action: &'static str,
    /// A sentence for people: what is wrong and what to do.
    pub note: String,
    /// How long it may be true without anybody being told.
    pub patience: Duration,
}

/// What a notice is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoticeKey {
    /// The object; none for the controller itself.
    pub object: Option<ObjectKey>,
    /// As in the notice.
    pub reason: &'static str,
    /// What of the object: a pod's name, or nothing.
    pub part: Arc<str>,
}

/// What is true and what is true no more, as it changes.
pub type Notices = Mailbox<NoticeKey, Option<Notice>>;

/// Proxies that are silent, by Gateway and pod, and those that are no more.
pub type Silences = Mailbox<(NamespacedName, Arc<str>), bool>;

impl Notice {
    /// One that is told at once.
    pub fn warning(reason: &'static str, action: &'static str, note: impl Into<String>) -> Self {
        Self { reason, action, note: note.into(), patience: Duration::ZERO }
    }
}

/// Something is true of an object.
pub fn raise(notices: &Notices, object: &ObjectKey, notice: Notice) {
    notices.put(NoticeKey::of(object, notice.reason), Some(notice));
}

/// Something is true of the controller itself.
pub fn raise_own(notices: &Notices, notice: Notice) {
    let key = NoticeKey { object: None, reason: notice.reason, part: "".into() };
    notices.put(key, Some(notice));
}

/// Something is true of an object no more, if it ever was.
pub fn clear(notices: &Notices, object: &ObjectKey, reason: &'static str) {
    notices.put(NoticeKey::of(object, reason), None);
}

/// Something is true of the controller itself no more, if it ever was.
pub fn clear_own(notices: &Notices, reason: &'static str) {
    notices.put(NoticeKey { object: None, reason, part: "".into() }, None);
}

impl NoticeKey {
    fn of(object: &ObjectKey, reason: &'static str) -> Self {
        Self { object: Some(object.clone()), reason, part: "".into() }
    }
}

/// What the writer of Events reads, and what it signs with.
pub struct EventWriter {
    /// The API server, for what a leader says,
    pub client: Client,
    /// and for what each replica says of itself.
    pub own: Client,
    /// Who says it.
    pub controller_name: String,
    /// The pod of this replica,
    pub pod: NamespacedName,
    /// and what tells it from others of that name. `kubectl describe` looks for Events by it.
    pub pod_uid: Option<String>,
    /// The objects that notices are about.
    pub live: LiveObjects,
    /// What there is to tell.
    pub notices: Notices,
    /// Proxies that are left out because they do not answer.
    pub silences: Silences,
    /// Who writes of objects. Of its own pod each replica writes itself: what is wrong may be why
    /// nobody leads.
    pub lead: watch::Receiver<Lead>,
}

impl EventWriter {
    /// Writes for as long as it is polled.
    pub async fn run(mut self) {
        let mut board = Board::default();
        loop {
            let leads = self.lead.borrow_and_update().is_leader();
            let due = board.next(Instant::now(), leads);
            tokio::select! {
                notices = self.notices.take() => {
                    let now = Instant::now();
                    for (key, notice) in notices {
                        board.post(key, notice, now);
                    }
                }
                silences = self.silences.take() => {
                    let now = Instant::now();
                    for ((gateway, pod), silent) in silences {
                        let (key, notice) = silence(gateway, pod);
                        board.post(key, silent.then_some(notice), now);
                    }
                }
                Ok(()) = self.lead.changed() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.tell(&mut board, leads).await;
                }
            }
        }
    }

    async fn tell(&self, board: &mut Board, leads: bool) {
        let Some((key, told)) = board.take_due(Instant::now(), leads) else { return };
        let event = Event {
            regarding: self.regarding(&key),
            related: related(&key),
            reporter: &self.controller_name,
            instance: &self.pod.name,
            notice: &told.notice,
        };
        let client = if key.object.is_some() { &self.client } else { &self.own };
        match event.send(client, told.times).await {
            Ok(()) => board.told(key, told),
            Err(error) if event::is_final(&error) => {
                tracing::warn!(reason = key.reason, %error, "an Event cannot be written");
                board.told(key, told);
            }
            Err(error) => {
                tracing::debug!(reason = key.reason, %error, "an Event has to wait");
                board.again(key, told);
            }
        }
    }

    fn regarding(&self, key: &NoticeKey) -> Value {
        let Some(object) = &key.object else {
            let mut reference = json!({
                "apiVersion": "v1", "kind": "Pod",
                "namespace": &*self.pod.namespace, "name": &*self.pod.name,
            });
            if let Some(uid) = &self.pod_uid {
                reference["uid"] = uid.as_str().into();
            }
            return reference;
        };
        let mut reference = json!({
            "apiVersion": object.kind.api_version(),
            "kind": object.kind.as_str(),
            "name": &*object.name.name,
        });
        if !object.name.namespace.is_empty() {
            reference["namespace"] = (*object.name.namespace).into();
        }
        if let Some(live) = self.live.get(object) {
            reference["uid"] = live.uid.as_str().into();
            reference["resourceVersion"] = live.resource_version.as_str().into();
        }
        reference
    }
}

fn silence(gateway: NamespacedName, pod: Arc<str>) -> (NoticeKey, Notice) {
    let note = format!(
        "pod {pod} does not answer: the Gateway's status leaves it out; see its log, and whether \
         it reaches the controller"
    );
    let object = ObjectKey { kind: Kind::Gateway, name: gateway };
    let key = NoticeKey { object: Some(object), reason: "ProxySilent", part: pod };
    let notice = Notice::warning(key.reason, "ProgramProxy", note);
    (key, notice)
}

/// The pod that a notice is about, beside its Gateway.
fn related(key: &NoticeKey) -> Option<Value> {
    let object = key.object.as_ref().filter(|_| !key.part.is_empty())?;
    Some(json!({
        "apiVersion": "v1", "kind": "Pod",
        "namespace": &*object.name.namespace, "name": &*key.part,
    }))
}

/// What is true, what of it was told, and when the rest is due.
#[derive(Default)]
struct Board {
    waiting: BTreeMap<NoticeKey, Waiting>,
    told: BTreeMap<NoticeKey, Told>,
    /// No Event before this time.
    rests_until: Option<Instant>,
}

struct Waiting {
    due: Instant,
    notice: Notice,
}

#[derive(Clone)]
struct Told {
    notice: Notice,
    /// How often the same was told.
    times: u32,
    at: Instant,
    /// Whether it is true no more.
    over: bool,
}

impl Board {
    fn post(&mut self, key: NoticeKey, notice: Option<Notice>, now: Instant) {
        let Some(notice) = notice else {
            self.waiting.remove(&key);
            if let Some(told) = self.told.get_mut(&key) {
                told.over = true;
            }
            return;
        };
        let before = self.told.get(&key);
        if before.is_some_and(|told| !told.over && told.notice == notice) {
            self.waiting.remove(&key);
            return;
        }
        let first = self.waiting.get(&key).map_or(now + notice.patience, |waiting| waiting.due);
        let due = before.map_or(first, |told| first.max(told.at + AGAIN_MIN));
        self.waiting.insert(key, Waiting { due, notice });
    }

    /// When the next one is due that may be told; forgets what was told long ago and is over.
    fn next(&mut self, now: Instant, leads: bool) -> Option<Instant> {
        self.told.retain(|_, told| !told.over || now - told.at < FORGOTTEN);
        let due = self.may_be_told(leads).map(|(_, waiting)| waiting.due).min()?;
        Some(self.rests_until.map_or(due, |until| due.max(until)))
    }

    /// What waits and is for this replica to tell.
    fn may_be_told(&self, leads: bool) -> impl Iterator<Item = (&NoticeKey, &Waiting)> {
        self.waiting.iter().filter(move |(key, _)| leads || key.object.is_none())
    }

    fn take_due(&mut self, now: Instant, leads: bool) -> Option<(NoticeKey, Told)> {
        let key = self.may_be_told(leads).find(|(_, waiting)| waiting.due <= now)?.0.clone();
        let Waiting { notice, .. } = self.waiting.remove(&key)?;
        let before = self.told.get(&key).filter(|told| told.notice == notice);
        let times = before.map_or(0, |told| told.times);
        self.rests_until = Some(now + PACE);
        Some((key, Told { notice, times, at: now, over: false }))
    }

    fn told(&mut self, key: NoticeKey, told: Told) {
        self.told.insert(key, Told { times: told.times + 1, ..told });
    }

    fn again(&mut self, key: NoticeKey, told: Told) {
        let due = Instant::now() + RETRY;
        self.rests_until = Some(due);
        self.waiting.entry(key).or_insert(Waiting { due, notice: told.notice });
    }
}

/// Between two Events.
const PACE: Duration = Duration::from_millis(100);
/// Between two Events of one notice.
const AGAIN_MIN: Duration = Duration::from_secs(60);
/// After a failure.
const RETRY: Duration = Duration::from_secs(5);
/// The API server keeps Events for an hour.
const FORGOTTEN: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests;
