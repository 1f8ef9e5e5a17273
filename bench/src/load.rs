//! The load: connections that are kept, and a desk that hands them their requests, either at a
//! fixed rate, whatever the answers do, or one as soon as another is answered.
//!
//! At a fixed rate the time of a request counts from when it was due, so that a proxy which stops
//! for a moment cannot hide the requests that would have come meanwhile.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustls::client::Resumption;
use tokio::{
    task::{JoinHandle, spawn_local},
    time::sleep,
};

use crate::{
    site::Ports,
    tls,
    wire::{self, Wire, WireReader},
};

pub(crate) mod h1;
mod h2;
mod pace;

/// What is spoken with the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    H1,
    H1Tls,
    H2,
    Grpc,
}

impl Protocol {
    pub(crate) fn address(self, ports: &Ports) -> SocketAddr {
        match self {
            Self::H1 => ports.plain,
            Self::H1Tls | Self::H2 => ports.tls,
            Self::Grpc => ports.grpc,
        }
    }

    /// Connections, and requests at once on each.
    pub(crate) fn shape(self) -> (usize, usize) {
        match self {
            Self::H1 | Self::H1Tls => (64, 1),
            Self::H2 | Self::Grpc => (8, 16),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::H1 => "HTTP/1.1",
            Self::H1Tls => "HTTP/1.1 + TLS",
            Self::H2 => "HTTP/2 + TLS",
            Self::Grpc => "gRPC + TLS",
        })
    }
}

/// How requests follow each other.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// So many in a second.
    Rate(f64),
    /// As many as are answered.
    Saturate,
}

/// Connections to one proxy.
pub(crate) struct Load {
    desk: Rc<Desk>,
    tasks: Vec<JoinHandle<()>>,
}

/// What happened in one window.
pub(crate) struct Window<T> {
    pub(crate) answered: u64,
    pub(crate) lasted: Duration,
    /// Of requests at a fixed rate that were due in it.
    pub(crate) latencies: Vec<Duration>,
    /// What was looked at when it began and ended.
    pub(crate) edges: [T; 2],
}

impl Load {
    pub(crate) async fn connect(protocol: Protocol, ports: &Ports) -> anyhow::Result<Self> {
        let config = match protocol {
            Protocol::H1 => None,
            Protocol::H1Tls => Some(tls::config("http/1.1", Resumption::disabled())?),
            Protocol::H2 | Protocol::Grpc => Some(tls::config("h2", Resumption::disabled())?),
        };
        let (connections, streams) = protocol.shape();
        let desk = Rc::new(Desk::default());
        let mut load = Self { desk, tasks: Vec::new() };
        let mut all = Vec::new();
        for _ in 0..connections {
            let connected = wire::connect(protocol.address(ports), config.as_ref()).await;
            let (wire, reader) = connected.context("cannot connect")?;
            let codec = match protocol {
                Protocol::H1 | Protocol::H1Tls => Codec::H1(h1::Client::default()),
                Protocol::H2 => Codec::H2(Box::new(h2::Client::new(false, &mut wire.borrow_mut()))),
                Protocol::Grpc => {
                    Codec::H2(Box::new(h2::Client::new(true, &mut wire.borrow_mut())))
                }
            };
            let desk = load.desk.clone();
            let connection = Rc::new(Connection { wire, codec: RefCell::new(codec), desk });
            load.tasks.push(spawn_local(read(connection.clone(), reader)));
            all.push(connection);
        }
        let mut idle = load.desk.idle.borrow_mut();
        for _ in 0..streams {
            idle.extend(all.iter().cloned());
        }
        drop(idle);
        Ok(load)
    }

    /// Runs requests for `warm`, then for `window`, and waits for the last answers.
    pub(crate) async fn run<T>(
        &self,
        mode: Mode,
        [warm, window]: [Duration; 2],
        look: impl Fn() -> anyhow::Result<T>,
    ) -> anyhow::Result<Window<T>> {
        let desk = &*self.desk;
        desk.mode.set(Some(mode));
        let result = match mode {
            Mode::Rate(rate) => {
                let mut pace = pace::Pace::start(rate)?;
                desk.backlog_max.set(rate as usize + 1000);
                desk.measure(warm, window, look, async || {
                    let (due, count) = pace.next().await?;
                    desk.issue(due, count);
                    Ok(())
                })
                .await
            }
            Mode::Saturate => {
                let idle = desk.idle.borrow().len();
                desk.issue(Instant::now(), idle);
                desk.measure(warm, window, look, async || {
                    sleep(Duration::from_millis(2)).await;
                    Ok(())
                })
                .await
            }
        };
        desk.mode.set(None);
        desk.backlog.borrow_mut().clear();
        let result = result?;
        let deadline = Instant::now() + DRAIN_TIME_MAX;
        while desk.in_flight.get() > 0 {
            desk.check()?;
            if Instant::now() > deadline {
                bail!("{} requests stay without an answer", desk.in_flight.get());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(result)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        // Each holds the desk, which holds it.
        self.desk.idle.borrow_mut().clear();
    }
}

const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// Who is free, what waits, and what was seen.
#[derive(Default)]
struct Desk {
    mode: Cell<Option<Mode>>,
    /// A connection stands here once for each request that it could take.
    idle: RefCell<VecDeque<Rc<Connection>>>,
    /// When requests were due that found nobody free.
    backlog: RefCell<VecDeque<Instant>>,
    backlog_max: Cell<usize>,
    in_flight: Cell<usize>,
    answered: Cell<u64>,
    /// Requests that were due earlier do not count.
    counts_from: Cell<Option<Instant>>,
    latencies: RefCell<Vec<Duration>>,
    failure: RefCell<Option<String>>,
}

impl Desk {
    async fn measure<T>(
        &self,
        warm: Duration,
        window: Duration,
        look: impl Fn() -> anyhow::Result<T>,
        mut step: impl AsyncFnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<Window<T>> {
        let began = Instant::now();
        while began.elapsed() < warm {
            step().await?;
            self.check()?;
        }
        let first = look()?;
        let began = Instant::now();
        let before = self.answered.get();
        self.counts_from.set(Some(began));
        while began.elapsed() < window {
            step().await?;
            self.check()?;
        }
        let lasted = began.elapsed();
        let answered = self.answered.get() - before;
        let last = look()?;
        self.counts_from.set(None);
        let latencies = std::mem::take(&mut *self.latencies.borrow_mut());
        Ok(Window { answered, lasted, latencies, edges: [first, last] })
    }

    /// Hands out requests that are due now.
    fn issue(&self, due: Instant, count: usize) {
        let mut woken = Vec::new();
        for _ in 0..count {
            let idle = self.idle.borrow_mut().pop_front();
            match idle {
                None => self.backlog.borrow_mut().push_back(due),
                Some(connection) => {
                    connection.ask(due);
                    woken.push(connection);
                }
            }
        }
        for connection in woken {
            let flushed = connection.wire.borrow_mut().flush();
            if let Err(error) = flushed {
                self.fail(&error.to_string());
            }
        }
    }

    /// Takes an answer, and gives the connection its next request if there is one.
    fn answer(&self, connection: &Rc<Connection>, due: Instant) {
        self.answered.set(self.answered.get() + 1);
        self.in_flight.set(self.in_flight.get() - 1);
        let at_a_rate = matches!(self.mode.get(), Some(Mode::Rate(_)));
        if at_a_rate && self.counts_from.get().is_some_and(|from| due >= from) {
            self.latencies.borrow_mut().push(due.elapsed());
        }
        let next = match self.mode.get() {
            None => None,
            Some(Mode::Rate(_)) => self.backlog.borrow_mut().pop_front(),
            Some(Mode::Saturate) => Some(due),
        };
        match next {
            Some(due) => connection.ask(due),
            None => self.idle.borrow_mut().push_back(connection.clone()),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        if let Some(failure) = &*self.failure.borrow() {
            bail!("{failure}");
        }
        if matches!(self.mode.get(), Some(Mode::Rate(_)))
            && self.backlog.borrow().len() > self.backlog_max.get()
        {
            bail!("it does not keep up with the rate");
        }
        Ok(())
    }

    fn fail(&self, why: &str) {
        self.failure.borrow_mut().get_or_insert_with(|| why.to_owned());
    }
}

struct Connection {
    wire: Rc<RefCell<Wire>>,
    codec: RefCell<Codec>,
    desk: Rc<Desk>,
}

enum Codec {
    H1(h1::Client),
    H2(Box<h2::Client>),
}

impl Connection {
    /// Writes a request to what is to be sent.
    fn ask(&self, due: Instant) {
        self.desk.in_flight.set(self.desk.in_flight.get() + 1);
        let out = &mut self.wire.borrow_mut().out;
        match &mut *self.codec.borrow_mut() {
            Codec::H1(client) => client.ask(due, out),
            Codec::H2(client) => client.ask(due, out),
        }
    }

    /// Takes the answers out of what was read, and says when their requests were due.
    fn answers(&self, input: &mut Vec<u8>, done: &mut Vec<Instant>) -> Result<(), String> {
        match &mut *self.codec.borrow_mut() {
            Codec::H1(client) => client.answers(input, done),
            Codec::H2(client) => client.answers(input, &mut self.wire.borrow_mut().out, done),
        }
    }
}

async fn read(connection: Rc<Connection>, mut reader: WireReader) {
    let mut input = Vec::new();
    let mut done = Vec::new();
    loop {
        if let Err(error) = reader.read(&mut input).await {
            return connection.desk.fail(&error.to_string());
        }
        if let Err(why) = connection.answers(&mut input, &mut done) {
            return connection.desk.fail(&why);
        }
        for due in done.drain(..) {
            connection.desk.answer(&connection, due);
        }
        let flushed = connection.wire.borrow_mut().flush();
        if let Err(error) = flushed {
            return connection.desk.fail(&error.to_string());
        }
    }
}
