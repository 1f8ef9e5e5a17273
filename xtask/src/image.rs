//! `image`: the container image of portcullis, made without a container daemon.
//!
//! One static binary and nothing else: no shell, no libc, no certificates but those compiled in.
//! `Dockerfile` makes the same for those who build with one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::cargo;

pub(crate) mod archive;

/// Runs `cargo xtask image`.
pub(crate) fn run(args: &[&str]) -> Result<bool> {
    let profile = match args {
        [] => "release",
        ["--profile", profile] => *profile,
        unknown => bail!("`image {}`: only --profile <name> is known", unknown.join(" ")),
    };
    build(&cargo::root()?, profile)?;
    Ok(true)
}

/// Builds the binary and the archive around it; prints where it is and how large.
pub(crate) fn build(root: &Path, profile: &str) -> Result<PathBuf> {
    let program = binary(root, profile)?;
    let path = target_folder(root)?.join("portcullis-image.tar");
    let name = name();
    let names = std::slice::from_ref(&name);
    let image = archive::Image { names, entrypoint: "/portcullis", program: &program };
    archive::write(&path, &image)?;
    let size = fs::metadata(&path)?.len();
    println!("image: {name}, {:.1} MB, {}", size as f64 / 1e6, path.display());
    Ok(path)
}

/// Builds the binary that ships: static, and without symbols.
pub(crate) fn binary(root: &Path, profile: &str) -> Result<PathBuf> {
    println!("image: building the static binary, profile {profile}");
    let built = cargo::run(
        root,
        &[
            "build",
            "--quiet",
            "--locked",
            "--package=portcullis",
            "--target",
            TARGET,
            "--profile",
            profile,
        ],
        &[("RUSTFLAGS", "-C target-feature=+crt-static")],
    )?;
    ensure!(built.success, "the static binary was not built:\n{}", built.output.trim_end());
    let target = target_folder(root)?;
    let folder = if profile == "dev" { "debug" } else { profile };
    let binary = target.join(TARGET).join(folder).join("portcullis");
    let stripped = target.join(TARGET).join(folder).join("portcullis.stripped");
    let output = Command::new("strip").arg("-o").arg(&stripped).arg(&binary).output();
    let output = output.context("strip did not start: it belongs to the C compiler's binutils")?;
    ensure!(output.status.success(), "strip: {}", String::from_utf8_lossy(&output.stderr));
    Ok(stripped)
}

/// The reference that the archive carries and that the tests install.
pub(crate) fn name() -> String {
    format!("localhost/portcullis:{}", env!("CARGO_PKG_VERSION"))
}

/// What ships. The C library is linked in, so the image holds one file.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Where cargo builds to.
pub(crate) fn target_folder(root: &Path) -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(root)
        .no_deps()
        .exec()
        .context("cargo metadata failed")?;
    Ok(metadata.target_directory.into_std_path_buf())
}
