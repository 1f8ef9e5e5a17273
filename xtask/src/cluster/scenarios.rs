//! `cluster test`: the scenarios of `tests/cluster` against an installation by the chart, and
//! `cluster judge`: our reading of manifests beside the API server's (`tests/judge`).
//!
//! Here is only what they need around them; what they do and demand is written there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::Message;

use super::{Cluster, tools};
use crate::conformance::install;
use crate::{cargo, chart, image};

/// Installs Portcullis and runs the scenarios of these names; all when there is none.
pub(super) fn run(cluster: &Cluster, args: &[&str]) -> Result<bool> {
    let (profile, names) = match args {
        ["--build", profile, names @ ..] => (*profile, names),
        names => ("release", names),
    };
    let root = cargo::root()?;
    let program = build(&root, "--test=cluster")?;
    cluster.up()?;
    install::install(&root, cluster, profile)?;
    let next = format!("{}-next", env!("CARGO_PKG_VERSION"));
    let name = image::name();
    let repository = name.rsplit_once(':').map_or(&*name, |(repository, _)| repository);
    cluster.name_image(&name, &format!("{repository}:{next}"))?;
    let program = program.to_str().context("the target folder's path is not UTF-8")?;
    let mut command = cluster.command(program)?;
    command
        .args(names)
        .env("PORTCULLIS_XTASK", env::current_exe()?)
        .env("PORTCULLIS_HELM", tools::helm(&root)?)
        .env("PORTCULLIS_CHART", root.join(chart::FOLDER))
        .env("PORTCULLIS_NEXT_TAG", next);
    Ok(command.status()?.success())
}

/// Has the API server judge every fixture, every case of the tests of validation, and objects that
/// break each rule of its own definitions, and compares.
pub(super) fn judge(cluster: &Cluster) -> Result<bool> {
    let root = cargo::root()?;
    let folder = root.join("target/judge");
    fs::create_dir_all(&folder)?;
    let cases = folder.join("cases.json");
    // The tests add to it, each for itself.
    if cases.exists() {
        fs::remove_file(&cases)?;
    }
    let file = cases.to_str().context("the path of the checkout is not UTF-8")?;
    let told = cargo::run(
        &root,
        &["test", "--locked", "--package=portcullis-api", "--lib", "validate"],
        &[("PORTCULLIS_CASES", file)],
    )?;
    ensure!(told.success, "the tests of validation failed:\n{}", told.output.trim_end());
    let program = build(&root, "--test=judge")?;
    cluster.up()?;
    let program = program.to_str().context("the target folder's path is not UTF-8")?;
    Ok(cluster.command(program)?.arg(file).status()?.success())
}

/// Builds a program of tests and says where it is.
fn build(root: &Path, test: &str) -> Result<PathBuf> {
    let args = ["test", "--locked", "--package=portcullis-tests", "--features=cluster"];
    let only = [test, "--no-run", "--message-format=json-render-diagnostics"];
    let printed = cargo::read(root, &[&args[..], &only].concat())?;
    let messages = Message::parse_stream(printed.as_bytes());
    let programs = messages.filter_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) => artifact.executable,
        _ => None,
    });
    Ok(programs.last().context("cargo named no program")?.into_std_path_buf())
}
