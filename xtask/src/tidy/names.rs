//! File and folder names that say what is inside.
//!
//! `mod.rs` makes ten editor tabs look alike, and a drawer named for nothing collects everything.

use std::collections::BTreeSet;

use super::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut folders = BTreeSet::new();
    for (file, source) in tree.rust() {
        let (parent, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        if name == "mod.rs" {
            let message = format!("`mod.rs`: move it to `{parent}.rs`");
            findings.push(Finding::file(&file.path, message));
        }
        let stem = name.trim_end_matches(".rs");
        if BANNED.contains(&stem) {
            findings.push(Finding::file(&file.path, refusal(stem)));
        }
        for (at, _) in file.path.match_indices('/') {
            let folder = &file.path[..at];
            let last = folder.rsplit('/').next().unwrap_or(folder);
            if BANNED.contains(&last) && folders.insert(folder) {
                findings.push(Finding::file(folder, refusal(last)));
            }
        }
        for (line, code) in source.code_lines() {
            if let Some(name) = inline_module(code).filter(|name| BANNED.contains(name)) {
                findings.push(Finding::at(&file.path, line, refusal(name)));
            }
        }
    }
    findings
}

const BANNED: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "manager", "handler", "misc", "types", "base",
];

fn refusal(name: &str) -> String {
    format!("`{name}` says nothing: name it by what it holds or does")
}

/// The name in `mod name {`; a module in its own file is found by its path.
fn inline_module(code: &str) -> Option<&str> {
    let code = code.trim();
    let rest = code.strip_suffix('{')?.trim_end();
    let (before, name) = rest.rsplit_once(' ')?;
    (before == "mod" || before.ends_with(" mod")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn empty_names_are_refused_everywhere() {
        let tree = Tree::sample(&[
            ("a/src/codec/mod.rs", ""),
            ("a/src/common/frame.rs", ""),
            ("a/src/common/head.rs", ""),
            ("a/src/inline.rs", "pub(crate) mod helpers {\n}\nmod frames {\n}\n"),
            ("a/src/utils.rs", ""),
        ]);
        let expected = [
            ("a/src/codec/mod.rs", 0),
            ("a/src/common", 0),
            ("a/src/inline.rs", 1),
            ("a/src/utils.rs", 0),
        ];
        assert_eq!(positions(&check(&tree)), expected);
    }

    #[test]
    fn a_name_that_only_contains_a_banned_word_is_fine() {
        let tree = Tree::sample(&[("a/src/database.rs", "mod basement {\n}\n"), ("base.md", "")]);
        assert!(check(&tree).is_empty());
    }
}
