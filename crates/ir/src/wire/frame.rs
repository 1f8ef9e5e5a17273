//! The protobuf messages of the stream, written by hand: they are few, and need no build script.
//!
//! Numbers of fields are never used twice. What a message means is in [`super`] and in the ADR on
//! the stream.

use bytes::Bytes;
use prost::{Message, Oneof};

use crate::{Key, Kind};

/// What a proxy says.
#[derive(Clone, PartialEq, Message)]
pub struct FromProxy {
    /// One of these; none is what a newer proxy says.
    #[prost(oneof = "ProxyWord", tags = "1, 2")]
    pub word: Option<ProxyWord>,
}

/// What a proxy can say.
#[derive(Clone, PartialEq, Oneof)]
pub enum ProxyWord {
    /// First, and only then.
    #[prost(message, tag = "1")]
    Hello(HelloPart),
    /// To each step, and whenever something about it has changed.
    #[prost(message, tag = "2")]
    Answer(Answer),
}

/// Who a proxy is and what it holds. Cut like a step; all but `held` counts in the first part.
#[derive(Clone, PartialEq, Message)]
pub struct HelloPart {
    /// See [`super::VERSION`].
    #[prost(uint32, tag = "1")]
    pub wire_version: u32,
    /// Name and version of the program, for people.
    #[prost(string, tag = "2")]
    pub software: String,
    /// Of the last step that is served; empty before the first.
    #[prost(string, tag = "3")]
    pub epoch: String,
    /// Of the last step that is served.
    #[prost(uint64, tag = "4")]
    pub revision: u64,
    /// Everything that it holds, always: it is the whole truth about what must not be sent again.
    #[prost(message, repeated, tag = "5")]
    pub held: Vec<Held>,
    /// Whether another part follows.
    #[prost(bool, tag = "6")]
    pub more: bool,
}

/// A resource that a proxy has.
#[derive(Clone, PartialEq, Message)]
pub struct Held {
    /// Its kind.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// See [`super::Hash`].
    #[prost(bytes = "bytes", tag = "3")]
    pub hash: Bytes,
}

/// What came of a step: all of it, not what is new since the last answer.
#[derive(Clone, PartialEq, Message)]
pub struct Answer {
    /// The revision that is served.
    #[prost(uint64, tag = "1")]
    pub revision: u64,
    /// What could not be used. What was served under that name before still is.
    #[prost(message, repeated, tag = "2")]
    pub rejected: Vec<Refusal>,
    /// Binds that are not open.
    #[prost(message, repeated, tag = "3")]
    pub closed: Vec<Closed>,
}

/// See [`crate::Rejection`].
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Refusal {
    /// Its kind.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Why, for the operator.
    #[prost(string, tag = "3")]
    pub reason: String,
}

/// See [`crate::BindFailure`].
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Closed {
    /// The bind's name.
    #[prost(string, tag = "1")]
    pub bind: String,
    /// The name of a [`crate::BindFault`].
    #[prost(string, tag = "2")]
    pub fault: String,
    /// For the operator.
    #[prost(string, tag = "3")]
    pub message: String,
}

/// What a controller says.
#[derive(Clone, PartialEq, Message)]
pub struct FromController {
    /// One of these; none is what a newer controller says.
    #[prost(oneof = "ControllerWord", tags = "1, 2")]
    pub word: Option<ControllerWord>,
}

/// What a controller can say.
#[derive(Clone, PartialEq, Oneof)]
pub enum ControllerWord {
    /// A step, or a part of it. The first comes even if there is nothing to say.
    #[prost(message, tag = "1")]
    Part(Part),
    /// Somebody else leads.
    #[prost(message, tag = "2")]
    Redirect(Redirect),
}

/// A piece of a step. Nothing of a step is served before its last part.
#[derive(Clone, PartialEq, Message)]
pub struct Part {
    /// Which life of which controller counts the revisions.
    #[prost(string, tag = "1")]
    pub epoch: String,
    /// The position after the step.
    #[prost(uint64, tag = "2")]
    pub revision: u64,
    /// New or changed resources.
    #[prost(message, repeated, tag = "3")]
    pub upserts: Vec<Upsert>,
    /// Resources that are gone.
    #[prost(message, repeated, tag = "4")]
    pub removals: Vec<Name>,
    /// Whether another part of the step follows.
    #[prost(bool, tag = "5")]
    pub more: bool,
}

/// A new or changed resource.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Upsert {
    /// Its kind.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// See [`super::Hash`].
    #[prost(bytes = "bytes", tag = "3")]
    pub hash: Bytes,
    /// See [`super::decode`].
    #[prost(bytes = "bytes", tag = "4")]
    pub payload: Bytes,
}

/// The key of a resource, whose kind may be unknown here.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Message)]
pub struct Name {
    /// Its kind.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// Where to ask instead.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Redirect {
    /// `ADDRESS:PORT`.
    #[prost(string, tag = "1")]
    pub address: String,
}

impl From<ProxyWord> for FromProxy {
    fn from(word: ProxyWord) -> Self {
        Self { word: Some(word) }
    }
}

impl From<ControllerWord> for FromController {
    fn from(word: ControllerWord) -> Self {
        Self { word: Some(word) }
    }
}

impl From<&Key> for Name {
    fn from(key: &Key) -> Self {
        Self { kind: key.kind.as_str().to_owned(), name: (*key.name).to_owned() }
    }
}

impl Name {
    /// The key, if the kind is known here.
    pub fn key(&self) -> Option<Key> {
        Some(Key { kind: Kind::named(&self.kind)?, name: self.name.as_str().into() })
    }
}
