//! Both halves of HTTP/1 driven by bytes at hand, for [`crate::fuzzing`]: a piece is there when all
//! before it is read.

use std::{
    slice,
    task::{Context, Poll, Waker},
};

use router::Head;

use super::{ServerConn, Wire, response_head};
use crate::{
    fuzzing::{End, Fields, Message, Reading, Start},
    http::{BodyState, StreamError},
    io::Io,
    limits,
};

/// Reads requests until there are no more bytes.
pub(crate) fn requests(io: Io, pieces: &[&[u8]]) -> Reading {
    let (mut conn, mut source) = (ServerConn::new(io), Source(pieces.iter()));
    let mut reading = Reading::default();
    loop {
        // As `serve` does: the first byte alone may tell that this is no request.
        while conn.poll_begun(&mut Source::context()).is_pending() {
            if !source.feed(conn.wire()) {
                return reading;
            }
        }
        let mut head = Head::default();
        let read = loop {
            match conn.poll_request(&mut Source::context(), &mut head) {
                Poll::Ready(read) => break Some(read),
                Poll::Pending if source.feed(conn.wire()) => {}
                Poll::Pending => break None,
            }
        };
        match read {
            Some(Ok(true)) => {}
            Some(Err(_)) => return Reading { end: End::Refused, ..reading },
            Some(Ok(false)) | None => return reading,
        }
        let copy = |span| head.bytes(span).to_vec();
        let start = Start::Request(copy(head.method), copy(head.path));
        reading.messages.push(message(start, &head));
        match body(conn.wire(), &mut source, &mut reading) {
            Some(Ok(())) => {}
            Some(Err(_)) => return Reading { end: End::Refused, ..reading },
            None => return reading,
        }
    }
}

/// Reads responses until there are no more bytes.
pub(crate) fn responses(io: Io, pieces: &[&[u8]], to_head: bool) -> Reading {
    let (mut wire, mut source) = (Wire::new(io), Source(pieces.iter()));
    let mut reading = Reading::default();
    loop {
        match response(&mut wire, &mut source, to_head, &mut reading) {
            Some(Ok(())) => {}
            Some(Err(_)) => return Reading { end: End::Refused, ..reading },
            None => return reading,
        }
    }
}

/// Reads one response. None when bytes are missing.
fn response(
    wire: &mut Wire,
    source: &mut Source<'_>,
    to_head: bool,
    reading: &mut Reading,
) -> Option<Result<(), StreamError>> {
    let section = loop {
        match wire.poll_section(&mut Source::context(), limits::HEAD_BYTES_MAX) {
            Poll::Ready(section) => break section,
            Poll::Pending if source.feed(wire) => {}
            Poll::Pending => return None,
        }
    };
    let len = match section {
        Ok(len) => len?,
        Err(error) => return Some(Err(error)),
    };
    let mut head = Head::default();
    let framing = match response_head::parse(&wire.input()[..len], &mut head, to_head) {
        Ok(framing) => framing,
        Err(violation) => return Some(Err(violation.into())),
    };
    wire.skip(len);
    wire.receive(framing);
    reading.messages.push(message(Start::Response(head.status), &head));
    body(wire, source, reading)
}

/// Reads the body of the last message. None when bytes are missing.
fn body(
    wire: &mut Wire,
    source: &mut Source<'_>,
    reading: &mut Reading,
) -> Option<Result<(), StreamError>> {
    let message = reading.messages.last_mut()?;
    loop {
        match wire.poll_body(&mut Source::context()) {
            Poll::Ready(Ok(BodyState::Data)) => {
                let data = wire.data();
                message.body.extend_from_slice(data);
                let n = data.len();
                wire.consume(n);
            }
            Poll::Ready(Ok(BodyState::Trailers)) => message.trailers = fields(wire.trailers()),
            Poll::Ready(Ok(BodyState::End)) => {
                message.whole = true;
                return Some(Ok(()));
            }
            Poll::Ready(Err(error)) => return Some(Err(error)),
            Poll::Pending if source.feed(wire) => {}
            Poll::Pending => return None,
        }
    }
}

fn message(start: Start, head: &Head) -> Message {
    Message {
        start,
        http10: head.http10,
        fields: fields(head),
        body: Vec::new(),
        trailers: Vec::new(),
        whole: false,
    }
}

fn fields(head: &Head) -> Fields {
    head.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

/// The pieces that are still to come.
struct Source<'a>(slice::Iter<'a, &'a [u8]>);

impl Source<'_> {
    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    /// Lets the next piece arrive, if there is one.
    fn feed(&mut self, wire: &mut Wire) -> bool {
        self.0.next().is_some_and(|piece| {
            wire.arrive(piece);
            true
        })
    }
}
