//! The life of a request, from its head to the record of its end.
//!
//! [`Exchange::serve`] is the whole of it on one screen; what it calls are the steps. It never
//! knows which protocol either side speaks.

use std::{
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use router::{
    Answer, BindTable, Cause, Head, ListenerTable, Plan, RequestContext, Step, head::Known, path,
};

use crate::{
    http::{
        BodyKind, Client, Down, Failure, Heads, date, hop,
        journal::{Journal, Names},
        mirror,
        record::Protocol,
        relay::Relay,
        respond,
        timer::Timer,
        trust,
        upload::Upload,
    },
    live::Live,
    local::Local,
    upstream::{self, Upstream},
};

/// One request and its response, with all that its life needs.
pub(crate) struct Exchange<'a, 'c> {
    /// The worker.
    pub(crate) local: &'a Rc<Local>,
    /// Who asks.
    pub(crate) client: &'a Client,
    /// From where, and to where the answer goes.
    pub(crate) down: &'a mut Down<'c>,
    /// What is asked, as edited so far.
    pub(crate) request: &'a mut Head,
    /// What is answered.
    pub(crate) response: &'a mut Head,
    /// For all waits.
    pub(crate) timer: &'a mut Timer,
    /// The request's body on its way.
    pub(crate) upload: Upload,
    /// How the request's body is announced to the backend.
    pub(crate) sent_body: BodyKind,
    /// What will be recorded.
    pub(crate) journal: Journal,
}

/// Why a request is answered without its backend.
enum Stop<'l> {
    /// By a filter or the path.
    Answer(Answer, Option<&'l Arc<Plan>>),
    /// For a failure.
    Failure(Failure, Option<&'l Arc<Plan>>),
}

impl From<Failure> for Stop<'_> {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure, None)
    }
}

/// Serves one request, whose head lies in `heads` as the codec read it, and records it.
pub(crate) async fn exchange(
    local: &Rc<Local>,
    client: &Client,
    down: &mut Down<'_>,
    heads: &mut Heads,
    timer: &mut Timer,
) {
    let _active = local.telemetry.request_started();
    let mut exchange = Exchange::new(local, client, down, heads, timer);
    let (mut relay, names) = {
        let live = local.live();
        let mut names = Names::default();
        let mut relay = match exchange.serve(&live, &mut names).await {
            Ok(relay) => relay,
            Err(stop) => {
                exchange.stop(stop);
                return exchange.record(&names);
            }
        };
        // Most responses end here. For the others the names are copied, so that a long body does
        // not keep a whole revision in memory.
        let polled = poll_fn(|cx| Poll::Ready(exchange.poll_relay(cx, &mut relay))).await;
        if let Poll::Ready(end) = polled {
            exchange.end(relay, end, &names);
            return exchange.record(&names);
        }
        (relay, names.owned())
    };
    let end = poll_fn(|cx| exchange.poll_relay(cx, &mut relay)).await;
    exchange.end(relay, end, &names.borrowed());
    exchange.record(&names.borrowed());
}

/// Answers a request whose head could not be read, or not in time, and records it. What was read of
/// it lies in `heads`.
pub(crate) fn refuse(
    local: &Rc<Local>,
    client: &Client,
    down: &mut Down<'_>,
    heads: &mut Heads,
    timer: &mut Timer,
    failure: Failure,
) {
    let mut exchange = Exchange::new(local, client, down, heads, timer);
    exchange.stop(failure.into());
    exchange.record(&Names::default());
}

impl<'a, 'c> Exchange<'a, 'c> {
    fn new(
        local: &'a Rc<Local>,
        client: &'a Client,
        down: &'a mut Down<'c>,
        heads: &'a mut Heads,
        timer: &'a mut Timer,
    ) -> Self {
        let Heads { request, response } = heads;
        let protocol = match down {
            Down::H1(_) if request.http10 => Protocol::Http10,
            Down::H1(_) => Protocol::Http11,
            Down::H2(_) => Protocol::Http2,
        };
        let journal = Journal::begin(request, protocol);
        let sent_body = down.body();
        let upload = Upload::default();
        Self { local, client, down, request, response, timer, upload, sent_body, journal }
    }

    /// The life of a request.
    async fn serve<'l>(
        &mut self,
        live: &'l Live,
        names: &mut Names<'l>,
    ) -> Result<Relay, Stop<'l>> {
        // What was asked, in one form, and of whom.
        self.admit()?;
        let step = path::normalise(self.request).map_err(|_| Failure::MalformedRequest)?;
        self.journal.note_target(self.request);
        let (bind, listener) = self.listener(live)?;
        names.listener = Some(&listener.id);
        go_on(step, None)?;
        let may_upgrade = self.may_upgrade();
        let upgrade = hop::receive_request(self.request, may_upgrade);

        // Which rule, and what it does to the request.
        let matched = listener.route(self.request).ok_or(Failure::NoRoute)?;
        let (plan, mut prefix) = (matched.plan, matched.prefix);
        (names.route, names.rule) = (Some(&plan.route), Some(&plan.rule));
        let origin = router::origin(self.request);
        self.journal.request_id = trust::mark(self.request, self.client);
        let context = RequestContext { scheme: self.client.scheme(), port: bind.port() };
        let stop = |failure| Stop::Failure(failure, Some(plan));
        let step = plan.on_request(&mut prefix, self.request, &context);
        go_on(step, Some(plan))?;

        // Which backend, and what is done to requests for it.
        let cursor = self.local.cursors.next_share(&plan.rule);
        let share = plan.pick(cursor).ok_or(stop(Failure::NoBackend))?;
        let chosen = plan.backends.get(share).ok_or(stop(Failure::NoBackend))?;
        let slot = chosen.backend.map_err(|_| stop(Failure::InvalidBackend))?;
        let backend = live.backend(slot).ok_or(stop(Failure::InvalidBackend))?;
        names.backend = Some(&backend.id);
        let step = plan.on_backend_request(share, &mut prefix, self.request, &context);
        go_on(step, Some(plan))?;

        // There and back.
        hop::send_request(self.request, upgrade);
        let mirrors = plan.mirrors.iter().chain(&chosen.mirrors);
        for feed in mirror::start(self.local, live, mirrors, cursor, self.request, self.sent_body) {
            self.upload.feed(feed);
        }
        let answered = self.forward(plan, Upstream { slot, backend }).await.map_err(stop)?;
        self.journal.note_answer();
        names.slot = Some(slot);

        // What is done to the response.
        let origin = origin.map(|origin| self.request.bytes(origin));
        plan.on_response(Some(share), origin, self.response);
        hop::send_response(self.response, self.is_to_head());
        date::stamp(self.response);
        self.journal.status = self.response.status;
        if self.client.ends() {
            self.down.close_after();
        }
        self.down.send_head(self.response, answered.body).map_err(Failure::of_client)?;
        let upload = std::mem::take(&mut self.upload);
        let patience = self.local.patience();
        Ok(Relay::new(answered, upload, self.response.status == 101, patience))
    }

    /// The listener of the request's authority, which must be that of its connection, and must let
    /// its client in still.
    fn listener<'l>(
        &mut self,
        live: &'l Live,
    ) -> Result<(&'l BindTable, &'l Arc<ListenerTable>), Failure> {
        let bind = live.table.bind(&self.client.bind).ok_or(Failure::NoRoute)?;
        let listener = bind.listener(self.request.bytes(self.request.host));
        let Some(chosen) = &self.client.listener else {
            return Ok((bind, listener.ok_or(Failure::NoRoute)?));
        };
        // RFC 9110 §15.5.20: also where no listener takes it, since another connection might.
        let listener = listener.filter(|listener| listener.id == *chosen);
        let listener = listener.ok_or(Failure::Misdirected)?;
        if !self.client.is_trusted(live, listener) {
            self.down.close_after();
            return Err(Failure::Misdirected);
        }
        Ok((bind, listener))
    }

    /// Refuses what is never served.
    fn admit(&self) -> Result<(), Failure> {
        let expects_other = |value: &[u8]| !value.eq_ignore_ascii_case(b"100-continue");
        if self.request.bytes(self.request.method) == b"CONNECT" {
            return Err(Failure::MethodNotAllowed);
        }
        if self.request.known(Known::Expect).is_some_and(expects_other) {
            return Err(Failure::ExpectationFailed);
        }
        if hop::names_too_many(self.request) {
            return Err(Failure::HeadTooLarge);
        }
        if trust::has_ambiguous_name(self.request) {
            return Err(Failure::MalformedRequest);
        }
        Ok(())
    }

    /// Only HTTP/1.1 upgrades, and no bytes may follow before the backend agrees (CVE-2026-2833).
    fn may_upgrade(&self) -> bool {
        matches!(self.down, Down::H1(_))
            && !self.request.http10
            && matches!(self.sent_body, BodyKind::None | BodyKind::Length(0))
    }

    fn is_to_head(&self) -> bool {
        self.request.bytes(self.request.method) == b"HEAD"
    }

    /// Answers in place of the backend.
    fn stop(&mut self, stop: Stop<'_>) {
        self.journal.bytes_in = self.upload.bytes();
        let plan = match stop {
            Stop::Answer(answer, plan) => {
                self.response.clear();
                answer.write(self.response);
                if matches!(answer.cause, Cause::Failure(_)) {
                    self.journal.failure = Some(Failure::FilterFailed);
                }
                plan.filter(|_| matches!(answer.cause, Cause::Failure(_) | Cause::Redirect))
            }
            Stop::Failure(failure, plan) => {
                self.journal.failure = Some(failure);
                respond::describe(failure, respond::is_grpc(self.request), self.response);
                plan
            }
        };
        if let Some(plan) = plan {
            let origin = router::origin(self.request).map(|origin| self.request.bytes(origin));
            plan.on_response(None, origin, self.response);
        }
        self.journal.status = self.response.status;
        if self.client.ends() {
            self.down.close_after();
        }
        let sent = match self.journal.failure {
            Some(failure @ Failure::ClientGone) => Err(failure),
            // Bytes of HTTP/1 would only be misread (RFC 9113 §3.4).
            Some(Failure::NotHttp) => Ok(()),
            _ => respond::answer(self.down, self.response, self.is_to_head())
                .map_err(Failure::of_client),
        };
        if let Err(failure) = sent {
            self.down.reset(failure);
        }
    }

    fn poll_relay(&mut self, cx: &mut Context<'_>, relay: &mut Relay) -> Poll<Result<(), Failure>> {
        relay.poll(cx, self.down, self.timer)
    }

    /// Closes what is broken, and keeps what is not.
    fn end(&mut self, relay: Relay, end: Result<(), Failure>, names: &Names<'_>) {
        (self.journal.bytes_in, self.journal.bytes_out) = (relay.bytes_in(), relay.bytes_out());
        match end {
            Ok(()) => {
                let journal = &self.journal;
                if let (Some(slot), Some(backend), Some(endpoint)) =
                    (names.slot, names.backend, journal.endpoint)
                {
                    upstream::check_in(self.local, slot, backend, endpoint, relay.into_up());
                }
            }
            Err(failure) => {
                self.journal.failure = Some(failure);
                self.down.reset(failure);
            }
        }
    }

    fn record(&self, names: &Names<'_>) {
        self.local.telemetry.record(&self.journal.record(self.client, names, self.request));
    }
}

fn go_on<'l>(step: Step, plan: Option<&'l Arc<Plan>>) -> Result<(), Stop<'l>> {
    match step {
        Step::Continue => Ok(()),
        Step::Answer(answer) => Err(Stop::Answer(answer, plan)),
    }
}
