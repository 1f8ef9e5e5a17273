//! `soak`: everything at once (`crates/cli/tests/soak`), for longer than a test may take.

use anyhow::{Context as _, Result, bail};

use crate::cargo;

/// Runs `cargo xtask soak`.
pub(crate) fn run(args: &[&str]) -> Result<bool> {
    let (mut seconds, mut profile) = ("600", "release");
    for pair in args.chunks(2) {
        match pair {
            ["--seconds", value] => seconds = value,
            ["--build", value] => profile = value,
            unknown => bail!(
                "`soak {}`: only --seconds <number> and --build <profile> are known",
                unknown.join(" ")
            ),
        }
    }
    seconds.parse::<u32>().with_context(|| format!("`--seconds {seconds}` is not a number"))?;
    println!("soak: profile {profile}, {seconds} s of traffic");
    let args = ["test", "--quiet", "--package=portcullis", "--test=soak", "--profile", profile];
    let status = cargo::command(&cargo::root()?, &args)
        .args(["--", "--nocapture"])
        .env("SOAK_SECONDS", seconds)
        .status()
        .context("cargo test did not start")?;
    Ok(status.success())
}
