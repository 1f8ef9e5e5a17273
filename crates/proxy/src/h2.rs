//! HTTP/2 on the `h2` crate, server and client half, behind the same seam as HTTP/1.
//!
//! `h2` does frames, HPACK, stream states and flow control, and bounds what a peer can make it
//! hold. Here: heads in and out of it ([`head`]), bodies with back-pressure ([`Flow`]), and the
//! lives of connections. Extended CONNECT (RFC 8441) and server push are not offered.

mod client;
mod flow;
mod head;
mod keepalive;
mod meter;
mod serve;
mod server;

pub(crate) use client::{ClientConnection, ClientStream};
pub(crate) use flow::Flow;
pub(crate) use serve::serve;
pub(crate) use server::ServerStream;
