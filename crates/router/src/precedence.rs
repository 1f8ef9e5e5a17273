//! Which of several matches wins: the greater one. The order of the fields is the order of the
//! rules (Gateway API, `HTTPRouteRule.matches`), behind the route's own hostname, which is decided
//! first.
//!
//! The specification leaves regular expressions to the implementation. Here an exact path beats a
//! regex, and a regex beats a prefix; of two regexes the longer text wins. So `^/v[0-9]+/.*` is
//! seen beside the prefix `/`, and an exact path can still be taken out of a regex.

use std::cmp::Reverse;

use ir::{Match, PathMatch, Route};
use serde::Serialize;

use crate::Plan;

/// The rank of a match among all matches of one hostname.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Precedence<'a> {
    path: PathRank,
    method: bool,
    headers: usize,
    query: usize,
    created: Reverse<i64>,
    name: Reverse<(&'a str, &'a str, &'a str)>,
    rule: Reverse<(u32, &'a str)>,
    place: Reverse<usize>,
}

/// The rank of a path: its kind, then its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathRank {
    Prefix(usize),
    Regex(usize),
    Exact(usize),
}

/// By which rule one of two matches was preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Because {
    /// The route's own hostname is more specific.
    Hostname,
    /// An exact path goes before a regex, and a regex before a prefix.
    PathKind,
    /// The path is longer.
    PathLength,
    /// It asks for a method.
    Method,
    /// It asks for more headers.
    Headers,
    /// It asks for more query parameters.
    Query,
    /// Its route is older.
    Age,
    /// Its route's namespace and name come first.
    Name,
    /// Its rule comes first in the route.
    RuleOrder,
    /// It comes first in the rule.
    MatchOrder,
}

impl<'a> Precedence<'a> {
    pub(crate) fn of(route: &'a Route, plan: &'a Plan, place: usize, wanted: &Match) -> Self {
        Self {
            path: match &wanted.path {
                PathMatch::Exact(text) => PathRank::Exact(text.len()),
                PathMatch::Regex(regex) => PathRank::Regex(regex.as_str().len()),
                PathMatch::Prefix(text) => PathRank::Prefix(text.len()),
            },
            method: wanted.method.is_some(),
            headers: wanted.headers.len(),
            query: wanted.query.len(),
            created: Reverse(route.created),
            name: Reverse((&route.namespace, &route.name, plan.route.as_str())),
            rule: Reverse((plan.index, plan.rule.as_str())),
            place: Reverse(place),
        }
    }

    /// By which rule this one beats `other`, which is less.
    pub(crate) fn because(&self, other: &Self) -> Because {
        let kind = |path| match path {
            PathRank::Prefix(_) => 0,
            PathRank::Regex(_) => 1,
            PathRank::Exact(_) => 2,
        };
        match () {
            () if kind(self.path) != kind(other.path) => Because::PathKind,
            () if self.path != other.path => Because::PathLength,
            () if self.method != other.method => Because::Method,
            () if self.headers != other.headers => Because::Headers,
            () if self.query != other.query => Because::Query,
            () if self.created != other.created => Because::Age,
            () if self.name != other.name => Because::Name,
            () if self.rule != other.rule => Because::RuleOrder,
            () => Because::MatchOrder,
        }
    }
}
