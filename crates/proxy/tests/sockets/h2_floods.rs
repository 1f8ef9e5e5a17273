//! Floods over HTTP/2: each ends its connection, is counted, and is not felt by others. What each
//! may cost in memory, `cargo xtask floods` shows on the real binary.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    harness::{
        Echo, Port, Rig, backend,
        frames::{
            CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, PRIORITY,
            RESET, SETTINGS, WINDOW_UPDATE, block, frame, with,
        },
        h2::H2Client,
        in_time, plain, route,
    },
    telemetry::scrape,
};

/// What a client does over and over.
struct Flood {
    name: &'static str,
    /// Before that, once.
    first: fn() -> Vec<u8>,
    round: fn(u32) -> Vec<u8>,
    /// As the metric counts it.
    counted: &'static str,
}

const FLOODS: &[Flood] = &[
    // CVE-2023-44487.
    Flood { name: "rapid reset", first: none, round: rapid_reset, counted: "flood" },
    // CVE-2025-8671, in the ways that are known.
    Flood { name: "reset by zero update", first: none, round: zero_update, counted: "protocol" },
    Flood { name: "reset by large update", first: none, round: large_update, counted: "flood" },
    Flood { name: "reset by own parent", first: none, round: own_parent, counted: "flood" },
    Flood { name: "reset by false length", first: none, round: false_length, counted: "flood" },
    // CVE-2024-27316 and the like.
    Flood { name: "continuation", first: open_head, round: continuation, counted: "flood" },
    Flood { name: "empty continuation", first: open_head, round: empty, counted: "flood" },
    // CVE-2019-9515, -9512, -9513, -9518.
    Flood { name: "settings", first: none, round: settings, counted: "flood" },
    Flood { name: "ping", first: none, round: ping, counted: "flood" },
    Flood { name: "priority", first: none, round: priority, counted: "flood" },
    Flood { name: "empty data", first: open_body, round: empty_data, counted: "flood" },
    Flood { name: "window updates", first: none, round: window_update, counted: "flood" },
    Flood { name: "stream window updates", first: open_body, round: on_stream, counted: "flood" },
    Flood { name: "unknown frames", first: none, round: unknown, counted: "flood" },
    // CVE-2026-47774, -49975.
    Flood { name: "cookie crumbs", first: none, round: crumbs, counted: "flood" },
    Flood { name: "too many fields", first: none, round: fields, counted: "flood" },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_flood_ends_its_connection_and_is_counted() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = Rig::with(|options| options.admin = Some(([127, 0, 0, 1], 0).into()));
    rig.serve(|to| {
        backend(to, "backend", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "backend");
    })
    .await;
    let mut other = H2Client::plain(port.address()).await;
    for flood in FLOODS {
        let metric = format!("portcullis_connections_ended_total{{reason=\"{}\"}}", flood.counted);
        let before = scrape(&rig).await[&metric];
        let code = in_time(flood.name, run(&port, flood)).await;
        // The connection is cut with frames unread, so the reason may be lost on its way.
        let said = if flood.counted == "flood" { ENHANCE_YOUR_CALM } else { PROTOCOL_ERROR };
        assert!(code.is_none_or(|code| code == said), "{}: {code:?}", flood.name);
        assert_eq!(scrape(&rig).await[&metric], before + 1.0, "{}", flood.name);
        assert_eq!(other.get("/").await.unwrap().status, 200, "{}", flood.name);
    }
}

/// Sends until the connection ends, while reading all that comes; the code of the GOAWAY.
async fn run(port: &Port, flood: &Flood) -> Option<u32> {
    let (mut from, mut to) = Frames::open(port).await.stream.into_split();
    let reader = tokio::spawn(async move {
        let mut bytes = Vec::new();
        // A reset is an end too.
        let _ = from.read_to_end(&mut bytes).await;
        goaway(&bytes)
    });
    let mut sent = to.write_all(&(flood.first)()).await;
    let mut round = 0;
    while sent.is_ok() {
        assert!(round < ROUNDS_MAX, "{} may go on for ever", flood.name);
        let batch: Vec<u8> = (round..round + BATCH).flat_map(flood.round).collect();
        round += BATCH;
        sent = to.write_all(&batch).await;
    }
    reader.await.unwrap()
}

fn goaway(mut bytes: &[u8]) -> Option<u32> {
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (body, rest) = rest.split_at_checked(length)?;
        if head[3] == GOAWAY {
            return Some(u32::from_be_bytes(body[4..8].try_into().unwrap()));
        }
        bytes = rest;
    }
    None
}

fn none() -> Vec<u8> {
    vec![]
}

/// Opens a stream of its own in each round.
fn open(round: u32, flags: u8, fields: &[(&str, &str)]) -> (u32, Vec<u8>) {
    let id = round * 2 + 1;
    (id, frame(HEADERS, flags | END_HEADERS, id, &with(fields)))
}

fn rapid_reset(round: u32) -> Vec<u8> {
    let (id, head) = open(round, END_STREAM, &[]);
    [head, frame(RESET, 0, id, &8u32.to_be_bytes())].concat()
}

fn zero_update(round: u32) -> Vec<u8> {
    let (id, head) = open(round, 0, &[]);
    [head, frame(WINDOW_UPDATE, 0, id, &[0; 4])].concat()
}

fn large_update(round: u32) -> Vec<u8> {
    let (id, head) = open(round, 0, &[]);
    [head, frame(WINDOW_UPDATE, 0, id, &0x7fff_ffff_u32.to_be_bytes())].concat()
}

fn own_parent(round: u32) -> Vec<u8> {
    let (id, head) = open(round, 0, &[]);
    let parent = [&id.to_be_bytes()[..], &[1]].concat();
    [head, frame(PRIORITY, 0, id, &parent)].concat()
}

fn false_length(round: u32) -> Vec<u8> {
    let (id, head) = open(round, 0, &[("content-length", "1")]);
    [head, frame(DATA, END_STREAM, id, b"longer")].concat()
}

fn open_head() -> Vec<u8> {
    frame(HEADERS, END_STREAM, 1, &with(&[]))
}

fn continuation(_: u32) -> Vec<u8> {
    frame(CONTINUATION, 0, 1, &block(&[("x", "y"); 100]))
}

fn empty(_: u32) -> Vec<u8> {
    frame(CONTINUATION, 0, 1, b"")
}

fn settings(_: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0])
}

fn ping(round: u32) -> Vec<u8> {
    frame(PING, 0, 0, &u64::from(round).to_be_bytes())
}

fn priority(round: u32) -> Vec<u8> {
    frame(PRIORITY, 0, round * 2 + 1, &[0, 0, 0, 0, 16])
}

fn open_body() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &with(&[]))
}

fn empty_data(_: u32) -> Vec<u8> {
    frame(DATA, 0, 1, b"")
}

fn window_update(_: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes())
}

fn on_stream(_: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, 1, &1u32.to_be_bytes())
}

fn unknown(_: u32) -> Vec<u8> {
    frame(0x42, 0, 0, b"what is this")
}

fn crumbs(round: u32) -> Vec<u8> {
    open(round, END_STREAM, &[("cookie", "a"); 200]).1
}

fn fields(round: u32) -> Vec<u8> {
    open(round, END_STREAM, &[("x", "y"); 200]).1
}

/// RFC 9113 §7.
const PROTOCOL_ERROR: u32 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;
const BATCH: u32 = 100;
const ROUNDS_MAX: u32 = 1_000_000;
