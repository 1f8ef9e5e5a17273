//! The hall between the two workshops: what a proxy must do, as plain values.
//!
//! A [`Snapshot`] is a flat set of keyed [`Resource`]s. Children name their parent, so that one
//! edit of a user changes one entry. Every fallible piece of text (regex, header name, certificate)
//! is parsed by a constructor here, so that the router cannot refuse what translation accepted.
//! How all of it crosses a network is [`wire`].
//!
//! Absent on purpose: Kubernetes and Gateway API types, I/O, clocks, and any decision about a
//! request (that is the router's).

mod backend;
mod bind;
mod certificate;
mod delta;
mod filter;
mod header;
mod hostname;
mod id;
mod listener;
mod octets;
pub mod regex;
mod route;
mod secret;
mod snapshot;
pub mod wire;

pub use backend::{Backend, Endpoint, Endpoints, Target, UpstreamProtocol, is_local};
pub use bind::{Bind, BindFailure, BindFault};
pub use certificate::{Certificate, CertificateError, TrustBundle};
pub use delta::{Ack, Delta, Rejection, Upsert, diff};
pub use filter::{
    Cors, CorsList, Failure, Filter, Fraction, HeaderEdits, Mirror, OriginPattern, PathEdit,
    Redirect, Rewrite, Scheme,
};
pub use header::{HeaderField, HeaderName, HeaderValue, InvalidHeader};
pub use hostname::{Hostname, InvalidHostname};
pub use id::{Id, Key, Keyed, Kind};
pub use listener::{ClientValidation, Listener, Protocol, Tls, ValidationMode};
pub use regex::{InvalidRegex, Regex};
pub use route::{
    BackendChoice, HeaderMatch, InvalidBackend, Match, PathMatch, QueryMatch, Retry, Route, Rule,
    Timeouts, ValueMatch, WeightedBackend,
};
pub use secret::Secret;
pub use snapshot::{Resource, Snapshot};
