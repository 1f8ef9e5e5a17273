//! The bodies of one stream, both ways, with flow control from end to end: the peer gets room for
//! as many bytes as we have passed on, and we take as many as it has room for.

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use router::Head;

use crate::{
    h2::head,
    http::{BodyState, StreamError, Violation},
    limits,
};

/// The bodies of one stream.
#[derive(Default)]
pub(crate) struct Flow {
    incoming: Incoming,
    /// What lies at hand; not yet given back to flow control.
    chunk: Bytes,
    trailers: Head,
    outgoing: Option<SendStream<Bytes>>,
    /// Queued last and not handed on yet: if it proves to be the last of all, it goes with the end
    /// in one frame. The stream keeps the room for it.
    held: Bytes,
    /// Whether our side of the stream is over.
    ended: bool,
}

#[derive(Default)]
enum Incoming {
    /// No head yet, or the head was all.
    #[default]
    None,
    Data(RecvStream),
    Trailers(RecvStream),
    End,
}

impl Flow {
    /// The head of the incoming message is there; this is its body.
    pub(super) fn receive(&mut self, body: RecvStream) {
        self.incoming = if body.is_end_stream() { Incoming::End } else { Incoming::Data(body) };
    }

    /// The head of the outgoing message was sent; its body goes here.
    pub(super) fn send(&mut self, body: SendStream<Bytes>, ended: bool) {
        self.outgoing = Some(body);
        self.ended = ended;
    }

    /// Whether an outgoing head was sent.
    pub(super) fn has_sent(&self) -> bool {
        self.outgoing.is_some()
    }

    /// See [`crate::http::Half::poll_body`].
    pub(crate) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BodyState, StreamError>> {
        if !self.chunk.is_empty() {
            return Poll::Ready(Ok(BodyState::Data));
        }
        loop {
            match &mut self.incoming {
                Incoming::None => return Poll::Pending,
                Incoming::End => return Poll::Ready(Ok(BodyState::End)),
                Incoming::Data(body) => match ready!(body.poll_data(cx)) {
                    // `h2` bounds how many of these there can be.
                    Some(Ok(chunk)) if chunk.is_empty() => {}
                    Some(Ok(chunk)) => {
                        self.chunk = chunk;
                        return Poll::Ready(Ok(BodyState::Data));
                    }
                    Some(Err(error)) => return Poll::Ready(Err(body_error(&error))),
                    None => {
                        if let Incoming::Data(body) = std::mem::take(&mut self.incoming) {
                            self.incoming = Incoming::Trailers(body);
                        }
                    }
                },
                Incoming::Trailers(body) => {
                    let trailers = ready!(body.poll_trailers(cx)).map_err(|e| body_error(&e))?;
                    self.incoming = Incoming::End;
                    let Some(trailers) = trailers else { continue };
                    self.trailers.clear();
                    head::read_trailers(&trailers, &mut self.trailers)?;
                    return Poll::Ready(Ok(BodyState::Trailers));
                }
            }
        }
    }

    /// See [`crate::http::Half::data`].
    pub(crate) fn data(&self) -> &[u8] {
        &self.chunk
    }

    /// See [`crate::http::Half::consume`].
    pub(crate) fn consume(&mut self, n: usize) {
        let n = n.min(self.chunk.len());
        self.chunk.advance(n);
        if self.chunk.is_empty() {
            // Lets go of the frame's buffer.
            self.chunk = Bytes::new();
        }
        if let Incoming::Data(body) = &mut self.incoming
            && let Err(error) = body.flow_control().release_capacity(n)
        {
            debug_assert!(false, "gave back more than was taken: {error}");
        }
    }

    /// See [`crate::http::Half::trailers`].
    pub(crate) fn trailers(&self) -> &Head {
        &self.trailers
    }

    /// See [`crate::http::Half::poll_room`]. To be asked with bytes at hand: room that is held and
    /// not used is taken from the other streams.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, StreamError>> {
        let Some(body) = self.outgoing.as_mut().filter(|_| !self.ended) else {
            debug_assert!(false, "nothing more may be sent on this stream");
            return Poll::Ready(Err(StreamError::Reset));
        };
        hand_on(body, &mut self.held)?;
        let room = body.capacity();
        if room > 0 {
            return Poll::Ready(Ok(room));
        }
        body.reserve_capacity(limits::H2_ROOM_BYTES);
        match ready!(body.poll_capacity(cx)) {
            Some(Ok(room)) => Poll::Ready(Ok(room)),
            Some(Err(error)) => Poll::Ready(Err(stream_error(&error))),
            // The stream was reset; the reason says by what right.
            None => Poll::Ready(Err(match body.poll_reset(cx) {
                Poll::Ready(Ok(reason)) => by_reason(reason),
                Poll::Ready(Err(error)) => stream_error(&error),
                Poll::Pending => StreamError::Reset,
            })),
        }
    }

    /// See [`crate::http::Half::send_data`].
    pub(crate) fn send_data(&mut self, data: &[u8]) -> Result<(), StreamError> {
        let Some(body) = self.outgoing.as_mut().filter(|_| !self.ended) else {
            debug_assert!(false, "nothing more may be sent on this stream");
            return Err(StreamError::Reset);
        };
        hand_on(body, &mut self.held)?;
        self.held = Bytes::copy_from_slice(data);
        Ok(())
    }

    /// See [`crate::http::Half::send_end`].
    pub(crate) fn send_end(&mut self, trailers: Option<&Head>) -> Result<(), StreamError> {
        let Some(body) = self.outgoing.as_mut().filter(|_| !self.ended) else {
            // The head said that nothing follows.
            return Ok(());
        };
        self.ended = true;
        let sent = match trailers.filter(|trailers| !trailers.field_spans().is_empty()) {
            Some(trailers) => {
                hand_on(body, &mut self.held)?;
                body.send_trailers(head::write_trailers(trailers)?)
            }
            None => body.send_data(std::mem::take(&mut self.held), true),
        };
        sent.map_err(|error| stream_error(&error))
    }

    /// See [`crate::http::Half::poll_flush`]: bytes were only taken where the peer has room for
    /// them, so that they leave as soon as the connection can write.
    pub(crate) fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Poll::Ready(match &mut self.outgoing {
            Some(body) => hand_on(body, &mut self.held),
            None => Ok(()),
        })
    }

    /// Ready when the peer has reset the stream, or the connection is gone.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        match &mut self.outgoing {
            Some(body) => body.poll_reset(cx).map(|reset| match reset {
                Ok(reason) => by_reason(reason),
                Err(error) => stream_error(&error),
            }),
            None => Poll::Pending,
        }
    }

    /// Ends the stream at once.
    pub(super) fn reset(&mut self, reason: Reason) {
        self.ended = true;
        self.held = Bytes::new();
        if let Some(body) = &mut self.outgoing {
            body.send_reset(reason);
        }
    }
}

/// Gives bytes to the connection.
fn hand_on(body: &mut SendStream<Bytes>, held: &mut Bytes) -> Result<(), StreamError> {
    if held.is_empty() {
        return Ok(());
    }
    let sent = body.send_data(std::mem::take(held), false);
    // What was reserved and not used goes back: a stream that pauses must not hold the connection's
    // window.
    body.reserve_capacity(0);
    sent.map_err(|error| stream_error(&error))
}

/// What an error of `h2` means for its stream.
///
/// A GOAWAY of the peer reaches only streams that it says it has not looked at (RFC 9113 §6.8);
/// the others go on.
pub(super) fn stream_error(error: &h2::Error) -> StreamError {
    if let Some(error) = error.get_io() {
        return match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => StreamError::Closed,
            _ => StreamError::Reset,
        };
    }
    match error.reason() {
        _ if error.is_go_away() && error.is_remote() => StreamError::Refused,
        Some(reason) if error.is_reset() && error.is_remote() => by_reason(reason),
        // `h2` found a fault in what the peer sent.
        Some(_) if error.is_library() => Violation::PseudoField.into(),
        _ => StreamError::Reset,
    }
}

/// The same while a body comes in: what `h2` checks there is its length (RFC 9113 §8.1.1).
fn body_error(error: &h2::Error) -> StreamError {
    match stream_error(error) {
        StreamError::Malformed(_) => Violation::LengthMismatch.into(),
        error => error,
    }
}

/// What a reset by the peer means.
fn by_reason(reason: Reason) -> StreamError {
    match reason {
        Reason::REFUSED_STREAM => StreamError::Refused,
        _ => StreamError::Reset,
    }
}
