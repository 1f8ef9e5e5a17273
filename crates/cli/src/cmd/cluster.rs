//! What tools see of a live cluster: one look, as the kubeconfig allows it.

use anyhow::Context as _;
use api::kind::Kind;
use controller::{
    Report,
    provider::kubernetes::{self, Cluster},
};
use translate::Settings;

use crate::args::ClusterView;

/// Reads the cluster and translates it as if proxies served everything.
pub(super) fn load(args: &ClusterView) -> anyhow::Result<Report> {
    let settings = Settings {
        controller_name: args.controller_name.clone(),
        cluster_domain: args.cluster_domain.clone(),
        ..Settings::cluster()
    };
    block_on(async {
        let cluster = read(args.context.as_deref(), &Kind::ALL).await?;
        Ok(cluster.report(&settings).await?)
    })
}

/// Reads the objects of these kinds.
pub(super) async fn read(context: Option<&str>, kinds: &[Kind]) -> anyhow::Result<Cluster> {
    let client = kubernetes::connect(context).await?;
    Ok(kubernetes::read(client, kinds).await?)
}

/// Runs something that ends soon.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?
        .block_on(work)
}
