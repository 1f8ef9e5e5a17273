//! `bless`: rewrites the machine-owned files from what the code does now.
//!
//! Each such file is guarded by a test in a target named `golden`, which compares, or rewrites when
//! [`VARIABLE`] is set. So the generator and the freshness check can never disagree, and a package
//! that gains a generated file gains a `tests/golden.rs`, nothing else.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::cargo;
use crate::tree::Tree;

/// The golden tests rewrite their expected files when this is `1`.
const VARIABLE: &str = "PORTCULLIS_BLESS";

/// How the golden tests are run, here and by `check`.
pub(crate) const GOLDEN: &[&str] =
    &["test", "--workspace", "--locked", "--no-fail-fast", "--test", "golden"];

/// Rewrites, then names what changed: that difference is what the author has to read.
pub(crate) fn run() -> Result<bool> {
    let root = cargo::root()?;
    let before = Tree::load(&root)?;
    let outcome = cargo::run(&root, GOLDEN, &[(VARIABLE, "1")])?;
    if !outcome.success {
        print!("{}", outcome.output);
        println!("bless: the golden tests failed; fix what is above, then bless again");
        return Ok(false);
    }
    let after = Tree::load(&root)?;
    let changes = changes(&before, &after);
    for (path, what) in &changes {
        println!("{what:<8} {path}");
    }
    match changes.len() {
        0 => println!("bless: everything was fresh"),
        n => println!("bless: {n} changed; read the difference before you commit it"),
    }
    Ok(true)
}

fn changes<'t>(before: &'t Tree, after: &'t Tree) -> BTreeMap<&'t str, &'static str> {
    let mut changes = BTreeMap::new();
    for file in &after.files {
        match before.text(&file.path) {
            None => changes.insert(file.path.as_str(), "new"),
            Some(text) if text != file.text => changes.insert(file.path.as_str(), "changed"),
            Some(_) => None,
        };
    }
    for file in &before.files {
        if after.text(&file.path).is_none() {
            changes.insert(file.path.as_str(), "removed");
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named_and_the_rest_is_silent() {
        let before = Tree::sample(&[("a.yaml", "1"), ("b.yaml", "2"), ("c.yaml", "3")]);
        let after = Tree::sample(&[("a.yaml", "1"), ("b.yaml", "4"), ("d.yaml", "5")]);
        let expected = [("b.yaml", "changed"), ("c.yaml", "removed"), ("d.yaml", "new")];
        assert_eq!(changes(&before, &after), BTreeMap::from(expected));
    }
}
