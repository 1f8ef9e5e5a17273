//! What all commands that serve have in common: the log, the signals, the drain.

use std::{error::Error, io::IsTerminal as _, num::NonZeroUsize, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use proxy::{AccessLogTarget, ConfigView, Options, Proxy};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::args::Traffic;

/// Logs to standard error from now on, and runs a command to its end.
pub(super) fn block_on(
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let filter = EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?
        .block_on(command)
}

/// SIGTERM and SIGINT.
pub(super) struct Signals {
    ended: Signal,
    interrupted: Signal,
}

impl Signals {
    /// Catches them from now on.
    pub(super) fn new() -> std::io::Result<Self> {
        let ended = signal(SignalKind::terminate())?;
        Ok(Self { ended, interrupted: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.ended.recv() => {}
            _ = self.interrupted.recv() => {}
        }
    }
}

/// Ends a proxy politely, or at once when that is told a second time.
pub(super) async fn drain(proxy: Proxy, mut signals: Signals) -> ExitCode {
    tracing::info!("draining; a second signal ends at once");
    tokio::select! {
        clean = proxy.drain() => {
            tracing::info!(clean, "drained");
            ExitCode::SUCCESS
        }
        () = signals.next() => ExitCode::FAILURE,
    }
}

/// What the command line says of traffic.
pub(super) fn options(args: &Traffic) -> Options {
    Options {
        workers: args.workers.and_then(|count| NonZeroUsize::new(count.into())),
        admin: args.admin.0,
        access_log: match args.access_log.as_str() {
            "off" => AccessLogTarget::Off,
            "stdout" => AccessLogTarget::Stdout,
            path => AccessLogTarget::File(path.into()),
        },
        drain_min: args.drain_min,
        drain_max: args.drain_max,
        ..Options::default()
    }
}

/// The admin page of the configuration that is served.
pub(super) fn config_view() -> ConfigView {
    Arc::new(|snapshot| {
        serde_saphyr::to_string(snapshot).unwrap_or_else(|error| unprintable(&error))
    })
}

/// A page, still YAML, in place of one that could not be written.
pub(super) fn unprintable(error: &dyn Error) -> String {
    format!("# this page cannot be printed: {error}\n")
}

/// What is logged unless the environment says otherwise. Our own words say what failed requests to
/// the API server mean; the library's would repeat each of them.
const LOG: &str = "info,kube_client=off";
