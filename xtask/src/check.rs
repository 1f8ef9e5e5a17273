//! `check`: every gate that needs no cluster, in one run, with one table at the end.
//!
//! The order puts what fails fast and often first, and lets steps share their builds: clippy and
//! docs use the same metadata of the dependencies, golden and tests the same binaries. One profile,
//! one target folder. A failed step does not hide the next, except where code does not compile.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cargo::{self, Outcome};
use crate::{bless, tidy};

/// How much of the checks to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of it, as before a merge.
    Full,
    /// What is quick enough to run while writing.
    Quick,
}

/// Runs the steps of the scope and says whether all passed.
pub(crate) fn run(scope: Scope) -> Result<bool> {
    let root = cargo::root()?;
    let started = Instant::now();
    let mut rows: Vec<Row> = Vec::new();
    let mut compiles = true;
    for step in STEPS.iter().filter(|step| step.scopes.contains(&scope)) {
        let row = if compiles || !step.needs_build {
            announce(step);
            execute(&root, step, &mut compiles)?
        } else {
            Row { name: step.name, verdict: Verdict::Skipped, took: Duration::ZERO, remedy: "" }
        };
        println!("{row}");
        rows.push(row);
    }
    print!("\n{}", table(&rows, started.elapsed()));
    Ok(rows.iter().all(|row| row.verdict == Verdict::Passed))
}

/// One gate.
struct Step {
    name: &'static str,
    work: Work,
    scopes: &'static [Scope],
    /// Pointless once the workspace is known not to compile.
    needs_build: bool,
    /// What to do when it fails.
    remedy: &'static str,
}

enum Work {
    Tidy,
    Cargo(&'static [&'static str], &'static [(&'static str, &'static str)]),
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        work: Work::Cargo(&["fmt", "--all", "--check"], &[]),
        scopes: &[Scope::Full, Scope::Quick],
        needs_build: false,
        remedy: "cargo xtask fix",
    },
    Step {
        name: "tidy",
        work: Work::Tidy,
        scopes: &[Scope::Full, Scope::Quick],
        needs_build: false,
        remedy: "each line says what to do",
    },
    // The fuzz engine is a workspace of its own, and nothing else here reads its lock file.
    Step {
        name: "fuzz lock",
        work: Work::Cargo(&["fetch", "--locked", "--manifest-path", "fuzz/engine/Cargo.toml"], &[]),
        scopes: &[Scope::Full, Scope::Quick],
        needs_build: false,
        remedy: "cargo update --workspace --manifest-path fuzz/engine/Cargo.toml",
    },
    Step {
        name: "clippy",
        work: Work::Cargo(
            &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
            &[],
        ),
        scopes: &[Scope::Full, Scope::Quick],
        needs_build: false,
        remedy: "cargo xtask fix repairs some of it",
    },
    Step {
        name: "docs",
        work: Work::Cargo(
            &["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
        scopes: &[Scope::Full],
        needs_build: true,
        remedy: "mend the doc comments above",
    },
    Step {
        name: "golden",
        work: Work::Cargo(bless::GOLDEN, &[]),
        scopes: &[Scope::Full, Scope::Quick],
        needs_build: true,
        remedy: "cargo xtask bless, then read the difference",
    },
    Step {
        name: "unit tests",
        work: Work::Cargo(
            &["test", "--workspace", "--locked", "--no-fail-fast", "--lib", "--bins"],
            &[],
        ),
        scopes: &[Scope::Quick],
        needs_build: true,
        remedy: "the failing tests are listed above",
    },
    Step {
        name: "tests",
        work: Work::Cargo(&["test", "--workspace", "--locked", "--no-fail-fast"], &[]),
        scopes: &[Scope::Full],
        needs_build: true,
        remedy: "the failing tests are listed above",
    },
];

fn announce(step: &Step) {
    let what = match &step.work {
        Work::Tidy => "the rules of the house".to_owned(),
        Work::Cargo(args, _) => format!("cargo {}", args.join(" ")),
    };
    println!("{:<11} … {what}", step.name);
    // A pipe would hold the line back until the step, which may take minutes, is over. A reader
    // that went away is no reason to stop checking.
    let _ = io::stdout().flush();
}

fn execute(root: &Path, step: &Step, compiles: &mut bool) -> Result<Row> {
    let started = Instant::now();
    let Outcome { success, output } = match &step.work {
        Work::Tidy => tidy::outcome(root)?,
        Work::Cargo(args, variables) => cargo::run(root, args, variables)?,
    };
    if !success {
        println!("{}", output.trim_end());
        *compiles &= !does_not_compile(&output);
    }
    let verdict = if success { Verdict::Passed } else { Verdict::Failed };
    Ok(Row { name: step.name, verdict, took: started.elapsed(), remedy: step.remedy })
}

/// A lint and a type error both stop clippy; only the second makes the tests pointless.
fn does_not_compile(output: &str) -> bool {
    output.lines().any(|line| line.starts_with("error[E"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Skipped,
}

/// One line of the result.
struct Row {
    name: &'static str,
    verdict: Verdict,
    took: Duration,
    remedy: &'static str,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.took.as_secs_f64();
        match self.verdict {
            Verdict::Passed => write!(f, "{:<11} ok      {seconds:>7.1} s", self.name),
            Verdict::Failed => {
                write!(f, "{:<11} FAILED  {seconds:>7.1} s  {}", self.name, self.remedy)
            }
            Verdict::Skipped => {
                write!(f, "{:<11} skipped            the code does not compile", self.name)
            }
        }
    }
}

fn table(rows: &[Row], took: Duration) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&format!("{row}\n"));
    }
    let failed = rows.iter().filter(|row| row.verdict != Verdict::Passed).count();
    let verdict = match failed {
        0 => "all ok".to_owned(),
        n => format!("{n} not ok"),
    };
    text.push_str(&format!("{:<11} {verdict}, {:.1} s\n", "check", took.as_secs_f64()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lint_is_not_a_type_error() {
        assert!(does_not_compile("error[E0308]: mismatched types\n  --> a.rs:1:1"));
        assert!(!does_not_compile("error: used `unwrap()` on a `Result` value\nerror: aborting"));
    }

    #[test]
    fn both_scopes_check_format_rules_lints_and_tests() {
        for scope in [Scope::Full, Scope::Quick] {
            let names: Vec<_> =
                STEPS.iter().filter(|s| s.scopes.contains(&scope)).map(|s| s.name).collect();
            for name in ["format", "tidy", "clippy", "golden"] {
                assert!(names.contains(&name), "{name} is missing in {names:?}");
            }
            assert!(names.iter().any(|name| name.ends_with("tests")), "{names:?}");
        }
    }

    #[test]
    fn the_table_counts_what_is_not_ok() {
        let row = |name, verdict| Row { name, verdict, took: Duration::ZERO, remedy: "do this" };
        let rows =
            [row("a", Verdict::Passed), row("b", Verdict::Failed), row("c", Verdict::Skipped)];
        let text = table(&rows, Duration::from_secs(1));
        assert!(text.contains("2 not ok, 1.0 s"), "{text}");
        assert!(text.contains("do this"), "{text}");
        assert!(table(&rows[..1], Duration::ZERO).contains("all ok"));
    }
}
