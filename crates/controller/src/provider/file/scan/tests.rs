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
