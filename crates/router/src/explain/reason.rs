//! Why a match lost, as a closed list and as a sentence.

use std::{fmt, sync::Arc};

use ir::{Id, Listener, Rule, ValueMatch};
use serde::Serialize;

use super::Because;

/// The first thing that kept a match from winning.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Lost {
    /// It is on a listener that does not answer for the host.
    #[serde(rename_all = "camelCase")]
    ListenerHostname {
        /// Which.
        listener: Id<Listener>,
    },
    /// It is on a listener that would answer, but another one's hostname is more specific, and only
    /// one is asked.
    #[serde(rename_all = "camelCase")]
    ListenerIsolation {
        /// Which.
        listener: Id<Listener>,
    },
    /// Its route is for another hostname.
    RouteHostname,
    /// Its path is another one.
    Path,
    /// It wants another method.
    Method {
        /// This one.
        wanted: Arc<str>,
    },
    /// It wants a header that is not there, or has another value.
    Header {
        /// Its name.
        name: Arc<str>,
        /// What it must be.
        wanted: ValueMatch,
        /// What it is; none where it is not there.
        found: Option<String>,
    },
    /// It wants a query parameter that is not there, or has another value.
    Query {
        /// Its name.
        name: Arc<str>,
        /// What it must be.
        wanted: ValueMatch,
        /// What it is, as sent; none where it is not there.
        found: Option<String>,
    },
    /// It fits, and so does the winner, which goes before it.
    Precedence {
        /// The winner.
        to: Id<Rule>,
        /// By which rule.
        because: Because,
    },
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListenerHostname { listener } => {
                write!(f, "it is on listener {listener}, which does not answer for this host")
            }
            Self::ListenerIsolation { listener } => {
                write!(f, "it is on listener {listener}, and a more specific listener answers")
            }
            Self::RouteHostname => f.write_str("its route is for another hostname"),
            Self::Path => f.write_str("its path does not match"),
            Self::Method { wanted } => write!(f, "it wants the method {wanted}"),
            Self::Header { name, wanted, found } => {
                condition(f, format_args!("the header {name}"), wanted, found.as_deref())
            }
            Self::Query { name, wanted, found } => {
                condition(f, format_args!("the parameter {name}"), wanted, found.as_deref())
            }
            Self::Precedence { to, because } => write!(f, "{to} goes before it: {because}"),
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hostname => "its route's hostname is more specific",
            Self::PathKind => {
                "exact paths go before regular expressions, and those before prefixes"
            }
            Self::PathLength => "its path is longer",
            Self::Method => "it names a method",
            Self::Headers => "it names more headers",
            Self::Query => "it names more query parameters",
            Self::Age => "its route is older",
            Self::Name => "its route comes first by namespace and name",
            Self::RuleOrder => "it is an earlier rule of the route",
            Self::MatchOrder => "it is an earlier match of the rule",
        })
    }
}

fn condition(
    f: &mut fmt::Formatter<'_>,
    what: fmt::Arguments<'_>,
    wanted: &ValueMatch,
    found: Option<&str>,
) -> fmt::Result {
    write!(f, "it wants {what} to ")?;
    match wanted {
        ValueMatch::Exact(text) => write!(f, "be {text:?}")?,
        ValueMatch::Regex(regex) => write!(f, "match {:?}", regex.as_str())?,
    }
    match found {
        Some(found) => write!(f, ", and it is {found:?}"),
        None => f.write_str(", and it is not there"),
    }
}
