//! Manifests in files and folders: read once, or read and watched.
//!
//! A change is noticed by the system's own file events; what changed is then decided by looking at
//! the files themselves, so that an event that is missed, doubled or merged does no harm. No
//! parsing of manifests happens here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use notify::{EventKind, RecursiveMode, Watcher as _, event::ModifyKind};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::event_loop::Event;

mod scan;

pub use scan::{Content, Fault, Found, scan};

/// Reads everything once.
pub fn read(roots: &[PathBuf]) -> BTreeMap<PathBuf, Content> {
    scan(roots, &BTreeMap::new(), &BTreeSet::new()).into_changes()
}

/// Reads everything, and sends it even if it is nothing; then goes on to send what changes, until
/// `events` is closed. A path that is missing is reported through the store and picked up when it
/// comes.
pub async fn watch(roots: Vec<PathBuf>, events: mpsc::Sender<Event>) {
    let (wake, mut woken) = mpsc::channel::<BTreeSet<PathBuf>>(WAKE_MAX);
    let mut watch = Watch::new(&roots, wake);
    let known = Arc::new(Mutex::default());
    let mut touched = BTreeSet::new();
    let mut first = true;
    loop {
        let told_of_all = watch.follow();
        // Only what was told of, unless something may have gone untold.
        let all = !told_of_all || touched.is_empty() || touched.contains(Path::new(""));
        let touched_now = std::mem::take(&mut touched);
        let (found, unsettled) = look(roots.clone(), known.clone(), touched_now, all).await;
        let news = std::mem::take(&mut first) || !found.is_empty();
        if news && events.send(Event::Files(found)).await.is_err() {
            return;
        }
        let patience = if told_of_all && !unsettled { IDLE_POLL } else { BLIND_POLL };
        tokio::select! {
            () = events.closed() => return,
            () = tokio::time::sleep(patience) => {}
            Some(paths) = woken.recv() => {
                touched.extend(paths);
                settle(&mut woken, &mut touched).await;
                if watch.missed.swap(false, Ordering::AcqRel) {
                    touched.insert(PathBuf::new());
                }
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
    known: Arc<Mutex<BTreeMap<PathBuf, Found>>>,
    touched: BTreeSet<PathBuf>,
    all: bool,
) -> (BTreeMap<PathBuf, Content>, bool) {
    let looked = tokio::task::spawn_blocking(move || {
        let mut known = known.lock();
        let again = if all { None } else { scan::again(&roots, &known, &touched) };
        let part = again.is_some();
        let scan = again.unwrap_or_else(|| scan(&roots, &known, &touched));
        let unsettled = scan.is_unsettled();
        let (changes, found) = scan.into_parts();
        match part {
            true => known.extend(found),
            false => *known = found,
        }
        (changes, unsettled)
    });
    looked.await.unwrap_or_default()
}

/// What tells of file events. Where the system refuses that, files are looked at again and again.
struct Watch {
    watcher: Option<notify::RecommendedWatcher>,
    roots: Vec<PathBuf>,
    /// Folders that are watched, and which ones they were: under the same name another one may
    /// stand now, of which nothing would be told.
    watched: BTreeMap<PathBuf, (RecursiveMode, (u64, u64))>,
    /// Folders of which the system does not tell.
    refused: BTreeSet<PathBuf>,
    /// Whether something was told of while nobody had room for it.
    missed: Arc<AtomicBool>,
}

impl Watch {
    fn new(roots: &[PathBuf], wake: mpsc::Sender<BTreeSet<PathBuf>>) -> Self {
        let spellings: Vec<(PathBuf, PathBuf)> = roots
            .iter()
            .map(|root| (root.clone(), std::path::absolute(root).unwrap_or_else(|_| root.clone())))
            .collect();
        let missed = Arc::new(AtomicBool::new(false));
        let untold = missed.clone();
        let told = move |event: notify::Result<notify::Event>| {
            let touched = match event {
                Ok(event) if !event.need_rescan() => match touched(&event, &spellings) {
                    touched if touched.is_empty() => return,
                    touched => touched,
                },
                // No path at all stands for any.
                _ => BTreeSet::from([PathBuf::new()]),
            };
            if wake.try_send(touched).is_err() {
                untold.store(true, Ordering::Release);
            }
        };
        let watcher = notify::recommended_watcher(told)
            .inspect_err(|error| {
                tracing::warn!(%error, "the system does not tell of edits: files are polled");
            })
            .ok();
        let (watched, refused) = (BTreeMap::new(), BTreeSet::new());
        Self { watcher, roots: roots.to_vec(), watched, refused, missed }
    }

    /// Watches what the roots lead to now. Whether everything that may change is told of.
    fn follow(&mut self) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        let mut told_of_all = true;
        for (target, mode) in targets(&self.roots) {
            let Ok(metadata) = std::fs::metadata(&target) else {
                self.watched.remove(&target);
                told_of_all = false;
                continue;
            };
            let now = (mode, scan::identity(&metadata));
            if self.watched.get(&target) == Some(&now) {
                continue;
            }
            if self.watched.remove(&target).is_some() {
                // The system may have let go of it already.
                let _ = watcher.unwatch(&target);
            }
            match watcher.watch(&target, mode) {
                Ok(()) => drop(self.watched.insert(target, now)),
                Err(error) => {
                    told_of_all = false;
                    if self.refused.insert(target.clone()) {
                        let path = target.display();
                        tracing::warn!(%path, %error, "cannot be watched: it is polled");
                    }
                }
            }
        }
        told_of_all && self.roots.iter().all(|root| root.exists())
    }
}

/// What to watch: a folder with all below it, and of each root the folder that it is in, since a
/// root that is replaced, or a link that leads elsewhere now, is another one under the same name.
fn targets(roots: &[PathBuf]) -> BTreeMap<PathBuf, RecursiveMode> {
    let above = roots.iter().filter_map(|root| match root.parent()? {
        parent if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => Some(parent.to_owned()),
    });
    let above = above.map(|folder| (folder, RecursiveMode::NonRecursive));
    let folders = roots.iter().filter(|root| root.is_dir());
    above.chain(folders.map(|root| (root.clone(), RecursiveMode::Recursive))).collect()
}

/// The paths that an event may have changed, spelt as the roots spell them; none for an event that
/// is no news.
fn touched(event: &notify::Event, roots: &[(PathBuf, PathBuf)]) -> BTreeSet<PathBuf> {
    let written = matches!(event.kind, EventKind::Modify(ModifyKind::Data(_)));
    if event.kind.is_access() {
        return BTreeSet::new();
    }
    let spelt = |path: &PathBuf| -> Vec<PathBuf> {
        let of_root = |(root, absolute): &(PathBuf, PathBuf)| match path.strip_prefix(absolute) {
            Ok(rest) if rest.as_os_str().is_empty() => Some(root.clone()),
            // Somebody's log beside the manifests.
            Ok(rest) if written && !scan::is_manifest(rest) => None,
            Ok(rest) => Some(root.join(rest)),
            // A file may be a link to its neighbour, as in a mounted ConfigMap.
            Err(_) if path.parent() == absolute.parent() && !root.is_dir() => Some(root.clone()),
            Err(_) => None,
        };
        roots.iter().filter_map(of_root).collect()
    };
    event.paths.iter().flat_map(spelt).collect()
}

/// Events that wait between two scans.
const WAKE_MAX: usize = 1024;
/// Quiet that ends a burst.
const SETTLE: Duration = Duration::from_millis(5);
/// The longest that a burst may put a scan off.
const SETTLE_MAX: Duration = Duration::from_millis(40);
/// A scan where nothing tells of a change: a root is missing, the system refuses to tell, or a file
/// has been empty for a moment only.
const BLIND_POLL: Duration = Duration::from_millis(500);
/// A scan without any event, for file systems that send none (network mounts).
const IDLE_POLL: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
