//! No ignored tests, and no lint silenced without a reason.
//!
//! An ignored test rots; assert what happens today and say why instead. A silenced lint wants
//! `#[expect(lint, reason = "…")]`: unlike `allow`, it complains once it is no longer needed.

use super::Finding;
use crate::source::has_word;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust() {
        for (at, attribute) in attributes(&source.code) {
            if has_word(&attribute, "ignore") {
                let message = "an ignored test: assert what happens today, or delete it";
                findings.push(Finding::at(&file.path, at, message));
            }
            let silences = ["allow(", "expect("].iter().any(|lint| attribute.contains(lint));
            if silences && !has_word(&attribute, "reason") {
                let message = "a silenced lint without a reason: write \
                               `#[expect(<lint>, reason = \"…\")]`";
                findings.push(Finding::at(&file.path, at, message));
            }
        }
    }
    findings
}

/// The attributes with the number of their first line, whatever the number of lines they span.
fn attributes(code: &[String]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String, usize)> = None;
    for (at, line) in code.iter().enumerate() {
        let start = line.trim_start();
        if open.is_none() && (start.starts_with("#[") || start.starts_with("#![")) {
            open = Some((at + 1, String::new(), 0));
        }
        let Some((first, text, depth)) = &mut open else { continue };
        for c in line.chars() {
            match c {
                '[' => *depth += 1,
                ']' => *depth = depth.saturating_sub(1),
                _ => {}
            }
            text.push(c);
            if *depth == 0 && c == ']' {
                break;
            }
        }
        text.push(' ');
        if *depth == 0 {
            found.push((*first, std::mem::take(text)));
            open = None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn ignored_tests_and_bare_allowances_are_refused() {
        let text = "#![allow(dead_code)]\n\
                    #[test]\n\
                    #[ignore = \"slow\"]\n\
                    fn a() { allow(1); }\n\
                    #[expect(\n    clippy::panic,\n    reason = \"why\"\n)]\n\
                    #[cfg_attr(test, allow(\n    dead_code\n))]\n\
                    fn b(v: [u8; 2]) { value.expect(\"x\"); }\n\
                    // #[ignore]\n";
        let tree = Tree::sample(&[("a.rs", text)]);
        assert_eq!(positions(&check(&tree)), [("a.rs", 1), ("a.rs", 3), ("a.rs", 9)]);
    }
}
