//! The programs of the machine that a cluster needs.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result, ensure};

use crate::debian;

/// Sees to it that every program is there. Namespaces and cgroups need root.
pub(super) fn ensure_installed() -> Result<()> {
    let root = fs::metadata("/proc/self").context("/proc is not mounted")?.uid() == 0;
    ensure!(root, "the cluster makes namespaces and cgroups: run this as root");
    debian::ensure_installed("cluster", NEEDED)
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
