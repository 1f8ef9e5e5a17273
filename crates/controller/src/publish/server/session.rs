//! What one proxy is told, and when that ends.
//!
//! A greeting, then steps: each is answered before the next is sent, and what changes meanwhile
//! goes into the next. The end is always the proxy's business to mend: it comes again, with what it
//! holds by then, and goes on serving that.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    sync::Arc,
};

use futures_util::{Stream, stream};
use ir::wire::{
    self, Hello, Step, WireError,
    frame::{ControllerWord, FromController, FromProxy, HelloPart, ProxyWord, Redirect},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tonic::{Request, Response, Status, Streaming, server::StreamingService};

use super::{House, limits::ENCODED_AT_ONCE};
use crate::{
    lead::Lead,
    publish::{
        admission::Admitted,
        hub::{Batch, Subscriber, Subscription},
    },
};

/// A stream that is about to begin.
pub(super) struct Opening {
    house: Arc<House>,
    guest: Guest,
    ticket: mpsc::Sender<Infallible>,
}

enum Guest {
    /// Is told what to do.
    Admitted(Admitted),
    /// Is sent to the leader.
    Sent(String),
}

impl Opening {
    /// Decides whether there is to be one. Whoever is sent on is not looked at: the leader does.
    pub(super) async fn new(
        house: Arc<House>,
        authorization: Option<&str>,
        ticket: mpsc::Sender<Infallible>,
    ) -> Result<Self, Status> {
        let lead = *house.lead.borrow();
        let guest = match lead {
            Lead::Follower { address: Some(address) } => {
                house.figures.redirects.count();
                Guest::Sent(address.to_string())
            }
            Lead::Follower { address: None } | Lead::Unknown => {
                return Err(Status::unavailable("no leader is known to this replica yet"));
            }
            Lead::Leader if !*house.synced.borrow() => {
                return Err(Status::unavailable("not everything was read from the cluster yet"));
            }
            Lead::Leader => {
                Guest::Admitted(house.admission.admit(authorization).await.map_err(|refusal| {
                    house.figures.refusals.count(&refusal);
                    Status::from(&refusal)
                })?)
            }
        };
        Ok(Self { house, guest, ticket })
    }
}

type Words = Pin<Box<dyn Stream<Item = Result<FromController, Status>> + Send>>;
type Out = mpsc::Sender<Result<FromController, Status>>;

impl StreamingService<FromProxy> for Opening {
    type Response = FromController;
    type ResponseStream = Words;
    type Future = Ready<Result<Response<Words>, Status>>;

    fn call(&mut self, request: Request<Streaming<FromProxy>>) -> Self::Future {
        let (out, mut words) = mpsc::channel(1);
        let ticket = self.ticket.clone();
        match &self.guest {
            Guest::Sent(address) => {
                let word = ControllerWord::Redirect(Redirect { address: address.clone() });
                // The channel is empty.
                let _ = out.try_send(Ok(word.into()));
            }
            Guest::Admitted(admitted) => {
                let (house, admitted) = (self.house.clone(), admitted.clone());
                tokio::spawn(async move {
                    host(&house, admitted, request.into_inner(), out).await;
                    drop(ticket);
                });
            }
        }
        let words = stream::poll_fn(move |context| words.poll_recv(context));
        ready(Ok(Response::new(Box::pin(words))))
    }
}

/// Sees a stream to its end, and tells the proxy why it ends.
async fn host(house: &House, admitted: Admitted, from: Streaming<FromProxy>, to: Out) {
    let _present = house.present.clone();
    let _counted = house.figures.streams.present();
    let mut place = house.roll.enter(&admitted.account, &admitted.pod);
    let reason = tokio::select! {
        reason = converse(house, &admitted, from, &to) => reason,
        reason = time_to_go(house, &admitted) => reason,
        () = place.superseded() => Status::aborted("the same pod has opened another stream"),
        () = to.closed() => return,
    };
    let (gateway, pod) = (&admitted.gateway, &admitted.pod);
    tracing::debug!(%gateway, %pod, reason = reason.message(), "a proxy's stream ends");
    // A proxy that takes nothing is not waited for.
    let _ = timeout(house.limits.farewell, to.send(Err(reason))).await;
}

/// Returns when a stream must end, whatever it is at.
async fn time_to_go(house: &House, admitted: &Admitted) -> Status {
    let (mut lead, mut accounts) = (house.lead.clone(), house.admission.accounts());
    let mut ended = house.ended.clone();
    // By then the kubelet has put a new token in place, as it does at four fifths of a token's
    // life.
    let left = admitted.expires.saturating_duration_since(Instant::now());
    let expires = admitted.expires - left.mul_f64(0.02 + 0.13 * fastrand::f64());
    tokio::select! {
        _ = lead.wait_for(|lead| !lead.is_leader()) => {
            Status::unavailable("this replica leads no more")
        }
        _ = accounts.wait_for(|_| !house.admission.still_admits(admitted)) => {
            Status::permission_denied(format!("Gateway {} is gone", admitted.gateway))
        }
        _ = ended.wait_for(|ended| *ended) => Status::unavailable("this replica ends"),
        () = sleep_until(expires) => Status::unavailable("the token is about to expire"),
    }
}

/// Greets, and then tells one step after the other.
async fn converse(
    house: &House,
    admitted: &Admitted,
    mut from: Streaming<FromProxy>,
    to: &Out,
) -> Status {
    let hello = match timeout(house.limits.hello, greeting(&mut from)).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(status)) => return status,
        Err(_) => return Status::deadline_exceeded("the greeting took too long"),
    };
    if !wire::understands(hello.wire_version) {
        let (gateway, pod) = (&admitted.gateway, &admitted.pod);
        let (theirs, ours) = (hello.wire_version, wire::VERSION);
        tracing::warn!(%gateway, %pod, theirs, ours, software = hello.software, "too far apart");
        return Status::failed_precondition(format!(
            "the proxy speaks version {theirs} of the stream and this controller {ours}: \
             they may differ by one, so upgrade the older one first"
        ));
    }
    let subscriber =
        Subscriber { gateway: Some(admitted.gateway.clone()), pod: admitted.pod.clone() };
    let subscription = house.hub.subscribe(subscriber);
    match (Dialogue { house, from, to, subscription, greeted: Some(hello), asked: None })
        .run()
        .await
    {
        Ok(never) => match never {},
        Err(status) => status,
    }
}

/// All parts of the greeting.
async fn greeting(from: &mut Streaming<FromProxy>) -> Result<Hello, Status> {
    let (mut hello, mut more) = Hello::begin(greeting_part(from).await?).map_err(too_much)?;
    while more {
        more = hello.add(greeting_part(from).await?).map_err(too_much)?;
    }
    Ok(hello)
}

fn too_much(error: WireError) -> Status {
    Status::invalid_argument(error.to_string())
}

async fn greeting_part(from: &mut Streaming<FromProxy>) -> Result<HelloPart, Status> {
    match word(from).await? {
        Some(ProxyWord::Hello(part)) => Ok(part),
        _ => Err(Status::invalid_argument("a stream begins with a greeting")),
    }
}

/// What the proxy says next; none is something that only a newer one says.
async fn word(from: &mut Streaming<FromProxy>) -> Result<Option<ProxyWord>, Status> {
    let word = from.message().await?;
    Ok(word.ok_or_else(|| Status::cancelled("the proxy ended the stream"))?.word)
}

struct Dialogue<'s> {
    house: &'s House,
    from: Streaming<FromProxy>,
    to: &'s Out,
    subscription: Subscription,
    /// Until the first step is sent.
    greeted: Option<Hello>,
    /// The revision that is not answered yet, and until when it must be.
    asked: Option<(u64, Instant)>,
}

impl Dialogue<'_> {
    async fn run(mut self) -> Result<Infallible, Status> {
        loop {
            let deadline = self.asked.map_or_else(Instant::now, |(_, deadline)| deadline);
            tokio::select! {
                batch = self.subscription.next(), if self.asked.is_none() => {
                    let batch = batch.ok_or_else(|| Status::unavailable("this replica ends"))?;
                    self.send(batch).await?;
                }
                word = word(&mut self.from) => self.hear(word?)?,
                () = sleep_until(deadline), if self.asked.is_some() => {
                    self.house.figures.unanswered.count();
                    return Err(Status::deadline_exceeded("a step was not answered in time"));
                }
            }
        }
    }

    fn hear(&mut self, word: Option<ProxyWord>) -> Result<(), Status> {
        match word {
            Some(ProxyWord::Answer(answer)) => {
                self.asked.take_if(|(revision, _)| *revision <= answer.revision);
                self.subscription.answered(answer.try_into().map_err(too_much)?);
                Ok(())
            }
            Some(ProxyWord::Hello(_)) => Err(Status::invalid_argument("a stream has one greeting")),
            // A newer proxy may say what this controller does not need.
            None => Ok(()),
        }
    }

    async fn send(&mut self, batch: Batch) -> Result<(), Status> {
        let revision = batch.revision;
        let step = self.step(batch).await;
        for part in step.into_parts() {
            let word = ControllerWord::Part(part).into();
            match timeout(self.house.limits.part, self.to.send(Ok(word))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Status::cancelled("the proxy ended the stream")),
                Err(_) => {
                    self.house.figures.unanswered.count();
                    return Err(Status::deadline_exceeded("the proxy takes nothing in"));
                }
            }
        }
        self.house.figures.steps.count();
        self.asked = Some((revision, Instant::now() + self.house.limits.answer));
        Ok(())
    }

    /// What leads from what the proxy holds to a batch. The first says everything: of that, only
    /// what is not held yet is sent, and what is held and not in it must go.
    async fn step(&mut self, batch: Batch) -> Step {
        let epoch = self.house.hub.epoch().to_string();
        let mut step = Step { epoch, revision: batch.revision, ..Step::default() };
        let Hello { mut held, unknown, .. } = self.greeted.take().unwrap_or_default();
        for (index, entry) in batch.upserts.iter().enumerate() {
            if index % ENCODED_AT_ONCE == ENCODED_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let encoded = entry.encoded();
            if held.remove(entry.key()) != Some(encoded.hash) {
                step.upsert(entry.key(), encoded);
            }
        }
        step.removals = unknown;
        batch.removals.iter().chain(held.keys()).for_each(|key| step.remove(key));
        step
    }
}
