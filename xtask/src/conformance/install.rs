//! Installs Portcullis on the cluster as a user would: the chart, with its default values.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::chart;
use crate::cluster::{Cluster, tools};
use crate::image;

/// The GatewayClass that the chart brings.
pub(super) const CLASS: &str = "portcullis";

/// Builds the image, gives it to the node and installs the chart in place of what was there.
pub(crate) fn install(root: &Path, cluster: &Cluster, cargo_profile: &str) -> Result<()> {
    let archive = image::build(root, cargo_profile)?;
    cluster.load(&[archive])?;
    // The tag stays the same from build to build, so what runs has to go first.
    remove(root, cluster)?;
    let folder = root.join(chart::FOLDER);
    let folder = folder.to_str().context("the path of the checkout is not UTF-8")?;
    let upgrade = ["upgrade", RELEASE, folder, "--install", "--create-namespace", "--wait"];
    let installed = helm(root, cluster, &upgrade);
    if installed.is_err() {
        println!("{}", cluster.kubectl(&["get", "pods,events", "--namespace", chart::NAMESPACE])?);
    }
    installed
}

/// Uninstalls it; the Gateways it served are gone by then.
pub(super) fn remove(root: &Path, cluster: &Cluster) -> Result<()> {
    helm(root, cluster, &["uninstall", RELEASE, "--ignore-not-found", "--wait"])
}

const RELEASE: &str = "portcullis";

fn helm(root: &Path, cluster: &Cluster, args: &[&str]) -> Result<()> {
    let helm = tools::helm(root)?;
    let mut command = cluster.command(helm.to_str().context("the cache's path is not UTF-8")?)?;
    command.args(args).args(["--namespace", chart::NAMESPACE, "--timeout=180s"]);
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "helm {} failed:\n{}", args.join(" "), said.trim_end());
    Ok(())
}

/// What the class says that it can do, once it is accepted.
pub(super) fn claimed_features(cluster: &Cluster) -> Result<BTreeSet<String>> {
    let class = format!("gatewayclass/{CLASS}");
    cluster.kubectl(&["wait", "--for=condition=Accepted", &class, "--timeout=60s"])?;
    let names = "jsonpath={.status.supportedFeatures[*].name}";
    let printed = cluster.kubectl(&["get", &class, "--output", names])?;
    Ok(printed.split_whitespace().map(str::to_owned).collect())
}

/// Keeps what the controllers said, for whoever has to find out why a test failed.
pub(super) fn save_logs(cluster: &Cluster, path: &Path) -> Result<()> {
    let selector = "--selector=app.kubernetes.io/name=portcullis";
    let logs = ["logs", "--namespace", chart::NAMESPACE, selector, "--prefix", "--tail=-1"];
    fs::write(path, cluster.kubectl(&logs)?).with_context(|| format!("{}", path.display()))
}
