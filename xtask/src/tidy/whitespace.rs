//! No tabs, no spaces at the end of a line, one line break at the end of a file.
//!
//! Rustfmt holds this for code; this rule also covers strings, documents, manifests and scripts. A
//! difference should show what changed, and these do not show.

use super::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let covered = |path: &str| EXTENSIONS.iter().any(|e| path.ends_with(e)) || path == ".ci/run";
    for file in tree.files.iter().filter(|file| covered(&file.path)) {
        // Not `lines`, which would hide a carriage return.
        for (line, at) in file.text.split('\n').zip(1..) {
            if line.contains('\t') {
                findings.push(Finding::at(&file.path, at, "a tab: use spaces, or `\\t` in text"));
            }
            if line.ends_with([' ', '\r']) {
                findings.push(Finding::at(&file.path, at, "blank at the end of the line: cut it"));
            }
        }
        let text = &file.text;
        if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
            let message = "end the file with exactly one line break";
            findings.push(Finding::at(&file.path, text.lines().count(), message));
        }
    }
    findings
}

const EXTENSIONS: &[&str] = &[".rs", ".md", ".toml", ".yaml", ".yml", ".json", ".sh"];

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn what_does_not_show_is_refused() {
        let tree = Tree::sample(&[
            ("Makefile", "a:\n\tb\n"),
            ("a.md", "two \nthree\n"),
            ("b.rs", "fn a() {}\n\tx\n"),
            ("c.yaml", "a: b"),
            ("d.toml", "a = 1\n\n"),
            ("e.rs", "fn a() {\r\n}\n"),
            ("f.yaml", "a: b\n\nc: d\n"),
        ]);
        let expected = [("a.md", 1), ("b.rs", 2), ("c.yaml", 1), ("d.toml", 2), ("e.rs", 1)];
        assert_eq!(positions(&check(&tree)), expected);
    }
}
