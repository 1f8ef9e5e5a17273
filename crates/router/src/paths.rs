//! The rules of one hostname, found by path: exact paths, then regexes, then prefixes, the longest
//! first.
//!
//! Exact paths and prefixes cost one hash each, however many there are: a prefix of some length can
//! only match where the path ends or has a slash, and only lengths that occur are tried. Regexes are
//! tried one by one, since each could match anything.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use ir::PathMatch;

use crate::{Matched, Plan, Prefix, pattern::Request, precedence::Precedence, table::RouteEntry};

/// The compiled paths.
#[derive(Default)]
pub(crate) struct Paths {
    exact: ByPath,
    regex: Vec<Candidate>,
    prefix: ByPath,
    /// Which lengths prefixes have, the longest first.
    lengths: Vec<usize>,
}

type ByPath = HashMap<Box<[u8]>, Vec<Candidate>, RandomState>;

/// One match of one rule.
struct Candidate {
    plan: Arc<Plan>,
    place: u32,
}

impl Paths {
    pub(crate) fn compile(routes: &[Arc<RouteEntry>]) -> Self {
        let mut ranked = Vec::new();
        for entry in routes {
            let Some(route) = &entry.route else { continue };
            for plan in &entry.plans {
                for (place, wanted) in plan.matches.iter().enumerate() {
                    ranked.push((Precedence::of(route, plan, place, wanted), plan, place, wanted));
                }
            }
        }
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        let mut out = Self::default();
        for (_, plan, place, wanted) in ranked {
            let candidate = Candidate { plan: plan.clone(), place: place as u32 };
            let list = match &wanted.path {
                PathMatch::Exact(path) => out.exact.entry(path.as_bytes().into()).or_default(),
                PathMatch::Regex(_) => &mut out.regex,
                PathMatch::Prefix(path) => {
                    // They come longest first.
                    if out.lengths.last() != Some(&path.len()) {
                        out.lengths.push(path.len());
                    }
                    out.prefix.entry(path.as_bytes().into()).or_default()
                }
            };
            list.push(candidate);
        }
        out
    }

    /// The match that wins.
    pub(crate) fn find<'t>(&'t self, request: &Request<'_>) -> Option<Matched<'t>> {
        let path = request.path;
        // `*` and the empty path of CONNECT belong to no rule.
        if path.first() != Some(&b'/') {
            return None;
        }
        let first = |list: &'t [Candidate], prefix| {
            let found = list.iter().find(|candidate| candidate.matches(request))?;
            Some(Matched { plan: &found.plan, place: found.place as usize, prefix })
        };
        let exact = self.exact.get(path).and_then(|list| first(list, Prefix::none()));
        exact.or_else(|| first(&self.regex, Prefix::none())).or_else(|| {
            self.lengths.iter().find_map(|&length| {
                if path.len() != length && path.get(length) != Some(&b'/') {
                    return None;
                }
                first(self.prefix.get(&path[..length])?, Prefix::of(length))
            })
        })
    }
}

impl Candidate {
    fn matches(&self, request: &Request<'_>) -> bool {
        let Some(wanted) = self.plan.matches.get(self.place as usize) else { return false };
        if let PathMatch::Regex(regex) = &wanted.path
            && !regex.is_match(request.path)
        {
            return false;
        }
        request.check(wanted, self.plan.cors()).is_ok()
    }
}
