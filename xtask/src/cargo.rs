//! Runs cargo, the one program that the tool shed calls, and keeps what it said.
//!
//! Output is captured and shown only when it matters; nothing here decides what a failure means.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

/// What one run of cargo left behind.
pub(crate) struct Outcome {
    pub(crate) success: bool,
    /// What it printed, diagnostics last, so that the end of the text is the cause of a failure.
    pub(crate) output: String,
}

/// Runs cargo in `root` with extra environment variables.
pub(crate) fn run(root: &Path, args: &[&str], variables: &[(&str, &str)]) -> Result<Outcome> {
    let output = command(root, args)
        .envs(variables.iter().copied())
        .output()
        .with_context(|| format!("cargo {} did not start", args.join(" ")))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok(Outcome { success: output.status.success(), output: text })
}

/// Runs cargo for its standard output alone; a failure is an error that carries its diagnostics.
pub(crate) fn read(root: &Path, args: &[&str]) -> Result<String> {
    let output = command(root, args)
        .output()
        .with_context(|| format!("cargo {} did not start", args.join(" ")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::bail!("cargo {} failed:\n{}", args.join(" "), said.trim_end());
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("cargo {} did not print UTF-8", args.join(" ")))
}

/// The repository root. `cargo run` tells where this package lies; its parent is the root.
pub(crate) fn root() -> Result<std::path::PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .context("CARGO_MANIFEST_DIR is not set: start this tool as `cargo xtask`")?;
    let root = Path::new(&package).parent().context("the package lies in no folder")?;
    Ok(root.to_path_buf())
}

/// The cargo that started us, so that the toolchain stays the pinned one.
pub(crate) fn command(root: &Path, args: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root).env("CARGO_TERM_COLOR", "never");
    // Set for us by the outer cargo; left in place they would mark build scripts as changed.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}
