//! The client half: one request out, its response in, and again if both sides can.

use std::task::{Context, Poll, Waker, ready};

use router::{Head, head::Known};

use crate::{
    h1::{
        Tokens, Wire,
        framing::Framing,
        response_head,
        write::{self, Coding},
    },
    http::{BodyKind, StreamError, Violation},
    io::Io,
    limits,
    upstream::Alive,
};

/// A connection to an endpoint.
pub(crate) struct ClientConn {
    wire: Wire,
    to_head: bool,
    upgrade: bool,
    interim: usize,
    persistent: bool,
    /// Counts as open until this is dropped.
    _alive: Alive,
}

impl ClientConn {
    /// A connection on which nothing was sent.
    pub(crate) fn new(io: Io, alive: Alive) -> Self {
        Self {
            wire: Wire::new(io),
            to_head: false,
            upgrade: false,
            interim: 0,
            persistent: true,
            _alive: alive,
        }
    }

    /// Whether a part of the response has come.
    pub(crate) fn has_begun(&self) -> bool {
        self.interim > 0 || !self.wire.input().is_empty()
    }

    /// See [`crate::http::Up::half`].
    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Queues a request's head.
    pub(crate) fn send_head(&mut self, head: &Head, body: BodyKind) -> Result<(), StreamError> {
        self.to_head = head.bytes(head.method) == b"HEAD";
        self.upgrade = head.known(Known::Upgrade).is_some();
        self.interim = 0;
        // Until a response says otherwise.
        self.persistent = false;
        let coding = match body {
            BodyKind::None => Coding::None,
            BodyKind::Length(length) => Coding::Length(length),
            BodyKind::Stream => Coding::Chunked,
        };
        write::request(self.wire.send(coding), head, coding);
        Ok(())
    }

    /// Reads the next response head.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<Result<BodyKind, StreamError>> {
        let section = ready!(self.wire.poll_section(cx, limits::HEAD_BYTES_MAX))?;
        let len = section.ok_or(StreamError::Closed)?;
        head.clear();
        let framing = response_head::parse(&self.wire.input()[..len], head, self.to_head)?;
        self.wire.skip(len);
        match head.status {
            101 if self.upgrade && head.known(Known::Upgrade).is_some() => {
                self.wire.upgrade();
                return Poll::Ready(Ok(BodyKind::Stream));
            }
            101 => return Poll::Ready(Err(Violation::UnexpectedStatus.into())),
            ..200 => {
                self.interim += 1;
                if self.interim > limits::INTERIM_MAX {
                    return Poll::Ready(Err(Violation::TooManyInterim.into()));
                }
                return Poll::Ready(Ok(BodyKind::None));
            }
            _ => {}
        }
        let tokens = Tokens::of(head);
        self.persistent =
            !tokens.close && (!head.http10 || tokens.keep_alive) && framing != Framing::Close;
        self.wire.receive(framing);
        Poll::Ready(Ok(framing.kind()))
    }

    /// Whether another request may follow: both messages are over, nothing is left in between, and
    /// neither side said that it was the last.
    pub(crate) fn is_reusable(&self) -> bool {
        self.persistent && self.wire.is_clean()
    }

    /// Gives memory back before it waits in a pool.
    pub(crate) fn rest(&mut self) {
        self.wire.rest();
    }

    /// Whether the endpoint has left an idle connection as it was: neither ended nor broken it, nor
    /// sent what nobody asked for. The reactor knows, so that this costs no system call.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.wire.poll_ahead(&mut Context::from_waker(Waker::noop())).is_pending()
            && self.wire.is_clean()
    }
}
