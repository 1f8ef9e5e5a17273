//! `proxy`: the data path alone, told by a controller what to serve.

use std::process::ExitCode;

use anyhow::Context as _;
use proxy::{Options, Subscription, Views};

use super::serve;
use crate::args::Proxy;

/// Serves until SIGTERM or SIGINT, then drains.
pub(super) fn proxy(args: &Proxy) -> anyhow::Result<ExitCode> {
    serve::block_on(follow(args))
}

async fn follow(args: &Proxy) -> anyhow::Result<ExitCode> {
    let options = Options {
        probes: args.probe_address.0,
        local_backends: false,
        // It is a pod, so that Kubernetes says that it goes.
        drain_ready: true,
        views: Views { status: None, config: Some(serve::config_view()) },
        ..serve::options(&args.traffic)
    };
    let mut signals = serve::Signals::new()?;
    let proxy = proxy::Proxy::start(options).context("the proxy cannot start")?;
    proxy.subscribe(Subscription {
        controller: args.controller.clone(),
        authority: args.ca.clone(),
        token: args.token.clone(),
        state_dir: args.state_dir.clone(),
    })?;
    signals.next().await;
    Ok(serve::drain(proxy, signals).await)
}
