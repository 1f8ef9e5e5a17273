//! HTTP as the proxy sees it: one task relays one request, whatever versions its two sides speak.
//!
//! [`request`] is the life of a request on one screen; everything else here is a step of it. Wire
//! formats live in [`crate::h1`] and [`crate::h2`], connections to backends in [`crate::upstream`],
//! decisions about a request in the `router` crate.

pub(crate) mod client;
mod date;
pub(crate) mod failure;
mod forward;
pub(crate) mod heads;
pub(crate) mod hop;
mod journal;
mod mirror;
mod pump;
pub(crate) mod record;
mod relay;
pub(crate) mod request;
mod respond;
mod retry;
pub(crate) mod stream;
pub(crate) mod syntax;
pub(crate) mod timer;
mod trust;
mod upload;
pub(crate) mod violation;

pub(crate) use client::Client;
pub(crate) use failure::Failure;
pub(crate) use heads::{Heads, Lent};
pub(crate) use record::Record;
pub(crate) use request::{exchange, refuse};
pub(crate) use stream::{BodyKind, BodyState, Down, Half, StreamError, Up};
pub(crate) use timer::Timer;
pub(crate) use violation::Violation;
