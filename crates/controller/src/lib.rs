//! The staff: providers fill the store, one event loop translates and publishes, status comes back.
//!
//! Absent on purpose: traffic (that is the proxy's, which this crate does not know), and every
//! decision about what a manifest means (that is `translate`'s).

use std::{path::PathBuf, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};
use translate::Settings;

pub mod cluster;
pub mod event_loop;
pub mod lead;
mod listen;
pub mod mailbox;
pub mod metrics;
mod probes;
pub mod provider;
pub mod provision;
pub mod publish;
pub mod report;
pub mod store;

pub use cluster::{Cluster, ClusterOptions};
pub use event_loop::{Event, Progress};
pub use publish::hub::{Batch, Hub, Subscriber, Subscription};
pub use report::Report;

use event_loop::{EventLoop, Surroundings};
use metrics::Metrics;

/// What a controller on files is told.
pub struct Options {
    /// Files and folders with manifests.
    pub roots: Vec<PathBuf>,
    /// How to translate.
    pub settings: Settings,
    /// Whether Services without an address are answered by an echo.
    pub echo: bool,
}

/// A running controller. It ends with its runtime.
#[derive(Clone)]
pub struct Controller {
    events: mpsc::Sender<Event>,
    progress: watch::Receiver<Progress>,
    hub: Hub,
}

impl Controller {
    /// Starts on files, on the runtime of the caller.
    pub fn start(options: Options) -> Self {
        let (events, incoming) = mpsc::channel(EVENTS_MAX);
        let (told, progress) = watch::channel(Progress::default());
        let (hub, answers) = Hub::new();
        let echo = options.echo.then(|| {
            let (lonely, wanted) = watch::channel(provider::echo::Lonely::new());
            tokio::spawn(provider::echo::serve(wanted, events.clone()));
            lonely
        });
        tokio::spawn(provider::file::watch(options.roots, events.clone()));
        let around = Surroundings {
            hub: hub.clone(),
            answers,
            progress: told,
            metrics: Arc::new(Metrics::default()),
            echo,
            outlets: None,
        };
        tokio::spawn(EventLoop::new(options.settings, around).run(incoming));
        Self { events, progress, hub }
    }

    /// What a proxy in this process must do, which serves all Gateways.
    pub fn subscribe(&self) -> Subscription {
        self.hub.subscribe(Subscriber { gateway: None, pod: "this process".into() })
    }

    /// How far things are; to be waited on.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// The state as it is now; none when the controller has ended.
    pub async fn report(&self) -> Option<Report> {
        let (ask, answer) = oneshot::channel();
        self.events.send(Event::Report(ask)).await.ok()?;
        answer.await.ok()
    }
}

/// Reads manifests once and translates them as if a proxy served everything: what `check`,
/// `translate` and `explain` look at.
pub fn load(roots: &[PathBuf], settings: &Settings) -> Report {
    let mut store = store::Store::default();
    store.take(provider::file::read(roots));
    let observations = translate::Observations::all_open();
    let output = translate::translate(store.resources(), &observations, settings);
    Report::new(&store, &output, settings)
}

/// Events that wait for the loop.
const EVENTS_MAX: usize = 64;

#[cfg(test)]
#[path = "../tests/api_server/api_server.rs"]
mod api_server;
#[cfg(test)]
mod tests;
