//! Every Rust file says at its top what it is and what it leaves out.
//!
//! A reader decides from the header whether to read on. Whether the header is a good one is for the
//! reviewer; this rule only sees that it is there.

use super::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let without = tree.rust().filter(|(file, _)| {
        let first = file.text.lines().next().unwrap_or_default();
        let words = first.strip_prefix("//!").map(|text| text.split_whitespace().count());
        words.is_none_or(|n| n < WORDS_MIN)
    });
    without
        .map(|(file, _)| {
            let message = "no header: begin with `//!` and say what the file is and leaves out";
            Finding::at(&file.path, 1, message)
        })
        .collect()
}

/// Fewer words than this repeat the file's name and say nothing.
const WORDS_MIN: usize = 3;

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn a_header_comes_first() {
        let tree = Tree::sample(&[
            ("bare.rs", "fn a() {}\n"),
            ("empty.rs", ""),
            ("good.rs", "//! Reads the frames of one stream.\n"),
            ("late.rs", "use std::fmt;\n//! Too late to be one.\n"),
            ("mute.rs", "//! Frames.\n"),
            ("note.md", "text\n"),
        ]);
        let expected = [("bare.rs", 1), ("empty.rs", 1), ("late.rs", 1), ("mute.rs", 1)];
        assert_eq!(positions(&check(&tree)), expected);
    }
}
