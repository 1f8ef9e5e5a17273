//! The verdict of a run, by core and by extended feature, as people read it.
//!
//! The table is Markdown, so that the README can carry it.

use std::collections::BTreeSet;

use super::listing::{Listing, Profile, Test};
use super::outcome::{Outcome, Verdict};

/// The table, and whether all that ran passed and nothing of the core is missing.
pub(super) fn judge(
    listing: &Listing,
    profile: &Profile,
    claimed: &BTreeSet<String>,
    outcome: &Outcome,
    asked_for: &BTreeSet<String>,
) -> (String, bool) {
    let core: Vec<&Test> = listing.core(profile).collect();
    let passed = core.iter().filter(|test| passed(outcome, test)).count();
    let mut text = format!("\n| {} | |\n|---|---|\n", profile.name);
    let total = core.len();
    text.push_str(&format!("| core | {passed} of {total} passed{} |\n", others(&core, outcome)));
    for feature in &profile.extended {
        let verdict = extended(listing, profile, feature, claimed, outcome);
        text.push_str(&format!("| `{feature}` | {verdict} |\n"));
    }
    let absent: Vec<&String> =
        asked_for.iter().filter(|name| outcome.verdict(name).is_none()).collect();
    for name in &absent {
        text.push_str(&format!("\n{name} did not run\n"));
    }
    let failed = outcome.failed().count();
    text.push_str(&format!("\n{failed} failed\n"));
    let core_is_whole = passed == total || !asked_for.is_empty();
    (text, failed == 0 && core_is_whole && absent.is_empty())
}

fn passed(outcome: &Outcome, test: &Test) -> bool {
    outcome.verdict(&test.name) == Some(Verdict::Passed)
}

/// The tests that did not pass, each with what happened.
fn others(tests: &[&Test], outcome: &Outcome) -> String {
    let mut text = String::new();
    for test in tests {
        let what = match outcome.verdict(&test.name) {
            Some(Verdict::Passed) => continue,
            Some(Verdict::Failed) => "failed",
            Some(Verdict::Skipped) => "skipped",
            None => "did not run",
        };
        text.push_str(&format!("; {} {what}", test.name));
    }
    text
}

fn extended(
    listing: &Listing,
    profile: &Profile,
    feature: &str,
    claimed: &BTreeSet<String>,
    outcome: &Outcome,
) -> String {
    if !claimed.contains(feature) {
        return "not claimed: not served yet".to_owned();
    }
    let all: Vec<&Test> = listing.extended(profile, feature).collect();
    // A test that also needs a feature which is not claimed says nothing about this one.
    let judged = |test: &&&Test| {
        test.features.iter().all(|f| claimed.contains(f) || profile.core.contains(f))
    };
    let tests: Vec<&Test> = all.iter().filter(judged).copied().collect();
    let passed = tests.iter().filter(|test| passed(outcome, test)).count();
    match tests.len() {
        0 => "claimed; the suite has no test for it alone".to_owned(),
        n if n == passed => format!("pass ({n} {})", if n == 1 { "test" } else { "tests" }),
        n => format!("{passed} of {n} passed{}", others(&tests, outcome)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = r#"{
        "profiles": [{"name": "P", "core": ["Core"], "extended": ["More", "Other", "Rare"]}],
        "tests": [
            {"name": "a", "features": ["Core"]},
            {"name": "b", "features": ["Core", "More"]},
            {"name": "c", "features": ["Core", "More", "Other"]},
            {"name": "d", "features": ["Core", "Foreign"]}
        ]}"#;

    fn judge(lines: &[&str], claimed: &[&str], asked_for: &[&str]) -> (String, bool) {
        let listing = Listing::parse(LISTING).unwrap();
        let mut outcome = Outcome::default();
        for line in lines {
            outcome.read(&format!("\u{16}--- {line} (1.0s)"));
        }
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let profile = listing.profile("P").unwrap();
        super::judge(&listing, profile, &set(claimed), &outcome, &set(asked_for))
    }

    #[test]
    fn all_that_is_claimed_passes() {
        let run = ["PASS: T/a", "PASS: T/b", "SKIP: T/c", "SKIP: T/d"];
        let (text, in_order) = judge(&run, &["Core", "More", "Rare"], &[]);
        assert!(in_order, "{text}");
        for line in [
            "| core | 1 of 1 passed |",
            "| `More` | pass (1 test) |",
            "| `Other` | not claimed: not served yet |",
            "| `Rare` | claimed; the suite has no test for it alone |",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
    }

    #[test]
    fn what_failed_was_skipped_or_never_ran_is_not_in_order() {
        let core_skipped = judge(&["SKIP: T/a"], &["Core"], &[]);
        assert!(core_skipped.0.contains("0 of 1 passed; a skipped") && !core_skipped.1);
        let nothing_ran = judge(&[], &["Core"], &[]);
        assert!(nothing_ran.0.contains("a did not run") && !nothing_ran.1);
        let failed = judge(&["PASS: T/a", "FAIL: T/b"], &["Core", "More"], &[]);
        assert!(failed.0.contains("| `More` | 0 of 1 passed; b failed |") && !failed.1);
        let asked_for = judge(&["PASS: T/b"], &["Core", "More"], &["b"]);
        assert!(asked_for.1, "{}", asked_for.0);
        let asked_in_vain = judge(&["PASS: T/a"], &["Core"], &["b"]);
        assert!(asked_in_vain.0.contains("b did not run") && !asked_in_vain.1);
    }
}
