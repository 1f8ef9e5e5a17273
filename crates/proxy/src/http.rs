//! HTTP as the proxy sees it: one task relays one request, whatever versions its two sides speak.
//!
//! [`request`] is the life of a request on one screen; everything else here is a step of it. Wire
//! formats live in [`crate::h1`] and [`crate::h2`], connections to backends in [`crate::upstream`],
//! decisions about a request in the `router` crate.

pub(crate) mod failure;
pub(crate) mod record;
pub(crate) mod stream;
pub(crate) mod violation;

pub(crate) use failure::Failure;
pub(crate) use record::Record;
pub(crate) use stream::{BodyKind, BodyState, Down, Half, StreamError, Up};
pub(crate) use violation::Violation;
