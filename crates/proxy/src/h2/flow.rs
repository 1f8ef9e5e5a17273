//! The bodies of one stream, both ways, with flow control from end to end: the peer gets room for
//! as many bytes as we have passed on, and we take as many as it has room for.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use router::Head;

use crate::{
    buffer::Buffer,
    h2::{frame::Reason, head, mux::Mux, stream::Key},
    http::{BodyState, StreamError},
};

/// The bodies of one stream. Its connection forgets the stream when this is dropped.
pub(crate) struct Flow {
    mux: Rc<Mux>,
    key: Key,
    /// What lies at hand; not yet given back to flow control.
    chunk: Buffer,
    trailers: Head,
    /// The peer took back what it asked for before it got anything.
    pub(super) abandoned: bool,
    bodiless: bool,
}

impl Flow {
    /// That of a stream which is open.
    pub(super) fn new(mux: Rc<Mux>, key: Key) -> Self {
        let (chunk, trailers) = (Buffer::default(), Head::default());
        Self { mux, key, chunk, trailers, abandoned: false, bodiless: false }
    }

    /// See [`crate::http::Half::poll_body`].
    pub(crate) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BodyState, StreamError>> {
        if !self.chunk.is_empty() {
            return Poll::Ready(Ok(BodyState::Data));
        }
        self.mux.poll_body(self.key, cx, &mut self.chunk, &mut self.trailers)
    }

    /// See [`crate::http::Half::data`].
    pub(crate) fn data(&self) -> &[u8] {
        self.chunk.rest()
    }

    /// See [`crate::http::Half::consume`].
    pub(crate) fn consume(&mut self, n: usize) {
        let n = n.min(self.chunk.len());
        self.chunk.consume(n);
        self.chunk.release();
        self.mux.consume(self.key, n);
    }

    /// See [`crate::http::Half::trailers`].
    pub(crate) fn trailers(&self) -> &Head {
        &self.trailers
    }

    /// See [`crate::http::Half::poll_room`]. To be asked with bytes at hand: room that is held and
    /// not used is taken from the other streams.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, StreamError>> {
        self.mux.poll_room(self.key, cx)
    }

    /// See [`crate::http::Half::send_data`].
    pub(crate) fn send_data(&mut self, data: &[u8]) -> Result<(), StreamError> {
        self.mux.send_data(self.key, data)
    }

    /// See [`crate::http::Half::send_end`].
    pub(crate) fn send_end(&mut self, trailers: Option<&Head>) -> Result<(), StreamError> {
        let trailers = trailers.filter(|trailers| !trailers.field_spans().is_empty());
        self.mux
            .send_end(self.key, trailers.map(|head| |to: &mut Vec<u8>| head::trailers(head, to)))
    }

    /// See [`crate::http::Half::poll_flush`]: bytes were only taken where the peer has room for
    /// them, so that they leave as soon as the connection can write.
    pub(crate) fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Poll::Ready(Ok(()))
    }

    /// Queues the head of a message, or an interim one. `ends`: nothing follows it.
    pub(super) fn send_head(
        &mut self,
        interim: bool,
        ends: bool,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), StreamError> {
        self.mux.send_head(self.key, interim, ends, write)
    }

    /// See [`Mux::poll_head`].
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        head: &mut Head,
    ) -> Poll<Result<bool, StreamError>> {
        self.mux.poll_head(self.key, cx, head)
    }

    /// See [`Mux::expect_no_body`].
    pub(super) fn expect_no_body(&mut self) {
        self.bodiless = true;
        self.mux.expect_no_body(self.key);
    }

    /// Whether that was said.
    pub(super) fn is_bodiless(&self) -> bool {
        self.bodiless
    }

    /// Ready when the peer has reset the stream, or the connection is gone.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.mux.poll_gone(self.key, cx)
    }

    /// Ends the stream at once.
    pub(super) fn reset(&mut self, reason: Reason) {
        self.mux.cancel(self.key, reason);
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.mux.leave(self.key, self.chunk.len(), self.abandoned);
    }
}
