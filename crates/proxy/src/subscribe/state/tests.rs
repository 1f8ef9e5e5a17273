//! A state is whole, private, and replaced in one go.

use std::os::unix::fs::PermissionsExt as _;

use ir::wire::frame::Name;

use super::*;

fn step(revision: u64) -> Step {
    let name = Name { kind: "Rule".into(), name: "n".repeat(300) };
    Step { epoch: "e".into(), revision, upserts: Vec::new(), removals: vec![name; 5000] }
}

#[test]
fn a_state_comes_back_and_only_this_user_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read(dir.path()).unwrap(), None);
    fs::write(dir.path().join(NEW), "left over").unwrap();
    for revision in [1, 2] {
        save(dir.path(), step(revision)).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(step(revision)));
    }
    let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_state_that_is_not_whole_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(FILE);
    save(dir.path(), step(1)).unwrap();
    let whole = fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for broken in [&whole[..whole.len() - 1], &whole[..MAGIC.len() + 3], b"", b"else", &changed] {
        fs::write(&file, broken).unwrap();
        assert!(read(dir.path()).is_err());
    }
}
