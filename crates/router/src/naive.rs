//! The oracle: the specification's precedence spelled out as one sort over everything there is.
//!
//! Slow and plain on purpose. It shares no index, no rank and no comparison with the compiled
//! tables, and property tests hold both equal.

use std::cmp::Reverse;

use ir::{Bind, Hostname, Id, Listener, Match, PathMatch, Route, Rule, Snapshot, ValueMatch};

use crate::{Head, path};

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule that wins.
    pub rule: Id<Rule>,
    /// The index of its match that wins.
    pub place: usize,
}

/// The listener of a bind that answers for a host.
pub fn listener<'s>(
    snapshot: &'s Snapshot,
    bind: &Id<Bind>,
    host: &str,
) -> Option<(&'s Id<Listener>, &'s Listener)> {
    snapshot.binds.get(bind)?;
    let on_bind = snapshot.listeners.iter().filter(|(_, listener)| listener.bind == *bind);
    let mut covering: Vec<_> =
        on_bind.filter(|(_, listener)| listener.hostname.covers(host)).collect();
    // A stable sort: of equals, the first by name stays first.
    covering.sort_by_key(|(_, listener)| Reverse(listener.hostname.specificity()));
    covering.first().map(|(id, listener)| (*id, &***listener))
}

/// The rule for a normalised request on a bind.
pub fn route(snapshot: &Snapshot, bind: &Id<Bind>, head: &Head) -> Option<Decision> {
    let host = head.text(head.host);
    let (listener, _) = listener(snapshot, bind, host)?;
    let mut all = Vec::new();
    for (rule_id, rule) in &snapshot.rules {
        let Some(route) = snapshot.routes.get(&rule.route) else { continue };
        if !route.listeners.contains(listener) {
            continue;
        }
        static ANY: [Hostname; 1] = [Hostname::Any];
        let hostnames = if route.hostnames.is_empty() { &ANY[..] } else { &route.hostnames };
        let covering = hostnames.iter().filter(|hostname| hostname.covers(host));
        let Some(hostname) = covering.max_by_key(|hostname| hostname.specificity()) else {
            continue;
        };
        for (place, wanted) in rule.matches.iter().enumerate() {
            if holds(wanted, rule, head) {
                all.push(Candidate { hostname, route, rule_id, rule, place, wanted });
            }
        }
    }
    all.sort_by(|a, b| a.order().cmp(&b.order()));
    let first = all.first()?;
    Some(Decision { rule: first.rule_id.clone(), place: first.place })
}

/// A match that holds, with all that ranks it.
struct Candidate<'s> {
    hostname: &'s Hostname,
    route: &'s Route,
    rule_id: &'s Id<Rule>,
    rule: &'s Rule,
    place: usize,
    wanted: &'s Match,
}

impl Candidate<'_> {
    /// Less comes first.
    fn order(&self) -> impl Ord + '_ {
        let (kind, length) = match &self.wanted.path {
            PathMatch::Exact(path) => (0, path::canonical(path).len()),
            PathMatch::Regex(regex) => (1, regex.as_str().len()),
            PathMatch::Prefix(path) => (2, without_slash(path).len()),
        };
        (
            (Reverse(self.hostname.specificity()), kind, Reverse(length)),
            Reverse(self.wanted.method.is_some()),
            (Reverse(self.wanted.headers.len()), Reverse(self.wanted.query.len())),
            (self.route.created, &*self.route.namespace, &*self.route.name),
            (&self.rule.route, self.rule.index, self.rule_id, self.place),
        )
    }
}

fn holds(wanted: &Match, rule: &Rule, head: &Head) -> bool {
    let path = head.text(head.path);
    path.starts_with('/')
        && match &wanted.path {
            PathMatch::Exact(text) => path == path::canonical(text),
            PathMatch::Prefix(text) => {
                let prefix = without_slash(text);
                path == prefix || path.starts_with(&format!("{prefix}/"))
            }
            PathMatch::Regex(regex) => regex.is_match(path.as_bytes()),
        }
        && wanted.method.as_ref().is_none_or(|method| has_method(method, rule, head))
        && wanted.headers.iter().all(|header| {
            let values: Vec<_> = head.values(header.name.as_str().as_bytes()).collect();
            !values.is_empty() && value_is(&header.value, &values.join(&b','))
        })
        && wanted.query.iter().all(|query| {
            let all = parameters(head.bytes(head.query));
            let first = all.iter().find(|(name, _)| name == query.name.as_bytes());
            first.is_some_and(|(_, value)| value_is(&query.value, value))
        })
}

fn has_method(method: &str, rule: &Rule, head: &Head) -> bool {
    let first = |name: &[u8]| head.values(name).next().map(<[u8]>::to_vec);
    let sent = head.text(head.method);
    let cors = rule.filters.iter().any(|filter| matches!(filter, ir::Filter::Cors(_)));
    let asked = first(b"access-control-request-method");
    sent == method
        || (cors
            && sent == "OPTIONS"
            && first(b"origin").is_some()
            && asked.is_some_and(|asked| asked == method.as_bytes()))
}

fn value_is(wanted: &ValueMatch, value: &[u8]) -> bool {
    match wanted {
        ValueMatch::Exact(text) => text.as_bytes() == value,
        ValueMatch::Regex(regex) => regex.is_match(value),
    }
}

fn parameters(query: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = query.split(|byte| *byte == b'&');
    let pair = |pair: &[u8]| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=').map(decoded);
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    };
    pairs.map(pair).collect()
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let hex = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match (text[at], hex.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    out
}

fn without_slash(path: &str) -> String {
    path::canonical(path).trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests;
