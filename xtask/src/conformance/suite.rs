//! Runs the suite's test program inside the cluster's network and follows what it prints.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};

use super::Options;
use super::install::CLASS;
use super::outcome::{Outcome, Verdict};
use crate::cluster::Cluster;

/// Removes what a suite that was interrupted left behind.
pub(super) fn clear(cluster: &Cluster) -> Result<()> {
    let mut args = vec!["delete", "namespace", "--ignore-not-found", "--timeout=120s"];
    args.extend(NAMESPACES);
    cluster.kubectl(&args).map(|_| ())
}

const NAMESPACES: &[&str] = &[
    "gateway-conformance-infra",
    "gateway-conformance-app-backend",
    "gateway-conformance-web-backend",
];

/// Runs the tests and returns when the last one is over.
pub(super) fn run(
    cluster: &Cluster,
    program: &Path,
    options: &Options,
    folder: &Path,
) -> Result<Outcome> {
    let program = program.to_str().context("the cache folder's path is not UTF-8")?;
    if let Some(folder) = options.report.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut command = cluster.command(program)?;
    command.args(["-test.v=test2json", "-test.timeout=0", "-test.parallel", PARALLEL]);
    let mut pattern = "^TestConformance$".to_owned();
    if !options.tests.is_empty() {
        let names: Vec<&str> = options.tests.iter().map(String::as_str).collect();
        pattern.push_str(&format!("/^({})$", names.join("|")));
    }
    command.args(["-test.run", &pattern]);
    command.arg(format!("--gateway-class={CLASS}"));
    command.arg(format!("--conformance-profiles={}", options.profile));
    command.arg(format!("--report-output={}", options.report.display()));
    command.arg(format!("--version={}", env!("CARGO_PKG_VERSION")));
    command.args(IMPLEMENTATION).args(ADDRESSES);

    let log = folder.join("suite.log");
    let mut log = fs::File::create(&log).with_context(|| format!("{}", log.display()))?;
    let mut child = command.stdout(Stdio::piped()).stderr(log.try_clone()?).spawn()?;
    let output = child.stdout.take().context("the suite has no output")?;
    let mut outcome = Outcome::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        log.write_all(&line)?;
        log.write_all(b"\n")?;
        match outcome.read(&String::from_utf8_lossy(&line)) {
            Some((_, Verdict::Skipped, _)) | None => {}
            Some((name, Verdict::Passed, took)) => println!("  ok      {took:>8}  {name}"),
            Some((name, Verdict::Failed, took)) => println!("  FAILED  {took:>8}  {name}"),
        }
    }
    child.wait()?;
    Ok(outcome)
}

/// As many at once as upstream's own runs; each is mostly waiting.
const PARALLEL: &str = "8";

/// What the report says about us.
const IMPLEMENTATION: &[&str] = &[
    "--organization=portcullis",
    "--project=portcullis",
    "--url=https://portcullis.dev",
    "--contact=https://portcullis.dev/contact",
];

/// One that the cluster's load balancer can give, and one that it cannot.
const ADDRESSES: &[&str] = &["--usable-address=10.97.0.200", "--unusable-address=10.98.0.1"];
