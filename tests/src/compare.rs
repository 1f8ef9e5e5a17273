//! A decision beside the expected one: what differs, in sentences.

use std::collections::BTreeMap;

use ir::{Target, UpstreamProtocol, ValidationMode};
use router::{Head, MirrorPlan, Plan};

use crate::{
    World,
    fields::Fields,
    requests::{Message, Request, Retry, Timeouts, To},
    serve::{Arrival, Decision, Destination, Outcome, serve},
};

/// Decides a request and compares.
pub(crate) fn request(world: &World, request: &Request) -> Result<Vec<String>, String> {
    let decision = serve(world, request)?;
    let mut problems = listener(request, &decision);
    problems.extend(rule(request, &decision));
    match &decision.outcome {
        Outcome::Refused if request.expect.refused => {}
        Outcome::Refused => problems.push("the connection is refused".to_owned()),
        Outcome::Answered(head) => problems.extend(answer(request, head)),
        Outcome::Forwarded(arrivals) => {
            let found: Vec<String> = arrivals
                .iter()
                .map(|arrival| format!("{}: {}", arrival.to.name(), arrival.count))
                .collect();
            match &request.expect.to {
                Some(to) => problems.extend(shares(to, arrivals, &found)),
                None => problems.push(format!("forwarded to {found:?}")),
            }
            if let Some(plan) = &decision.plan {
                problems.extend(proxied(world, request, plan, arrivals));
            }
        }
    }
    Ok(problems)
}

fn listener(request: &Request, decision: &Decision) -> Vec<String> {
    let expect = &request.expect;
    let mut problems = Vec::new();
    let listener = decision.listener.as_ref().map_or("none", |id| id.as_str());
    if let Some(expected) = &expect.listener
        && !ends_with(listener, expected)
    {
        problems.push(format!("listener: expected {expected}, got {listener}"));
    }
    let tls = decision.tls.as_ref();
    if let Some(expected) = &expect.certificates {
        let certificates = tls.iter().flat_map(|tls| &tls.certificates);
        let found: Vec<_> = certificates.map(|id| id.as_str()).collect();
        if found != *expected {
            problems.push(format!("certificates: expected {expected:?}, got {found:?}"));
        }
    }
    if let Some(expected) = &expect.client_validation {
        let found = tls.and_then(|tls| tls.client_validation.as_ref());
        let same = found.is_some_and(|found| {
            let mode = match found.mode {
                ValidationMode::AllowValidOnly => "AllowValidOnly",
                ValidationMode::AllowInsecureFallback => "AllowInsecureFallback",
            };
            mode == expected.mode && found.trust.iter().map(|id| id.as_str()).eq(&expected.trust)
        });
        if !same {
            let (mode, trust) = (&expected.mode, &expected.trust);
            problems.push(format!("clientValidation: expected {mode} {trust:?}, got {found:?}"));
        }
    }
    problems
}

fn rule(request: &Request, decision: &Decision) -> Vec<String> {
    let expect = &request.expect;
    let mut problems = Vec::new();
    let rule = decision.plan.as_ref().map_or("none", |plan| plan.rule.as_str());
    if let Some(expected) = &expect.rule
        && !ends_with(rule, expected)
    {
        problems.push(format!("rule: expected {expected}, got {rule}"));
    }
    let name = decision.plan.as_ref().and_then(|plan| plan.name.as_deref());
    if expect.rule_name.is_some() && expect.rule_name.as_deref() != name {
        problems.push(format!("ruleName: expected {:?}, got {name:?}", expect.rule_name));
    }
    problems
}

fn answer(request: &Request, head: &Head) -> Vec<String> {
    let expect = &request.expect;
    let Some(expected) = &expect.status else {
        return vec![format!("answered with {}", head.status)];
    };
    let mut problems = Vec::new();
    if !expected.allow(head.status) {
        problems.push(format!("status: expected {expected}, got {}", head.status));
    }
    let fields = Fields {
        what: "answer's",
        headers: &expect.headers,
        lists: Some(&expect.lists),
        any_of: Some(&expect.any_of),
        absent: &expect.absent,
    };
    problems.extend(fields.compare(head));
    problems
}

fn shares(to: &To, arrivals: &[Arrival], found: &[String]) -> Option<String> {
    let same = match to {
        To::All(name) => arrivals.iter().all(|arrival| arrival.to.is(name)),
        To::Shares(shares) => {
            let count = |name: &str| -> u64 {
                let of = arrivals.iter().filter(|arrival| arrival.to.is(name));
                of.map(|arrival| arrival.count).sum()
            };
            let all: u64 = arrivals.iter().map(|arrival| arrival.count).sum();
            shares.iter().all(|(name, share)| count(name) == *share)
                && shares.values().sum::<u64>() == all
        }
    };
    let expected = match to {
        To::All(name) => name.clone(),
        To::Shares(shares) => format!("{shares:?}"),
    };
    (!same).then(|| format!("to: expected {expected}, got {found:?}"))
}

fn proxied(world: &World, request: &Request, plan: &Plan, arrivals: &[Arrival]) -> Vec<String> {
    let expect = &request.expect;
    let mut problems = Vec::from_iter(settings(request, plan));
    for arrival in arrivals.iter().filter(|one| matches!(one.to, Destination::Backend(_))) {
        problems.extend(endpoints(world, request, arrival));
        problems.extend(mirrors(world, request, plan, arrival));
        let own = expect.forwarded_to.iter().find(|(name, _)| arrival.to.is(name));
        let message = own.map(|(_, message)| message).or(expect.forwarded.as_ref());
        problems.extend(forwarded(request, message, &arrival.head));
        if let Some(response) = &expect.response {
            let mut head = Head::default();
            head.status = 200;
            for (name, values) in &response.given {
                for value in values.each() {
                    head.append(name.as_bytes(), value.as_bytes());
                }
            }
            plan.on_response(Some(arrival.share), arrival.origin.as_deref(), &mut head);
            let fields = Fields {
                what: "response's",
                headers: &response.headers,
                lists: Some(&response.lists),
                any_of: Some(&response.any_of),
                absent: &response.absent,
            };
            problems.extend(fields.compare(&head));
        }
    }
    for name in expect.forwarded_to.keys() {
        if !arrivals.iter().any(|arrival| arrival.to.is(name)) {
            problems.push(format!("forwardedTo: nothing goes to {name}"));
        }
    }
    problems
}

/// Path, host and fields as they arrive: as sent, where nothing else is expected.
fn forwarded(request: &Request, message: Option<&Message>, head: &Head) -> Vec<String> {
    let mut problems = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut path = text(head.bytes(head.path));
    if head.has_query {
        path = format!("{path}?{}", text(head.bytes(head.query)));
    }
    let expected = message.and_then(|message| message.path.as_ref()).unwrap_or(&request.path);
    if path != *expected {
        problems.push(format!("forwarded path: expected {expected:?}, got {path:?}"));
    }
    let expected = message.and_then(|message| message.host.as_ref()).unwrap_or(&request.host);
    let authority = text(head.bytes(head.authority));
    let fields: Vec<_> = head.values(b"Host").map(text).collect();
    if authority != *expected || fields != [expected.as_str()] {
        problems.push(format!(
            "forwarded host: expected {expected:?}, got {authority:?} and {fields:?} as Host"
        ));
    }
    match message {
        Some(Message { headers, absent, .. }) if !headers.is_empty() || !absent.is_empty() => {
            let fields = Fields { what: "forwarded", headers, lists: None, any_of: None, absent };
            problems.extend(fields.compare(head));
        }
        _ => {
            let sent = request.headers.iter().flat_map(|(name, values)| {
                values.each().iter().map(|value| (name.clone(), value.clone()))
            });
            let host = |(name, _): &(&[u8], &[u8])| name.eq_ignore_ascii_case(b"host");
            let got = head.fields().filter(|field| !host(field));
            let got: Vec<_> = got.map(|(name, value)| (text(name), text(value))).collect();
            if !sent.eq(got.iter().cloned()) {
                problems.push(format!("forwarded fields: expected those sent, got {got:?}"));
            }
        }
    }
    problems
}

fn settings(request: &Request, plan: &Plan) -> Option<String> {
    let expect = &request.expect;
    let milliseconds = |time: std::time::Duration| format!("{}ms", time.as_millis());
    let timeouts = Timeouts {
        request: plan.timeouts.request.map(milliseconds),
        backend_request: plan.timeouts.backend_request.map(milliseconds),
    };
    if expect.timeouts.as_ref().is_some_and(|expected| *expected != timeouts) {
        return Some(format!("timeouts: expected {:?}, got {timeouts:?}", expect.timeouts));
    }
    let retry = plan.retry.as_ref().map(|retry| Retry {
        attempts: retry.attempts,
        codes: retry.codes.iter().map(|code| code.get()).collect(),
        backoff: retry.backoff.map(milliseconds),
    });
    (expect.retry.is_some() && expect.retry != retry)
        .then(|| format!("retry: expected {:?}, got {retry:?}", expect.retry))
}

fn endpoints(world: &World, request: &Request, arrival: &Arrival) -> Vec<String> {
    let Destination::Backend(id) = &arrival.to else { return Vec::new() };
    let Some(backend) = world.output.ir.backends.get(id) else {
        return vec![format!("{id} is no backend of the snapshot")];
    };
    let mut problems = Vec::new();
    let protocol = match backend.protocol {
        UpstreamProtocol::Http1 => "Http1",
        UpstreamProtocol::H2c => "H2c",
    };
    if let Some(expected) = &request.expect.protocol
        && expected != protocol
    {
        problems.push(format!("protocol: expected {expected}, got {protocol}"));
    }
    if let Some(expected) = &request.expect.endpoints {
        let found: Vec<String> = match &backend.target {
            Target::Dns { host, port } => vec![format!("dns:{host}:{port}")],
            Target::Endpoints(id) => {
                let list = world.output.ir.endpoints.get(id);
                let list = list.iter().flat_map(|list| &list.endpoints);
                list.map(|one| (one.address, one.port)).map(socket).collect()
            }
        };
        if found != *expected {
            problems.push(format!("endpoints: expected {expected:?}, got {found:?}"));
        }
    }
    problems
}

fn socket((address, port): (std::net::IpAddr, u16)) -> String {
    std::net::SocketAddr::new(address, port).to_string()
}

/// Copies are counted over one round of what is expected of them. An invalid mirror gets none.
fn mirrors(world: &World, request: &Request, plan: &Plan, arrival: &Arrival) -> Vec<String> {
    let own = plan.backends.get(arrival.share).map_or(&[][..], |share| &share.mirrors);
    let mut found: BTreeMap<String, &MirrorPlan> = BTreeMap::new();
    for mirror in plan.mirrors.iter().chain(own) {
        if let Some(entry) = mirror.backend.and_then(|slot| world.table.backends().get(slot)) {
            found.insert(entry.id.to_string(), mirror);
        }
    }
    let mut problems = Vec::new();
    for (name, share) in &request.expect.mirrors {
        let mirror = found.extract_if(.., |id, _| starts_with(id, name)).next();
        let Some((_, mirror)) = mirror else {
            problems.push(format!("mirrors: none to {name}"));
            continue;
        };
        let parsed = share
            .split_once('/')
            .and_then(|(taken, of)| Some((taken.parse::<usize>().ok()?, of.parse::<u64>().ok()?)));
        let Some((taken, of)) = parsed else {
            problems.push(format!("mirrors: {share:?} is no share such as 20/100"));
            continue;
        };
        let count = (0..of).filter(|cursor| mirror.takes(*cursor)).count();
        if count != taken {
            problems.push(format!("mirrors: {name}: expected {share}, got {count}/{of}"));
        }
    }
    problems.extend(found.keys().map(|id| format!("mirrors: to {id} too")));
    problems
}

impl Destination {
    fn name(&self) -> String {
        match self {
            Self::Backend(id) => id.to_string(),
            Self::Status(status) => status.to_string(),
        }
    }

    fn is(&self, name: &str) -> bool {
        starts_with(&self.name(), name)
    }
}

/// Whether a name is `start`, or has further parts.
fn starts_with(name: &str, start: &str) -> bool {
    name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a name is `end`, or has parts before it.
fn ends_with(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}
