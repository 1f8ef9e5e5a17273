//! How long a connection waits, for whom, and what it says in the end. The clock is the runtime's
//! own and moves on as soon as nothing else does, so that an hour takes no time.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use ir::{
    Backend, BackendChoice, Bind, Endpoint, Hostname, Id, Listener, Match, PathMatch, Protocol,
    Resource, Route, Rule, Snapshot, Target, Timeouts, UpstreamProtocol, WeightedBackend,
};
use router::Table;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, LocalOptions},
};

use super::*;
use crate::{
    Shared,
    closing::Closing,
    defaults,
    io::Io,
    live::{BackendLive, Live},
    slots::Slots,
    upstream,
};

/// A worker, a client's connection that it serves, and the backend behind it.
struct Scene {
    _local: Rc<Local>,
    closing: Rc<Closing>,
    client: TcpStream,
    backend: TcpListener,
}

impl Scene {
    async fn new() -> Self {
        let backend = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = Local::new(0, Shared::of(live(backend.local_addr().unwrap())));
        local.spawn_background(upstream::sweep(Rc::downgrade(&local)));
        let (client, stream, remote) = pair().await;
        let closing = Rc::new(Closing::default());
        let (inside, seats) = (local.clone(), closing.clone());
        local.spawn(async move {
            let seat = poll_fn(|cx| Poll::Ready(seats.join(cx.waker().clone()))).await;
            let connection = Connection {
                io: Io::plain(stream),
                remote,
                bind: Id::new("bind"),
                listener: None,
                trust: None,
                server_name: None,
                closing: seat,
            };
            serve(inside, connection).await;
        });
        Self { _local: local, closing, client, backend }
    }

    /// Sends a request and lets it arrive at the backend.
    async fn ask(&mut self, request: &str) -> TcpStream {
        self.client.write_all(request.as_bytes()).await.unwrap();
        let (mut backend, _) = self.backend.accept().await.unwrap();
        read_until(&mut backend, "\r\n\r\n").await;
        backend
    }

    /// What the client gets until its connection ends, and after which time.
    async fn ends(&mut self) -> (String, Duration) {
        let start = Instant::now();
        let mut text = String::new();
        self.client.read_to_string(&mut text).await.unwrap();
        (text, start.elapsed())
    }
}

/// Runs on a worker's runtime whose clock waits for nobody.
fn on_a_worker(test: impl Future<Output = ()>) {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build_local(LocalOptions::default());
    runtime.unwrap().block_on(test);
}

async fn pair() -> (TcpStream, TcpStream, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, remote) = listener.accept().await.unwrap();
    (client, stream, remote)
}

async fn read_until(stream: &mut TcpStream, mark: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(mark.as_bytes()) {
        read.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(read).unwrap()
}

fn live(at: SocketAddr) -> Live {
    let id = Id::<Backend>::new("backend");
    let protocol = UpstreamProtocol::Http1;
    let target = Target::Endpoints(Id::new("backend"));
    let mut snapshot = Snapshot::default();
    let bind = Bind { gateway: "a/b".into(), address: None, port: 80 };
    snapshot.insert("bind", Resource::Bind(Arc::new(bind)));
    let listener =
        Listener { bind: Id::new("bind"), hostname: Hostname::Any, protocol: Protocol::Http };
    snapshot.insert("listener", Resource::Listener(Arc::new(listener)));
    let route = Route {
        listeners: vec![Id::new("listener")],
        hostnames: vec![],
        created: 0,
        namespace: "a".into(),
        name: "b".into(),
    };
    snapshot.insert("route", Resource::Route(Arc::new(route)));
    let path = PathMatch::Prefix("/".into());
    let rule = Rule {
        route: Id::new("route"),
        index: 0,
        name: None,
        matches: vec![Match { path, method: None, headers: vec![], query: vec![] }],
        filters: vec![],
        backends: vec![WeightedBackend {
            backend: BackendChoice::Valid(id.clone()),
            weight: 1,
            filters: vec![],
        }],
        timeouts: Timeouts::default(),
        retry: None,
    };
    snapshot.insert("rule", Resource::Rule(Arc::new(rule)));
    snapshot.insert("backend", Resource::Backend(Arc::new(Backend { protocol, target })));
    let table = Arc::new(Table::compile(&snapshot, &Table::default(), None));
    let endpoints = Arc::new([Endpoint { address: at.ip(), port: at.port() }]);
    let mut backends = Slots::default();
    if let Some(slot) = table.backends().slot(&id) {
        backends.set(slot.index(), Some(Arc::new(BackendLive { id, protocol, endpoints })));
    }
    Live { table, backends, ..Live::empty() }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    on_a_worker(async {
        let (text, after) = Scene::new().await.ends().await;
        assert_eq!(text, "");
        assert_eq!(after.as_secs(), defaults::DOWNSTREAM_IDLE_TIME.as_secs());
    });
}

#[test]
fn a_head_that_does_not_arrive_in_time_is_answered_with_408() {
    on_a_worker(async {
        let mut scene = Scene::new().await;
        scene.client.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
        let (text, after) = scene.ends().await;
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
        assert!(text.contains("connection: close\r\n"), "{text}");
        assert_eq!(after.as_secs(), defaults::HEAD_TIME.as_secs());
    });
}

#[test]
fn a_head_that_trickles_in_has_no_longer() {
    on_a_worker(async {
        let mut scene = Scene::new().await;
        let (start, mut answer) = (Instant::now(), [0; 12]);
        for byte in "GET / HTTP/1.1\r\nX: ".bytes().chain(std::iter::repeat(b'a')) {
            let _ = scene.client.write_all(&[byte]).await;
            let wait = Duration::from_secs(1);
            let read = tokio::time::timeout(wait, scene.client.read_exact(&mut answer)).await;
            if read.is_ok() {
                break;
            }
        }
        assert_eq!(&answer, b"HTTP/1.1 408");
        let seconds = start.elapsed().as_secs();
        assert!((14..=16).contains(&seconds), "{seconds}");
    });
}

#[test]
fn a_silent_backend_is_given_up_and_the_client_told() {
    on_a_worker(async {
        let mut scene = Scene::new().await;
        let mut backend = scene.ask(GET).await;
        let start = Instant::now();
        let head = read_until(&mut scene.client, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 504 "), "{head}");
        assert_eq!(start.elapsed().as_secs(), defaults::STREAM_IDLE_TIME.as_secs());
        assert_eq!(backend.read(&mut [0]).await.unwrap_or(0), 0);
    });
}

#[test]
fn a_client_that_stops_within_its_body_is_given_up() {
    on_a_worker(async {
        let mut scene = Scene::new().await;
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n";
        let _backend = scene.ask(request).await;
        let (text, after) = scene.ends().await;
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
        assert_eq!(after.as_secs(), defaults::STREAM_IDLE_TIME.as_secs());
    });
}

#[test]
fn a_response_that_stands_still_is_cut_and_one_that_moves_is_not() {
    on_a_worker(async {
        let mut scene = Scene::new().await;
        let mut backend = scene.ask(GET).await;
        backend.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n").await.unwrap();
        for _ in 0..20 {
            // tidy: allow sleep: the clock is the test's own
            tokio::time::sleep(defaults::STREAM_IDLE_TIME / 2).await;
            backend.write_all(b"x").await.unwrap();
        }
        let (text, after) = scene.ends().await;
        assert!(text.ends_with(&"x".repeat(20)), "{text}");
        let limit = defaults::STREAM_IDLE_TIME;
        assert!(after >= limit && after <= limit * 3, "{after:?}");
    });
}

#[test]
fn a_tunnel_may_be_silent_for_longer() {
    on_a_worker(async {
        let mut scene = Scene::new().await;
        let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        let mut backend = scene.ask(ask).await;
        backend.write_all(b"HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n").await.unwrap();
        read_until(&mut scene.client, "\r\n\r\n").await;
        let start = Instant::now();
        // It has no orderly end: neither side said that it was done.
        let end = scene.client.read(&mut [0]).await;
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(start.elapsed().as_secs(), defaults::TUNNEL_IDLE_TIME.as_secs());
        assert_eq!(backend.read(&mut [0]).await.unwrap_or(0), 0);
    });
}

#[test]
fn an_idle_connection_to_a_backend_is_closed_before_the_backend_would() {
    on_a_worker(async {
        let mut scene = Scene::new().await;
        let mut backend = scene.ask(GET).await;
        backend.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        read_until(&mut scene.client, "\r\n\r\n").await;
        let start = Instant::now();
        assert_eq!(backend.read(&mut [0]).await.unwrap(), 0);
        let (after, limit) = (start.elapsed(), defaults::UPSTREAM_IDLE_TIME);
        assert!(after >= limit && after <= limit + 2 * limits::POOL_SWEEP, "{after:?}");
    });
}

#[test]
fn a_connection_that_shall_end_does_so_when_it_is_idle() {
    on_a_worker(async {
        let mut scene = Scene::new().await;
        scene.closing.advance(Stage::Announce);
        let mut backend = scene.ask(GET).await;
        scene.closing.advance(Stage::Close);
        backend.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
        let (text, after) = scene.ends().await;
        assert!(text.contains("connection: close\r\n") && text.ends_with("hi"), "{text}");
        assert!(after < Duration::from_secs(1), "{after:?}");
    });
}
