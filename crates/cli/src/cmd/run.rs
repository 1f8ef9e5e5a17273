//! `run`: controller and proxy in one process, joined by a channel of deltas.

use std::{num::NonZeroUsize, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use controller::{Controller, Progress};
use proxy::{AccessLogTarget, Proxy, Views};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{
    args::Run,
    render::{self, curl, overview},
};

/// Serves until SIGTERM or SIGINT, then drains.
pub(super) fn run(args: &Run) -> anyhow::Result<ExitCode> {
    super::all_exist(&args.paths)?;
    log_to_stderr();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?
        .block_on(serve(args))
}

async fn serve(args: &Run) -> anyhow::Result<ExitCode> {
    let (to_proxy, mut deltas) = mpsc::channel(1);
    let options = controller::Options {
        roots: args.paths.clone(),
        settings: super::settings(args.address_pool),
        echo: args.echo,
    };
    let controller = Controller::start(options, to_proxy);
    let proxy = Proxy::start(proxy_options(args, &controller)).context("the proxy cannot start")?;
    let proxy = Arc::new(proxy);
    let joined = {
        let (controller, proxy) = (controller.clone(), proxy.clone());
        tokio::spawn(async move {
            let mut later = proxy.acks();
            loop {
                tokio::select! {
                    delta = deltas.recv() => match delta {
                        Some(delta) => controller.acked(proxy.apply(delta).await).await,
                        None => return,
                    },
                    Ok(()) = later.changed() => {
                        let ack = later.borrow_and_update().clone();
                        controller.acked(ack).await;
                    }
                }
            }
        })
    };
    let mut ended = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let greeting = tokio::spawn(greet(controller.clone(), args.port_offset, args.admin.0));
    tokio::select! {
        _ = ended.recv() => {}
        _ = interrupted.recv() => {}
    }
    greeting.abort();
    joined.abort();
    // Both tasks are only waited for so that the proxy has one owner left.
    let _ = (greeting.await, joined.await);
    tracing::info!("draining; a second signal ends at once");
    let proxy = Arc::into_inner(proxy).context("the proxy is still in use")?;
    tokio::select! {
        clean = proxy.drain() => {
            tracing::info!(clean, "drained");
            Ok(ExitCode::SUCCESS)
        }
        _ = ended.recv() => Ok(ExitCode::FAILURE),
        _ = interrupted.recv() => Ok(ExitCode::FAILURE),
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
        workers: args.workers.and_then(|count| NonZeroUsize::new(count.into())),
        port_offset: args.port_offset,
        admin: args.admin.0,
        access_log: match args.access_log.as_str() {
            "off" => AccessLogTarget::Off,
            "stdout" => AccessLogTarget::Stdout,
            path => AccessLogTarget::File(path.into()),
        },
        drain_min: args.drain_min,
        drain_max: args.drain_max,
        views: views(controller.clone()),
        ..proxy::Options::default()
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
            tokio::task::block_in_place(&status).unwrap_or_else(|error| unprintable(&error))
        })),
        config: Some(Arc::new(|snapshot| {
            serde_saphyr::to_string(snapshot).unwrap_or_else(|error| unprintable(&error))
        })),
    }
}

/// A page, still YAML, in place of one that could not be written.
fn unprintable(error: &dyn std::error::Error) -> String {
    format!("# this page cannot be printed: {error}\n")
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PORTCULLIS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .init();
}

/// How many requests are proposed.
const CURL_LINES: usize = 3;
