//! The programs of the machine that a cluster needs, and how they get there.
//!
//! On Debian and its like, root installs what is missing; everybody else is told what to install.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// Sees to it that every program is there. Namespaces and cgroups need root.
pub(super) fn ensure_installed() -> Result<()> {
    let root = fs::metadata("/proc/self").context("/proc is not mounted")?.uid() == 0;
    ensure!(root, "the cluster makes namespaces and cgroups: run this as root");
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !is_there("apt-get") {
        bail!("these Debian packages, or what your system calls them, are missing: {list}");
    }
    println!("cluster: installing {list}");
    // The list of packages may be absent or too old to find them by.
    let installed = apt("install", &packages) || (apt("update", &[]) && apt("install", &packages));
    ensure!(installed && missing().is_empty(), "apt-get could not install {list}");
    Ok(())
}

/// A program, or a file that must be there, and the Debian package that holds it.
const NEEDED: &[(&str, &str)] = &[
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/ptp", "containernetworking-plugins"),
    ("nft", "nftables"),
    ("openssl", "openssl"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("mount", "mount"),
    ("sysctl", "procps"),
];

fn missing() -> Vec<&'static str> {
    let absent = NEEDED.iter().filter(|(program, _)| !is_there(program));
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
