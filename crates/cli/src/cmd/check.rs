//! `check`: what is wrong with manifests.

use std::process::ExitCode;

use controller::{Report, report::Problem};
use serde::Serialize;

use crate::{
    args::{Check, Output},
    render::{self, overview},
};

/// Reads, translates, and prints what is wrong; 1 if anything is an error.
pub(super) fn check(args: &Check) -> anyhow::Result<ExitCode> {
    let report = super::load(&args.paths, &args.view, args.address_pool)?;
    match args.output {
        Output::Table => render::text(&overview::check(&report))?,
        Output::Json => render::text(&(serde_json::to_string_pretty(&machine(&report))? + "\n"))?,
    }
    Ok(if report.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[derive(Serialize)]
struct Machine<'a> {
    problems: &'a [Problem],
    ignored: Vec<Ignored>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ignored {
    place: String,
    api_version: String,
    object: String,
}

/// The form for machines; its fields only ever grow.
fn machine(report: &Report) -> Machine<'_> {
    let ignored = report.ignored.iter().map(|ignored| Ignored {
        place: ignored.source.to_string(),
        api_version: ignored.object.api_version.clone(),
        object: ignored.object.to_string(),
    });
    Machine { problems: &report.problems, ignored: ignored.collect() }
}
