//! The programs of the machine, and how they get there.
//!
//! On Debian and its like, root installs what is missing; everybody else is told what to install.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail, ensure};

/// Sees to it that every program is there: pairs of a program, or a file that must be there, and
/// the Debian package that holds it.
pub(crate) fn ensure_installed(who: &str, needed: &[(&str, &str)]) -> Result<()> {
    let packages = missing(needed);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !is_there("apt-get") {
        bail!("these Debian packages, or what your system calls them, are missing: {list}");
    }
    println!("{who}: installing {list}");
    // The list of packages may be absent or too old to find them by.
    let installed = apt("install", &packages) || (apt("update", &[]) && apt("install", &packages));
    ensure!(installed && missing(needed).is_empty(), "apt-get could not install {list}");
    Ok(())
}

fn missing<'a>(needed: &[(&str, &'a str)]) -> Vec<&'a str> {
    let absent = needed.iter().filter(|(program, _)| !is_there(program));
    let mut packages: Vec<&str> = absent.map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    Path::new(program).is_absolute() && Path::new(program).exists()
        || env::split_paths(&path).any(|folder| folder.join(program).exists())
}

fn apt(verb: &str, packages: &[&str]) -> bool {
    let mut command = Command::new("apt-get");
    command.args([verb, "--yes", "--quiet", "--no-install-recommends"]).args(packages);
    let output = command.env("DEBIAN_FRONTEND", "noninteractive").output();
    output.is_ok_and(|output| output.status.success())
}
