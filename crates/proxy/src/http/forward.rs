//! From an edited request to a response head: tries, one endpoint after the other.
//!
//! Bounds: `timeouts.request` for all tries together, `timeouts.backendRequest` for each, both up
//! to the end of the response (Gateway API, `HTTPRouteTimeouts`). What follows the response's head
//! is [`super::relay`]'s.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
};

use ir::Endpoint;
use router::Plan;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    http::{
        BodyKind, Failure, Up, hop,
        pump::Fault,
        request::Exchange,
        retry::{self, Policy},
        timer::{Stillness, Timer},
    },
    upstream::{Tried, Upstream, pick},
};

/// A response whose head lies in [`Exchange::response`].
pub(crate) struct Answered {
    /// Where its body comes from.
    pub(crate) up: Up,
    /// What its head said about that.
    pub(crate) body: BodyKind,
    /// When all of it must be there.
    pub(crate) deadline: Option<Deadline>,
}

/// When a try must be over, and why it failed if it is not.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    failure: Failure,
}

impl Deadline {
    /// Ready once it has passed.
    pub(crate) fn poll(&self, cx: &mut Context<'_>, timer: &mut Timer) -> Poll<Failure> {
        timer.poll(cx, self.at).map(|()| self.failure)
    }
}

impl Exchange<'_, '_> {
    /// Sends the request, again where that is safe and allowed, and reads the response's head.
    pub(crate) async fn forward(
        &mut self,
        plan: &Plan,
        upstream: Upstream<'_>,
    ) -> Result<Answered, Failure> {
        let policy = Policy::of(plan.retry.as_ref());
        if policy.keeps_bodies() {
            self.upload.keep();
        }
        let whole = plan.timeouts.request.map(|time| Deadline {
            at: self.journal.started + time,
            failure: Failure::RequestTimeout,
        });
        let mut tried = Tried::default();
        let mut fresh = false;
        loop {
            let turn = self.local.cursors.next_endpoint(upstream.slot);
            let endpoint = pick(&upstream.backend.endpoints, turn, &tried);
            let endpoint = endpoint.ok_or(Failure::NoEndpoint)?;
            let each = plan
                .timeouts
                .backend_request
                .map(|time| Deadline { at: Instant::now() + time, failure: Failure::TryTimeout });
            let deadline = [whole, each].into_iter().flatten().min_by_key(|deadline| deadline.at);
            let tried_now = self.attempt(upstream, endpoint, fresh, deadline).await;
            let another = policy.allows(self.journal.retries) && self.upload.is_replayable();
            match tried_now {
                Ok(answered) if another && policy.refuses(self.response.status) => drop(answered),
                Ok(answered) => return Ok(answered),
                Err(Broken { stale: true, .. }) => {
                    // The endpoint closed an idle connection just then. That is no failure of its.
                    fresh = true;
                    continue;
                }
                Err(broken) if another && policy.forgives(broken.failure) => {}
                Err(broken) => return Err(broken.failure),
            }
            tried.note(endpoint);
            let wait = policy.wait(self.journal.retries);
            if whole.is_some_and(|whole| Instant::now() + wait >= whole.at) {
                return Err(Failure::RequestTimeout);
            }
            self.unless_gone(sleep(wait)).await?;
            self.journal.retries += 1;
            fresh = false;
        }
    }

    /// One try.
    async fn attempt(
        &mut self,
        upstream: Upstream<'_>,
        endpoint: Endpoint,
        fresh: bool,
        deadline: Option<Deadline>,
    ) -> Result<Answered, Broken> {
        self.journal.endpoint = Some(endpoint);
        let connecting = upstream.check_out(self.local, endpoint, fresh);
        let checkout = match deadline {
            None => self.unless_gone(connecting).await??,
            Some(Deadline { at, failure }) => {
                let in_time = self.unless_gone(timeout_at(at, connecting)).await?;
                in_time.map_err(|_| failure)??
            }
        };
        let mut up = checkout.up;
        self.upload.restart();
        up.send_head(self.request, self.sent_body).map_err(Failure::of_upstream)?;
        let mut still = Stillness::new(self.local.patience().stream_idle);
        let read = poll_fn(|cx| self.poll_response(cx, &mut up, &mut still, deadline)).await;
        match read {
            Ok(body) => Ok(Answered { up, body, deadline }),
            Err(failure) => {
                let unseen = match &up {
                    Up::H1(conn) => !conn.has_begun(),
                    Up::H2(_) => false,
                };
                let closed = matches!(failure, Failure::UpstreamClosed | Failure::UpstreamReset);
                let stale = checkout.reused
                    && closed
                    && unseen
                    && self.upload.is_replayable()
                    && retry::is_idempotent(self.request.bytes(self.request.method));
                Err(Broken { failure, stale })
            }
        }
    }

    /// Waits for something that moves no body, as long as the client is there: one that opens
    /// streams only to reset them must not leave their tasks behind (CVE-2023-44487).
    async fn unless_gone<T>(&mut self, waited_for: impl Future<Output = T>) -> Result<T, Failure> {
        let mut waited_for = pin!(waited_for);
        poll_fn(|cx| match waited_for.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => self.down.poll_gone(cx).map(|_| Err(Failure::ClientGone)),
        })
        .await
    }

    /// Sends the request's body and reads heads until the final one.
    fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
        up: &mut Up,
        still: &mut Stillness,
        deadline: Option<Deadline>,
    ) -> Poll<Result<BodyKind, Failure>> {
        if !self.upload.is_done() {
            match self.upload.poll(cx, self.down.half(), up.half()) {
                Poll::Ready(Ok(())) | Poll::Pending => {}
                Poll::Ready(Err(Fault::Sender(error))) => {
                    return Poll::Ready(Err(Failure::of_client(error)));
                }
                // The backend may have answered before it stopped to read.
                Poll::Ready(Err(Fault::Receiver(_))) => self.upload.give_up(),
            }
        }
        while let Poll::Ready(read) = up.poll_head(cx, self.response) {
            let body = read.map_err(Failure::of_upstream)?;
            if self.response.status >= 200 || self.response.status == 101 {
                return Poll::Ready(Ok(body));
            }
            hop::send_response(self.response, false);
            self.down.send_informational(self.response).map_err(Failure::of_client)?;
        }
        if let Poll::Ready(Err(error)) = self.down.half().poll_flush(cx) {
            return Poll::Ready(Err(Failure::of_client(error)));
        }
        if !self.upload.waits_for_client() && self.down.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        if let Some(deadline) = deadline
            && let Poll::Ready(failure) = deadline.poll(cx, self.timer)
        {
            return Poll::Ready(Err(failure));
        }
        let moved = self.upload.bytes();
        still.poll(cx, self.timer, moved).map(|()| {
            Err(match self.upload.waits_for_client() {
                true => Failure::ClientTimeout,
                false => Failure::UpstreamTimeout,
            })
        })
    }
}

/// A try that failed.
struct Broken {
    failure: Failure,
    /// The connection had been idle and was closed before the request can have been answered; it is
    /// repeated on a new one, and does not count.
    stale: bool,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self { failure, stale: false }
    }
}
