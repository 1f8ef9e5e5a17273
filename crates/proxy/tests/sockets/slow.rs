//! Slow and greedy clients: each meets the bound that is for it, is told and counted as it should
//! be, gives back what it held, and holds nobody else up. Only the bound that a case is about is
//! short; all others are the defaults, far longer than a test waits.

use std::{path::PathBuf, time::Duration};

use portcullis_proxy::{AccessLogTarget, Patience};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    harness::{
        Client, Port, Rig, backend,
        frames::{END_HEADERS, END_STREAM, Frames, HEADERS, RESET, SETTINGS, block, code},
        h2::H2Client,
        in_time, plain,
        raw::{Raw, read_to},
        route,
        stage::Peer,
        until,
    },
    telemetry::scrape,
};

/// A client of HTTP/1.
struct Slow {
    name: &'static str,
    /// Makes the one bound short.
    shorten: fn(&mut Patience),
    says: &'static str,
    /// What it goes on to say, byte by byte.
    drip: &'static [u8],
    /// Whether it reads before its connection is gone.
    reads: bool,
    /// How the last that it gets begins.
    told: &'static str,
    /// Where it is counted.
    counted: Option<&'static str>,
    /// The reason in the access log.
    logged: Option<&'static str>,
}

const CLIENTS: &[Slow] = &[
    Slow {
        name: "says nothing",
        shorten: |to| to.preamble = SHORT,
        says: "",
        drip: b"",
        reads: true,
        told: "",
        counted: Some("portcullis_connections_refused_total{reason=\"silent\"}"),
        logged: None,
    },
    Slow {
        name: "stops within a head",
        shorten: |to| to.head = SHORT,
        says: "GET / HTTP/1.1\r\nHo",
        drip: b"",
        reads: true,
        told: "HTTP/1.1 408 ",
        counted: Some("portcullis_request_failures_total{reason=\"head_timeout\"}"),
        logged: Some("head_timeout"),
    },
    Slow {
        name: "sends a head byte by byte",
        shorten: |to| to.head = SHORT,
        says: "GET / HTTP/1.1\r\nX: ",
        drip: b"x",
        reads: true,
        told: "HTTP/1.1 408 ",
        counted: Some("portcullis_request_failures_total{reason=\"head_timeout\"}"),
        logged: Some("head_timeout"),
    },
    Slow {
        name: "stops within a body",
        shorten: |to| to.stream_idle = SHORT,
        says: "POST /taken HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        drip: b"",
        reads: true,
        told: "HTTP/1.1 408 ",
        counted: Some("portcullis_request_failures_total{reason=\"client_timeout\"}"),
        logged: Some("client_timeout"),
    },
    Slow {
        name: "takes no answer",
        shorten: |to| to.stall = SHORT,
        says: "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n",
        drip: b"",
        reads: false,
        told: "HTTP/1.1 200 ",
        counted: Some("portcullis_request_failures_total{reason=\"client_timeout\"}"),
        logged: Some("client_timeout"),
    },
    Slow {
        name: "asks no more",
        shorten: |to| to.idle = SHORT,
        says: "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        drip: b"",
        reads: true,
        told: "HTTP/1.1 200 ",
        counted: None,
        logged: None,
    },
];

#[tokio::test]
async fn slow_clients_of_http1_meet_their_bound() {
    let mut tests: JoinSet<()> = CLIENTS.iter().map(meets_its_bound).collect();
    while let Some(met) = tests.join_next().await {
        met.unwrap();
    }
}

async fn meets_its_bound(slow: &Slow) {
    let scene = Scene::new(slow.shorten).await;
    let mut peer = Peer::connect(scene.port.address()).await;
    peer.send(slow.says).await;
    scene.others_are_served(slow.name).await;
    if !slow.reads {
        until(slow.name, || async { scene.count(slow.counted.unwrap()).await == 1.0 }).await;
    }
    let text = match slow.drip {
        b"" => peer.end().await,
        drip => in_time(slow.name, trickle(&mut peer.stream, drip)).await,
    };
    assert!(text.starts_with(slow.told), "{}: {text:.99}", slow.name);
    assert_eq!(text.is_empty(), slow.told.is_empty(), "{}", slow.name);
    scene.all_is_given_back(slow.name).await;
    if let Some(counted) = slow.counted {
        assert_eq!(scene.count(counted).await, 1.0, "{}", slow.name);
    }
    if let Some(reason) = slow.logged {
        scene.is_logged(reason).await;
    }
}

#[tokio::test]
async fn an_answer_without_window_is_reset_and_its_connection_goes_on() {
    let scene = Scene::new(|to| to.stall = SHORT).await;
    let mut frames = Frames::open(&scene.port).await;
    // SETTINGS_INITIAL_WINDOW_SIZE = 0 (RFC 9113 §6.5.2).
    frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await.unwrap();
    frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &ask("/endless")).await.unwrap();
    assert_eq!(frames.next(&[HEADERS]).await.unwrap().1, 1);
    scene.others_are_served("a stalled window").await;
    let (_, stream, body) = frames.next(&[RESET]).await.unwrap();
    assert_eq!((stream, code(&body)), (1, CANCEL));
    scene.is_logged("client_timeout").await;
    let counted = "portcullis_request_failures_total{reason=\"client_timeout\"}";
    assert_eq!(scene.count(counted).await, 1.0);
    // The stream was the fault, and not the connection.
    frames.send(HEADERS, END_HEADERS | END_STREAM, 3, &ask("/")).await.unwrap();
    assert_eq!(frames.next(&[HEADERS]).await.unwrap().1, 3);
    drop(frames);
    scene.all_is_given_back("a stalled window").await;
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_to_go() {
    let scene = Scene::new(|to| to.idle = SHORT).await;
    let mut client = H2Client::plain(scene.port.address()).await;
    assert_eq!(client.get("/").await.unwrap().status, 200);
    in_time("the end of an idle connection", client.ended()).await.unwrap();
    scene.all_is_given_back("an idle connection").await;
}

/// A proxy that logs, before a backend that answers, or never ends to.
struct Scene {
    rig: Rig,
    port: Port,
    log: PathBuf,
    _folder: tempfile::TempDir,
    _backend: Raw,
}

impl Scene {
    async fn new(shorten: fn(&mut Patience)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("access.log");
        let (port, raw) = (Port::reserve(), Raw::start(answer).await);
        let mut rig = Rig::with(|options| {
            options.admin = Some(([127, 0, 0, 1], 0).into());
            options.access_log = AccessLogTarget::File(log.clone());
            shorten(&mut options.patience);
        });
        rig.serve(|to| {
            backend(to, "backend", &[raw.address]);
            plain(to, "bind", &port);
            route(to, "route", "bind", "backend");
        })
        .await;
        Self { rig, port, log, _folder: folder, _backend: raw }
    }

    async fn others_are_served(&self, beside: &str) {
        for _ in 0..5 {
            let mut other = Client::plain(self.port.address()).await.unwrap();
            let response = in_time(beside, other.get("any", "/")).await.unwrap();
            assert_eq!(response.status, 200, "{beside}");
        }
    }

    async fn count(&self, metric: &str) -> f64 {
        scrape(&self.rig).await.get(metric).copied().unwrap_or_default()
    }

    /// Nobody is connected any more, and no request is under way.
    async fn all_is_given_back(&self, after: &str) {
        until(after, || async {
            self.count("portcullis_connections_active").await == 0.0
                && self.count("portcullis_requests_active").await == 0.0
        })
        .await;
    }

    async fn is_logged(&self, reason: &str) {
        let member = format!("\"reason\":\"{reason}\"");
        until(reason, || async {
            let lines = std::fs::read_to_string(&self.log).unwrap();
            lines.lines().filter(|line| line.contains(&member)).count() == 1
        })
        .await;
    }
}

/// A backend's connection.
async fn answer(mut stream: TcpStream) {
    loop {
        let head = read_to(&mut stream, "\r\n\r\n").await;
        if head.is_empty() {
            return;
        }
        if head.starts_with("POST /taken") {
            // Takes what comes, and has no answer before all is there.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return;
        }
        let endless = head.starts_with("GET /endless") || head.starts_with("POST /endless");
        let length: u64 = if endless { 1 << 40 } else { 2 };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let mut sent = stream.write_all(head.as_bytes()).await;
        while endless && sent.is_ok() {
            sent = stream.write_all(&[b'x'; 16 * 1024]).await;
        }
        if sent.is_err() || stream.write_all(b"ok").await.is_err() {
            return;
        }
    }
}

/// Says the same byte again and again until there is an answer, and reads that.
async fn trickle(stream: &mut TcpStream, drip: &[u8]) -> String {
    let (mut from, mut to) = stream.split();
    let mut text = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    loop {
        tokio::select! {
            // A reset is an end too.
            read = from.read_buf(&mut text) => if matches!(read, Ok(0) | Err(_)) { break },
            _ = pace.tick() => { let _ = to.write_all(drip).await; }
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn ask(path: &str) -> Vec<u8> {
    block(&[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)])
}

/// The bound that a case is about.
const SHORT: Duration = Duration::from_millis(300);
/// RFC 9113 §7.
const CANCEL: u32 = 8;
