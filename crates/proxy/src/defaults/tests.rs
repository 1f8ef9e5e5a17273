//! `docs/hardening.md` has a table of what is bounded by default. It is made here of the numbers
//! themselves, so that it cannot say anything else than they do.

use super::*;
use crate::limits;

/// A row: what is bounded, by which numbers, what happens beyond, and where that is counted.
type Row = (&'static str, String, &'static str, &'static str);

#[test]
fn the_page_says_what_holds() {
    let page = include_str!("../../../../docs/hardening.md");
    let (_, rest) = page.split_once("<!-- checked: limits -->\n").unwrap();
    let (found, _) = rest.split_once("<!-- end: limits -->").unwrap();
    let mut table = "| what | default | beyond it | counted |\n|---|---|---|---|\n".to_owned();
    for (what, default, beyond, counted) in clients().into_iter().chain(upstreams()) {
        table += &format!("| {what} | {default} | {beyond} | {counted} |\n");
    }
    assert_eq!(found, table, "docs/hardening.md should say:\n{table}");
}

#[test]
fn every_default_is_in_the_table_or_no_bound_on_peers() {
    let (numbers, rows) = (include_str!("../defaults.rs"), include_str!("tests.rs"));
    for line in numbers.lines().filter_map(|line| line.strip_prefix("pub(crate) const ")) {
        let (name, _) = line.split_once(':').unwrap();
        let shown = rows.contains(&format!("({name})"));
        assert_ne!(shown, NO_BOUNDS.contains(&name), "{name}");
    }
}

/// How the proxy itself behaves.
const NO_BOUNDS: &[&str] = &["DRAIN_MIN", "DRAIN_MAX", "LOG_DELAY", "RETRIES", "BACKOFF"];

fn clients() -> Vec<Row> {
    vec![
        (
            "connections of clients",
            format!(
                "{}; half of the descriptors above {}, where that is less",
                number(CONNECTIONS_MAX),
                limits::DESCRIPTORS_KEPT
            ),
            "closed as they come",
            "refused: `limit`",
        ),
        (
            "from accept to the end of the TLS handshake, or to the first byte",
            time(PREAMBLE_TIME),
            "closed",
            "refused: `silent`; a handshake: `timed_out`",
        ),
        ("a ClientHello", bytes(limits::CLIENT_HELLO_BYTES_MAX), "closed", "refused: `preamble`"),
        (
            "from a head's first byte to its last",
            time(HEAD_TIME),
            "408",
            "failures: `head_timeout`",
        ),
        (
            "a head",
            format!("{}, {} fields", bytes(limits::HEAD_BYTES_MAX), limits::FIELDS_MAX),
            "431",
            "failures: `head_too_large`",
        ),
        (
            "a request's target",
            bytes(limits::TARGET_BYTES_MAX),
            "414",
            "failures: `target_too_long`",
        ),
        (
            "a body of which nothing comes",
            time(STREAM_IDLE_TIME),
            "408, or the stream is reset",
            "failures: `client_timeout`",
        ),
        (
            "an answer of which the client takes nothing, over HTTP/1 or HTTP/2",
            format!("{}, noticed after one to two times that", time(STALL_TIME)),
            "the connection ends; over HTTP/2 the stream",
            "failures: `client_timeout`",
        ),
        (
            "a connection without a request",
            time(DOWNSTREAM_IDLE_TIME),
            "closed; over HTTP/2 after GOAWAY",
            "–",
        ),
        (
            "PING to a client with open streams",
            format!("every {}, answered within {}", time(H2_PING_INTERVAL), time(H2_PING_TIME)),
            "the connection ends",
            "ended: `unresponsive`",
        ),
        (
            "a connection that changed its protocol, and on which no byte moves",
            time(TUNNEL_IDLE_TIME),
            "the connection ends",
            "failures: `client_timeout` or `upstream_timeout`",
        ),
        (
            "the rest of a request that nobody wants",
            format!("{}, {}", bytes(limits::LINGER_BYTES_MAX), time(limits::LINGER_TIME_MAX)),
            "closed",
            "–",
        ),
    ]
}

fn upstreams() -> Vec<Row> {
    vec![
        (
            "requests that wait for a connection to one backend, for each worker",
            number(PENDING_MAX),
            "503",
            "failures: `overflow`",
        ),
        (
            "a connection to an endpoint",
            time(CONNECT_TIME),
            "another endpoint, then 504",
            "failures: `connect_timeout`",
        ),
        (
            "an endpoint that neither sends nor takes a byte",
            time(STREAM_IDLE_TIME),
            "504, or the answer is cut",
            "failures: `upstream_timeout`",
        ),
        (
            "idle connections to one endpoint, for each worker",
            format!("{}, {}", limits::POOL_IDLE_MAX, time(UPSTREAM_IDLE_TIME)),
            "the oldest is closed",
            "–",
        ),
        (
            "streams on one connection to an endpoint",
            limits::H2_UPSTREAM_STREAMS_MAX.to_string(),
            "another connection",
            "–",
        ),
        (
            "mirrored requests under way, for each worker",
            format!("{}, {}", number(limits::MIRRORS_MAX), time(MIRROR_TIME)),
            "the copy is dropped",
            "`portcullis_mirrors_total`",
        ),
    ]
}

fn time(time: Duration) -> String {
    format!("{} s", number(time.as_secs() as usize))
}

fn bytes(bytes: usize) -> String {
    assert_eq!(bytes % 1024, 0);
    format!("{} KiB", bytes / 1024)
}

/// With a comma before the thousands.
fn number(n: usize) -> String {
    match n {
        1000.. => format!("{},{:03}", n / 1000, n % 1000),
        _ => n.to_string(),
    }
}
