//! One function for each command.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Args, Command};

mod check;
mod explain;
mod run;
mod translate;

pub(crate) use explain::Found;

/// How manifests are translated from the command line.
fn settings(address_pool: Option<ipnet::IpNet>) -> ::translate::Settings {
    ::translate::Settings { address_pool, ..::translate::Settings::default() }
}

/// Does what the command line says.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Translate(args) => translate::translate(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Completions { shell } => {
            let mut command = Args::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "portcullis", &mut script);
            crate::render::text(&String::from_utf8_lossy(&script))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
