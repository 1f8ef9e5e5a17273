//! An HTTP/1 connection as bytes with a framing, the same on both sides.
//!
//! It reads sections (heads, trailers) and bodies, and queues what is to be written in one bounded
//! buffer that goes out in one write. It does not know requests from responses.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use router::Head;
use tokio::io::AsyncWrite;

use crate::{
    buffer::Buffer,
    h1::{
        chunked::{Chunks, Step},
        framing::Framing,
        scan::{self, EndScan},
        write::{self, Coding},
    },
    http::{BodyState, StreamError, Violation, hop},
    io::Io,
    limits,
};

/// One connection.
pub(crate) struct Wire {
    io: Io,
    input: Buffer,
    scan: EndScan,
    incoming: Incoming,
    trailers: Head,
    /// The peer has ended its sending.
    ended: bool,
    output: Buffer,
    outgoing: Outgoing,
    shutdown: Shutdown,
}

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Incoming {
    /// Nothing: the message is over, or its head has not come.
    Done,
    Length(u64),
    Chunked(Chunks),
    Trailers,
    /// All until the connection ends.
    Close,
}

/// What may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outgoing {
    /// Nothing: the message is over, or its head has not gone.
    Done,
    Length(u64),
    Chunked,
    /// All, and the end of the connection ends it.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shutdown {
    No,
    Wanted,
    Done,
}

impl Wire {
    /// A connection on which nothing has happened.
    pub(super) fn new(io: Io) -> Self {
        Self {
            io,
            input: Buffer::default(),
            scan: EndScan::default(),
            incoming: Incoming::Done,
            trailers: Head::default(),
            ended: false,
            output: Buffer::default(),
            outgoing: Outgoing::Done,
            shutdown: Shutdown::No,
        }
    }

    /// Reads on in the incoming body. See [`crate::http::Half`], as for all that follows.
    pub(crate) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BodyState, StreamError>> {
        loop {
            match &mut self.incoming {
                Incoming::Done => return Poll::Ready(Ok(BodyState::End)),
                Incoming::Length(0) => self.incoming = Incoming::Done,
                Incoming::Length(_) | Incoming::Close if !self.input.is_empty() => {
                    return Poll::Ready(Ok(BodyState::Data));
                }
                Incoming::Length(_) => ready!(self.poll_more(cx))?,
                Incoming::Close => {
                    if ready!(self.poll_fill(cx, limits::BUFFER_BYTES))? == 0 {
                        self.incoming = Incoming::Done;
                    }
                }
                Incoming::Chunked(chunks) => match chunks.step(self.input.rest())? {
                    Step::Skip(n) => self.input.consume(n),
                    Step::Data(_) if !self.input.is_empty() => {
                        return Poll::Ready(Ok(BodyState::Data));
                    }
                    Step::Data(_) | Step::More => ready!(self.poll_more(cx))?,
                    Step::Trailers => self.incoming = Incoming::Trailers,
                },
                Incoming::Trailers => {
                    ready!(self.poll_trailers(cx))?;
                    self.incoming = Incoming::Done;
                    if self.trailers.fields().next().is_some() {
                        return Poll::Ready(Ok(BodyState::Trailers));
                    }
                }
            }
        }
    }

    /// The body bytes at hand.
    pub(crate) fn data(&self) -> &[u8] {
        let rest = self.input.rest();
        let left = match &self.incoming {
            Incoming::Length(left) => *left,
            Incoming::Chunked(chunks) => chunks.left(),
            Incoming::Close => u64::MAX,
            Incoming::Done | Incoming::Trailers => 0,
        };
        &rest[..usize::try_from(left).unwrap_or(usize::MAX).min(rest.len())]
    }

    /// Gives body bytes back.
    pub(crate) fn consume(&mut self, n: usize) {
        debug_assert!(n <= self.data().len());
        self.input.consume(n);
        match &mut self.incoming {
            Incoming::Length(left) => *left = left.saturating_sub(n as u64),
            Incoming::Chunked(chunks) => chunks.take(n as u64),
            Incoming::Close | Incoming::Done | Incoming::Trailers => {}
        }
    }

    /// The trailers that came.
    pub(crate) fn trailers(&self) -> &Head {
        &self.trailers
    }

    /// How much may be queued now.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, StreamError>> {
        while self.output.len() >= limits::BUFFER_BYTES {
            ready!(self.poll_write(cx))?;
        }
        Poll::Ready(Ok(limits::OUTPUT_BYTES_MAX - self.output.len()))
    }

    /// Queues body bytes. Large ones go out at once, with all that waits before them and without
    /// being copied; what the socket does not take is queued.
    pub(crate) fn send_data(&mut self, data: &[u8]) -> Result<(), StreamError> {
        match &mut self.outgoing {
            Outgoing::Done => return Err(StreamError::Malformed(Violation::LengthMismatch)),
            Outgoing::Length(left) => {
                *left = left
                    .checked_sub(data.len() as u64)
                    .ok_or(StreamError::Malformed(Violation::LengthMismatch))?;
            }
            Outgoing::Chunked => write::chunk_size(self.output.tail(), data.len()),
            Outgoing::Close => {}
        }
        let tail: &[u8] = if self.outgoing == Outgoing::Chunked { b"\r\n" } else { b"" };
        let mut written = 0;
        if data.len() >= limits::WRITE_THROUGH_BYTES {
            let slices = [IoSlice::new(self.output.rest()), IoSlice::new(data), IoSlice::new(tail)];
            let mut unwatched = Context::from_waker(Waker::noop());
            let io = Pin::new(&mut self.io);
            match io.poll_write_vectored(&mut unwatched, &slices) {
                Poll::Ready(Ok(n)) => written = n,
                Poll::Ready(Err(error)) => return Err(fault(&error)),
                Poll::Pending => {}
            }
        }
        let queued = self.output.len();
        self.output.consume(written.min(queued));
        let mut rest = written.saturating_sub(queued);
        for piece in [data, tail] {
            let done = rest.min(piece.len());
            rest -= done;
            if done < piece.len() {
                self.output.tail().extend_from_slice(&piece[done..]);
            }
        }
        Ok(())
    }

    /// Ends the outgoing message. Trailers go only where chunks carry them.
    pub(crate) fn send_end(&mut self, trailers: Option<&Head>) -> Result<(), StreamError> {
        match self.outgoing {
            Outgoing::Done | Outgoing::Length(0) => {}
            Outgoing::Length(_) => {
                return Err(StreamError::Malformed(Violation::LengthMismatch));
            }
            Outgoing::Chunked => {
                let out = self.output.tail();
                out.extend_from_slice(b"0\r\n");
                if let Some(trailers) = trailers {
                    write::fields(out, trailers);
                }
                out.extend_from_slice(b"\r\n");
            }
            Outgoing::Close => self.want_shutdown(),
        }
        self.outgoing = Outgoing::Done;
        Ok(())
    }

    /// Writes all that is queued.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        while !self.output.is_empty() {
            ready!(self.poll_write(cx))?;
        }
        ready!(Pin::new(&mut self.io).poll_flush(cx)).map_err(|error| fault(&error))?;
        if self.shutdown == Shutdown::Wanted {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx)).map_err(|error| fault(&error))?;
            self.shutdown = Shutdown::Done;
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for a section that ends in an empty line: its length in [`Wire::input`]. None when the
    /// peer ended before its first byte.
    pub(super) fn poll_section(
        &mut self,
        cx: &mut Context<'_>,
        bytes_max: usize,
    ) -> Poll<Result<Option<usize>, StreamError>> {
        loop {
            let found = self.scan.find(self.input.rest()).map_err(StreamError::Malformed)?;
            if found.unwrap_or(self.input.len()) > bytes_max {
                return Poll::Ready(Err(StreamError::Malformed(Violation::HeadTooLarge)));
            }
            if let Some(len) = found {
                self.scan = EndScan::default();
                return Poll::Ready(Ok(Some(len)));
            }
            if ready!(self.poll_fill(cx, bytes_max + 1))? == 0 {
                return Poll::Ready(match self.input.is_empty() {
                    true => Ok(None),
                    false => Err(StreamError::Closed),
                });
            }
        }
    }

    /// The bytes that came and are not read yet.
    pub(super) fn input(&self) -> &[u8] {
        self.input.rest()
    }

    /// Drops bytes of a section.
    pub(super) fn skip(&mut self, n: usize) {
        self.input.consume(n);
    }

    /// Begins to read a body.
    pub(super) fn receive(&mut self, framing: Framing) {
        self.trailers.clear();
        self.incoming = match framing {
            Framing::None => Incoming::Done,
            Framing::Length(length) => Incoming::Length(length),
            Framing::Chunked => Incoming::Chunked(Chunks::default()),
            Framing::Close => Incoming::Close,
        };
    }

    /// Begins to write a message: its head first, into what this returns.
    pub(super) fn send(&mut self, coding: Coding) -> &mut Vec<u8> {
        self.outgoing = match coding {
            Coding::None => Outgoing::Done,
            Coding::Length(length) => Outgoing::Length(length),
            Coding::Chunked => Outgoing::Chunked,
            Coding::Close => Outgoing::Close,
        };
        self.output.tail()
    }

    /// From here on the connection carries plain bytes both ways.
    pub(super) fn upgrade(&mut self) {
        self.incoming = Incoming::Close;
        self.outgoing = Outgoing::Close;
    }

    /// How much of the incoming body is still to come; none where nobody knows.
    pub(super) fn left(&self) -> Option<u64> {
        match self.incoming {
            Incoming::Done => Some(0),
            Incoming::Length(left) => Some(left),
            Incoming::Chunked(_) | Incoming::Trailers | Incoming::Close => None,
        }
    }

    /// Whether the outgoing message is over, though perhaps not written.
    pub(super) fn sent(&self) -> bool {
        self.outgoing == Outgoing::Done
    }

    /// Whether the end of the outgoing message is the end of the connection.
    pub(super) fn ends_by_close(&self) -> bool {
        self.outgoing == Outgoing::Close
    }

    /// Whether both messages are over and nothing is left in between.
    pub(super) fn is_clean(&self) -> bool {
        self.incoming == Incoming::Done
            && self.sent()
            && self.input.is_empty()
            && self.output.is_empty()
            && !self.ended
            && self.shutdown == Shutdown::No
    }

    /// Says after all that is queued that nothing more will come.
    pub(super) fn want_shutdown(&mut self) {
        if self.shutdown == Shutdown::No {
            self.shutdown = Shutdown::Wanted;
        }
    }

    /// Reads ahead as far as there is room, to see whether the peer is still there.
    pub(super) fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, StreamError>> {
        self.poll_fill(cx, limits::BUFFER_BYTES)
    }

    /// Throws away what comes, at most `bytes_max` in all calls together; Ok at the peer's end.
    pub(super) fn poll_discard(
        &mut self,
        cx: &mut Context<'_>,
        bytes_max: &mut usize,
    ) -> Poll<Result<(), StreamError>> {
        loop {
            let n = self.input.len();
            *bytes_max = bytes_max.saturating_sub(n);
            self.input.consume(n);
            if *bytes_max == 0 || ready!(self.poll_fill(cx, limits::BUFFER_BYTES))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Gives memory back while there is nothing to do.
    pub(super) fn rest(&mut self) {
        self.input.release();
        self.output.release();
    }

    /// See [`Io::arrive`].
    #[cfg(feature = "fuzzing")]
    pub(super) fn arrive(&mut self, bytes: &[u8]) {
        self.io.arrive(bytes);
    }

    /// The connection's bytes.
    pub(super) fn io(&self) -> &Io {
        &self.io
    }

    /// As [`Wire::poll_fill`], where the peer must not end.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        match ready!(self.poll_fill(cx, limits::BUFFER_BYTES))? {
            0 => Poll::Ready(Err(StreamError::Closed)),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<usize, StreamError>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let read = ready!(self.input.poll_fill(&mut self.io, cx, max));
        let read = read.map_err(|error| fault(&error))?;
        self.ended = read == 0;
        Poll::Ready(Ok(read))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let io = Pin::new(&mut self.io);
        match ready!(io.poll_write(cx, self.output.rest())) {
            Ok(0) => Poll::Ready(Err(StreamError::Reset)),
            Ok(n) => {
                self.output.consume(n);
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(fault(&error))),
        }
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let len = match ready!(self.poll_section(cx, limits::TRAILER_BYTES_MAX)) {
            Ok(Some(len)) => len,
            Ok(None) => return Poll::Ready(Err(StreamError::Closed)),
            Err(StreamError::Malformed(Violation::HeadTooLarge)) => {
                let fault = Violation::TrailersTooLarge;
                return Poll::Ready(Err(StreamError::Malformed(fault)));
            }
            Err(error) => return Poll::Ready(Err(error)),
        };
        if len > 2 {
            let Self { trailers, input, .. } = self;
            trailers.raw_mut().extend_from_slice(&input.rest()[..len]);
            scan::fields(trailers, 0, len, limits::TRAILER_FIELDS_MAX).map_err(
                |fault| match fault {
                    Violation::TooManyFields => Violation::TrailersTooLarge,
                    other => other,
                },
            )?;
            hop::keep_trailers(trailers);
        }
        self.input.consume(len);
        Poll::Ready(Ok(()))
    }
}

impl From<Violation> for StreamError {
    fn from(violation: Violation) -> Self {
        Self::Malformed(violation)
    }
}

/// What an I/O error means for the stream. TLS calls an end without `close_notify` unexpected; as
/// an attacker may have cut the stream there, it is no orderly end.
fn fault(_error: &io::Error) -> StreamError {
    StreamError::Reset
}
