//! What can still be told of a resource that [`super::decode`] refuses, so that a proxy can close
//! what it cannot serve instead of serving something else there.
//!
//! Fields that are not known are passed over here and nowhere else: nothing of it is ever served.

use std::sync::Arc;

use serde::Deserialize;

use super::read;
use crate::{Bind, Failure, Filter, Hostname, Id, Kind, Match, Route, Rule, Timeouts};

/// The part that says which requests a resource is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outline {
    /// A rule that answers 500 to exactly the requests that the real one takes.
    Rule(Rule),
    /// Where a listener would be, and for whom. What it speaks is left open.
    Listener {
        /// Its bind.
        bind: Id<Bind>,
        /// Its hostname.
        hostname: Hostname,
    },
}

/// The outline of a resource; none if not even that can be read, or if without the resource
/// nothing else takes its place anyway.
pub fn outline(kind: &str, payload: &[u8]) -> Option<Outline> {
    match Kind::named(kind)? {
        Kind::Rule => {
            let RuleOutline { route, index, name, matches } = read(payload).ok()?;
            Some(Outline::Rule(Rule {
                route,
                index,
                name,
                matches,
                filters: vec![Filter::Fail(Failure::NotUnderstood)],
                backends: Vec::new(),
                timeouts: Timeouts::default(),
                retry: None,
            }))
        }
        Kind::Listener => {
            let ListenerOutline { bind, hostname } = read(payload).ok()?;
            Some(Outline::Listener { bind, hostname })
        }
        Kind::Bind
        | Kind::Route
        | Kind::Backend
        | Kind::Endpoints
        | Kind::Certificate
        | Kind::TrustBundle => None,
    }
}

#[derive(Deserialize)]
struct RuleOutline {
    route: Id<Route>,
    index: u32,
    #[serde(default)]
    name: Option<Arc<str>>,
    matches: Vec<Match>,
}

#[derive(Deserialize)]
struct ListenerOutline {
    bind: Id<Bind>,
    hostname: Hostname,
}
