//! One function for each command.

use std::{path::PathBuf, process::ExitCode};

use ::controller::Report;
use clap::CommandFactory as _;
use ipnet::IpNet;

use crate::args::{Args, ClusterView, Command};

mod check;
mod cluster;
mod controller;
mod explain;
mod proxy;
mod run;
mod serve;
pub(crate) mod status;
mod translate;

pub(crate) use explain::Found;

/// How manifests are translated from the command line.
fn settings(address_pool: Option<IpNet>) -> ::translate::Settings {
    ::translate::Settings::standalone(address_pool)
}

/// A path that leads nowhere is a slip of the hand: what would be said without it misleads.
fn all_exist(paths: &[PathBuf]) -> anyhow::Result<()> {
    for path in paths {
        anyhow::ensure!(path.exists(), "{}: there is no such file or folder", path.display());
    }
    Ok(())
}

/// Reads and translates manifests, or a cluster, as if proxies served them.
fn load(
    paths: &[PathBuf],
    view: &ClusterView,
    address_pool: Option<IpNet>,
) -> anyhow::Result<Report> {
    if view.cluster {
        return cluster::load(view);
    }
    all_exist(paths)?;
    Ok(::controller::load(paths, &settings(address_pool)))
}

/// Does what the command line says.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Run(args) => run::run(&args),
        Command::Controller(args) => controller::controller(&args),
        Command::Proxy(args) => proxy::proxy(&args),
        Command::Check(args) => check::check(&args),
        Command::Translate(args) => translate::translate(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Status(args) => status::status(&args),
        Command::Completions { shell } => {
            let mut command = Args::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "portcullis", &mut script);
            crate::render::text(&String::from_utf8_lossy(&script))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_nowhere_is_an_error_and_no_empty_answer() {
        let dir = tempfile::tempdir().unwrap();
        let (there, missing) = (dir.path().to_owned(), dir.path().join("missing"));
        assert!(all_exist(std::slice::from_ref(&there)).is_ok());
        let error = all_exist(&[there, missing.clone()]).unwrap_err().to_string();
        assert!(error.starts_with(&missing.display().to_string()), "{error}");
    }
}
