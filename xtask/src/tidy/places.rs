//! No path of somebody's machine, and no package source but the public one.
//!
//! Both work for their author alone. The paths are those of home folders and build machines; the
//! sources are what the lock file and cargo's settings name.

use super::Finding;
use crate::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path != THIS_FILE) {
        for (at, line) in file.lines() {
            if let Some(folder) = FOLDERS.iter().find(|folder| names_folder(line, folder)) {
                let message = format!(
                    "`{folder}` is a place on one machine: write a path from \
                                       the repository's root"
                );
                findings.push(Finding::at(&file.path, at, message));
            }
            if let Some(what) = private_source(file, line) {
                let message = format!("{what}: what builds here must build anywhere");
                findings.push(Finding::at(&file.path, at, message));
            }
        }
    }
    findings
}

/// The rule has to spell out what it refuses.
const THIS_FILE: &str = "xtask/src/tidy/places.rs";

const FOLDERS: &[&str] = &["/work/", "/home/", "/root/", "/Users/"];

const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// Whether an absolute path begins with `folder` here; `/a/home/b` and a URL do not count.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let follows = line[at + folder.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
        let inside = |c: char| c.is_alphanumeric() || "._-/~}".contains(c);
        follows && !line[..at].ends_with(inside)
    })
}

fn private_source(file: &File, line: &str) -> Option<&'static str> {
    let line = line.trim();
    match file.path.as_str() {
        "Cargo.lock" if line.starts_with("source = ") && line != CRATES_IO => {
            Some("a package from elsewhere than crates.io")
        }
        ".cargo/config.toml"
            if ["[source", "[registr", "replace-with", "registry"]
                .iter()
                .any(|key| line.starts_with(key)) =>
        {
            Some("a package source of one's own")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn places_of_one_machine_are_refused() {
        let lock = format!("{CRATES_IO}\nsource = \"registry+https://mirror.example/index\"\n");
        let tree = Tree::sample(&[
            (".cargo/config.toml", "[alias]\n[source.crates-io]\nreplace-with = \"m\"\n"),
            ("Cargo.lock", &lock),
            ("a.md", "See `/home/ann/x`.\n\n(/work/main)\n"),
            (
                "b.yaml",
                "path: /home\nurl: https://a.example/home/b\nvalue: /root/\nx: \"/root/a\"\n",
            ),
            ("c.rs", "// /a/work/b\nlet a = \"file:///work/x\";\n"),
        ]);
        let expected = [
            (".cargo/config.toml", 2),
            (".cargo/config.toml", 3),
            ("Cargo.lock", 2),
            ("a.md", 1),
            ("a.md", 3),
            ("b.yaml", 4),
        ];
        assert_eq!(positions(&check(&tree)), expected);
    }
}
