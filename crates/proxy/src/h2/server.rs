//! One stream of a client: its request comes from here, its response goes here.

use std::{
    rc::Rc,
    task::{Context, Poll},
};

use ::http::Request;
use bytes::Bytes;
use h2::{Reason, RecvStream, server::SendResponse};
use router::Head;

use crate::{
    h2::{Flow, flow::stream_error, head, serve::Conduct},
    http::{BodyKind, Failure, StreamError, Violation, failure::Source},
};

/// One stream of a client.
pub(crate) struct ServerStream {
    flow: Flow,
    respond: SendResponse<Bytes>,
    body: BodyKind,
    to_head: bool,
    /// Whether it was us who ended it before its response.
    given_up: bool,
    conduct: Rc<Conduct>,
}

impl ServerStream {
    /// Takes a request apart: its head goes into `head`, which must be clear.
    pub(super) fn new(
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        conduct: Rc<Conduct>,
        head: &mut Head,
    ) -> (Self, Result<(), Violation>) {
        let (request, body) = request.into_parts();
        let read = head::read_request(&request.method, &request.uri, &request.headers, head);
        let kind = match head::body(head, body.is_end_stream()) {
            // Such a method has a body; servers ask for its length (RFC 9110 §8.6).
            BodyKind::None if has_content(head.bytes(head.method)) => BodyKind::Length(0),
            kind => kind,
        };
        let to_head = request.method == ::http::Method::HEAD;
        let mut flow = Flow::default();
        flow.receive(body);
        (Self { flow, respond, body: kind, to_head, given_up: false, conduct }, read)
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
        let response = head::write_response(head, None)?;
        self.respond.send_informational(response).map_err(|error| stream_error(&error))
    }

    /// See [`crate::http::Down::send_head`].
    pub(crate) fn send_head(&mut self, head: &Head, body: BodyKind) -> Result<(), StreamError> {
        let bodiless = self.to_head || matches!(head.status, 204 | 304);
        let ended = bodiless || matches!(body, BodyKind::None | BodyKind::Length(0));
        let length = head::length(body).filter(|_| !bodiless);
        let response = head::write_response(head, length)?;
        let body = self.respond.send_response(response, ended);
        self.flow.send(body.map_err(|error| stream_error(&error))?, ended);
        Ok(())
    }

    /// See [`crate::http::Down::poll_gone`].
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        if self.flow.has_sent() {
            return self.flow.poll_reset(cx);
        }
        self.respond.poll_reset(cx).map(|reset| match reset {
            Ok(_) => StreamError::Reset,
            Err(error) => stream_error(&error),
        })
    }

    /// See [`crate::http::Down::reset`].
    pub(crate) fn reset(&mut self, failure: Failure) {
        self.given_up = failure != Failure::ClientGone;
        let reason = match (failure, failure.source()) {
            (Failure::ClientTimeout | Failure::ClientGone, _) => Reason::CANCEL,
            (_, Source::Downstream) => Reason::PROTOCOL_ERROR,
            (_, Source::Upstream | Source::Internal) => Reason::INTERNAL_ERROR,
        };
        self.flow.reset(reason);
        self.respond.send_reset(reason);
    }
}

impl Drop for ServerStream {
    fn drop(&mut self) {
        if !self.flow.has_sent() && !self.given_up {
            self.conduct.abandoned();
        }
    }
}

fn has_content(method: &[u8]) -> bool {
    matches!(method, b"POST" | b"PUT" | b"PATCH")
}
