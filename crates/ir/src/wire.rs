//! How resources cross a network: one payload for each, and the frames around them.
//!
//! A payload is the resource itself as MessagePack with named fields, so that there are no twin
//! types. Whoever does not know a field, variant or kind refuses that payload and nothing else.
//! A new field is therefore optional and left out while it says nothing, so that the version before
//! understands all that does not need it. The protobuf around the payloads is [`frame`], and how a
//! step is cut into messages is [`Step`]. Sockets, TLS and retries are not here.

use std::{fmt, io::Cursor};

use aws_lc_rs::digest;
use bytes::Bytes;
use rmp_serde::Deserializer;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{Kind, Resource};

mod answer;
pub mod frame;
pub mod limits;
mod outline;
mod step;

pub use outline::{Outline, outline};
pub use step::{Collector, Hello, Step};

/// The gRPC path of the one method: a stream of [`frame::FromProxy`] there, and one of
/// [`frame::FromController`] back.
pub const METHOD: &str = "/portcullis.v1.Deltas/Stream";

/// What this build speaks. Grows when a frame changes its meaning; payloads need no version. It
/// began with 2: a message without a version reads as 0, and that must be too old.
pub const VERSION: u32 = 2;

/// Whether somebody who speaks another version understands this build: the one before and the one
/// after do.
pub fn understands(theirs: u32) -> bool {
    theirs.abs_diff(VERSION) <= 1
}

/// A resource, ready for every stream that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Of kind and payload.
    pub hash: Hash,
    /// See [`decode`].
    pub payload: Bytes,
}

/// Writes a resource down, secrets and all.
pub fn encode(resource: &Resource) -> Encoded {
    // Writing plain values to memory does not fail. If it ever did, every proxy would refuse the
    // empty payload and say so.
    let payload: Bytes = rmp_serde::to_vec_named(resource).unwrap_or_default().into();
    Encoded { hash: Hash::of(resource.kind().as_str(), &payload), payload }
}

/// Reads a resource.
///
/// # Errors
/// A kind, field or variant that this build does not know, a value that no constructor takes, or
/// bytes that are no such payload.
pub fn decode(kind: &str, payload: &[u8]) -> Result<Resource, WireError> {
    let Some(known) = Kind::named(kind) else {
        return Err(WireError::UnknownKind(kind.chars().take(NAME_SHOWN_MAX).collect()));
    };
    Ok(match known {
        Kind::Bind => Resource::Bind(read(payload)?),
        Kind::Listener => Resource::Listener(read(payload)?),
        Kind::Route => Resource::Route(read(payload)?),
        Kind::Rule => Resource::Rule(read(payload)?),
        Kind::Backend => Resource::Backend(read(payload)?),
        Kind::Endpoints => Resource::Endpoints(read(payload)?),
        Kind::Certificate => Resource::Certificate(read(payload)?),
        Kind::TrustBundle => Resource::TrustBundle(read(payload)?),
    })
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, WireError> {
    let mut reader = Deserializer::new(Cursor::new(payload));
    reader.set_max_depth(DEPTH_MAX);
    let value = T::deserialize(&mut reader).map_err(|error| WireError::Payload(gist(&error)))?;
    match reader.position() == payload.len() as u64 {
        true => Ok(value),
        false => Err(WireError::Payload("there is more than one value in it".to_owned())),
    }
}

fn gist(error: &rmp_serde::decode::Error) -> String {
    error.to_string().chars().take(REASON_CHARS_MAX).collect()
}

/// The first half of a SHA-256: who holds a resource of this hash needs not be sent it again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 16]);

impl Hash {
    /// Of a payload and the kind that it is read as.
    pub fn of(kind: &str, payload: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(payload);
        let mut hash = [0; 16];
        // A SHA-256 has 32 bytes.
        hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }

    /// The 16 bytes that are sent; none for any other number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As they are sent.
    pub fn to_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What cannot be read, and why. For the operator: it becomes the reason of a rejection.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WireError {
    /// A newer controller has it.
    #[error("resources of kind {0:?} are not known to this version")]
    UnknownKind(String),
    /// See [`decode`].
    #[error("it cannot be read by this version: {0}")]
    Payload(String),
    /// Payload and hash do not belong together.
    #[error("it does not have the hash that it was announced with")]
    Hash,
    /// The parts that arrive do not make one step, or make one that is too large.
    #[error("the stream is broken: {0}")]
    Stream(&'static str),
}

/// No resource nests deeper; what is unknown may not either.
const DEPTH_MAX: usize = 32;
/// An error may quote what it read.
const REASON_CHARS_MAX: usize = 300;
const NAME_SHOWN_MAX: usize = 60;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
