//! HTTP/1, strict, server and client half.
//!
//! [`scan`], [`request_head`], [`response_head`], [`framing`] and [`chunked`] read, and `write`
//! writes; none of them does I/O. [`Wire`] joins them to a connection, [`ServerConn`] and
//! [`ClientConn`] give it a side, and [`serve()`] is the life of a client's connection. Nothing is
//! repaired: what two implementations could read in two ways is refused
//! ([`crate::http::Violation`]).

use router::{Head, head::Known};

mod chunked;
mod client;
mod framing;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod request_head;
mod response_head;
mod scan;
mod serve;
mod server;
mod wire;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use client::ClientConn;
pub(crate) use serve::serve;
pub(crate) use server::ServerConn;
pub(crate) use wire::Wire;

/// What the fields of a head say about its connection (RFC 9110 §7.6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tokens {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

impl Tokens {
    fn of(head: &Head) -> Self {
        let mut found = Self::default();
        for field in head.field_spans().iter().filter(|field| field.known == Known::Connection) {
            for token in head.bytes(field.value).split(|byte| *byte == b',') {
                let token = token.trim_ascii();
                found.close |= token.eq_ignore_ascii_case(b"close");
                found.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                found.upgrade |= token.eq_ignore_ascii_case(b"upgrade");
            }
        }
        found
    }
}
