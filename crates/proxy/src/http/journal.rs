//! What is noted of an exchange while it lasts, to be recorded at its end.

use std::time::Duration;

use ir::{Backend, Endpoint, Id, Listener, Route, Rule};
use router::{
    BackendSlot, Head,
    head::{Known, Span},
};
use tokio::time::Instant;

use crate::{
    http::{Client, Failure, Record, record::Protocol},
    upstream,
};

/// Facts of one exchange. Texts are spans into the request's head, which outlives it.
pub(crate) struct Journal {
    /// When the request's head was there.
    pub(crate) started: Instant,
    /// Our id for it.
    pub(crate) request_id: Span,
    /// The status that was sent.
    pub(crate) status: u16,
    /// What went wrong.
    pub(crate) failure: Option<Failure>,
    /// Tries beyond the first.
    pub(crate) retries: u32,
    /// The endpoint of the last try.
    pub(crate) endpoint: Option<Endpoint>,
    /// Body bytes from the client.
    pub(crate) bytes_in: u64,
    /// Body bytes to the client.
    pub(crate) bytes_out: u64,
    protocol: Protocol,
    method: Span,
    authority: Span,
    path: Span,
    user_agent: Span,
    upstream: Option<Duration>,
}

impl Journal {
    /// Begins with a head as it was read.
    pub(crate) fn begin(request: &Head, protocol: Protocol) -> Self {
        let agent = request.field_spans().iter().find(|field| field.known == Known::UserAgent);
        Self {
            started: Instant::now(),
            request_id: Span::default(),
            status: 0,
            failure: None,
            retries: 0,
            endpoint: None,
            bytes_in: 0,
            bytes_out: 0,
            protocol,
            method: request.method,
            authority: request.authority,
            path: request.path,
            user_agent: agent.map(|field| field.value).unwrap_or_default(),
            upstream: None,
        }
    }

    /// Notes the target in normal form, as it is matched.
    pub(crate) fn note_target(&mut self, request: &Head) {
        (self.authority, self.path) = (request.authority, request.path);
    }

    /// Notes that the backend's answer began.
    pub(crate) fn note_answer(&mut self) {
        self.upstream = Some(self.started.elapsed());
    }

    /// All of it, at the end.
    pub(crate) fn record<'r>(
        &self,
        client: &'r Client,
        names: &Names<'r>,
        request: &'r Head,
    ) -> Record<'r> {
        Record {
            protocol: self.protocol,
            bind: &client.bind,
            listener: names.listener,
            sni: client.server_name.as_deref(),
            route: names.route,
            rule: names.rule,
            backend: names.backend,
            endpoint: self.endpoint.map(upstream::address),
            peer: client.remote,
            method: request.bytes(self.method),
            authority: request.bytes(self.authority),
            path: request.bytes(self.path),
            user_agent: request.bytes(self.user_agent),
            request_id: request.bytes(self.request_id),
            status: self.status,
            failure: self.failure,
            retries: self.retries,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            duration: self.started.elapsed(),
            upstream: self.upstream,
        }
    }
}

/// Who took part, as the tables name them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Names<'l> {
    /// The listener that took the request.
    pub(crate) listener: Option<&'l Id<Listener>>,
    /// The route that matched.
    pub(crate) route: Option<&'l Id<Route>>,
    /// Its rule.
    pub(crate) rule: Option<&'l Id<Rule>>,
    /// The backend that was picked.
    pub(crate) backend: Option<&'l Id<Backend>>,
    /// Its place in the tables.
    pub(crate) slot: Option<BackendSlot>,
}

/// The same for longer than the tables live.
pub(crate) struct OwnedNames {
    listener: Option<Id<Listener>>,
    route: Option<Id<Route>>,
    rule: Option<Id<Rule>>,
    backend: Option<Id<Backend>>,
    slot: Option<BackendSlot>,
}

impl Names<'_> {
    /// Copies them. This touches counters that other workers touch too.
    pub(crate) fn owned(&self) -> OwnedNames {
        OwnedNames {
            listener: self.listener.cloned(),
            route: self.route.cloned(),
            rule: self.rule.cloned(),
            backend: self.backend.cloned(),
            slot: self.slot,
        }
    }
}

impl OwnedNames {
    /// As the rest of the code takes them.
    pub(crate) fn borrowed(&self) -> Names<'_> {
        Names {
            listener: self.listener.as_ref(),
            route: self.route.as_ref(),
            rule: self.rule.as_ref(),
            backend: self.backend.as_ref(),
            slot: self.slot,
        }
    }
}
