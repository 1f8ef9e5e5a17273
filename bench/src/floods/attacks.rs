//! The attacks: what each sends, where it is from, and what one of its connections may hold.

/// One of them.
pub(super) struct Attack {
    pub(super) name: &'static str,
    /// Where it became known.
    pub(super) origin: &'static str,
    /// Whether it reads what comes back.
    pub(super) reads: bool,
    /// Once, on each connection.
    pub(super) first: fn() -> Vec<u8>,
    /// Then this, over and over.
    pub(super) round: fn(u32) -> Vec<u8>,
    pub(super) rounds: u32,
    pub(super) after: After,
    /// What one connection may cost in memory at most; `docs/hardening.md` says of what.
    pub(super) connection_bytes: u64,
}

/// What the proxy does about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It ends the connection, and counts that as a flood or a broken protocol.
    EndedAndCounted,
    /// It ends the connection; the request is counted as the failure that it is.
    Ended,
    /// It holds no more than its bound, and lets the connection wait.
    Held,
}

/// A connection with little on it: buffers, one head.
const LITTLE: u64 = 512 << 10;
/// A hundred streams, each with a head of its own and buffers of both sides.
const STREAMS: u64 = 100 * (64 << 10);

const BASE: Attack = Attack {
    name: "",
    origin: "",
    reads: true,
    first: preface,
    round: nothing,
    rounds: u32::MAX,
    after: After::EndedAndCounted,
    connection_bytes: LITTLE,
};

pub(super) const ALL: &[Attack] = &[
    Attack {
        name: "rapid reset",
        origin: "CVE-2023-44487",
        round: rapid_reset,
        connection_bytes: STREAMS,
        ..BASE
    },
    Attack {
        name: "resets that we are made to send",
        origin: "CVE-2025-8671",
        round: large_update,
        connection_bytes: STREAMS,
        ..BASE
    },
    Attack {
        name: "CONTINUATION without end",
        origin: "CVE-2024-27316",
        first: || open_head(&[]),
        round: |_| frame(CONTINUATION, 0, 1, &block(&[("x", "y"); 100])),
        ..BASE
    },
    Attack {
        name: "empty CONTINUATION",
        origin: "CVE-2024-27919",
        first: || open_head(&[]),
        round: |_| frame(CONTINUATION, 0, 1, b""),
        ..BASE
    },
    Attack {
        name: "SETTINGS",
        origin: "CVE-2019-9515",
        round: |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]),
        ..BASE
    },
    Attack { name: "PING", origin: "CVE-2019-9512", round: ping, ..BASE },
    Attack {
        name: "PING, answers unread",
        origin: "CVE-2019-9512",
        round: ping,
        reads: false,
        after: After::Held,
        ..BASE
    },
    Attack {
        name: "PRIORITY",
        origin: "CVE-2019-9513",
        round: |round| frame(PRIORITY, 0, id(round), &[0, 0, 0, 0, 16]),
        ..BASE
    },
    Attack {
        name: "empty DATA",
        origin: "CVE-2019-9518",
        first: || open_body(1),
        round: |_| frame(DATA, 0, 1, b""),
        ..BASE
    },
    Attack {
        name: "WINDOW_UPDATE by one",
        origin: "CVE-2019-9511",
        round: |_| frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes()),
        ..BASE
    },
    Attack {
        name: "frames that nobody knows",
        origin: "RFC 9113 §10.5",
        round: |_| frame(0x42, 0, 0, b"what is this"),
        ..BASE
    },
    Attack {
        name: "HPACK references to a long field",
        origin: "CVE-2026-47774",
        round: bomb,
        connection_bytes: STREAMS,
        after: After::Held,
        ..BASE
    },
    Attack {
        name: "cookie crumbs",
        origin: "CVE-2026-49975",
        round: crumbs,
        connection_bytes: STREAMS,
        after: After::Held,
        ..BASE
    },
    Attack {
        name: "window stall: 100 answers, no window",
        origin: "CVE-2019-9517",
        first: no_window,
        round: stalled,
        rounds: 100,
        after: After::Held,
        connection_bytes: STREAMS,
        ..BASE
    },
    Attack {
        name: "window stall: 100 uploads that nobody takes",
        origin: "RFC 9113 §10.5",
        round: upload,
        rounds: 100,
        after: After::Held,
        connection_bytes: STREAMS + (1 << 20),
        ..BASE
    },
    Attack {
        name: "HTTP/1: a head without end",
        origin: "RFC 9112 §3",
        first: || b"GET / HTTP/1.1\r\nHost: a.test\r\nX: ".to_vec(),
        round: |_| vec![b'a'; 1024],
        after: After::Ended,
        ..BASE
    },
    Attack {
        name: "HTTP/1: pipelined, answers unread",
        origin: "RFC 9112 §9.3.2",
        first: Vec::new,
        round: |_| b"GET /small HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec(),
        reads: false,
        after: After::Held,
        ..BASE
    },
    Attack {
        name: "HTTP/1: chunks of one byte with extensions",
        origin: "CVE-2025-55315",
        first: || b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        round: |_| b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n".to_vec(),
        after: After::Ended,
        ..BASE
    },
];

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn id(round: u32) -> u32 {
    round.wrapping_mul(2).wrapping_add(1) & 0x7fff_ffff
}

fn nothing(_: u32) -> Vec<u8> {
    Vec::new()
}

fn preface() -> Vec<u8> {
    let start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    [&start[..], &frame(SETTINGS, 0, 0, b"")].concat()
}

/// SETTINGS_INITIAL_WINDOW_SIZE of 0.
fn no_window() -> Vec<u8> {
    [preface(), frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat()
}

fn open_head(fields: &[(&str, &str)]) -> Vec<u8> {
    [preface(), frame(HEADERS, END_STREAM, 1, &with(fields))].concat()
}

fn open_body(id: u32) -> Vec<u8> {
    [preface(), frame(HEADERS, END_HEADERS, id, &with(&[]))].concat()
}

fn rapid_reset(round: u32) -> Vec<u8> {
    let head = frame(HEADERS, END_STREAM | END_HEADERS, id(round), &with(&[]));
    [head, frame(RESET, 0, id(round), &8u32.to_be_bytes())].concat()
}

fn large_update(round: u32) -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, id(round), &with(&[]));
    [head, frame(WINDOW_UPDATE, 0, id(round), &0x7fff_ffff_u32.to_be_bytes())].concat()
}

fn ping(round: u32) -> Vec<u8> {
    frame(PING, 0, 0, &u64::from(round).to_be_bytes())
}

/// A literal with a long value that is indexed (RFC 7541 §6.2.1), then references to it, of one
/// byte each (§6.1).
fn bomb(round: u32) -> Vec<u8> {
    let mut fields = with(&[]);
    fields.extend([0x40, 1, b'x', 120]);
    fields.extend([b'v'; 120]);
    fields.extend([0xbe; 10_000]);
    frame(HEADERS, END_STREAM | END_HEADERS, id(round), &fields)
}

fn crumbs(round: u32) -> Vec<u8> {
    let mut fields = with(&[]);
    fields.extend(block(&[("cookie", "a"); 1_500]));
    frame(HEADERS, END_STREAM | END_HEADERS, id(round), &fields)
}

fn stalled(round: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, id(round), &with(&[]))
}

fn upload(round: u32) -> Vec<u8> {
    let mut frames = frame(HEADERS, END_HEADERS, id(round), &with(&[]));
    // Together as much as the connection's window has to begin with.
    frames.extend(frame(DATA, 0, id(round), &[b'x'; 10_000]));
    frames
}

fn frame(kind: u8, flags: u8, id: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(id.to_be_bytes());
    frame.extend(body);
    frame
}

/// Fields as HPACK literals that are not indexed (RFC 7541 §6.2.2); each shorter than 127 bytes.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    }
    block
}

fn with(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut all =
        vec![(":method", "POST"), (":scheme", "http"), (":authority", "a.test"), (":path", "/")];
    all.extend(fields);
    block(&all)
}
