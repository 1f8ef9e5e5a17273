//! Steady traffic to one Gateway that never asks twice.
//!
//! A client gives a connection up only when the server said so before: by `connection: close`, or
//! by a GOAWAY that says that a stream was not looked at. Everything else that is no 200 is a
//! failure.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::{
    kubectl,
    stage::{
        answer::{Answer, Broken},
        http1::Http1,
        http2::Http2,
        tls::Secured,
    },
};

/// Where the traffic goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) host: &'static str,
}

/// All traffic of a scenario.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    started: Instant,
    tallies: Vec<Arc<Tally>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(door: Door) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            started: Instant::now(),
            tallies: Vec::new(),
            tasks: Vec::new(),
        };
        load.run("HTTP/1.1", 8, |tally, stop| keep_alive(door, false, tally, stop));
        load.run("HTTP/1.1 over TLS", 2, |tally, stop| keep_alive(door, true, tally, stop));
        load.run("HTTP/2 over TLS", 2, |tally, stop| streams(door, tally, stop));
        load.run("new connections", 1, |tally, stop| newcomers(door, tally, stop));
        load
    }

    /// Goes on until so many requests were made, then ends; one line for each kind of traffic.
    ///
    /// # Panics
    /// One of them failed.
    pub(crate) async fn end_after(self, requests: usize) -> Vec<String> {
        let patience = Duration::from_secs(600);
        kubectl::until("the requests are made", patience, async || {
            (self.requests() >= requests || self.failed()).then_some(())
        })
        .await;
        self.stop.store(true, Ordering::Relaxed);
        let (took, total) = (self.started.elapsed().as_secs_f64(), self.requests());
        for task in self.tasks {
            task.await.expect("no generator gave up");
        }
        let mut lines: Vec<String> = self.tallies.iter().map(ToString::to_string).collect();
        lines.push(format!("{total} requests in {took:.0} s"));
        let failures: Vec<String> = self.tallies.iter().flat_map(|it| it.failures()).collect();
        assert!(failures.is_empty(), "{}\n{}", lines.join("\n"), failures.join("\n"));
        lines
    }

    pub(crate) fn requests(&self) -> usize {
        self.tallies.iter().map(|tally| tally.requests.load(Ordering::Relaxed)).sum()
    }

    fn failed(&self) -> bool {
        self.tallies.iter().any(|tally| !tally.failures.lock().is_empty())
    }

    fn run<F>(
        &mut self,
        name: &'static str,
        count: usize,
        start: impl Fn(Arc<Tally>, Arc<AtomicBool>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let tally = Arc::new(Tally { name, ..Tally::default() });
        let tasks = (0..count).map(|_| tokio::spawn(start(tally.clone(), self.stop.clone())));
        self.tasks.extend(tasks);
        self.tallies.push(tally);
    }
}

/// What one kind of traffic met.
#[derive(Default)]
struct Tally {
    name: &'static str,
    requests: AtomicUsize,
    reconnects: AtomicUsize,
    slowest: Mutex<Duration>,
    failures: Mutex<Vec<String>>,
}

impl Tally {
    fn failures(&self) -> Vec<String> {
        self.failures.lock().clone()
    }

    fn take(&self, started: Instant, outcome: Result<Answer, Broken>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut slowest = self.slowest.lock();
        *slowest = started.elapsed().max(*slowest);
        match outcome {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => self.fail(&format!("{}: {}", answer.status, answer.text())),
            Err(broken) => self.fail(&broken.to_string()),
        }
    }

    fn fail(&self, what: &str) {
        let mut failures = self.failures.lock();
        if failures.len() < FAILURES_SHOWN {
            let number = self.requests.load(Ordering::Relaxed);
            failures.push(format!("{}: request {number}: {what}", self.name));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, requests, reconnects, slowest, failures } = self;
        let (requests, failed) = (requests.load(Ordering::Relaxed), failures.lock().len());
        let (again, slowest) = (reconnects.load(Ordering::Relaxed), slowest.lock().as_millis());
        write!(
            f,
            "{name:<18} {requests:>7} requests {failed:>3} failed {again:>4} reconnects \
             (slowest {slowest} ms)"
        )
    }
}

async fn open(door: Door, secured: bool) -> Result<Http1, Broken> {
    match secured {
        false => Http1::connect(door.http).await,
        true => Ok(Secured::connect(door.https, door.host, &["http/1.1"]).await?.http1()),
    }
}

async fn keep_alive(door: Door, secured: bool, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let mut client = open(door, secured).await.expect("the door is open at the start");
    let mut pace = pace(PACE);
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let started = Instant::now();
        let outcome = client.get(door.host, "/load").await;
        let reopen = outcome.is_err() || client.closing;
        tally.take(started, outcome);
        if reopen {
            tally.reconnects.fetch_add(1, Ordering::Relaxed);
            match open(door, secured).await {
                Ok(next) => client = next,
                Err(broken) => tally.fail(&format!("reconnecting: {broken}")),
            }
        }
    }
}

/// Several streams side by side on one connection.
async fn streams(door: Door, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let mut client = secured_http2(door).await.expect("the door is open at the start");
    let mut pace = pace(2 * PACE);
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let started = Instant::now();
        let ask = || client.get(door.host, "/load");
        let (one, two, three, four) = tokio::join!(ask(), ask(), ask(), ask());
        let mut leaving = client.ended();
        for outcome in [one, two, three, four] {
            match outcome {
                // RFC 9113 section 6.8: such a stream was not looked at and may be sent again.
                Err(Broken::H2(error)) if error.is_go_away() && error.is_remote() => leaving = true,
                outcome => {
                    leaving |= outcome.is_err();
                    tally.take(started, outcome);
                }
            }
        }
        if leaving {
            tally.reconnects.fetch_add(1, Ordering::Relaxed);
            match secured_http2(door).await {
                Ok(next) => client = next,
                Err(broken) => tally.fail(&format!("reconnecting: {broken}")),
            }
        }
    }
}

async fn secured_http2(door: Door) -> Result<Http2, Broken> {
    Secured::connect(door.https, door.host, &["h2"]).await?.http2().await
}

async fn newcomers(door: Door, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let mut pace = pace(4 * PACE);
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let started = Instant::now();
        let outcome = async { Http1::connect(door.http).await?.get(door.host, "/load").await };
        tally.take(started, outcome.await);
    }
}

fn pace(every: Duration) -> tokio::time::Interval {
    let mut pace = interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// Between two requests of one generator.
const PACE: Duration = Duration::from_millis(5);
const FAILURES_SHOWN: usize = 10;
