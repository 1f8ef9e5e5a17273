//! `controller`: the deciding half in a cluster, without any traffic.

use std::process::ExitCode;

use anyhow::bail;
use controller::cluster::{Cluster, ClusterOptions};
use controller::provider::kubernetes;

use super::serve;
use crate::args::Controller;

/// Runs until SIGTERM or SIGINT, then hands over.
pub(super) fn controller(args: &Controller) -> anyhow::Result<ExitCode> {
    serve::block_on(lead(args))
}

async fn lead(args: &Controller) -> anyhow::Result<ExitCode> {
    let mut signals = serve::Signals::new()?;
    let mut settings = translate::Settings::cluster();
    settings.controller_name.clone_from(&args.controller_name);
    settings.cluster_domain.clone_from(&args.cluster_domain);
    let options = ClusterOptions {
        settings,
        pod: api::meta::NamespacedName::new(&*args.pod_namespace, &*args.pod_name),
        pod_uid: args.pod_uid.clone(),
        ip: args.pod_ip,
        service: args.service.clone(),
        stream: args.stream,
        probes: args.probes,
        image: args.image.clone(),
        pull_policy: args.image_pull_policy.clone(),
    };
    let client = kubernetes::connect(None).await?;
    let mut cluster = Cluster::start(options, client).await?;
    tracing::info!(
        stream = %cluster.stream_address(),
        probes = %cluster.probes_address(),
        "the controller runs"
    );
    tokio::select! {
        () = signals.next() => {}
        part = cluster.broken() => bail!("{part} has ended, which it never should"),
    }
    tracing::info!("handing over; a second signal ends at once");
    tokio::select! {
        () = cluster.stop() => Ok(ExitCode::SUCCESS),
        () = signals.next() => Ok(ExitCode::FAILURE),
    }
}
