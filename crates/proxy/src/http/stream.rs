//! The seam between a relayed request and the protocols of its two sides.
//!
//! [`Down`] is where the request came from, [`Up`] where it goes. A message body travels through a
//! [`Half`]: the one type on which both sides and both protocols look the same. Everything polls,
//! so that one task can move both directions in turn on plain `&mut` borrows: no split, no channel,
//! no lock. Nothing here buffers; bounds are the codecs' own.

use std::task::{Context, Poll};

use router::Head;

use crate::{
    h1, h2,
    http::{Failure, Violation},
};

/// The side of the client: the request body comes from it, the response goes to it.
pub(crate) enum Down<'c> {
    /// HTTP/1: the connection, between two requests of which nothing else is read.
    H1(&'c mut h1::ServerConn),
    /// HTTP/2: one stream.
    H2(&'c mut h2::ServerStream),
}

/// The side of the backend: the request goes to it, the response comes from it. Boxed, because it
/// is handed on from step to step.
pub(crate) enum Up {
    /// HTTP/1: a connection out of the pool.
    H1(Box<h1::ClientConn>),
    /// HTTP/2: one stream of a shared connection.
    H2(Box<h2::ClientStream>),
}

/// One side of an exchange as a place where bodies come from and go to.
///
/// Whoever polls `poll_body` and gets [`BodyState::Data`] finds bytes in `data` and must `consume`
/// some of them before more are read: that is all there is to back-pressure.
pub(crate) enum Half<'a> {
    /// An HTTP/1 connection.
    H1(&'a mut h1::Wire),
    /// An HTTP/2 stream.
    H2(&'a mut h2::Flow),
}

/// How the end of a message body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// There is no body, and no field says how long it is (GET; a response to HEAD, 204, 304).
    None,
    /// So many bytes.
    Length(u64),
    /// Until its end shows: the last chunk, the end of the stream, or of the connection.
    Stream,
}

/// What came of polling a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyState {
    /// At least one byte lies in `data`.
    Data,
    /// The body is over, and fields lie in `trailers`. Said once; then comes `End`.
    Trailers,
    /// The message is over. Polling again says so again.
    End,
}

/// What can go wrong on one side. Which side it was, the caller knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamError {
    /// The peer ended the connection or stream in order, but before the message was complete.
    Closed,
    /// The connection broke, or the peer reset the stream.
    Reset,
    /// The peer says that it has not looked at the request (HTTP/2 `REFUSED_STREAM`, or a GOAWAY
    /// below this stream): it can be sent again.
    Refused,
    /// The peer broke the rules of its protocol or one of our bounds.
    Malformed(Violation),
}

impl Down<'_> {
    /// Where the request's body comes from and the response's goes to.
    pub(crate) fn half(&mut self) -> Half<'_> {
        match self {
            Self::H1(conn) => Half::H1(conn.wire()),
            Self::H2(stream) => Half::H2(stream.flow()),
        }
    }

    /// What the request's head said about its body.
    pub(crate) fn body(&self) -> BodyKind {
        match self {
            Self::H1(conn) => conn.body(),
            Self::H2(stream) => stream.body(),
        }
    }

    /// Makes the next response the connection's last one, where the protocol has to say so in it.
    pub(crate) fn close_after(&mut self) {
        match self {
            Self::H1(conn) => conn.close_after(),
            // GOAWAY is the connection's to send.
            Self::H2(_) => {}
        }
    }

    /// Queues an interim response (100 or 103). HTTP/1.0 clients get none (RFC 9110 §15.2).
    pub(crate) fn send_informational(&mut self, head: &Head) -> Result<(), StreamError> {
        match self {
            Self::H1(conn) => conn.send_informational(head),
            Self::H2(stream) => stream.send_informational(head),
        }
    }

    /// Queues the final response's head. `body` is what will follow; framing is made from it, and
    /// not from fields.
    pub(crate) fn send_head(&mut self, head: &Head, body: BodyKind) -> Result<(), StreamError> {
        match self {
            Self::H1(conn) => conn.send_head(head, body),
            Self::H2(stream) => stream.send_head(head, body),
        }
    }

    /// Ready once the client is gone for good, for use while there is nothing to read from or write
    /// to it. A client that only ended its own sending is not gone.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        match self {
            Self::H1(conn) => conn.poll_gone(cx),
            Self::H2(stream) => stream.poll_gone(cx),
        }
    }

    /// Ends the exchange where it stands: HTTP/1 closes the connection, HTTP/2 resets the stream.
    pub(crate) fn reset(&mut self, failure: Failure) {
        match self {
            Self::H1(conn) => conn.reset(),
            Self::H2(stream) => stream.reset(failure),
        }
    }
}

impl Up {
    /// Where the request's body goes to and the response's comes from.
    pub(crate) fn half(&mut self) -> Half<'_> {
        match self {
            Self::H1(conn) => Half::H1(conn.wire()),
            Self::H2(stream) => Half::H2(stream.flow()),
        }
    }

    /// Queues the request's head. `body` is what will follow; framing is made from it.
    pub(crate) fn send_head(&mut self, head: &Head, body: BodyKind) -> Result<(), StreamError> {
        match self {
            Self::H1(conn) => conn.send_head(head, body),
            Self::H2(stream) => stream.send_head(head, body),
        }
    }

    /// Reads the next response head into `head`: any number of interim ones, then the final one.
    /// Says what body follows it.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<Result<BodyKind, StreamError>> {
        match self {
            Self::H1(conn) => conn.poll_head(cx, head),
            Self::H2(stream) => stream.poll_head(cx, head),
        }
    }
}

impl Half<'_> {
    /// Reads on in the incoming body.
    pub(crate) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BodyState, StreamError>> {
        match self {
            Self::H1(wire) => wire.poll_body(cx),
            Self::H2(flow) => flow.poll_body(cx),
        }
    }

    /// The bytes at hand, without any framing.
    pub(crate) fn data(&self) -> &[u8] {
        match self {
            Self::H1(wire) => wire.data(),
            Self::H2(flow) => flow.data(),
        }
    }

    /// Gives `n` bytes of `data` back as done with.
    pub(crate) fn consume(&mut self, n: usize) {
        match self {
            Self::H1(wire) => wire.consume(n),
            Self::H2(flow) => flow.consume(n),
        }
    }

    /// The incoming trailers: fields only.
    pub(crate) fn trailers(&self) -> &Head {
        match self {
            Self::H1(wire) => wire.trailers(),
            Self::H2(flow) => flow.trailers(),
        }
    }

    /// How many bytes `send_data` takes now; waits until it is at least one.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, StreamError>> {
        match self {
            Self::H1(wire) => wire.poll_room(cx),
            Self::H2(flow) => flow.poll_room(cx),
        }
    }

    /// Queues outgoing body bytes, no more than `poll_room` said.
    pub(crate) fn send_data(&mut self, data: &[u8]) -> Result<(), StreamError> {
        match self {
            Self::H1(wire) => wire.send_data(data),
            Self::H2(flow) => flow.send_data(data),
        }
    }

    /// Ends the outgoing message.
    pub(crate) fn send_end(&mut self, trailers: Option<&Head>) -> Result<(), StreamError> {
        match self {
            Self::H1(wire) => wire.send_end(trailers),
            Self::H2(flow) => flow.send_end(trailers),
        }
    }

    /// Ready once all that was queued has been handed to the kernel (HTTP/2: to the connection).
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        match self {
            Self::H1(wire) => wire.poll_flush(cx),
            Self::H2(flow) => flow.poll_flush(cx),
        }
    }
}
