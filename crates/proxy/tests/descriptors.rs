//! A process that has no file descriptor left. It is a program of its own, because the limit is the
//! process's.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    num::NonZeroUsize,
    os::fd::AsRawFd,
    sync::Arc,
    time::{Duration, Instant},
};

use ir::{Bind, Hostname, Id, Listener, Protocol, Resource, Snapshot};
use parking_lot::Mutex;
use portcullis_proxy::{Options, Proxy};
use rustix::process::{Resource as Limit, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// When it was said that no connection can be accepted.
static SAID: Mutex<Vec<Instant>> = Mutex::new(Vec::new());

/// Listens to what is said about accepting.
struct Ear;

impl Subscriber for Ear {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        *of.level() == Level::WARN && of.target().ends_with("::doors")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {
        SAID.lock().push(Instant::now());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_worker_without_descriptors_pauses_and_serves_on() {
    tracing::subscriber::set_global_default(Ear).unwrap();
    let reserved = socket();
    reserved.set_reuse_port(true).unwrap();
    reserved.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let at = reserved.local_addr().unwrap().as_socket().unwrap();
    let _proxy = proxy(at);
    let mut before = TcpStream::connect(at).unwrap();
    assert_eq!(ask(&mut before), "HTTP/1.1 404");

    let late = socket();
    let whole = getrlimit(Limit::Nofile);
    // The lowest number that is free is the next one that anybody would get.
    let used = File::open("/dev/null").unwrap().as_raw_fd();
    setrlimit(Limit::Nofile, Rlimit { current: Some(used as u64), ..whole }).unwrap();
    late.connect(&at.into()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while SAID.lock().len() < 4 {
        assert!(Instant::now() < deadline, "nobody tries again");
        std::thread::yield_now();
    }
    assert_eq!(ask(&mut before), "HTTP/1.1 404", "who is in is served");
    setrlimit(Limit::Nofile, whole).unwrap();
    assert_eq!(ask(&mut TcpStream::from(late)), "HTTP/1.1 404");

    // Longer pauses than these can only come of a slow machine, shorter ones of no pause.
    let said = SAID.lock();
    let gaps = said.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.min().unwrap() >= Duration::from_millis(50));
}

fn socket() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket
}

/// One worker that has a listener there, and no route.
fn proxy(at: SocketAddr) -> Proxy {
    let options = Options { workers: NonZeroUsize::new(1), ..Options::default() };
    let proxy = Proxy::start(options).unwrap();
    let mut next = Snapshot::default();
    let bind = Bind { gateway: "a/b".into(), address: Some(at.ip()), port: at.port() };
    next.insert("bind", Resource::Bind(Arc::new(bind)));
    let listener =
        Listener { bind: Id::new("bind"), hostname: Hostname::Any, protocol: Protocol::Http };
    next.insert("listener", Resource::Listener(Arc::new(listener)));
    let delta = ir::diff(1, &Snapshot::default(), &next, None);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(proxy.apply(delta)).closed, []);
    proxy
}

/// How the answer to a request begins.
fn ask(client: &mut TcpStream) -> String {
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    String::from_utf8(answer).unwrap()[..12].to_owned()
}
