//! `fix`: lets the tools repair what they can repair safely.

use anyhow::Result;

use crate::cargo;

/// Applies clippy's machine-applicable suggestions, then the format, which those may disturb.
pub(crate) fn run() -> Result<bool> {
    let root = cargo::root()?;
    let commands: [&[&str]; 2] = [
        &[
            "clippy",
            "--fix",
            "--workspace",
            "--all-targets",
            "--locked",
            "--allow-dirty",
            "--allow-staged",
        ],
        &["fmt", "--all"],
    ];
    let mut in_order = true;
    for args in commands {
        let outcome = cargo::run(&root, args, &[])?;
        if !outcome.success {
            print!("{}", outcome.output);
        }
        println!("{:<7} {}", args[0], if outcome.success { "ok" } else { "failed" });
        in_order &= outcome.success;
    }
    Ok(in_order)
}
