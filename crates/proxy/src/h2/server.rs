//! One stream of a client: its request comes from here, its response goes here.

use std::task::{Context, Poll};

use router::Head;

use crate::{
    h2::{Flow, frame::Reason, head},
    http::{BodyKind, Failure, StreamError, failure::Source},
};

/// One stream of a client.
pub(crate) struct ServerStream {
    flow: Flow,
    body: BodyKind,
    to_head: bool,
    /// Whether a response was begun, or it was us who ended the stream before.
    answered: bool,
}

impl ServerStream {
    /// A stream that brought a request. `ended`: that was all of it.
    pub(super) fn new(flow: Flow, request: &Head, ended: bool) -> Self {
        let method = request.bytes(request.method);
        let body = match head::body(request, ended) {
            // Such a method has a body; servers ask for its length (RFC 9110 §8.6).
            BodyKind::None if has_content(method) => BodyKind::Length(0),
            kind => kind,
        };
        Self { flow, body, to_head: method == b"HEAD", answered: false }
    }

    /// See [`crate::http::Down::half`].
    pub(crate) fn flow(&mut self) -> &mut Flow {
        &mut self.flow
    }

    /// See [`crate::http::Down::body`].
    pub(crate) fn body(&self) -> BodyKind {
        self.body
    }

    /// See [`crate::http::Down::send_informational`].
    pub(crate) fn send_informational(&mut self, head: &Head) -> Result<(), StreamError> {
        self.flow.send_head(true, false, |to| head::response(head, None, to))
    }

    /// See [`crate::http::Down::send_head`].
    pub(crate) fn send_head(&mut self, head: &Head, body: BodyKind) -> Result<(), StreamError> {
        let bodiless = self.to_head || matches!(head.status, 204 | 304);
        let ended = bodiless || matches!(body, BodyKind::None | BodyKind::Length(0));
        let length = match body {
            BodyKind::Length(length) if !bodiless => Some(length),
            _ => None,
        };
        self.answered = true;
        self.flow.send_head(false, ended, |to| head::response(head, length, to))
    }

    /// See [`crate::http::Down::poll_gone`].
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.flow.poll_gone(cx)
    }

    /// See [`crate::http::Down::reset`].
    pub(crate) fn reset(&mut self, failure: Failure) {
        self.answered |= failure != Failure::ClientGone;
        self.flow.reset(match (failure, failure.source()) {
            (Failure::ClientTimeout | Failure::ClientGone, _) => Reason::CANCEL,
            (_, Source::Downstream) => Reason::PROTOCOL_ERROR,
            (_, Source::Upstream | Source::Internal) => Reason::INTERNAL_ERROR,
        });
    }
}

impl Drop for ServerStream {
    fn drop(&mut self) {
        self.flow.abandoned = !self.answered;
    }
}

fn has_content(method: &[u8]) -> bool {
    matches!(method, b"POST" | b"PUT" | b"PATCH")
}
