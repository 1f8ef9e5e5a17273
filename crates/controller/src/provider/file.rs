//! Manifests in files and folders: read once, or read and watched.
//!
//! A change is noticed by the system's own file events; what changed is then decided by looking at
//! the files themselves, so that an event that is missed, doubled or merged does no harm. No
//! parsing of manifests happens here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use crate::event_loop::Event;

mod scan;

pub use scan::{Content, Fault, Found, scan};

/// Reads everything once.
pub fn read(roots: &[PathBuf]) -> BTreeMap<PathBuf, Content> {
    scan(roots, &BTreeMap::new(), &BTreeSet::new()).into_changes()
}

/// Reads everything, then goes on to send what changes, until `events` is closed.
///
/// # Errors
/// The system refuses to tell of file events. (A path that is missing is no error: it is reported
/// through the store and picked up when it comes.)
pub async fn watch(roots: Vec<PathBuf>, events: mpsc::Sender<Event>) -> notify::Result<()> {
    let (wake, mut woken) = mpsc::channel::<BTreeSet<PathBuf>>(WAKE_MAX);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let touched = match event {
            Ok(event) if event.kind.is_access() => return,
            Ok(event) => event.paths.into_iter().collect(),
            Err(_) => BTreeSet::new(),
        };
        // A full queue means that a scan is due anyway, and a scan looks at every file.
        let _ = wake.try_send(touched);
    })?;
    let mut watched = BTreeSet::new();
    let mut known = BTreeMap::new();
    let mut touched = BTreeSet::new();
    loop {
        follow(&mut watcher, &mut watched, &roots);
        let (found, seen) = look(roots.clone(), known, std::mem::take(&mut touched)).await;
        known = seen;
        let missing = found.keys().any(|path| roots.contains(path)) || !all_there(&roots);
        if !found.is_empty() && events.send(Event::Files(found)).await.is_err() {
            return Ok(());
        }
        // Where a root is missing nothing tells of its return but looking again.
        let patience = if missing { MISSING_POLL } else { IDLE_POLL };
        tokio::select! {
            () = events.closed() => return Ok(()),
            () = tokio::time::sleep(patience) => {}
            Some(paths) = woken.recv() => {
                touched.extend(paths);
                settle(&mut woken, &mut touched).await;
            }
        }
    }
}

/// Waits until the burst of events that an editor or `mv` makes has passed, but never for long.
async fn settle(woken: &mut mpsc::Receiver<BTreeSet<PathBuf>>, touched: &mut BTreeSet<PathBuf>) {
    let deadline = tokio::time::Instant::now() + SETTLE_MAX;
    while let Ok(Some(paths)) =
        tokio::time::timeout_at(deadline.min(tokio::time::Instant::now() + SETTLE), woken.recv())
            .await
    {
        touched.extend(paths);
    }
}

/// Scans away from the runtime's threads, since a file system may be slow.
async fn look(
    roots: Vec<PathBuf>,
    known: BTreeMap<PathBuf, Found>,
    touched: BTreeSet<PathBuf>,
) -> (BTreeMap<PathBuf, Content>, BTreeMap<PathBuf, Found>) {
    let fallback = known.clone();
    tokio::task::spawn_blocking(move || scan(&roots, &known, &touched).into_parts())
        .await
        .unwrap_or_else(|_| (BTreeMap::new(), fallback))
}

/// Watches each root: a folder as it is, a file through its folder, since a file that is replaced
/// atomically is another file under the same name.
fn follow(
    watcher: &mut notify::RecommendedWatcher,
    watched: &mut BTreeSet<PathBuf>,
    roots: &[PathBuf],
) {
    for root in roots {
        let (target, mode) = if root.is_dir() {
            (root.clone(), RecursiveMode::Recursive)
        } else {
            let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty());
            (parent.unwrap_or(Path::new(".")).to_owned(), RecursiveMode::NonRecursive)
        };
        if !target.exists() {
            watched.remove(&target);
        } else if !watched.contains(&target) {
            match watcher.watch(&target, mode) {
                Ok(()) => drop(watched.insert(target)),
                Err(error) => {
                    tracing::warn!(path = %target.display(), %error, "cannot be watched");
                }
            }
        }
    }
}

fn all_there(roots: &[PathBuf]) -> bool {
    roots.iter().all(|root| root.exists())
}

/// Events that wait between two scans.
const WAKE_MAX: usize = 1024;
/// Quiet that ends a burst.
const SETTLE: Duration = Duration::from_millis(5);
/// The longest that a burst may put a scan off.
const SETTLE_MAX: Duration = Duration::from_millis(40);
/// How often a missing root is looked for.
const MISSING_POLL: Duration = Duration::from_millis(500);
/// A scan without any event, for file systems that send none (network mounts).
const IDLE_POLL: Duration = Duration::from_secs(30);
