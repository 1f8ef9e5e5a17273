//! Names of resources: typed where one resource refers to another, plain where all kinds meet.

use std::{fmt, hash, marker::PhantomData, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The kinds of resource in a [`crate::Snapshot`], in the order in which they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// See [`crate::Bind`].
    Bind,
    /// See [`crate::Listener`].
    Listener,
    /// See [`crate::Route`].
    Route,
    /// See [`crate::Rule`].
    Rule,
    /// See [`crate::Backend`].
    Backend,
    /// See [`crate::Endpoints`].
    Endpoints,
    /// See [`crate::Certificate`].
    Certificate,
    /// See [`crate::TrustBundle`].
    TrustBundle,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Bind,
        Self::Listener,
        Self::Route,
        Self::Rule,
        Self::Backend,
        Self::Endpoints,
        Self::Certificate,
        Self::TrustBundle,
    ];

    /// Its name, as printed and as sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "Bind",
            Self::Listener => "Listener",
            Self::Route => "Route",
            Self::Rule => "Rule",
            Self::Backend => "Backend",
            Self::Endpoints => "Endpoints",
            Self::Certificate => "Certificate",
            Self::TrustBundle => "TrustBundle",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A value that lives in a snapshot under an [`Id`] of its own type.
pub trait Keyed {
    /// The kind that its keys carry.
    const KIND: Kind;
}

/// The name of a resource of type `T`, for example `gateway-system/default-gateway/https`.
///
/// Cheap to clone. Names are made by the translation and mean nothing to the proxy beyond identity
/// and display.
pub struct Id<T> {
    name: Arc<str>,
    of: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// Names a resource.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), of: PhantomData }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl<T: Keyed> Id<T> {
    /// The same name without its type.
    pub fn key(&self) -> Key {
        Key { kind: T::KIND, name: self.name.clone() }
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), of: PhantomData }
    }
}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name.cmp(&other.name)
    }
}

impl<T> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Arc<str>>::deserialize(deserializer).map(Self::new)
    }
}

/// The name of a resource of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Key {
    /// What it names.
    pub kind: Kind,
    /// The text of the [`Id`].
    pub name: Arc<str>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}
