//! The first bytes of a connection without TLS: HTTP/2 begins with a preface that no HTTP/1 request
//! can begin with (RFC 9113 §3.4).

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
    task::yield_now,
    time::{Instant, timeout_at},
};

use super::{Arrival, Connection, Version};
use crate::{
    closing::{Seat, Stage},
    io::Io,
    telemetry::Refusal,
};

/// Finds out what the client speaks. An error without a reason is a client that left, or one that
/// was sent away before it said anything.
pub(super) async fn read(
    mut arrival: Arrival,
    deadline: Instant,
) -> Result<(Version, Connection), Option<Refusal>> {
    if arrival.closing.stage() >= Stage::Close {
        // Of a socket from another worker is not known yet what has come already: the runtime looks
        // at it before this goes on. Closing it unread would reset a request that came in time.
        yield_now().await;
    }
    let mut ahead = Vec::new();
    let version = loop {
        let next = timeout_at(deadline, next(&mut arrival, &mut ahead)).await;
        next.map_err(|_| Some(Refusal::Silent))??;
        if ahead.starts_with(PREFACE) {
            break Version::Http2;
        }
        if !PREFACE.starts_with(&ahead) {
            break Version::Http1;
        }
    };
    let Arrival { bind, closing, stream, remote } = arrival;
    let io = Io::with_ahead(stream, ahead);
    let (listener, trust, server_name) = (None, None, None);
    let connection = Connection { io, remote, bind, listener, trust, server_name, closing };
    Ok((version, connection))
}

async fn next(arrival: &mut Arrival, ahead: &mut Vec<u8>) -> Result<(), Option<Refusal>> {
    let Arrival { stream, closing, .. } = arrival;
    let count = poll_fn(|cx| poll_read(cx, stream, closing, ahead)).await;
    if count == 0 { Err(None) } else { Ok(()) }
}

/// How many bytes came; 0 is the end of this connection.
fn poll_read(
    cx: &mut Context<'_>,
    stream: &mut TcpStream,
    closing: &Seat,
    ahead: &mut Vec<u8>,
) -> Poll<usize> {
    let mut bytes = [0; READ_BYTES];
    let mut buf = ReadBuf::new(&mut bytes);
    match Pin::new(stream).poll_read(cx, &mut buf) {
        Poll::Ready(Ok(())) => {
            ahead.extend_from_slice(buf.filled());
            Poll::Ready(buf.filled().len())
        }
        Poll::Ready(Err(_)) => Poll::Ready(0),
        Poll::Pending if ahead.is_empty() && closing.stage() >= Stage::Close => Poll::Ready(0),
        Poll::Pending => Poll::Pending,
    }
}

/// The first line of the preface. What follows it, `h2` checks.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Enough for most heads, so that HTTP/1 finds its whole first request read.
const READ_BYTES: usize = 2048;
