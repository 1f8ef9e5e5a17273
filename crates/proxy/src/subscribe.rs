//! A proxy that follows a controller: what the stream says is served, and what it said last when
//! nobody says anything.
//!
//! One task for the life of the proxy. How the controller is reached is `subscribe/connect.rs`,
//! what a step does to what is held `subscribe/held.rs`, what survives a restart
//! `subscribe/state.rs`. Nothing here touches a request, and an unreachable controller changes
//! nothing but a metric.

use std::{
    error::Error,
    io, mem,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ir::wire::{
    Collector, Step, WireError,
    frame::{Answer, ControllerWord, FromController, Part},
};
use thiserror::Error;
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, sleep, timeout},
};
use tonic::Streaming;

use crate::{Shared, config::Door, limits, telemetry::StreamCells};
use connect::Target;
use held::Held;

mod connect;
mod held;
mod state;

/// How a proxy finds its controller, and proves who it is.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// `HOST:PORT`. Its certificate must be for HOST, wherever a redirect leads.
    pub controller: String,
    /// A PEM file with the authorities that vouch for it, read again at each connect.
    pub authority: PathBuf,
    /// A file with the token that says who this proxy is, read again at each connect.
    pub token: PathBuf,
    /// The folder that outlives the process, for the last good state; none keeps none.
    pub state_dir: Option<PathBuf>,
}

/// Follows a controller for as long as it is polled.
///
/// # Errors
/// The controller is no `HOST:PORT`.
pub(crate) fn follow(
    to: Subscription,
    door: Door,
    shared: Arc<Shared>,
) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let target = Target::new(&to, shared.options.resolver)?;
    let held = Arc::new(Mutex::new(Held::default()));
    let (dirty, changes) = watch::channel(());
    let follower = Follower { target, door, shared: shared.clone(), held: held.clone(), dirty };
    Ok(async move {
        let Some(dir) = to.state_dir else { return follower.run().await };
        follower.restore(&dir).await;
        // Neither ends by itself.
        tokio::join!(follower.run(), state::keep(dir, held, shared, changes));
    })
}

struct Follower {
    target: Target,
    door: Door,
    shared: Arc<Shared>,
    /// Locked while a step is applied, so that it never tells of what is not served yet.
    held: Arc<Mutex<Held>>,
    /// Told of each step.
    dirty: watch::Sender<()>,
}

impl Follower {
    /// Serves what was served before the restart.
    async fn restore(&self, dir: &Path) {
        match state::load(dir.to_owned()).await {
            Ok(Some(step)) => {
                self.take(step, true).await;
                let revision = self.held.lock().await.revision();
                tracing::info!(revision, "serving the state of before the restart");
            }
            Ok(None) => {}
            Err(error) => {
                let dir = dir.display();
                tracing::warn!(%dir, %error, "the state of before the restart is lost");
            }
        }
    }

    async fn run(self) {
        let (mut pause, mut redirected, mut hops) = (RECONNECT_MIN, None, 0);
        let mut said = String::new();
        loop {
            let began = Instant::now();
            let end = self.session(redirected.take()).await;
            let lasted = self.cells().connected.get() == 1;
            self.cells().connected.set(0);
            if lasted {
                (pause, hops) = (RECONNECT_MIN, 0);
                said.clear();
            }
            match end {
                Ok(leader) if hops < REDIRECTS_MAX => {
                    hops += 1;
                    self.cells().redirects.up();
                    tracing::debug!(%leader, "another controller leads");
                    redirected = Some(leader);
                    continue;
                }
                Ok(leader) => tracing::debug!(%leader, "controllers point at each other"),
                Err(error) => {
                    self.cells().failures.up();
                    let text = error.to_string();
                    // Two minutes without a controller are one line, not hundreds.
                    if text != said {
                        let after = began.elapsed();
                        tracing::warn!(error = %text, ?after, "no controller; still serving");
                        said = text;
                    }
                }
            }
            hops = 0;
            // All proxies lose a controller in the same moment.
            sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
            pause = (pause * 2).min(RECONNECT_MAX);
        }
    }

    /// One connection, to its end: an error, or the address of the controller that leads.
    async fn session(&self, at: Option<SocketAddr>) -> Result<SocketAddr, Broken> {
        let hello = self.held.lock().await.hello();
        let (answers, to_send) = watch::channel(None);
        let opening = self.target.open(at, hello, to_send);
        let mut words =
            timeout(limits::STREAM_OPEN_TIME, opening).await.map_err(|_| Broken::Slow)??;
        let mut first = true;
        let mut later = self.door.acks.clone();
        let mut steps = Collector::default();
        loop {
            tokio::select! {
                word = next(&mut words, first) => match word? {
                    Some(ControllerWord::Part(part)) => {
                        if mem::take(&mut first) {
                            self.cells().connects.up();
                            self.cells().connected.set(1);
                            tracing::info!(revision = part.revision, "a controller is there");
                        }
                        if let Some(answer) = self.part(&mut steps, part).await? {
                            answers.send_replace(Some(answer));
                        }
                    }
                    Some(ControllerWord::Redirect(to)) => {
                        return to.address.parse().map_err(|_| Broken::Redirect(to.address));
                    }
                    // The word of a newer controller that this version can do without.
                    None => {}
                },
                changed = later.changed() => {
                    if changed.is_err() {
                        return Err(Broken::Ended);
                    }
                    let ack = later.borrow_and_update().clone();
                    // Before the first step nothing that it could be an answer to was said.
                    if answers.borrow().is_some() {
                        let answer = self.held.lock().await.answer(&ack);
                        answers.send_if_modified(|last| {
                            let news = last.as_ref() != Some(&answer);
                            *last = Some(answer);
                            news
                        });
                    }
                }
            }
        }
    }

    async fn part(&self, steps: &mut Collector, part: Part) -> Result<Option<Answer>, Broken> {
        match steps.add(part)? {
            Some(step) => Ok(Some(self.take(step, false).await)),
            None => Ok(None),
        }
    }

    /// Applies a step as a whole.
    async fn take(&self, step: Step, own: bool) -> Answer {
        let mut held = self.held.lock().await;
        let served = self.shared.snapshot();
        let delta = held.take(step, &served, own);
        drop(served);
        let ack = self.door.apply(delta).await;
        self.cells().rejected.set(held.refused() as u64);
        self.dirty.send_replace(());
        held.answer(&ack)
    }

    fn cells(&self) -> &StreamCells {
        &self.shared.telemetry.stream
    }
}

/// The next word. The first one has a time to come in: a controller that takes connections and says
/// nothing is none.
async fn next(
    words: &mut Streaming<FromController>,
    first: bool,
) -> Result<Option<ControllerWord>, Broken> {
    let message = match first {
        true => {
            timeout(limits::STREAM_OPEN_TIME, words.message()).await.map_err(|_| Broken::Slow)?
        }
        false => words.message().await,
    };
    Ok(message?.ok_or(Broken::Ended)?.word)
}

/// Why a connection to a controller came to nothing, or to its end.
#[derive(Debug, Error)]
enum Broken {
    #[error("{what} {path}: {error}")]
    File { what: &'static str, path: String, error: String },
    #[error("the controller's name {host} cannot be looked up: {error}")]
    Name { host: String, error: crate::dns::Unknown },
    #[error("{at}: {error}")]
    Connect { at: SocketAddr, error: String },
    #[error("the controller says: {}", refusal(.0))]
    Refused(#[from] tonic::Status),
    #[error("the controller does not answer")]
    Slow,
    #[error("the controller ended the stream")]
    Ended,
    #[error("the controller points to {0:?}, which is no address")]
    Redirect(String),
    #[error("{0}")]
    Wire(#[from] WireError),
}

fn refusal(status: &tonic::Status) -> String {
    let text = format!("{}: {}{}", status.code(), status.message(), causes(status));
    text.chars().take(REASON_CHARS_MAX).collect()
}

/// All causes of an error: the outer ones of a transport say next to nothing.
fn causes(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

/// A controller that restarts or hands over is there again at once.
const RECONNECT_MIN: Duration = Duration::from_millis(100);
const RECONNECT_MAX: Duration = Duration::from_secs(5);
/// Followers that disagree about who leads must not keep a proxy spinning.
const REDIRECTS_MAX: u32 = 3;
const REASON_CHARS_MAX: usize = 500;
