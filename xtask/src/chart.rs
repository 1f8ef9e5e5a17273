//! `chart`: the Helm chart, and the same rendered as one file for those who have no helm.
//!
//! Helm itself renders it, so that the two can not come to differ: no second reading of the
//! templates exists. Helm is a Go program and `check` must do without Go; there, a digest of the
//! sources in the first lines of the file says whether it is current.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::cargo;
use crate::cluster::tools;
use crate::image::archive::hex;
use crate::tree::Tree;

/// Where the chart lies.
pub(crate) const FOLDER: &str = "charts/portcullis";
/// The chart with its default values.
pub(crate) const INSTALL: &str = "charts/portcullis/install.yaml";

/// Writes the rendered chart, or says whether it is what helm renders now.
pub(crate) fn run(args: &[&str]) -> Result<bool> {
    let root = cargo::root()?;
    if let ["helm", args @ ..] = args {
        return Err(Command::new(tools::helm(&root)?).args(args).exec().into());
    }
    let rendered = render(&root)?;
    let path = root.join(INSTALL);
    let current = fs::read_to_string(&path).is_ok_and(|text| text == rendered);
    match args {
        [] if current => println!("chart: {INSTALL} was current"),
        [] => {
            fs::write(&path, rendered)?;
            println!("chart: {INSTALL} is written; read the difference before you commit it");
        }
        ["--check"] if current => println!("chart: {INSTALL} is current"),
        ["--check"] => {
            println!("chart: {INSTALL} is not what helm renders: cargo xtask chart");
            return Ok(false);
        }
        unknown => {
            anyhow::bail!("`chart {}` is not a command; see `cargo xtask help`", unknown.join(" "))
        }
    }
    Ok(true)
}

/// The chart as helm renders it with its default values.
fn render(root: &Path) -> Result<String> {
    let mut helm = Command::new(tools::helm(root)?);
    helm.args(["template", "portcullis"]).arg(root.join(FOLDER));
    helm.args(["--namespace", NAMESPACE]);
    let output = helm.output().context("helm did not start")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{FOLDER}: {}", said.trim_end());
    let chart = String::from_utf8(output.stdout).context("helm did not print UTF-8")?;
    let digest = digest(&Tree::load(root)?);
    let lines = chart.lines().map(str::trim_end);
    let lines = lines.filter(|line| !line.is_empty()).map(|line| format!("{line}\n"));
    Ok(format!("{HEAD}{DIGEST}{digest}\n{PLACE}{}", lines.collect::<String>()))
}

/// A digest of what the chart is rendered from.
pub(crate) fn digest(tree: &Tree) -> String {
    let sources = tree.files.iter().filter(|file| {
        file.path.starts_with(FOLDER) && file.path != INSTALL && !file.path.ends_with(".md")
    });
    let text: String =
        sources.map(|file| format!("{} {}\n", file.path, hex(file.text.as_bytes()))).collect();
    let mut digest = hex(text.as_bytes());
    digest.truncate(32);
    digest
}

/// The namespace that documents speak of.
pub(crate) const NAMESPACE: &str = "portcullis-system";

const HEAD: &str = "\
# Portcullis, as the chart in this folder renders it with its default values. To install it:
#   kubectl apply --server-side --filename install.yaml
# Made by `cargo xtask chart`; edit the templates and the values, never this file.
";

/// Stands before the digest.
pub(crate) const DIGEST: &str = "# Made from: ";

/// Helm makes the namespace itself, on demand.
const PLACE: &str = "\
---
apiVersion: v1
kind: Namespace
metadata:
  name: portcullis-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
";
