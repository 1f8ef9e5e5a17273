//! The verdict of a run, by core and by extended feature, as people read it.
//!
//! The table is Markdown, so that the README can carry it.

use std::collections::BTreeSet;

use super::Options;
use super::listing::{Listing, Profile, Test};
use super::outcome::{Outcome, Verdict};

/// Prints the table and says whether all that ran passed and nothing of the core is missing.
pub(super) fn print(
    listing: &Listing,
    profile: &Profile,
    claimed: &BTreeSet<String>,
    outcome: &Outcome,
    options: &Options,
) -> bool {
    let core: Vec<&Test> = listing.core(profile).collect();
    let passed = core.iter().filter(|test| passed(outcome, test)).count();
    println!("\n| {} | |\n|---|---|", profile.name);
    println!("| core | {passed} of {} passed{} |", core.len(), names(&core, outcome));
    for feature in &profile.extended {
        println!("| `{feature}` | {} |", extended(listing, profile, feature, claimed, outcome));
    }
    let whole = options.tests.is_empty();
    let missing = whole && passed < core.len();
    let unknown: Vec<&String> =
        options.tests.iter().filter(|name| outcome.verdict(name).is_none()).collect();
    for name in &unknown {
        println!("\n{name} did not run");
    }
    let failed = outcome.failed().count();
    println!("\n{failed} failed");
    failed == 0 && !missing && unknown.is_empty()
}

fn passed(outcome: &Outcome, test: &Test) -> bool {
    outcome.verdict(&test.name) == Some(Verdict::Passed)
}

/// The tests that did not pass, each with what happened.
fn names(tests: &[&Test], outcome: &Outcome) -> String {
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
        return "not claimed".to_owned();
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
        n => format!("{passed} of {n} passed{}", names(&tests, outcome)),
    }
}
