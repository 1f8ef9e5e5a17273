//! One request on its way: the listener, the rule, the filters, the backend. It makes the same
//! calls in the same order as the proxy does, and decides nothing by itself.

use std::{collections::BTreeMap, sync::Arc};

use ir::{Backend, Id, Listener, Protocol, Scheme, Tls};
use router::{
    Answer, BindTable, Cause, Head, ListenerTable, Matched, Plan, RequestContext, Step,
    explain::explain, head::Span, naive, origin, path,
};

use crate::{World, requests::Request};

/// What becomes of a request.
pub(crate) struct Decision {
    pub(crate) listener: Option<Id<Listener>>,
    pub(crate) tls: Option<Tls>,
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    /// No listener takes the connection.
    Refused,
    /// The gateway answers: the head of the response.
    Answered(Box<Head>),
    /// Over one round of the weights: who gets it how often.
    Forwarded(Vec<Arrival>),
}

/// What one backend gets.
pub(crate) struct Arrival {
    pub(crate) to: Destination,
    pub(crate) share: usize,
    pub(crate) count: u64,
    /// The request as it arrives, or the answer instead.
    pub(crate) head: Head,
    /// The `Origin` as the client sent it.
    pub(crate) origin: Option<Vec<u8>>,
}

#[derive(PartialEq, Eq)]
pub(crate) enum Destination {
    Backend(Id<Backend>),
    /// This share is answered by the gateway.
    Status(u16),
}

/// Decides a request.
pub(crate) fn serve(world: &World, request: &Request) -> Result<Decision, String> {
    let refused = |listener: Option<&Arc<ListenerTable>>| Decision {
        listener: listener.map(|listener| listener.id.clone()),
        tls: None,
        plan: None,
        outcome: Outcome::Refused,
    };
    let Some(bind) = bind(world, request)? else { return Ok(refused(None)) };
    let secure = bind.listeners().any(|one| matches!(one.protocol(), Protocol::Https(_)));
    let mut connection = None;
    let mut tls = None;
    if secure {
        let sni = request.sni.as_deref().ok_or("an HTTPS listener, and no `sni`")?;
        let Some(listener) = bind.listener(sni.as_bytes()) else { return Ok(refused(None)) };
        match listener.protocol() {
            Protocol::Https(settings) if !settings.certificates.is_empty() => {
                tls = Some(settings.clone());
            }
            _ => return Ok(refused(Some(listener))),
        }
        connection = Some(listener);
    } else if request.sni.is_some() {
        return Err("an `sni`, and no HTTPS listener".to_owned());
    }
    let scheme = if secure { Scheme::Https } else { Scheme::Http };
    let context = RequestContext { scheme, port: bind.port() };
    let mut decision = on_connection(world, request, bind, connection, &context)?;
    decision.tls = tls;
    Ok(decision)
}

fn bind<'w>(world: &'w World, request: &Request) -> Result<Option<&'w BindTable>, String> {
    let wanted = |table: &&Arc<BindTable>| {
        *table.bind.gateway == *request.gateway
            && table.bind.port == request.port
            && (request.address.is_none() || table.bind.address == request.address)
            && !world.closed.contains(&table.id)
    };
    let mut found = world.table.binds().filter(wanted);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err("several addresses, and no `address`".to_owned()),
        (found, _) => Ok(found.map(|table| &**table)),
    }
}

fn on_connection(
    world: &World,
    request: &Request,
    bind: &BindTable,
    connection: Option<&Arc<ListenerTable>>,
    context: &RequestContext,
) -> Result<Decision, String> {
    let answered = |listener: Option<Id<Listener>>, head| Decision {
        listener,
        tls: None,
        plan: None,
        outcome: Outcome::Answered(Box::new(head)),
    };
    let mut head = received(request);
    let Ok(step) = path::normalise(&mut head) else { return Ok(answered(None, status(400))) };
    let listener = bind.listener(head.bytes(head.host));
    let id = listener.map(|listener| listener.id.clone());
    if let Some(connection) = connection
        && id.as_ref() != Some(&connection.id)
    {
        return Ok(answered(id, status(421)));
    }
    let Some(listener) = listener else { return Ok(answered(id, status(404))) };
    if let Step::Answer(answer) = step {
        return Ok(answered(id, complete(&answer)));
    }
    let matched = listener.route(&head);
    agree(world, bind, &head, listener, matched.as_ref())?;
    let Some(matched) = matched else { return Ok(answered(id, status(404))) };
    let outcome = forward(world, request, listener, matched, context)?;
    Ok(Decision { listener: id, tls: None, plan: Some(matched.plan.clone()), outcome })
}

/// The oracle and the explanation must find the same rule.
fn agree(
    world: &World,
    bind: &BindTable,
    head: &Head,
    listener: &ListenerTable,
    matched: Option<&Matched<'_>>,
) -> Result<(), String> {
    let found = matched.map(|matched| (&matched.plan.rule, matched.place));
    let named = naive::listener(&world.output.ir, &bind.id, head.text(head.host));
    if named.map(|(id, _)| id) != Some(&listener.id) {
        return Err(format!("the table finds {}, the oracle {named:?}", listener.id));
    }
    let oracle = naive::route(&world.output.ir, &bind.id, head);
    if oracle.as_ref().map(|oracle| (&oracle.rule, oracle.place)) != found {
        return Err(format!("the table finds {found:?}, the oracle {oracle:?}"));
    }
    let winner = explain(&world.table, &bind.id, head, 0).winner;
    let explained = winner.as_ref().map(|winner| &winner.candidate.rule);
    if explained != found.map(|(rule, _)| rule) {
        return Err(format!("the table finds {found:?}, the explanation {explained:?}"));
    }
    Ok(())
}

/// Goes through one whole round of the weights.
fn forward(
    world: &World,
    request: &Request,
    listener: &ListenerTable,
    matched: Matched<'_>,
    context: &RequestContext,
) -> Result<Outcome, String> {
    let plan = matched.plan;
    let (mut head, mut prefix, origin) = again(request, listener)?;
    if let Step::Answer(answer) = plan.on_request(&mut prefix, &mut head, context) {
        let head = answer_of(plan, origin.as_deref(), &answer);
        return Ok(Outcome::Answered(Box::new(head)));
    }
    let rule = world.output.ir.rules.get(&plan.rule).ok_or("a plan without its rule")?;
    let round: u64 = rule.backends.iter().map(|share| u64::from(share.weight)).sum();
    if round > ROUND_MAX {
        return Err(format!("the weights sum up to {round}, more than {ROUND_MAX}"));
    }
    let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
    for cursor in 0..round {
        let share = plan.pick(cursor).ok_or("weights, and nobody is picked")?;
        *counts.entry(share).or_default() += 1;
    }
    let mut arrivals = Vec::new();
    for (share, count) in counts {
        let (mut head, mut prefix, origin) = again(request, listener)?;
        plan.on_request(&mut prefix, &mut head, context);
        let backend = plan.backends[share].backend.ok().and_then(|slot| {
            let entry = world.table.backends().get(slot)?;
            entry.backend.as_ref().map(|_| entry.id.clone())
        });
        let to = match backend {
            None => {
                head = status(500);
                Destination::Status(500)
            }
            Some(id) => match plan.on_backend_request(share, &mut prefix, &mut head, context) {
                Step::Continue => Destination::Backend(id),
                Step::Answer(answer) => {
                    head = answer_of(plan, origin.as_deref(), &answer);
                    Destination::Status(answer.status)
                }
            },
        };
        arrivals.push(Arrival { to, share, count, head, origin });
    }
    if arrivals.iter().any(|arrival| matches!(arrival.to, Destination::Backend(_))) {
        return Ok(Outcome::Forwarded(arrivals));
    }
    let answer = arrivals.pop().map_or_else(|| status(500), |arrival| arrival.head);
    Ok(Outcome::Answered(Box::new(answer)))
}

/// The request once more, up to its match: filters edit heads, and every share begins anew.
fn again(
    request: &Request,
    listener: &ListenerTable,
) -> Result<(Head, router::Prefix, Option<Vec<u8>>), String> {
    let mut head = received(request);
    path::normalise(&mut head).map_err(|error| error.to_string())?;
    let origin = origin(&head).map(|span| head.bytes(span).to_vec());
    let prefix = listener.route(&head).ok_or("matched once, and not again")?.prefix;
    Ok((head, prefix, origin))
}

/// As a codec leaves it: target and authority as sent, and all fields.
fn received(request: &Request) -> Head {
    let mut head = Head::default();
    head.method = head.store(request.method.as_bytes());
    head.path = head.store(request.path.as_bytes());
    head.append(b"Host", request.host.as_bytes());
    head.authority = head.field_spans().first().map_or_else(Span::default, |field| field.value);
    for (name, values) in &request.headers {
        for value in values.each() {
            head.append(name.as_bytes(), value.as_bytes());
        }
    }
    head
}

/// An answer of a rule behind its filters for responses, which preflights do not pass.
fn answer_of(plan: &Plan, origin: Option<&[u8]>, answer: &Answer) -> Head {
    let mut head = complete(answer);
    if matches!(answer.cause, Cause::Redirect | Cause::Failure(_)) {
        plan.on_response(None, origin, &mut head);
    }
    head
}

fn complete(answer: &Answer) -> Head {
    let mut head = Head::default();
    answer.write(&mut head);
    head
}

fn status(status: u16) -> Head {
    let mut head = Head::default();
    head.status = status;
    head
}

/// Rounds are walked in full.
const ROUND_MAX: u64 = 100_000;
