//! No test sleeps to let something happen.
//!
//! A sleep is too short on a busy machine and too long on every other. Wait on a condition with a
//! deadline. The pause inside such a loop, or a sleep that is itself under test, carries the marker
//! `// tidy: allow sleep: <reason>` on its line or the one above.

use super::Finding;
use crate::source::has_word;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust() {
        for (at, code) in source.code_lines() {
            let sleeps = SLEEPS.iter().any(|word| calls(code, word));
            if sleeps && source.is_test(at) && !source.allows(at, "sleep") {
                let message = "a test that sleeps: wait on a condition with a deadline, or say \
                               why with `// tidy: allow sleep: <reason>`";
                findings.push(Finding::at(&file.path, at, message));
            }
        }
    }
    findings
}

const SLEEPS: &[&str] = &["sleep", "sleep_until", "sleep_ms", "park_timeout"];

fn calls(code: &str, function: &str) -> bool {
    has_word(code, function)
        && code.match_indices(function).any(|(at, _)| code[at + function.len()..].starts_with('('))
}

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn sleeps_count_in_tests_only() {
        let inline = "fn a() { thread::sleep(d) }\n#[cfg(test)]\nmod tests {\n    \
                      fn b() { tokio::time::sleep(d).await }\n}\n";
        let tree = Tree::sample(&[
            ("a/src/inline.rs", inline),
            ("a/src/live.rs", "fn a() { thread::sleep(d) }\n"),
            ("a/src/live/tests.rs", "// sleep(d)\nstd::thread::sleep(d);\n"),
            ("a/tests/b.rs", "sleep(d); // tidy: allow sleep: polls\nuse tokio::time::sleep;\n"),
            ("a/tests/c.rs", "sleep_until(d);\nlet asleep = sleeper();\n"),
        ]);
        let expected = [("a/src/inline.rs", 4), ("a/src/live/tests.rs", 2), ("a/tests/c.rs", 1)];
        assert_eq!(positions(&check(&tree)), expected);
    }
}
