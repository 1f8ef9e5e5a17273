//! What the tests are made of: a proxy with a configuration that can be edited, ports that nobody
//! else gets, clients and backends. No expectations are in here.

use std::{
    future::Future,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use ir::{
    Ack, Backend, BackendChoice, Bind, Endpoint, Endpoints, Hostname, Id, Listener, Match,
    PathMatch, Protocol, Resource, Route, Rule, Snapshot, Target, Timeouts, UpstreamProtocol,
    WeightedBackend,
};
use portcullis_proxy::{Options, Proxy};
use socket2::{Domain, Socket, Type};

pub(crate) mod authority;
pub(crate) mod client;
pub(crate) mod controller;
pub(crate) mod echo;
pub(crate) mod frames;
pub(crate) mod full;
pub(crate) mod h2;
pub(crate) mod raw;
pub(crate) mod stage;
pub(crate) mod wire;
pub(crate) mod witness;

pub(crate) use authority::Authority;
pub(crate) use client::Client;
pub(crate) use echo::Echo;

/// A proxy and the configuration that it serves.
pub(crate) struct Rig {
    pub(crate) proxy: Proxy,
    pub(crate) snapshot: Snapshot,
    revision: u64,
}

impl Rig {
    /// Serves nothing yet, with two workers and short drains.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            workers: NonZeroUsize::new(2),
            drain_min: Duration::ZERO,
            drain_max: DEADLINE,
            ..Options::default()
        };
        change(&mut options);
        let proxy = Proxy::start(options).unwrap();
        Self { proxy, snapshot: Snapshot::default(), revision: 0 }
    }

    /// Edits the configuration and waits until it is served.
    pub(crate) async fn edit(&mut self, edit: impl FnOnce(&mut Snapshot)) -> Ack {
        let mut next = self.snapshot.clone();
        edit(&mut next);
        self.revision += 1;
        let delta = ir::diff(self.revision, &self.snapshot, &next, None);
        self.snapshot = next;
        let ack = self.proxy.apply(delta).await;
        assert_eq!(ack.revision, self.revision);
        ack
    }

    /// As [`Rig::edit`], where everything is expected to be usable.
    pub(crate) async fn serve(&mut self, edit: impl FnOnce(&mut Snapshot)) {
        let ack = self.edit(edit).await;
        assert_eq!((ack.rejected, ack.closed), (vec![], vec![]));
    }
}

/// A free port of loopback, which stays reserved as long as this lives: it is bound without
/// listening, which keeps others from getting it and lets a proxy have it.
pub(crate) struct Port {
    _socket: Socket,
    pub(crate) number: u16,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let number = socket.local_addr().unwrap().as_socket().unwrap().port();
        Self { _socket: socket, number }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.number).into()
    }
}

/// Puts a bind on loopback in.
pub(crate) fn bind(snapshot: &mut Snapshot, id: &str, port: &Port) {
    let address = Some(port.address().ip());
    let bind = Bind { gateway: "test/gateway".into(), address, port: port.number };
    snapshot.insert(id, Resource::Bind(Arc::new(bind)));
}

/// Puts a listener in.
pub(crate) fn listener(
    snapshot: &mut Snapshot,
    id: &str,
    bind: &str,
    host: &str,
    protocol: Protocol,
) {
    let hostname = Hostname::parse(host).unwrap();
    let listener = Listener { bind: Id::new(bind), hostname, protocol };
    snapshot.insert(id, Resource::Listener(Arc::new(listener)));
}

/// Puts a bind with one listener for all hosts in, both of that name, without TLS.
pub(crate) fn plain(snapshot: &mut Snapshot, id: &str, port: &Port) {
    bind(snapshot, id, port);
    listener(snapshot, id, id, "*", Protocol::Http);
}

/// Puts a route of one rule in, which sends everything on a listener to one backend.
pub(crate) fn route(snapshot: &mut Snapshot, id: &str, listener: &str, backend: &str) {
    let parts = Route {
        listeners: vec![Id::new(listener)],
        hostnames: vec![],
        created: 0,
        namespace: "test".into(),
        name: id.into(),
    };
    let matches = vec![Match {
        path: PathMatch::Prefix("/".into()),
        method: None,
        headers: vec![],
        query: vec![],
    }];
    let backend = BackendChoice::Valid(Id::new(backend));
    let rule = Rule {
        route: Id::new(id),
        index: 0,
        name: None,
        matches,
        filters: vec![],
        backends: vec![WeightedBackend { backend, weight: 1, filters: vec![] }],
        timeouts: Timeouts::default(),
        retry: None,
    };
    snapshot.insert(id, Resource::Route(Arc::new(parts)));
    snapshot.insert(format!("{id}/0"), Resource::Rule(Arc::new(rule)));
}

/// Puts a backend with its endpoints in, both of that name.
pub(crate) fn backend(snapshot: &mut Snapshot, id: &str, at: &[SocketAddr]) {
    let target = Target::Endpoints(Id::new(id));
    let backend = Backend { protocol: UpstreamProtocol::Http1, target };
    snapshot.insert(id, Resource::Backend(Arc::new(backend)));
    endpoints(snapshot, id, at);
}

/// Replaces the endpoints of a backend.
pub(crate) fn endpoints(snapshot: &mut Snapshot, id: &str, at: &[SocketAddr]) {
    let mut endpoints: Vec<Endpoint> =
        at.iter().map(|at| Endpoint { address: at.ip(), port: at.port() }).collect();
    endpoints.sort();
    snapshot.insert(id, Resource::Endpoints(Arc::new(Endpoints { endpoints })));
}

/// Takes a resource and, by name, what belongs to it out.
pub(crate) fn remove(snapshot: &mut Snapshot, name: &str) {
    let keys: Vec<_> = snapshot.keys().filter(|key| *key.name == *name).collect();
    assert!(!keys.is_empty(), "{name} is not there");
    keys.iter().for_each(|key| assert!(snapshot.remove(key)));
}

/// Waits until something holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < deadline, "never came true: {what}");
        // tidy: allow sleep: between two looks at a condition that has a deadline.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Fails a test that hangs. Far longer than anything takes, so that a slow machine fails nothing.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("took too long: {what}"),
    }
}

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A bound of a rule that a test lets pass after it did something within it. It is waited for in
/// full, and yet leaves a slow machine time for that.
pub(crate) const BOUND: Duration = Duration::from_secs(2);
