//! `translate`: what manifests become.

use std::process::ExitCode;

use crate::{
    args::{Target, Translate},
    render,
};

/// Prints the IR, or the status of each object as if a proxy served it.
pub(super) fn translate(args: &Translate) -> anyhow::Result<ExitCode> {
    let report = super::load(&args.paths, &args.view, args.address_pool)?;
    let text = match args.to {
        Target::Ir => serde_saphyr::to_string(&report.output.ir)?,
        Target::Status => report.output.status.to_yaml()?,
    };
    render::text(&text)?;
    for problem in &report.problems {
        render::note(&problem.to_string());
    }
    Ok(ExitCode::SUCCESS)
}
