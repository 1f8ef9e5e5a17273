//! Scans of real folders.

use super::*;

struct Folder {
    dir: tempfile::TempDir,
    known: BTreeMap<PathBuf, Found>,
}

impl Folder {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), known: BTreeMap::new() }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let fresh = path.with_extension("fresh");
        fs::write(&fresh, text).unwrap();
        fs::rename(&fresh, &path).unwrap();
        path
    }

    fn scan(&mut self) -> Vec<(String, Content)> {
        let roots = [self.dir.path().join("m")];
        let (changes, known) = scan(&roots, &self.known, &BTreeSet::new()).into_parts();
        self.known = known;
        let base = self.dir.path();
        changes
            .into_iter()
            .map(|(path, content)| {
                (path.strip_prefix(base).unwrap().display().to_string(), content)
            })
            .collect()
    }
}

fn text(text: &str) -> Content {
    Content::Text(text.into())
}

#[test]
fn a_folder_gives_its_manifests_and_then_only_what_changed() {
    let mut folder = Folder::new();
    folder.write("m/a.yaml", "a");
    folder.write("m/deep/b.yml", "b");
    folder.write("m/.hidden.yaml", "no");
    folder.write("m/note.txt", "no");
    let all = [("m/a.yaml".into(), text("a")), ("m/deep/b.yml".into(), text("b"))];
    assert_eq!(folder.scan(), all);
    assert_eq!(folder.scan(), []);
    folder.write("m/a.yaml", "c");
    assert_eq!(folder.scan(), [("m/a.yaml".into(), text("c"))]);
    fs::remove_file(folder.dir.path().join("m/deep/b.yml")).unwrap();
    assert_eq!(folder.scan(), [("m/deep/b.yml".into(), Content::Gone)]);
}

#[test]
fn a_file_that_is_emptied_is_waited_for() {
    let mut folder = Folder::new();
    let path = folder.write("m/a.yaml", "a");
    assert_eq!(folder.scan(), [("m/a.yaml".into(), text("a"))]);
    let emptied = fs::File::create(&path).unwrap();
    assert_eq!(folder.scan(), [], "somebody is about to write it");
    fs::write(&path, "b").unwrap();
    assert_eq!(folder.scan(), [("m/a.yaml".into(), text("b"))]);
    emptied.set_len(0).unwrap();
    emptied.set_modified(SystemTime::now() - EMPTY_TIME).unwrap();
    assert_eq!(folder.scan(), [("m/a.yaml".into(), text(""))], "it is meant to be empty");
    assert_eq!(folder.scan(), []);
    emptied.set_modified(SystemTime::now()).unwrap();
    assert_eq!(folder.scan(), [("m/a.yaml".into(), text(""))], "it was empty before");
}

#[test]
fn what_is_read_of_a_file_that_changes_meanwhile_is_not_taken() {
    type Change = fn(&Path);
    let mut folder = Folder::new();
    let change: [(&str, Change); 4] = [
        ("emptied", |path| drop(fs::File::create(path).unwrap())),
        ("written in place", |path| fs::write(path, "longer").unwrap()),
        ("replaced", |path| {
            fs::write(path.with_extension("next"), "a: 1").unwrap();
            fs::rename(path.with_extension("next"), path).unwrap();
        }),
        ("emptied within a tick of the clock", |path| {
            let modified = fs::metadata(path).unwrap().modified().unwrap();
            fs::File::create(path).unwrap().set_modified(modified).unwrap();
        }),
    ];
    for (name, change) in change {
        let path = folder.write("m/a.yaml", "a: 1");
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(super::text(&path, &metadata), Ok(Some("a: 1".into())), "before it is {name}");
        change(&path);
        assert_eq!(super::text(&path, &metadata), Ok(None), "{name}");
    }
    // A writer in another thread, at any point between two steps of a look.
    let path = folder.write("m/a.yaml", "a: 1");
    folder.scan();
    let writer = std::thread::spawn(move || {
        (0..5_000).for_each(|turn| fs::write(&path, format!("a: {turn}")).unwrap());
        fs::remove_file(&path).unwrap();
    });
    loop {
        match &folder.scan()[..] {
            [(_, Content::Text(text))] => assert!(text.starts_with("a: "), "{text:?}"),
            [(_, Content::Gone)] => break,
            [(_, Content::Unreadable(Fault(why)))] => assert!(why.contains("changed"), "{why}"),
            other => assert_eq!(other, []),
        }
    }
    writer.join().unwrap();
}

#[test]
fn a_root_that_vanishes_takes_nothing_with_it_and_may_come_back() {
    let mut folder = Folder::new();
    folder.write("m/a.yaml", "a");
    folder.scan();
    let away = folder.dir.path().join("away");
    fs::rename(folder.dir.path().join("m"), &away).unwrap();
    let changes = folder.scan();
    assert!(matches!(&changes[..], [(root, Content::Unreadable(_))] if root == "m"), "{changes:?}");
    assert_eq!(folder.scan(), [], "the same fault is told once");
    fs::rename(&away, folder.dir.path().join("m")).unwrap();
    assert_eq!(folder.scan(), [("m".into(), Content::Gone)], "the fault itself is gone");
}

#[test]
fn a_file_that_is_no_text_is_a_fault_of_its_own() {
    let mut folder = Folder::new();
    let path = folder.write("m/a.yaml", "");
    fs::write(&path, b"a: \xff").unwrap();
    folder.write("m/b.yaml", "b");
    let changes = folder.scan();
    assert!(matches!(&changes[0].1, Content::Unreadable(Fault(why)) if why.contains("UTF-8")));
    assert_eq!(changes[1].1, text("b"));
}

#[test]
fn what_is_no_regular_file_is_a_fault_and_is_not_opened() {
    let mut folder = Folder::new();
    folder.write("m/b.yaml", "b");
    let path = folder.dir.path().join("m/a.yaml");
    let _socket = std::os::unix::net::UnixListener::bind(path).unwrap();
    let changes = folder.scan();
    assert!(matches!(&changes[0].1, Content::Unreadable(Fault(why)) if why.contains("regular")));
    assert_eq!(changes[1].1, text("b"));
}

#[test]
fn a_link_back_up_adds_nothing() {
    let mut folder = Folder::new();
    folder.write("m/below/a.yaml", "a");
    std::os::unix::fs::symlink("..", folder.dir.path().join("m/below/loop")).unwrap();
    assert_eq!(folder.scan(), [("m/below/a.yaml".into(), text("a"))]);
}

#[test]
fn a_folder_that_cannot_be_looked_into_harms_no_neighbour() {
    let mut folder = Folder::new();
    let deep = format!("m/a/{}x.yaml", "d/".repeat(DEPTH_MAX));
    folder.write("m/a/x.yaml", "kept");
    folder.write("m/b.yaml", "b");
    assert_eq!(folder.scan().len(), 2);
    folder.write(&deep, "x");
    folder.write("m/b.yaml", "changed");
    let changes = folder.scan();
    assert!(changes.contains(&("m/b.yaml".into(), text("changed"))), "{changes:?}");
    let fault = |content: &Content| matches!(content, Content::Unreadable(_));
    assert_eq!(changes.iter().filter(|(_, content)| fault(content)).count(), 1, "{changes:?}");
    assert_eq!(changes.len(), 2, "{changes:?}");
}
