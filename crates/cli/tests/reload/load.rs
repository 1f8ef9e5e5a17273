//! The traffic: closed loops at a steady pace that never ask twice.
//!
//! A connection may be given up for a new one only when the server said so before, by
//! `connection: close`; that is counted, because nobody has a reason to say so on a port that
//! stays.

use std::{
    fmt, io,
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
    stage::{
        answer::{Answer, Broken},
        http1::{Http1, request},
        http2::Http2,
        tls::Secured,
        websocket::WebSocket,
    },
    town::{CALLS, Extra, STEADY, Town},
};

/// What one kind of traffic met.
pub(crate) struct Tally {
    pub(crate) name: &'static str,
    requests: AtomicUsize,
    reconnects: AtomicUsize,
    failed: AtomicUsize,
    failures: Mutex<Vec<String>>,
    started: Instant,
}

impl Tally {
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            requests: AtomicUsize::new(0),
            reconnects: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            failures: Mutex::default(),
            started: Instant::now(),
        })
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn reconnects(&self) -> usize {
        self.reconnects.load(Ordering::Relaxed)
    }

    /// All of them.
    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }

    /// The first of them.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().clone()
    }

    /// Counts an outcome; whether it was a good one.
    pub(crate) fn take(&self, outcome: Result<Answer, Broken>) -> bool {
        let outcome = outcome.and_then(|answer| match answer.status {
            200 => Ok(()),
            status => Err(Broken::Malformed(format!("{status}: {}", answer.text()))),
        });
        self.count(outcome)
    }

    /// The same, of an exchange that was judged already.
    pub(crate) fn count(&self, outcome: Result<(), Broken>) -> bool {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(()) => true,
            Err(broken) => {
                self.note(number, &broken);
                false
            }
        }
    }

    pub(crate) fn fail(&self, broken: Broken) {
        self.note(self.requests(), &broken);
    }

    fn note(&self, number: usize, broken: &Broken) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut failures = self.failures.lock();
        if failures.len() < FAILURES_SHOWN {
            failures.push(format!("request {number} at {:.2?}: {broken}", self.started.elapsed()));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (requests, failures, reconnects) = (self.requests(), self.failed(), self.reconnects());
        write!(f, "{:<22} {requests:>9} {failures:>9} {reconnects:>11}", self.name)
    }
}

/// All traffic at the steady ports.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    tallies: Vec<Arc<Tally>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(town: &Town) -> Self {
        let (http, https) = (town.http.address(), town.https.address());
        let mut load = Self { stop: Arc::default(), tallies: Vec::new(), tasks: Vec::new() };
        load.run("HTTP/1.1", 4, |tally, stop| keep_alive(Door::Plain(http), tally, stop));
        load.run("HTTP/1.1 over TLS", 2, |tally, stop| {
            keep_alive(Door::Secured(https), tally, stop)
        });
        load.run("HTTP/2", 2, |tally, stop| streams(Door::Plain(http), tally, stop));
        load.run("HTTP/2 over TLS", 2, |tally, stop| streams(Door::Secured(https), tally, stop));
        load.run("new connections", 1, |tally, stop| newcomers(http, tally, stop));
        load.run("a WebSocket", 1, |tally, stop| websocket(http, tally, stop));
        load.run("a gRPC stream", 1, |tally, stop| call(http, tally, stop));
        load.run("1 MB both ways", 1, |tally, stop| large(http, tally, stop));
        load
    }

    pub(crate) fn tallies(&self) -> &[Arc<Tally>] {
        &self.tallies
    }

    /// Lets everything come to its end.
    pub(crate) async fn end(self) -> Vec<Arc<Tally>> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no generator gave up");
        }
        self.tallies
    }

    /// Starts `count` generators that share a tally.
    pub(crate) fn run<F>(
        &mut self,
        name: &'static str,
        count: usize,
        start: impl Fn(Arc<Tally>, Arc<AtomicBool>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let tally = Tally::new(name);
        let tasks = (0..count).map(|_| tokio::spawn(start(tally.clone(), self.stop.clone())));
        self.tasks.extend(tasks);
        self.tallies.push(tally);
    }
}

/// Where a generator goes in.
#[derive(Clone, Copy)]
enum Door {
    Plain(SocketAddr),
    Secured(SocketAddr),
}

impl Door {
    async fn http1(self) -> Result<Http1, Broken> {
        match self {
            Self::Plain(address) => Http1::connect(address).await,
            Self::Secured(address) => {
                Ok(Secured::connect(address, STEADY, &["http/1.1"]).await?.http1())
            }
        }
    }

    async fn http2(self) -> Result<Http2, Broken> {
        match self {
            Self::Plain(address) => Http2::connect(address).await,
            Self::Secured(address) => {
                Secured::connect(address, STEADY, &["h2"]).await?.http2().await
            }
        }
    }
}

async fn keep_alive(door: Door, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let mut client = door.http1().await.expect("the door is open at the start");
    let mut pace = pace();
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let good = tally.take(client.get(STEADY, "/load").await);
        if good && !client.closing {
            continue;
        }
        tally.reconnects.fetch_add(1, Ordering::Relaxed);
        client = match door.http1().await {
            Ok(client) => client,
            Err(broken) => return tally.fail(broken),
        };
    }
}

/// Several streams side by side on one connection.
async fn streams(door: Door, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let client = door.http2().await.expect("the door is open at the start");
    let mut pace = pace();
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let ask = || client.get(STEADY, "/load");
        let (one, two, three, four) = tokio::join!(ask(), ask(), ask(), ask());
        let all = [one, two, three, four].map(|answer| tally.take(answer));
        if client.ended() || all == [false; 4] {
            return tally.fail(Broken::Ended("of HTTP/2"));
        }
    }
}

async fn newcomers(address: SocketAddr, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let mut pace = pace();
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let outcome = async { Http1::connect(address).await?.get(STEADY, "/load").await };
        tally.take(outcome.await);
    }
}

/// A body that is large, and comes back as it went.
async fn large(address: SocketAddr, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let mut client = Http1::connect(address).await.expect("the door is open at the start");
    let body = "large ".repeat(LARGE_BYTES / 6);
    let request = request("POST", STEADY, "/large", &[], &body);
    let mut pace = interval(10 * PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let outcome = client.exchange(&request).await.and_then(|answer| match answer.status {
            200 if answer.echo().body == body => Ok(()),
            200 => Err(Broken::Malformed("another body than was sent".into())),
            status => Err(Broken::Malformed(format!("{status}: {}", answer.text()))),
        });
        if !tally.count(outcome) {
            return;
        }
    }
}

async fn websocket(address: SocketAddr, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let mut socket = WebSocket::connect(address, STEADY, "/ws").await.expect("a WebSocket");
    let mut pace = pace();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        number += 1;
        if !tally.count(socket.say(&format!("message {number}")).await) {
            return;
        }
    }
    tally.count(socket.end().await);
}

async fn call(address: SocketAddr, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let client = Http2::connect(address).await.expect("HTTP/2");
    let mut call = client.call(CALLS, "/echo.Echo/Both").await.expect("a call");
    let mut pace = pace();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        number += 1;
        if !tally.count(call.say(&format!("message {number}")).await) {
            return;
        }
    }
    let end = call.end().await.and_then(|status| match status.as_deref() {
        Some("0") => Ok(()),
        status => Err(Broken::Malformed(format!("grpc-status {status:?}"))),
    });
    tally.count(end);
}

/// Traffic at a listener that comes and goes: on one connection, and on new ones.
pub(crate) struct Guest {
    leaving: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Guest {
    pub(crate) fn enter(town: &Town, extra: &Extra, tally: Arc<Tally>) -> Self {
        let leaving = Arc::new(AtomicBool::new(false));
        let (host, own) = (extra.host.clone(), extra.port.is_some());
        let address = extra.port.as_ref().unwrap_or(&town.http).address();
        let task = tokio::spawn(stay(address, host, own, tally, leaving.clone()));
        Self { leaving, task }
    }

    /// From now on the listener may be gone.
    pub(crate) fn last_orders(&self) {
        self.leaving.store(true, Ordering::SeqCst);
    }

    /// Waits until the guest has seen the end.
    pub(crate) async fn gone(self) {
        self.task.await.expect("it left in order");
    }
}

/// Every request that ends before the listener may be gone must be answered by its route. After
/// that it may be a stranger's 404, but still a whole answer: until the server closes a port of its
/// own as HTTP has it, or the listener's host is unknown at a port that stays.
async fn stay(
    address: SocketAddr,
    host: String,
    own_port: bool,
    tally: Arc<Tally>,
    leaving: Arc<AtomicBool>,
) {
    let mut client = Http1::connect(address).await.expect("Programmed means that it accepts");
    let mut pace = pace();
    loop {
        pace.tick().await;
        let new = async { Http1::connect(address).await?.get(&host, "/new").await };
        let (kept, new) = (client.get(&host, "/kept").await, new.await);
        if !leaving.load(Ordering::SeqCst) {
            tally.take(kept);
            tally.take(new);
            continue;
        }
        match new {
            Ok(answer) => assert!(matches!(answer.status, 200 | 404), "{answer:?}"),
            Err(Broken::Io(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(broken) => tally.fail(broken),
        }
        match kept {
            Ok(answer) if own_port && client.closing => {
                assert!(matches!(answer.status, 200 | 404), "{answer:?}");
                return;
            }
            Ok(answer) if !own_port && answer.status == 404 => return,
            Ok(answer) => assert!(matches!(answer.status, 200 | 404), "{answer:?}"),
            Err(broken) => return tally.fail(broken),
        }
    }
}

/// Connections that are used once before all edits and once after.
pub(crate) struct Idle {
    plain: Vec<Http1>,
    secured: Vec<Http1>,
}

impl Idle {
    pub(crate) async fn open(town: &Town) -> Self {
        let (mut plain, mut secured) = (Vec::new(), Vec::new());
        for _ in 0..IDLE {
            plain.push(town.plain().await.expect("open"));
            secured.push(town.secured().await.expect("open"));
        }
        for client in plain.iter_mut().chain(&mut secured) {
            assert_eq!(client.get(STEADY, "/").await.expect("an answer").status, 200);
        }
        Self { plain, secured }
    }

    pub(crate) async fn still_open(self) -> Arc<Tally> {
        let tally = Tally::new("idle connections");
        for mut client in self.plain.into_iter().chain(self.secured) {
            tally.take(client.get(STEADY, "/").await);
        }
        tally
    }
}

fn pace() -> tokio::time::Interval {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// Between two requests of one generator.
const PACE: Duration = Duration::from_millis(20);
const FAILURES_SHOWN: usize = 20;
/// Idle connections of each kind.
const IDLE: usize = 4;
/// Length of a large body.
pub(crate) const LARGE_BYTES: usize = 1024 * 1024;
