//! `run`: controller and proxy in one process: the proxy subscribes to all Gateways at once.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use controller::{Controller, Progress, Subscription};
use proxy::{Proxy, Views};

use super::serve;
use crate::{
    args::Run,
    render::{self, curl, overview},
};

/// Serves until SIGTERM or SIGINT, then drains.
pub(super) fn run(args: &Run) -> anyhow::Result<ExitCode> {
    super::all_exist(&args.paths)?;
    serve::block_on(start(args))
}

async fn start(args: &Run) -> anyhow::Result<ExitCode> {
    let options = controller::Options {
        roots: args.paths.clone(),
        settings: super::settings(args.address_pool),
        echo: args.echo,
    };
    let controller = Controller::start(options);
    let proxy = Proxy::start(proxy_options(args, &controller)).context("the proxy cannot start")?;
    let proxy = Arc::new(proxy);
    let joined = tokio::spawn(join(controller.subscribe(), proxy.clone()));
    let mut signals = serve::Signals::new()?;
    let greeting = tokio::spawn(greet(controller.clone(), args.port_offset, args.traffic.admin.0));
    signals.next().await;
    greeting.abort();
    joined.abort();
    // Both tasks are only waited for so that the proxy has one owner left.
    let _ = (greeting.await, joined.await);
    let proxy = Arc::into_inner(proxy).context("the proxy is still in use")?;
    Ok(serve::drain(proxy, signals).await)
}

/// Gives the proxy what changes, and the controller its answers.
async fn join(mut subscription: Subscription, proxy: Arc<Proxy>) {
    let mut later = proxy.acks();
    loop {
        tokio::select! {
            batch = subscription.next() => match batch {
                Some(batch) => subscription.answered(proxy.apply(batch.into_delta()).await),
                None => return,
            },
            Ok(()) = later.changed() => subscription.answered(later.borrow_and_update().clone()),
        }
    }
}

/// Says what listens where, once it does.
async fn greet(controller: Controller, port_offset: u16, admin: Option<std::net::SocketAddr>) {
    let mut progress = controller.progress();
    if progress.wait_for(|now| now.served > 0 && settled(*now)).await.is_err() {
        return;
    }
    let Some(report) = controller.report().await else { return };
    let mut text = overview::serving(&report, port_offset);
    let lines = curl::lines(&report, port_offset, CURL_LINES);
    if !lines.is_empty() {
        text += "\nTry:\n";
        for line in lines {
            text += &format!("  {line}\n");
        }
    }
    if let Some(admin) = admin {
        text += &format!("\nReadiness, metrics and status: http://{admin}/\n");
    }
    // Whoever closed standard output does not want to read it.
    let _ = render::text(&text);
}

/// Whether the proxy serves all that was published.
fn settled(progress: Progress) -> bool {
    progress.served >= progress.published
}

fn proxy_options(args: &Run, controller: &Controller) -> proxy::Options {
    proxy::Options {
        port_offset: args.port_offset,
        views: views(controller.clone()),
        ..serve::options(&args.traffic)
    }
}

/// What the admin pages show of the controller's state.
fn views(controller: Controller) -> Views {
    let runtime = tokio::runtime::Handle::current();
    let status = move || {
        let report = runtime.block_on(controller.report());
        report.map_or(Ok(String::new()), |report| report.output.status.to_yaml())
    };
    Views {
        status: Some(Arc::new(move || {
            // The page is asked for on a thread of the proxy's control runtime.
            tokio::task::block_in_place(&status).unwrap_or_else(|error| serve::unprintable(&error))
        })),
        config: Some(serve::config_view()),
    }
}

/// How many requests are proposed.
const CURL_LINES: usize = 3;
