//! `fuzz`: every fuzz target (`fuzz/`) under libFuzzer for a bounded time, on the pinned toolchain.
//!
//! rustc's own coverage instrumentation of libFuzzer is not for stable toolchains; the pass of LLVM
//! that it asks for is there all the same. Everything is instrumented, what we depend on as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::{cargo, debian};

/// Runs `cargo xtask fuzz`.
pub(crate) fn run(args: &[&str]) -> Result<bool> {
    let Wanted { seconds, targets } = Wanted::of(args)?;
    let root = cargo::root()?;
    debian::ensure_installed("fuzz", &[("c++", "g++")])?;
    let started = Instant::now();
    let program = build(&root)?;
    println!("fuzz: built after {} s; {seconds} s each", started.elapsed().as_secs());
    let mut rows = Vec::new();
    // Two at a time: so many cores has the smallest machine that this is meant for.
    for pair in targets.chunks(2) {
        let runs = pair.iter().map(|target| Run::start(&root, &program, target, seconds));
        for run in runs.collect::<Result<Vec<_>>>()? {
            rows.push(run.finish()?);
        }
    }
    println!("\n{:<11} {:>12} {:>9} {:>8}", "target", "executions", "coverage", "corpus");
    for row in &rows {
        println!("{row}");
    }
    Ok(rows.iter().all(|row| row.failed.is_none()))
}

struct Wanted<'a> {
    seconds: u32,
    targets: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(args: &[&'a str]) -> Result<Self> {
        let (seconds, names) = match args {
            ["--seconds", seconds, names @ ..] => {
                (seconds.parse().context("--seconds takes a number")?, names)
            }
            names => (SECONDS, names),
        };
        if let Some(unknown) = names.iter().find(|name| !TARGETS.contains(name)) {
            bail!("`{unknown}` is no fuzz target; there are {}", TARGETS.join(", "));
        }
        let targets = if names.is_empty() { TARGETS.to_vec() } else { names.to_vec() };
        Ok(Self { seconds, targets })
    }
}

/// Builds the program that holds all targets.
fn build(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/fuzz");
    let target_dir = folder.to_string_lossy();
    let args = [
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        "fuzz/engine/Cargo.toml",
        "--target",
        TRIPLE,
        "--target-dir",
        &target_dir,
    ];
    let flags = FLAGS.join(" ");
    let built = cargo::run(root, &args, &[("RUSTFLAGS", &flags), ("CARGO_INCREMENTAL", "0")])?;
    ensure!(built.success, "the fuzz targets do not build:\n{}", built.output.trim_end());
    Ok(folder.join(TRIPLE).join("release/portcullis-fuzz-engine"))
}

/// One target that runs.
struct Run {
    target: String,
    log: PathBuf,
    corpus: PathBuf,
    crashes: PathBuf,
    program: PathBuf,
    child: Child,
}

impl Run {
    fn start(root: &Path, program: &Path, target: &str, seconds: u32) -> Result<Self> {
        let folder = root.join("target/fuzz").join(target);
        let (corpus, seeds) = (folder.join("corpus"), folder.join("seeds"));
        let (crashes, log) = (folder.join("crashes"), folder.join("log"));
        for folder in [&corpus, &seeds, &crashes] {
            fs::create_dir_all(folder)?;
        }
        let output = fs::File::create(&log)?;
        let child = Command::new(program)
            .env("FUZZ_TARGET", target)
            .env("FUZZ_SEEDS", &seeds)
            .args([&corpus, &seeds])
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .args(["-timeout=10", "-rss_limit_mb=1024", "-use_value_profile=1"])
            .arg("-print_final_stats=1")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{} did not start", program.display()))?;
        let (target, program) = (target.to_owned(), program.to_path_buf());
        Ok(Self { target, log, corpus, crashes, program, child })
    }

    fn finish(mut self) -> Result<Row> {
        let status = self.child.wait()?;
        let text = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        let Self { target, log, corpus, crashes, program, .. } = self;
        let failed = (!status.success()).then(|| {
            let told = text.lines().find_map(|line| line.split("Test unit written to ").nth(1));
            let input = told.map_or_else(|| crashes.display().to_string(), str::to_owned);
            format!(
                "  see {}\n  again: FUZZ_TARGET={target} {} {input}\n  then keep the input in \
                 fuzz/crashes/{target}/",
                log.display(),
                program.display()
            )
        });
        let corpus = fs::read_dir(corpus)?.count();
        Ok(Row { target, executions: executions(&text), coverage: coverage(&text), corpus, failed })
    }
}

/// What came of one target.
struct Row {
    target: String,
    executions: u64,
    coverage: u64,
    corpus: usize,
    /// What to do about it.
    failed: Option<String>,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { target, executions, coverage, corpus, failed } = self;
        write!(f, "{target:<11} {executions:>12} {coverage:>9} {corpus:>8}")?;
        failed.as_ref().map_or(Ok(()), |failed| write!(f, "  FAILED\n{failed}"))
    }
}

/// libFuzzer begins its lines with the number of runs so far.
fn executions(log: &str) -> u64 {
    let run = |line: &str| line.strip_prefix('#')?.split_whitespace().next()?.parse().ok();
    log.lines().filter_map(run).max().unwrap_or(0)
}

fn coverage(log: &str) -> u64 {
    let covered = |line: &str| line.split(" cov: ").nth(1)?.split(' ').next()?.parse().ok();
    log.lines().filter_map(covered).max().unwrap_or(0)
}

const SECONDS: u32 = 60;
/// As in `fuzz/src/lib.rs`.
const TARGETS: [&str; 6] = ["requests", "responses", "routes", "manifests", "preambles", "frames"];
/// Named, so that build scripts and macros are built without the flags.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";
const FLAGS: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read() {
        let log = "INFO: Seed: 1\n#2\tINITED cov: 7 ft: 7 corp: 1/1b exec/s: 0 rss: 27Mb\n\
                   #60\tNEW    cov: 9 ft: 8 corp: 2/5b\nDone 60 runs in 1 second(s)\n";
        assert_eq!((executions(log), coverage(log)), (60, 9));
        assert_eq!((executions(""), coverage("")), (0, 0));
    }

    #[test]
    fn arguments_name_time_and_targets() {
        let wanted = Wanted::of(&["--seconds", "5", "routes"]).unwrap();
        assert_eq!((wanted.seconds, wanted.targets), (5, vec!["routes"]));
        assert_eq!(Wanted::of(&[]).unwrap().targets, TARGETS);
        assert!(Wanted::of(&["route"]).is_err());
        assert!(Wanted::of(&["--seconds", "x"]).is_err());
    }
}
