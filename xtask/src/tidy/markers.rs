//! No notes to finish something some other time.
//!
//! Such a note is a bug report where nobody looks. Do it, or open an issue. The words are looked
//! for in the comments of code and in every other text file; clippy holds the macros.

use super::Finding;
use crate::source::has_word;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !EXEMPT.contains(&file.path.as_str())) {
        let lines: Vec<(usize, &str)> = match &file.rust {
            Some(source) => {
                source.comments.iter().map(String::as_str).zip(1..).map(|(c, at)| (at, c)).collect()
            }
            None => file.lines().collect(),
        };
        for (at, line) in lines {
            if let Some(word) = WORDS.iter().find(|word| has_word(line, word)) {
                let message = format!("`{word}`: do it, or open an issue and cut the note");
                findings.push(Finding::at(&file.path, at, message));
            }
        }
    }
    findings
}

const WORDS: &[&str] = &["TODO", "FIXME", "XXX", "HACK", "To be written"];

/// Written by a tool, from text that is not ours.
const EXEMPT: &[&str] = &["Cargo.lock"];

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn notes_are_found_in_comments_and_texts() {
        let tree = Tree::sample(&[
            ("Cargo.lock", "TODO\n"),
            ("a.rs", "let a = \"TODO\";\n// TODO: b\n/// FIXME\nlet todo = 1;\n"),
            ("b.md", "The todo-service.\n\nXXX\n"),
            ("c.yaml", "name: hack # HACK\nmatch: AXXXB\n"),
            ("d.rs", "//! To be written.\n"),
            ("e.rs", "// The bytes that wait to be written.\n"),
        ]);
        let expected = [("a.rs", 2), ("a.rs", 3), ("b.md", 3), ("c.yaml", 1), ("d.rs", 1)];
        assert_eq!(positions(&check(&tree)), expected);
    }
}
