//! Why a request goes where it goes: the rule that wins, and why the nearest others do not.
//!
//! Walks everything on the bind, so it is for people and not for the request path. It looks at a
//! head that went through [`crate::path::normalise`]; what that answers or refuses has no rule.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use ir::{
    Backend, BackendChoice, Bind, Failure, Filter, Hostname, Id, InvalidBackend, Listener, Match,
    PathMatch, Retry, Route, Rule, Timeouts, WeightedBackend,
};
use serde::Serialize;

use crate::{
    BackendSlot, BindTable, Head, ListenerTable, Plan, Share, Table,
    pattern::{Miss, Request, parameter},
    precedence::Precedence,
    table::HostTable,
};

mod reason;

pub use crate::precedence::Because;
pub use reason::Lost;

/// What is decided about one request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Where it arrived.
    pub bind: Id<Bind>,
    /// The host that was matched.
    pub host: String,
    /// The path that was matched.
    pub path: String,
    /// The listener that answers for the host; none: 404.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<ListenerWon>,
    /// The rule that wins; none: 404.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub winner: Option<Winner>,
    /// Matches that lost, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near_misses: Vec<NearMiss>,
    /// How many rules more are on the bind.
    pub others: usize,
}

/// The listener that answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListenerWon {
    /// Its name.
    pub id: Id<Listener>,
    /// For whom it answers.
    pub hostname: Hostname,
}

/// The rule that wins, and what it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Winner {
    /// Which match of which rule it is.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// Why it answers 500 whatever else it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Its filters, in the user's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// Who gets which share. No one with a share: 500.
    pub backends: Vec<ShareOf>,
    /// Its bounds in time.
    pub timeouts: Timeouts,
    /// Its retries, where it names any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// One match of one rule, as it is attached.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Whose rule.
    pub route: Id<Route>,
    /// Which rule.
    pub rule: Id<Rule>,
    /// The user's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// The route's own hostname that covers the host best.
    pub hostname: Hostname,
    /// The index of the match in the rule.
    pub place: usize,
    /// The match, as the user wrote it.
    #[serde(rename = "match")]
    pub wanted: Match,
}

/// A backend's part of a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareOf {
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Id<Backend>>,
    /// Why no one: the share answers 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalid: Option<InvalidBackend>,
    /// So many requests
    pub requests: u64,
    /// of so many.
    pub of: u64,
    /// What is done to the requests of this share only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
}

/// A match that lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NearMiss {
    /// Which match of which rule it is.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// Why it lost.
    pub lost: Lost,
}

/// Explains what is decided about a normalised request, with at most `near_max` near misses.
pub fn explain(table: &Table, bind: &Id<Bind>, head: &Head, near_max: usize) -> Explanation {
    let text = |span| String::from_utf8_lossy(head.bytes(span)).into_owned();
    let mut out = Explanation {
        bind: bind.clone(),
        host: text(head.host),
        path: text(head.path),
        listener: None,
        winner: None,
        near_misses: Vec::new(),
        others: 0,
    };
    let Some(bind) = table.bind(bind) else { return out };
    let listener = bind.listener(head.bytes(head.host));
    out.listener = listener.map(|listener| ListenerWon {
        id: listener.id.clone(),
        hostname: listener.listener.hostname.clone(),
    });
    let request = Request::new(head);
    let view = View { request, host: &out.host, listener, won: None };
    let mut ranked = view.ranked(bind);
    let won = ranked.first().filter(|(rank, _)| rank.hurdles == 0).map(|(_, seen)| *seen);
    let view = View { won, ..view };
    out.winner = won.map(|seen| winner(table, seen));
    let mut told: BTreeSet<_> = won.iter().map(|seen| seen.name()).collect();
    ranked.retain(|(_, seen)| told.insert(seen.name()));
    out.near_misses = ranked.iter().take(near_max).map(|(_, seen)| view.near_miss(seen)).collect();
    out.others = ranked.len() - out.near_misses.len();
    out
}

/// The request, and what is known about its way so far.
struct View<'t> {
    request: Request<'t>,
    host: &'t str,
    listener: Option<&'t Arc<ListenerTable>>,
    won: Option<Seen<'t>>,
}

/// A match under one hostname of one listener.
#[derive(Clone, Copy)]
struct Seen<'t> {
    listener: &'t ListenerTable,
    host: &'t HostTable,
    plan: &'t Plan,
    route: &'t Route,
    place: usize,
    wanted: &'t Match,
}

/// How near a match came; less is nearer.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'t> {
    /// How many of listener, hostname, path and conditions do not fit.
    hurdles: usize,
    hostname: Reverse<(u8, usize)>,
    /// How much of the path fits, where it does not fit as a whole.
    path: Reverse<usize>,
    precedence: Reverse<Precedence<'t>>,
}

impl<'t> View<'t> {
    /// All matches on a bind, the winner first and then the nearest.
    fn ranked(&self, bind: &'t BindTable) -> Vec<(Rank<'t>, Seen<'t>)> {
        let mut all = Vec::new();
        for listener in bind.listeners() {
            for host in listener.hosts.values() {
                for entry in &host.routes {
                    let Some(route) = &entry.route else { continue };
                    for plan in &entry.plans {
                        all.extend(plan.matches().iter().enumerate().map(|(place, wanted)| {
                            let seen = Seen { listener, host, plan, route, place, wanted };
                            (self.rank(&seen), seen)
                        }));
                    }
                }
            }
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    fn rank(&self, seen: &Seen<'t>) -> Rank<'t> {
        let path = self.request.has_path(seen.wanted);
        let hurdles = [
            self.listener.is_some_and(|listener| listener.id == seen.listener.id),
            seen.host.hostname.covers(self.host),
            path,
            self.request.check(seen.wanted, seen.plan.cors()).is_ok(),
        ];
        let near = match &seen.wanted.path {
            _ if path => usize::MAX,
            PathMatch::Exact(text) | PathMatch::Prefix(text) => {
                let pairs = text.bytes().zip(self.request.path);
                pairs.take_while(|(wanted, found)| wanted == *found).count()
            }
            PathMatch::Regex(_) => 0,
        };
        Rank {
            hurdles: hurdles.iter().filter(|fits| !**fits).count(),
            hostname: Reverse(seen.host.hostname.specificity()),
            path: Reverse(near),
            precedence: Reverse(seen.precedence()),
        }
    }

    fn near_miss(&self, seen: &Seen<'t>) -> NearMiss {
        NearMiss { candidate: seen.candidate(), lost: self.lost(seen) }
    }

    /// The first hurdle that the match did not take.
    fn lost(&self, seen: &Seen<'t>) -> Lost {
        let own = &seen.listener.listener.hostname;
        match self.listener {
            Some(listener) if listener.id == seen.listener.id => {}
            _ if !own.covers(self.host) => {
                return Lost::ListenerHostname { listener: seen.listener.id.clone() };
            }
            _ => return Lost::ListenerIsolation { listener: seen.listener.id.clone() },
        }
        if !seen.host.hostname.covers(self.host) {
            return Lost::RouteHostname;
        }
        if !self.request.has_path(seen.wanted) {
            return Lost::Path;
        }
        match (self.request.check(seen.wanted, seen.plan.cors()), self.won) {
            (Err(Miss::Method(wanted)), _) => Lost::Method { wanted: wanted.clone() },
            (Err(Miss::Header(header)), _) => {
                let name = header.name.as_str();
                let values: Vec<_> = self.request.head.values(name.as_bytes()).collect();
                let found = (!values.is_empty()).then(|| values.join(&b','));
                let (name, wanted) = (name.into(), header.value.clone());
                Lost::Header { name, wanted, found: found.as_deref().map(short) }
            }
            (Err(Miss::Query(query)), _) => {
                let sent = self.request.head.bytes(self.request.head.query);
                let found = parameter(sent, query.name.as_bytes()).map(short);
                Lost::Query { name: query.name.clone(), wanted: query.value.clone(), found }
            }
            (Ok(()), Some(won)) => {
                Lost::Precedence { to: won.plan.rule.clone(), because: won.because(seen) }
            }
            // Everything fits and nothing won: only a path that belongs to no rule comes here.
            (Ok(()), None) => Lost::Path,
        }
    }
}

impl<'t> Seen<'t> {
    /// What makes it one line for people, on however many listeners and hostnames it is.
    fn name(&self) -> (Id<Rule>, usize) {
        (self.plan.rule.clone(), self.place)
    }

    fn precedence(&self) -> Precedence<'t> {
        Precedence::of(self.route, self.plan, self.place, self.wanted)
    }

    fn because(&self, other: &Self) -> Because {
        if self.host.hostname.specificity() != other.host.hostname.specificity() {
            return Because::Hostname;
        }
        self.precedence().because(&other.precedence())
    }

    fn candidate(&self) -> Candidate {
        let source = &self.plan.source.matches;
        Candidate {
            route: self.plan.route.clone(),
            rule: self.plan.rule.clone(),
            name: self.plan.name.clone(),
            hostname: self.host.hostname.clone(),
            place: self.place,
            wanted: source.get(self.place).unwrap_or(self.wanted).clone(),
        }
    }
}

fn winner(table: &Table, seen: Seen<'_>) -> Winner {
    let plan = seen.plan;
    let shares = plan.backends.iter().zip(&plan.source.backends).enumerate();
    let share = |(at, (share, source)): (usize, (&Share, &WeightedBackend))| {
        let (requests, of) = plan.share(at);
        let slot = share.backend.ok();
        let gone = slot.is_some_and(|slot| !exists(table, slot));
        ShareOf {
            backend: match &source.backend {
                BackendChoice::Valid(id) => Some(id.clone()),
                BackendChoice::Invalid(_) => None,
            },
            invalid: share.backend.err().or(gone.then_some(InvalidBackend::NotFound)),
            requests,
            of,
            filters: source.filters.clone(),
        }
    };
    Winner {
        candidate: seen.candidate(),
        failure: plan.failure(),
        filters: plan.source.filters.clone(),
        backends: shares.map(share).collect(),
        timeouts: plan.timeouts,
        retry: plan.retry.clone(),
    }
}

fn exists(table: &Table, slot: BackendSlot) -> bool {
    table.backends().get(slot).is_some_and(|entry| entry.backend.is_some())
}

/// A value for people, cut where it gets long.
fn short(value: &[u8]) -> String {
    let shown = value.get(..FOUND_BYTES_MAX).unwrap_or(value);
    let text = String::from_utf8_lossy(shown);
    let more = if shown.len() < value.len() { "…" } else { "" };
    format!("{text}{more}")
}

/// How much of a header or parameter is quoted.
const FOUND_BYTES_MAX: usize = 200;

#[cfg(test)]
mod tests;
