//! HTTP/2, server and client half, behind the same seam as HTTP/1 (RFC 9113).
//!
//! [`mux`] is the state of a connection and what frames do to it, [`driver`] moves its bytes,
//! [`Flow`] is a stream's bodies with back-pressure, [`head`] reads and writes heads by [`hpack`].
//! One codec for both halves: what differs is who opens streams. Priorities are read and not
//! followed; extended CONNECT (RFC 8441) and server push are not offered.

mod client;
mod driver;
mod flow;
mod frame;
mod head;
mod hpack;
mod keepalive;
mod mux;
mod serve;
mod server;
mod stream;
mod tally;

pub(crate) use client::{ClientConnection, ClientStream};
pub(crate) use flow::Flow;
pub(crate) use serve::serve;
pub(crate) use server::ServerStream;
