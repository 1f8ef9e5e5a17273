//! Workshop 2, the data path: sockets, TLS, HTTP, upstreams.
//!
//! This file is the door: start a proxy, apply deltas to it or let it follow a controller, drain
//! it. It knows `ir` and `router`, and nothing of Kubernetes.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use arc_swap::ArcSwap;
use ir::{Ack, Delta, Snapshot};
use parking_lot::Mutex;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc, watch},
};

use crate::{
    admin::Pages,
    bind::Sockets,
    config::{Control, Door, Users},
    dns::Names,
    live::Live,
    roster::Roster,
    telemetry::Telemetry,
    worker::{Orders, Worker},
};

mod accept;
mod admin;
mod bind;
mod buffer;
mod closing;
mod config;
mod decimal;
mod defaults;
mod descriptors;
mod dns;
mod drain;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod h1;
mod h2;
mod http;
mod io;
mod limits;
mod live;
mod local;
mod roster;
mod slots;
mod subscribe;
mod telemetry;
mod tls;
mod upstream;
mod worker;

pub use admin::{ConfigView, Views};
pub use subscribe::Subscription;

/// What a proxy is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that serve traffic; none means one for each processor that this process may use.
    pub workers: Option<NonZeroUsize>,
    /// Added to the port of each bind, at the socket only.
    pub port_offset: u16,
    /// Where metrics and readiness are served.
    pub admin: Option<SocketAddr>,
    /// Where only metrics, readiness and liveness are served, to those on other machines as well.
    pub probes: Option<SocketAddr>,
    /// What is shown at the admin address that only the embedding program knows.
    pub views: Views,
    /// Where the access log goes.
    pub access_log: AccessLogTarget,
    /// The DNS server to ask; none means those of the machine.
    pub resolver: Option<SocketAddr>,
    /// Whether a backend's name may mean this machine itself ([`ir::is_local`]). In a pod that is
    /// the admin page, and what the node tells to whoever asks from there.
    pub local_backends: bool,
    /// Connections of the whole proxy; more are closed as they come.
    pub connections_max: usize,
    /// Requests that may wait for a connection to one backend, on one worker; more are answered
    /// with 503.
    pub pending_max: usize,
    /// How long clients may take.
    pub patience: Patience,
    /// How long a drain goes on accepting as if nothing happened.
    pub drain_min: Duration,
    /// Whether readiness goes on as long as accepting does. For whoever is taken off a load
    /// balancer by other means: a pod that ends is out of its Service's endpoints already, and its
    /// node stands in for it only while it says that it serves (KEP-1669).
    pub drain_ready: bool,
    /// How long it then waits for streams to end.
    pub drain_max: Duration,
}

/// How long clients may take before they are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From accept to the end of the TLS handshake, or to the first byte without TLS.
    pub preamble: Duration,
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// An answer that waits for its client to take any of it.
    pub stall: Duration,
    /// A stream on which no byte moves in either direction.
    pub stream_idle: Duration,
    /// A connection without a request.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            preamble: defaults::PREAMBLE_TIME,
            head: defaults::HEAD_TIME,
            stall: defaults::STALL_TIME,
            stream_idle: defaults::STREAM_IDLE_TIME,
            idle: defaults::DOWNSTREAM_IDLE_TIME,
        }
    }
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogTarget {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// Appended to a file.
    File(PathBuf),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: None,
            port_offset: 0,
            admin: None,
            probes: None,
            views: Views::default(),
            access_log: AccessLogTarget::Off,
            resolver: None,
            local_backends: true,
            connections_max: defaults::CONNECTIONS_MAX,
            pending_max: defaults::PENDING_MAX,
            patience: Patience::default(),
            drain_min: defaults::DRAIN_MIN,
            drain_ready: false,
            drain_max: defaults::DRAIN_MAX,
        }
    }
}

/// A proxy that runs. Dropping it cuts whatever it serves; [`Proxy::drain`] is the polite end.
pub struct Proxy {
    shared: Arc<Shared>,
    door: Door,
    workers: Vec<Worker>,
    admin: Option<SocketAddr>,
    probes: Option<SocketAddr>,
    control: Background,
}

impl Proxy {
    /// Starts the threads. Nothing is served before the first delta.
    ///
    /// # Errors
    /// A thread cannot be started, or a file or address in the options cannot be used.
    pub fn start(mut options: Options) -> std::io::Result<Self> {
        options.connections_max = descriptors::make_room(options.connections_max);
        let background = Background::start()?;
        let control = background.handle.clone();
        let count = worker_count(&options);
        let sockets = Sockets::new(count, options.port_offset, options.drain_min);
        let (lookups, answers) = mpsc::channel(limits::DNS_ANSWERS_MAX);
        let names = {
            let _inside = control.enter();
            let local = options.local_backends;
            Names::new(options.resolver, local, lookups).map_err(std::io::Error::other)?
        };
        let open = |address: Option<SocketAddr>, pages| {
            let _inside = control.enter();
            address.map(|address| admin::open(address, pages)).transpose()
        };
        let admin = open(options.admin, Pages::Admin)?;
        let probes = open(options.probes, Pages::Probes)?;
        let (roster, inboxes) = Roster::new(count, options.connections_max);
        let shared = Arc::new(Shared {
            telemetry: Telemetry::start(&options.access_log)?,
            live: ArcSwap::from_pointee(Live::empty()),
            snapshot: Mutex::default(),
            roster,
            ready: AtomicBool::new(false),
            options,
        });
        let orders = watch::Sender::new(Arc::new(Orders::first()));
        let workers: Vec<Worker> = inboxes
            .into_iter()
            .enumerate()
            .map(|(index, inbox)| worker::start(index, shared.clone(), orders.subscribe(), inbox))
            .collect::<std::io::Result<_>>()?;
        let (acks, acked) = watch::channel(Ack::default());
        let state = Control {
            shared: shared.clone(),
            sockets,
            names,
            users: Users::default(),
            orders,
            reports: workers.iter().map(|worker| worker.report.clone()).collect(),
            acks,
            leaving: false,
            retired: Vec::new(),
        };
        let (commands, received) = mpsc::channel(limits::COMMANDS_MAX);
        control.spawn(config::run(state, received, answers));
        let serve = |listener: Option<TcpListener>, pages| {
            let at = listener.as_ref().map(TcpListener::local_addr).transpose();
            listener.map(|to| control.spawn(admin::serve(to, pages, shared.clone())));
            at
        };
        let (admin, probes) = (serve(admin, Pages::Admin)?, serve(probes, Pages::Probes)?);
        let door = Door { commands, acks: acked };
        Ok(Self { shared, door, workers, admin, probes, control: background })
    }

    /// Follows a controller from now on, instead of deltas from this process: what it says is
    /// served, and what it said last when it is away. Once only.
    ///
    /// # Errors
    /// The controller is no `HOST:PORT`.
    pub fn subscribe(&self, to: Subscription) -> std::io::Result<()> {
        let follow = subscribe::follow(to, self.door.clone(), self.shared.clone())?;
        self.control.handle.spawn(follow);
        Ok(())
    }

    /// Where the admin server answers, with the port that was found for port 0.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Where the probe server answers, with the port that was found for port 0.
    pub fn probe_address(&self) -> Option<SocketAddr> {
        self.probes
    }

    /// Serves the state after this step. Returns when every worker does, and every bind that can be
    /// opened accepts. Needs no particular runtime.
    pub async fn apply(&self, delta: Delta) -> Ack {
        self.door.apply(delta).await
    }

    /// What came of the last delta, and of what happened since: a bind that could be opened later
    /// is no longer among the closed ones.
    pub fn acks(&self) -> watch::Receiver<Ack> {
        self.door.acks.clone()
    }

    /// How many threads serve traffic.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Ends the proxy politely: accepting goes on for the minimum drain, then clients are asked to
    /// go and streams may end until the maximum. Whether all of them did. Readiness fails at once,
    /// or with the minimum drain's end ([`Options::drain_ready`]).
    pub async fn drain(self) -> bool {
        let times = (self.shared.options.drain_min, self.shared.options.drain_max);
        let reports = self.workers.iter().map(|worker| worker.report.clone()).collect();
        let drain = drain::run(times, self.door.commands, reports);
        let drained = self.control.handle.spawn(drain).await;
        // The workers end when the control task, and with it their orders, is gone.
        drop(self.control);
        for Worker { mut report, thread } in self.workers {
            while report.changed().await.is_ok() {}
            let _ = thread.join();
        }
        self.shared.telemetry.finish();
        drained.unwrap_or(false)
    }
}

/// The runtime of everything that is no traffic. Its tasks end when it is dropped, and dropping it
/// waits for none of them, so that it can be dropped anywhere.
struct Background {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Background {
    fn start() -> std::io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(CONTROL_THREADS).thread_name("control").enable_io().enable_time();
        let runtime = builder.build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn worker_count(options: &Options) -> usize {
    let wanted = options.workers.or_else(|| std::thread::available_parallelism().ok());
    wanted.map_or(1, NonZeroUsize::get).min(limits::WORKERS_MAX)
}

/// Compiling a large configuration keeps one busy; the other answers scrapes and probes.
const CONTROL_THREADS: usize = 2;

/// What all threads of one proxy share. Nothing here is touched for each request.
pub(crate) struct Shared {
    /// What it was started with.
    pub(crate) options: Options,
    /// Counters and access log of all workers.
    pub(crate) telemetry: Arc<Telemetry>,
    /// What is served. Workers look when they are told to, and keep a hold of their own.
    pub(crate) live: ArcSwap<Live>,
    /// What was asked for last. Not a part of what is served, so that an edit changes it in place.
    snapshot: Mutex<Arc<Snapshot>>,
    /// Downstream connections that are open, and who serves them.
    pub(crate) roster: Arc<Roster>,
    /// Whether traffic shall be sent here: a first delta is served, and no drain takes it away.
    pub(crate) ready: AtomicBool,
}

impl Shared {
    /// What was asked for last. An edit copies all of it as long as somebody holds it.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.lock().clone()
    }

    /// Asks for the next state.
    fn apply(&self, delta: &Delta) -> Arc<Snapshot> {
        let mut snapshot = self.snapshot.lock();
        Arc::make_mut(&mut snapshot).apply(delta);
        snapshot.clone()
    }
}

#[cfg(test)]
impl Shared {
    /// For tests of one worker: that state and nothing around it.
    pub(crate) fn of(live: Live) -> Arc<Self> {
        let options = Options::default();
        Arc::new(Self {
            roster: Roster::new(1, options.connections_max).0,
            options,
            telemetry: Telemetry::start(&AccessLogTarget::Off).unwrap(),
            live: ArcSwap::from_pointee(live),
            snapshot: Mutex::default(),
            ready: AtomicBool::new(true),
        })
    }
}
