//! What moves the bytes of a connection, on either side: frames in until there are no more or
//! others have waited long enough, then all that was queued out at once.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{
    buffer::Buffer,
    h2::{
        frame::Reason,
        keepalive::{Keepalive, Verdict},
        mux::{Mux, Opened},
    },
    http::StreamError,
    io::Io,
    limits,
};

/// A connection.
pub(super) struct Driver {
    io: Io,
    input: Buffer,
    /// Something was written that may still wait below.
    unflushed: bool,
    mux: Rc<Mux>,
    keepalive: Keepalive,
}

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum End {
    /// One of both wanted it.
    Closed,
    /// The peer broke the rules.
    Fault(Reason),
    /// The peer does not answer.
    Unresponsive,
    /// It cannot be read or written.
    Broken(io::Error),
}

impl Driver {
    /// A connection whose preface is through.
    pub(super) fn new(io: Io, mux: Rc<Mux>, idle_time: Option<Duration>) -> Self {
        let (input, keepalive) = (Buffer::default(), Keepalive::new(idle_time));
        Self { io, input, unflushed: false, mux, keepalive }
    }

    /// Moves what can be moved. Every new request goes to `opened`.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, opened: impl FnMut(Opened)) -> Poll<End> {
        self.mux.begin_turn(cx.waker());
        let end = self.turn(cx, opened);
        self.mux.end_turn();
        if let Poll::Ready(end) = &end {
            match end {
                End::Fault(reason) => self.mux.fail(*reason),
                End::Closed => self.mux.end(StreamError::Closed),
                End::Unresponsive | End::Broken(_) => self.mux.end(StreamError::Reset),
            }
        }
        end
    }

    /// Writes what is left to be said, as long as the peer takes it, and closes.
    pub(super) async fn finish(mut self) {
        let last = async {
            std::future::poll_fn(|cx| self.poll_write(cx)).await?;
            self.io.shutdown().await
        };
        if let Ok(Err(error)) = timeout(limits::H2_GOODBYE_TIME, last).await {
            tracing::trace!(%error, "a peer does not wait for the end of its connection");
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>, mut opened: impl FnMut(Opened)) -> Poll<End> {
        loop {
            match self.poll_read(cx, &mut opened) {
                Poll::Ready(end) => {
                    // Who says that it is going may still take what is there for it.
                    let _ = self.poll_write(cx);
                    return Poll::Ready(end);
                }
                Poll::Pending => {}
            }
            // There is too much to be written for more to be read.
            let full = !self.mux.is_turn_over() && !self.mux.may_read();
            match self.poll_write(cx) {
                Poll::Ready(Err(error)) => return Poll::Ready(End::Broken(error)),
                Poll::Ready(Ok(())) if full => {}
                Poll::Ready(Ok(())) | Poll::Pending => break,
            }
        }
        self.mux.give_turns();
        if self.mux.is_done() {
            return Poll::Ready(End::Closed);
        }
        if self.mux.is_turn_over() {
            cx.waker().wake_by_ref();
        }
        match self.keepalive.poll(cx, self.mux.has_streams(), &self.mux) {
            Poll::Ready(Verdict::Dead) => Poll::Ready(End::Unresponsive),
            Poll::Ready(Verdict::Idle) => {
                self.mux.close();
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, opened: &mut impl FnMut(Opened)) -> Poll<End> {
        loop {
            while !self.input.is_empty() {
                if !self.mux.may_read() {
                    return Poll::Pending;
                }
                match self.mux.receive(self.input.rest()) {
                    Ok((0, _)) => break,
                    Ok((n, request)) => {
                        self.input.consume(n);
                        if let Some(request) = request {
                            opened(request);
                        }
                    }
                    Err(reason) => return Poll::Ready(End::Fault(reason)),
                }
            }
            self.input.release();
            if !self.mux.may_read() {
                return Poll::Pending;
            }
            match ready!(self.input.poll_fill(&mut self.io, cx, limits::H2_INPUT_BYTES)) {
                Ok(0) => return Poll::Ready(End::Closed),
                Ok(n) => self.mux.note_read(n),
                Err(error) => return Poll::Ready(End::Broken(error)),
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, mux, unflushed, .. } = self;
        ready!(mux.poll_write(cx, |cx, bytes| {
            *unflushed = true;
            Pin::new(&mut *io).poll_write(cx, bytes)
        }))?;
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}
