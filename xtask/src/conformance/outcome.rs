//! Reads what the suite prints, as it prints it: which test passed, and what a failed one said.
//!
//! The input is Go's `-test.v=test2json`: a control character before each line of the framework,
//! and two around the text of an error, so that nothing a test logs can be mistaken for a verdict.

use std::collections::BTreeMap;

/// How one test of the suite ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// A feature that it needs is not claimed.
    Skipped,
}

/// What is known of a run so far.
#[derive(Default)]
pub(super) struct Outcome {
    verdicts: BTreeMap<String, Verdict>,
    /// What was reported as an error, by test.
    errors: BTreeMap<String, Vec<String>>,
    /// The test that the next lines belong to.
    current: String,
    within_error: bool,
}

impl Outcome {
    pub(super) fn verdict(&self, test: &str) -> Option<Verdict> {
        self.verdicts.get(test).copied()
    }

    /// The tests that failed; the suite itself is among them under no name when its set-up failed.
    pub(super) fn failed(&self) -> impl Iterator<Item = &str> {
        let failed = self.verdicts.iter().filter(|(_, verdict)| **verdict == Verdict::Failed);
        failed.map(|(name, _)| name.as_str())
    }

    /// Takes one line; gives back the test that it ends, with its verdict and seconds.
    pub(super) fn read(&mut self, line: &str) -> Option<(String, Verdict, String)> {
        let Some(line) = line.trim_start().strip_prefix(FRAMEWORK) else {
            self.keep_error(line);
            return None;
        };
        self.within_error = false;
        if let Some(line) = line.strip_prefix("=== ") {
            let name = line.split_whitespace().nth(1).unwrap_or_default();
            self.current = test(name).to_owned();
            return None;
        }
        let (verdict, rest) = VERDICTS
            .iter()
            .find_map(|(word, verdict)| Some((*verdict, line.strip_prefix(word)?)))?;
        let (name, seconds) = rest.split_once(' ').unwrap_or((rest, ""));
        // Parts of a test end within it; only the test as a whole counts, or the suite.
        let parts = name.split('/').count();
        if parts > 2 {
            return None;
        }
        let name = test(name).to_owned();
        // The suite fails with each of its tests. Its own failure counts when no test explains it.
        if parts == 2 || verdict == Verdict::Failed && self.failed().next().is_none() {
            self.verdicts.insert(name.clone(), verdict);
        }
        (parts == 2).then(|| (name, verdict, seconds.trim_matches(['(', ')']).to_owned()))
    }

    fn keep_error(&mut self, line: &str) {
        self.within_error |= line.contains(ERROR_BEGINS);
        if self.within_error {
            let errors = self.errors.entry(self.current.clone()).or_default();
            if errors.len() < ERROR_LINES_MAX {
                errors.push(line.replace([ERROR_BEGINS, ERROR_ENDS], ""));
            }
        }
        if line.contains(ERROR_ENDS) {
            self.within_error = false;
        }
    }

    /// What the failed tests said.
    pub(super) fn failures(&self) -> String {
        let mut text = String::new();
        for name in self.failed() {
            let shown = if name.is_empty() { "the suite itself" } else { name };
            text.push_str(&format!("\n== {shown} failed\n"));
            for line in self.errors.get(name).into_iter().flatten() {
                text.push_str(&format!("{}\n", line.trim_end()));
            }
        }
        text
    }
}

const FRAMEWORK: char = '\u{16}';
const ERROR_BEGINS: char = '\u{0f}';
const ERROR_ENDS: char = '\u{0e}';
const ERROR_LINES_MAX: usize = 60;

const VERDICTS: &[(&str, Verdict)] = &[
    ("--- PASS: ", Verdict::Passed),
    ("--- FAIL: ", Verdict::Failed),
    ("--- SKIP: ", Verdict::Skipped),
];

/// The suite's name of a test: the second part of Go's.
fn test(name: &str) -> &str {
    name.split('/').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Outcome {
        let mut outcome = Outcome::default();
        for line in text.replace('V', "\u{16}").replace('O', "\u{f}").replace('N', "\u{e}").lines()
        {
            outcome.read(line);
        }
        outcome
    }

    #[test]
    fn verdicts_and_errors_go_to_their_test() {
        let outcome = read(
            "V=== RUN   T\nV=== RUN   T/a\n    x.go:1: --- FAIL: T/b (0s)\nV=== RUN   T/b\n\
             V=== RUN   T/b/part\nO    x.go:2: wrong\n    more N\n    x.go:3: silent\n\
             V=== NAME  T/a\nO    x.go:4: soft N\n    V--- FAIL: T/b/part (0.1s)\n\
             V--- FAIL: T/b (2.0s)\nV--- PASS: T/a (1.0s)\n\
             V--- SKIP: T/c (0s)\nV--- FAIL: T (3s)\n",
        );
        assert_eq!(outcome.verdict("a"), Some(Verdict::Passed));
        assert_eq!(outcome.verdict("b"), Some(Verdict::Failed));
        assert_eq!(outcome.verdict("c"), Some(Verdict::Skipped));
        assert_eq!(outcome.verdict("d"), None);
        assert_eq!(outcome.failed().collect::<Vec<_>>(), ["b"]);
        let text = outcome.failures();
        assert_eq!(text, "\n== b failed\n    x.go:2: wrong\n    more\n");
    }

    #[test]
    fn a_set_up_that_fails_is_a_failure() {
        let outcome = read("V=== RUN   T\nO    x.go:1: no class N\nV--- FAIL: T (3s)\n");
        assert_eq!(outcome.failed().collect::<Vec<_>>(), [""]);
        assert!(outcome.failures().contains("the suite itself failed\n    x.go:1: no class"));
    }
}
