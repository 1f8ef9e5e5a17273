//! Watching real folders. Without an event the next scan is half a minute away, later than any
//! deadline here, so that what arrives was told of.

use std::{fs, path::Path};

use notify::{
    Event as FileEvent,
    event::{CreateKind, DataChange},
};
use tokio::time::timeout;

use super::*;

/// A folder that is watched through some root in it.
struct Watched {
    dir: tempfile::TempDir,
    events: mpsc::Receiver<Event>,
}

impl Watched {
    /// `furnish` makes what stands there before; gives the root.
    fn new(furnish: impl FnOnce(&Path) -> PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = furnish(dir.path());
        let (send, events) = mpsc::channel(1);
        tokio::spawn(watch(vec![root], send));
        Self { dir, events }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Waits until a file has that text, or until something else became of it.
    async fn sees(&mut self, name: &str, text: &str) {
        let (path, wanted) = (self.path(name), Content::Text(text.into()));
        let told = async {
            while let Some(Event::Files(files)) = self.events.recv().await {
                if files.get(&path) == Some(&wanted) {
                    return;
                }
            }
            panic!("the provider ended");
        };
        timeout(DEADLINE, told).await.unwrap_or_else(|_| panic!("{name} is not seen: {text}"));
    }
}

fn folder(path: PathBuf) -> PathBuf {
    fs::create_dir_all(&path).unwrap();
    path
}

#[tokio::test]
async fn an_empty_folder_is_news_once() {
    let mut watched = Watched::new(|dir| folder(dir.join("m")));
    let first = timeout(DEADLINE, watched.events.recv()).await.unwrap();
    assert!(matches!(first, Some(Event::Files(files)) if files.is_empty()));
    fs::write(watched.path("m/a.yaml"), "a").unwrap();
    watched.sees("m/a.yaml", "a").await;
}

#[tokio::test]
async fn a_folder_that_is_replaced_is_watched_in_place_of_the_old_one() {
    let mut watched = Watched::new(|dir| {
        let root = folder(dir.join("m"));
        fs::write(root.join("a.yaml"), "old").unwrap();
        root
    });
    watched.sees("m/a.yaml", "old").await;
    folder(watched.path("new"));
    fs::write(watched.path("new/a.yaml"), "new").unwrap();
    fs::rename(watched.path("m"), watched.path("old")).unwrap();
    fs::rename(watched.path("new"), watched.path("m")).unwrap();
    watched.sees("m/a.yaml", "new").await;
    fs::write(watched.path("m/a.yaml"), "edited").unwrap();
    watched.sees("m/a.yaml", "edited").await;
}

#[tokio::test]
async fn a_link_to_a_folder_is_followed_when_it_leads_elsewhere() {
    let link = |dir: &Path, to: &str| {
        std::os::unix::fs::symlink(to, dir.join("fresh")).unwrap();
        fs::rename(dir.join("fresh"), dir.join("current")).unwrap();
    };
    let mut watched = Watched::new(|dir| {
        for release in ["one", "two"] {
            fs::write(folder(dir.join(release)).join("a.yaml"), release).unwrap();
        }
        link(dir, "one");
        dir.join("current")
    });
    watched.sees("current/a.yaml", "one").await;
    link(watched.dir.path(), "two");
    watched.sees("current/a.yaml", "two").await;
    fs::write(watched.path("two/a.yaml"), "edited").unwrap();
    watched.sees("current/a.yaml", "edited").await;
}

#[tokio::test]
async fn a_mounted_config_map_changes_by_its_inner_link() {
    let publish = |dir: &Path, version: &str| {
        let data = folder(dir.join(format!("..{version}")));
        fs::write(data.join("a.yaml"), version).unwrap();
        std::os::unix::fs::symlink(format!("..{version}"), dir.join("..fresh")).unwrap();
        fs::rename(dir.join("..fresh"), dir.join("..data")).unwrap();
    };
    for root in ["m", "m/a.yaml"] {
        let mut watched = Watched::new(|dir| {
            publish(&folder(dir.join("m")), "one");
            std::os::unix::fs::symlink("..data/a.yaml", dir.join("m/a.yaml")).unwrap();
            dir.join(root)
        });
        watched.sees("m/a.yaml", "one").await;
        publish(&watched.path("m"), "two");
        watched.sees("m/a.yaml", "two").await;
    }
}

#[test]
fn a_folder_below_is_watched_although_a_file_of_it_is_named_first() {
    let dir = tempfile::tempdir().unwrap();
    let (file, folder) = (dir.path().join("a.yaml"), dir.path().to_owned());
    for roots in [[file.clone(), folder.clone()], [folder.clone(), file]] {
        assert_eq!(targets(&roots).get(&folder), Some(&RecursiveMode::Recursive), "{roots:?}");
    }
}

#[test]
fn events_are_told_in_the_spelling_of_the_roots() {
    let roots = ["m", "x/one.yaml"].map(|root| (root.into(), Path::new("/site").join(root)));
    let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    let created = EventKind::Create(CreateKind::Any);
    for (kind, path, expected) in [
        (data, "/site/m/a.yaml", Some("m/a.yaml")),
        (data, "/site/m/access.log", None),
        (created, "/site/m/below", Some("m/below")),
        (created, "/site/m", Some("m")),
        (data, "/site/x/one.yaml", Some("x/one.yaml")),
        (created, "/site/x/..data", Some("x/one.yaml")),
        (created, "/elsewhere/a.yaml", None),
        (EventKind::Access(notify::event::AccessKind::Any), "/site/m/a.yaml", None),
    ] {
        let event = FileEvent::new(kind).add_path(path.into());
        let expected: BTreeSet<PathBuf> = expected.into_iter().map(PathBuf::from).collect();
        assert_eq!(touched(&event, &roots), expected, "{path}");
    }
}

const DEADLINE: Duration = Duration::from_secs(10);
