//! `cluster test`: the scenarios of `tests/cluster` against an installation by the chart.
//!
//! Here is only what they need around them; what they do and demand is written there.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
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
    let program = build(&root)?;
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

/// Builds the program and says where it is.
fn build(root: &Path) -> Result<PathBuf> {
    let args = ["test", "--locked", "--package=portcullis-tests", "--features=cluster"];
    let only = ["--test=cluster", "--no-run", "--message-format=json-render-diagnostics"];
    let printed = cargo::read(root, &[&args[..], &only].concat())?;
    let messages = Message::parse_stream(printed.as_bytes());
    let programs = messages.filter_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) => artifact.executable,
        _ => None,
    });
    Ok(programs.last().context("cargo named no program")?.into_std_path_buf())
}
