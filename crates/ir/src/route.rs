//! Routes and their rules: what matches, and what then happens.

use std::{num::NonZeroU16, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Backend, Filter, HeaderName, Hostname, Id, Keyed, Kind, Listener, Regex};

/// One route object, as far as it is attached to listeners of this snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The listeners that accepted it.
    pub listeners: Vec<Id<Listener>>,
    /// The route's own hostnames; empty means any. Precedence goes by these and not by their
    /// intersection with the listener's (Gateway API v1.7, hostname intersection precedence).
    pub hostnames: Vec<Hostname>,
    /// Creation, seconds since 1970: the older route wins a tie.
    pub created: i64,
    /// Then its namespace decides,
    pub namespace: Arc<str>,
    /// and at last its name.
    pub name: Arc<str>,
}

impl Keyed for Route {
    const KIND: Kind = Kind::Route;
}

/// One rule of a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Whose rule it is.
    pub route: Id<Route>,
    /// Its place in the route, from 0.
    pub index: u32,
    /// The user's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Alternatives, never empty; a rule without any means the prefix `/`.
    pub matches: Vec<Match>,
    /// What is done to a request that matched, in the user's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// Where it goes, by weight. Empty, or all weights 0: the answer is 500.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<WeightedBackend>,
    /// Bounds in time.
    #[serde(default, skip_serializing_if = "Timeouts::is_empty")]
    pub timeouts: Timeouts,
    /// When a failed try is repeated; none means the proxy's default (only failures before the
    /// backend can have processed the request).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

impl Keyed for Rule {
    const KIND: Kind = Kind::Rule;
}

/// Conditions that all must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// On the normalised path.
    pub path: PathMatch,
    /// On the method; none means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Arc<str>>,
    /// On header fields; at most one entry for a name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderMatch>,
    /// On query parameters; at most one entry for a name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<QueryMatch>,
}

/// How a path is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PathMatch {
    /// Byte for byte.
    Exact(Arc<str>),
    /// By whole elements; without a slash at the end, but for the root `/`.
    Prefix(Arc<str>),
    /// The whole path.
    Regex(Regex),
}

/// How a header or parameter value is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ValueMatch {
    /// Byte for byte.
    Exact(Arc<str>),
    /// The whole value.
    Regex(Regex),
}

/// A condition on one header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatch {
    /// Compared without case.
    pub name: HeaderName,
    /// Compared with the field's value; several fields of a name are joined by a comma.
    pub value: ValueMatch,
}

/// A condition on one query parameter; the first of a name counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryMatch {
    /// Compared with case.
    pub name: Arc<str>,
    /// Compared with the decoded value.
    pub value: ValueMatch,
}

/// A share of a rule's traffic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedBackend {
    /// Who gets it.
    pub backend: BackendChoice,
    /// How much, against the sum of all weights.
    pub weight: u32,
    /// What is done only to requests of this share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
}

/// A reference to a backend, resolved or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BackendChoice {
    /// Forward to it.
    Valid(Id<Backend>),
    /// Answer 500: an invalid reference keeps its share of the traffic.
    Invalid(InvalidBackend),
}

/// Why a reference is no backend (Gateway API, reasons of `ResolvedRefs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InvalidBackend {
    /// No such object or port.
    NotFound,
    /// No ReferenceGrant allows it.
    NotPermitted,
    /// A kind that cannot be a backend.
    Kind,
    /// An application protocol that is not spoken.
    Protocol,
    /// It asks for TLS, and that cannot be given; plain text is never sent instead.
    Tls,
}

/// Bounds in time; none means no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// From the request's head to the response's end, all tries together; 504 when it passes before
    /// the response's head. What was switched to another protocol is not bounded.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "period")]
    pub request: Option<Duration>,
    /// The same for each try.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "period")]
    pub backend_request: Option<Duration>,
}

impl Timeouts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// When a try is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Additional tries; 0 switches every retry off.
    pub attempts: u32,
    /// Response codes that count as failed, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<NonZeroU16>,
    /// Base of the wait between tries; none means the proxy's default.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "period")]
    pub backoff: Option<Duration>,
}

/// A time as people read it, in milliseconds; on the wire, exactly.
mod period {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) if serializer.is_human_readable() => {
                serializer.collect_str(&format_args!("{}ms", time.as_millis()))
            }
            time => time.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Option::deserialize(deserializer)
    }
}
