//! Heads as HTTP/1 text. Framing, `Host` and `Connection` are made here from what is decided, never
//! copied: fields of those names must be gone from the head (`http::hop`).

use router::{Head, head::Known};

use crate::decimal;

/// How the end of an outgoing body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// There is none, and no field says so.
    None,
    /// `content-length`.
    Length(u64),
    /// `transfer-encoding: chunked`.
    Chunked,
    /// By closing the connection.
    Close,
}

/// What an outgoing response says about its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persistence {
    /// HTTP/1.1 stays open without a word.
    Implied,
    /// HTTP/1.0 must be told.
    KeepAlive,
    /// No request after this one.
    Close,
    /// It changes its protocol.
    Upgrade,
}

/// A request head.
pub(super) fn request(out: &mut Vec<u8>, head: &Head, coding: Coding) {
    out.extend_from_slice(head.bytes(head.method));
    out.push(b' ');
    out.extend_from_slice(head.bytes(head.path));
    if head.has_query {
        out.push(b'?');
        out.extend_from_slice(head.bytes(head.query));
    }
    out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    out.extend_from_slice(head.bytes(head.authority));
    out.extend_from_slice(b"\r\n");
    fields(out, head);
    let has = |known| head.field_spans().iter().any(|field| field.known == known);
    if has(Known::Upgrade) {
        out.extend_from_slice(b"connection: upgrade\r\n");
    } else if has(Known::Te) {
        // RFC 9110 §10.1.4: whoever sends TE says that it is for the next hop only.
        out.extend_from_slice(b"connection: te\r\n");
    }
    self::coding(out, coding);
    out.extend_from_slice(b"\r\n");
}

/// The head of a final response.
pub(super) fn response(out: &mut Vec<u8>, head: &Head, coding: Coding, persistence: Persistence) {
    status_line(out, head.status);
    fields(out, head);
    out.extend_from_slice(match persistence {
        Persistence::Implied => b"",
        Persistence::KeepAlive => b"connection: keep-alive\r\n",
        Persistence::Close => b"connection: close\r\n",
        Persistence::Upgrade => b"connection: upgrade\r\n",
    });
    self::coding(out, coding);
    out.extend_from_slice(b"\r\n");
}

/// An interim response.
pub(super) fn interim(out: &mut Vec<u8>, head: &Head) {
    status_line(out, head.status);
    fields(out, head);
    out.extend_from_slice(b"\r\n");
}

/// Field lines as they are, neighbours in one piece.
pub(super) fn fields(out: &mut Vec<u8>, head: &Head) {
    for run in head.runs() {
        out.extend_from_slice(run);
    }
}

/// The line before a chunk of that size.
pub(super) fn chunk_size(out: &mut Vec<u8>, size: usize) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[size >> (place * 4) & 0xf]);
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal::push(out, u64::from(status));
    out.push(b' ');
    let reason = ::http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    out.extend_from_slice(reason.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn coding(out: &mut Vec<u8>, coding: Coding) {
    match coding {
        Coding::None | Coding::Close => {}
        Coding::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            decimal::push(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Coding::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
}
