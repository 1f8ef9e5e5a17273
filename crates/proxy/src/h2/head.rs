//! Heads between field blocks and [`Head`]: read in once, so that everything behind the seam sees
//! the same lines that HTTP/1 would have read, and written from there.

mod read;
mod write;

pub(super) use read::{Fault, Reader};
pub(super) use write::{request, response, trailers};

use router::{Head, head::Known};

use crate::http::{BodyKind, syntax};

/// What the fields say about the body. Who reads it holds it to that.
pub(super) fn body(head: &Head, ended: bool) -> BodyKind {
    match (length(head), ended) {
        (Some(0), true) => BodyKind::Length(0),
        (_, true) => BodyKind::None,
        (Some(length), false) => BodyKind::Length(length),
        (None, false) => BodyKind::Stream,
    }
}

/// What `content-length` says.
pub(super) fn length(head: &Head) -> Option<u64> {
    syntax::content_length(head.known(Known::ContentLength)?).ok()
}

#[cfg(test)]
mod tests;
