//! The rules of one hostname, found by path: exact paths, then regexes, then prefixes, the longest
//! first.
//!
//! Exact paths and prefixes cost one hash each, however many there are: a prefix of some length
//! can only match where the path ends or has a slash, and only lengths that occur are tried.
//! Regexes are tried one by one, since each could match anything.

use std::{cmp::Ordering, sync::Arc};

use ir::{Match, PathMatch};

use crate::{
    Matched, Plan, Prefix, pattern::Request, precedence::Precedence, table::RouteEntry,
    texts::Texts,
};

/// The compiled paths.
#[derive(Default)]
pub(crate) struct Paths {
    /// Where the candidates of an exact path begin.
    exact: Texts,
    /// Where the candidates of a prefix begin.
    prefix: Texts,
    /// Which lengths prefixes have, the longest first.
    lengths: Box<[usize]>,
    /// Where those with a regex begin, if there are any.
    regex: Option<u32>,
    /// Lists of those with the same path, the greatest precedence first.
    candidates: Box<[Candidate]>,
}

/// One match of one rule.
struct Candidate {
    plan: Arc<Plan>,
    place: u32,
    /// It has no conditions beside its path.
    bare: bool,
    /// Its list ends here.
    last: bool,
}

impl Paths {
    pub(crate) fn compile(routes: &[Arc<RouteEntry>]) -> Self {
        let mut ranked: Vec<Ranked<'_>> = Vec::with_capacity(routes.len());
        for entry in routes {
            let Some(route) = &entry.route else { continue };
            for plan in &entry.plans {
                ranked.extend(plan.matches().iter().enumerate().map(|(place, wanted)| Ranked {
                    precedence: Precedence::of(route, plan, place, wanted),
                    plan,
                    place,
                    wanted,
                }));
            }
        }
        ranked.sort_unstable_by(Ranked::order);
        let mut out = Self::default();
        let (mut exact, mut prefix, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        let mut candidates = Vec::with_capacity(ranked.len());
        for list in ranked.chunk_by(|a, b| a.list() == b.list()) {
            let start = candidates.len() as u32;
            match list.first().map(Ranked::list) {
                Some((Kind::Exact, path)) => exact.push((path, start)),
                Some((Kind::Prefix, path)) => {
                    prefix.push((path, start));
                    lengths.push(path.len());
                }
                Some((Kind::Regex, _)) => out.regex = Some(start),
                None => {}
            }
            candidates.extend(list.iter().enumerate().map(|(at, ranked)| Candidate {
                plan: ranked.plan.clone(),
                place: ranked.place as u32,
                bare: is_bare(ranked.wanted),
                last: at + 1 == list.len(),
            }));
        }
        // They come longest first.
        lengths.dedup();
        out.lengths = lengths.into();
        out.candidates = candidates.into();
        out.exact = Texts::new(&exact);
        out.prefix = Texts::new(&prefix);
        out
    }

    /// The match that wins.
    pub(crate) fn find<'t>(&'t self, request: &Request<'_>) -> Option<Matched<'t>> {
        let path = request.path;
        // `*` and the empty path of CONNECT belong to no rule.
        if path.first() != Some(&b'/') {
            return None;
        }
        let exact = self.exact.get(path).and_then(|list| self.first(list, request, Prefix::none()));
        let regex = || self.regex.and_then(|list| self.first(list, request, Prefix::none()));
        exact.or_else(regex).or_else(|| {
            self.lengths.iter().find_map(|&length| {
                if path.len() != length && path.get(length) != Some(&b'/') {
                    return None;
                }
                self.first(self.prefix.get(&path[..length])?, request, Prefix::of(length))
            })
        })
    }

    /// The first candidate of a list whose conditions hold.
    fn first(&self, list: u32, request: &Request<'_>, prefix: Prefix) -> Option<Matched<'_>> {
        for candidate in self.candidates.get(list as usize..)? {
            let place = candidate.place as usize;
            if candidate.bare || candidate.holds(request) {
                return Some(Matched { plan: &candidate.plan, place, prefix });
            }
            if candidate.last {
                break;
            }
        }
        None
    }
}

impl Candidate {
    fn holds(&self, request: &Request<'_>) -> bool {
        let Some(wanted) = self.plan.matches().get(self.place as usize) else { return false };
        let path = match &wanted.path {
            PathMatch::Regex(regex) => regex.is_match(request.path),
            PathMatch::Exact(_) | PathMatch::Prefix(_) => true,
        };
        path && request.check(wanted, self.plan.cors()).is_ok()
    }
}

/// A match on its way into the lists.
struct Ranked<'r> {
    precedence: Precedence<'r>,
    plan: &'r Arc<Plan>,
    place: usize,
    wanted: &'r Match,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Exact,
    Regex,
    Prefix,
}

impl<'r> Ranked<'r> {
    /// What the matches of one list have in common: all regexes form one.
    fn list(&self) -> (Kind, &'r [u8]) {
        match &self.wanted.path {
            PathMatch::Exact(path) => (Kind::Exact, path.as_bytes()),
            PathMatch::Regex(_) => (Kind::Regex, b""),
            PathMatch::Prefix(path) => (Kind::Prefix, path.as_bytes()),
        }
    }

    /// Lists side by side, longer paths first; in a list the greatest precedence first.
    fn order(&self, other: &Self) -> Ordering {
        let ((kind, path), (other_kind, other_path)) = (self.list(), other.list());
        kind.cmp(&other_kind)
            .then_with(|| other_path.len().cmp(&path.len()))
            .then_with(|| path.cmp(other_path))
            .then_with(|| other.precedence.cmp(&self.precedence))
    }
}

fn is_bare(wanted: &Match) -> bool {
    let Match { path, method, headers, query } = wanted;
    let regex = matches!(path, PathMatch::Regex(_));
    !regex && method.is_none() && headers.is_empty() && query.is_empty()
}
