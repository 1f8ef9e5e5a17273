//! `check`: what is wrong with manifests.

use std::process::ExitCode;

use api::diagnostic::Severity;
use controller::Report;
use serde::Serialize;

use crate::{
    args::{Check, Output},
    render::{self, overview},
};

/// Reads, translates, and prints what is wrong; 1 if anything is an error.
pub(super) fn check(args: &Check) -> anyhow::Result<ExitCode> {
    let report = controller::load(&args.paths, &super::settings(None));
    let failed = report.diagnostics.iter().any(|d| d.severity == Severity::Error);
    match args.output {
        Output::Table => render::text(&overview::check(&report))?,
        Output::Json => render::text(&(serde_json::to_string_pretty(&machine(&report))? + "\n"))?,
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The form for machines; its fields only ever grow.
fn machine(report: &Report) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Machine<'a> {
        diagnostics: &'a [api::diagnostic::Diagnostic],
        ignored: &'a [api::manifest::Ignored],
    }
    Machine { diagnostics: &report.diagnostics, ignored: &report.ignored }
}
