//! The server half: requests in, responses out, one after the other.
//!
//! Pipelined requests wait in the buffer. `Expect: 100-continue` is not answered here: it travels
//! to the backend, and what the backend says travels back, so that a refusal saves the upload
//! (RFC 9110 §10.1.1). A client that gets a final answer without having been told to go on may or
//! may not send its body: such a connection is closed.

use std::{
    task::{Context, Poll, ready},
    time::Duration,
};

use router::{Head, head::Known};

use crate::{
    h1::{
        Tokens, Wire, request_head,
        write::{self, Coding, Persistence},
    },
    http::{BodyKind, BodyState, StreamError, Violation, syntax},
    io::Io,
    limits,
};

/// A client's connection.
pub(crate) struct ServerConn {
    wire: Wire,
    body: BodyKind,
    to_head: bool,
    http10: bool,
    /// Another request may follow, as far as both sides said.
    persistent: bool,
    /// The client waits for a 100 before it sends its body.
    expects: bool,
    /// An empty line before this request was skipped.
    skipped: bool,
    upgraded: bool,
    linger_bytes: usize,
}

impl ServerConn {
    /// Begins to serve.
    pub(crate) fn new(io: Io) -> Self {
        Self {
            wire: Wire::new(io),
            body: BodyKind::None,
            to_head: false,
            http10: false,
            persistent: true,
            expects: false,
            skipped: false,
            upgraded: false,
            linger_bytes: limits::LINGER_BYTES_MAX,
        }
    }

    /// Reads the next request's head. False when the client ended the connection instead.
    pub(crate) fn poll_request(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<Result<bool, StreamError>> {
        let read = self.poll_head(cx, head);
        if let Poll::Ready(Err(_)) = &read {
            self.persistent = false;
        }
        read
    }

    /// Waits for the first byte of the next request. False when the client ended the connection
    /// instead. Holds no memory meanwhile.
    pub(crate) fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.wire.input().is_empty() {
            match self.wire.poll_ahead(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(false),
                Poll::Pending => {
                    self.wire.rest();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(true)
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<Result<bool, StreamError>> {
        let len = loop {
            if self.wire.input().first().is_some_and(|b| !syntax::is_token(*b) && *b != b'\r') {
                return Poll::Ready(Err(StreamError::Malformed(Violation::Method)));
            }
            match ready!(self.wire.poll_section(cx, limits::HEAD_BYTES_MAX)) {
                // RFC 9112 §2.2: one empty line before a request is forgiven.
                Ok(Some(2)) if !self.skipped => {
                    self.wire.skip(2);
                    self.skipped = true;
                }
                Ok(Some(len)) => break len,
                Ok(None) => return Poll::Ready(Ok(false)),
                Err(StreamError::Malformed(Violation::HeadTooLarge))
                    if memchr::memchr(b'\n', self.wire.input()).is_none() =>
                {
                    let fault = Violation::TargetTooLong;
                    return Poll::Ready(Err(StreamError::Malformed(fault)));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        };
        head.clear();
        let framing = request_head::parse(&self.wire.input()[..len], head)?;
        self.wire.skip(len);
        self.wire.receive(framing);
        let tokens = Tokens::of(head);
        self.body = framing.kind();
        self.to_head = head.bytes(head.method) == b"HEAD";
        self.http10 = head.http10;
        self.persistent = !tokens.close && (!head.http10 || tokens.keep_alive);
        self.expects =
            !head.http10 && self.body != BodyKind::None && head.known(Known::Expect).is_some();
        self.skipped = false;
        Poll::Ready(Ok(true))
    }

    /// See [`crate::http::Down::half`].
    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// What the request said about its body.
    pub(crate) fn body(&self) -> BodyKind {
        self.body
    }

    /// Makes the next response the last one.
    pub(crate) fn close_after(&mut self) {
        self.persistent = false;
    }

    /// Queues an interim response.
    pub(crate) fn send_informational(&mut self, head: &Head) -> Result<(), StreamError> {
        if self.http10 {
            return Ok(());
        }
        self.expects &= head.status != 100;
        write::interim(self.wire.send(Coding::None), head);
        Ok(())
    }

    /// Queues the final response's head; 101 turns the connection into plain bytes both ways.
    pub(crate) fn send_head(&mut self, head: &Head, body: BodyKind) -> Result<(), StreamError> {
        if head.status == 101 {
            self.persistent = false;
            self.upgraded = true;
            write::response(self.wire.send(Coding::None), head, Coding::None, Persistence::Upgrade);
            self.wire.upgrade();
            return Ok(());
        }
        let bodiless = self.to_head || matches!(head.status, 204 | 304);
        let coding = match body {
            _ if bodiless => Coding::None,
            BodyKind::None => Coding::Length(0),
            BodyKind::Length(length) => Coding::Length(length),
            BodyKind::Stream if self.http10 => Coding::Close,
            BodyKind::Stream => Coding::Chunked,
        };
        let drains = self.wire.left().is_some_and(|left| left <= limits::DRAIN_BYTES_MAX);
        self.persistent &= coding != Coding::Close && drains && !self.expects;
        let persistence = match self.persistent {
            false => Persistence::Close,
            true if self.http10 => Persistence::KeepAlive,
            true => Persistence::Implied,
        };
        write::response(self.wire.send(coding), head, coding, persistence);
        Ok(())
    }

    /// See [`crate::http::Down::poll_gone`].
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        loop {
            match ready!(self.wire.poll_ahead(cx)) {
                Ok(0) => return Poll::Pending,
                Ok(_) => {}
                Err(error) => return Poll::Ready(error),
            }
        }
    }

    /// Ends the connection where it stands. Where only its end would tell the client that the
    /// response is complete, it is broken instead, so that a part is not taken for the whole.
    pub(crate) fn reset(&mut self) {
        self.persistent = false;
        self.linger_bytes = 0;
        if self.wire.ends_by_close() {
            let socket = socket2::SockRef::from(self.wire.io().tcp());
            if let Err(error) = socket.set_linger(Some(Duration::ZERO)) {
                tracing::debug!(%error, "a connection could not be set to break");
            }
        } else {
            self.wire.want_shutdown();
        }
    }

    /// Brings the connection in order after a response was queued completely: writes it, and reads
    /// what is left of the request. True when another request may follow.
    ///
    /// A connection that ends is read from for a while after the last word was said: closing it
    /// with unread bytes would break it, and the client might lose the response (RFC 9112 §9.6).
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, StreamError>> {
        if !self.persistent || self.upgraded {
            self.persistent = false;
            if self.linger_bytes == 0 {
                return Poll::Ready(Ok(false));
            }
            self.wire.want_shutdown();
            ready!(self.wire.poll_flush(cx))?;
            if self.wire.left() != Some(0) || !self.wire.input().is_empty() {
                ready!(self.wire.poll_discard(cx, &mut self.linger_bytes))?;
            }
            return Poll::Ready(Ok(false));
        }
        ready!(self.wire.poll_flush(cx))?;
        loop {
            // What is left was bounded when the response's head was written.
            match ready!(self.wire.poll_body(cx))? {
                BodyState::Data => {
                    let n = self.wire.data().len();
                    self.wire.consume(n);
                }
                BodyState::Trailers => {}
                BodyState::End => return Poll::Ready(Ok(true)),
            }
        }
    }
}
