//! An object as an API server sends it: JSON, complete, and judged by the same rules as a manifest.
//!
//! The server has filled in defaults and checked what its schemas say. They may be older than ours,
//! which is why kinds that come from CRDs are held to all our rules again; the kinds of Kubernetes
//! itself are not. They may be newer as well, and then what is new must not cost an object its
//! traffic: the server knows the field, so that it is no slip of the pen as in a file.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::diagnostic::Reason;
use crate::kind::Kind;
use crate::limits::OBJECT_BYTES_MAX;
use crate::manifest::decode::{self, Finding};
use crate::manifest::document::{Entry, Node, Place, Value};
use crate::names::{CORE_GROUP, DISCOVERY_GROUP};
use crate::object::Object;
use crate::path::FieldPath;
use crate::validate::{self, Violation};

/// What an API server sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The object, as far as we know its fields.
    pub object: Object,
    /// Fields that have no effect, for they are newer than we are.
    pub ignored: Vec<Violation>,
}

/// Reads an object of a known kind and version. Of its metadata only what a translation may read is
/// kept; of its status nothing, unless that is somebody else's and read.
///
/// # Errors
/// What is wrong with it, field by field.
pub fn from_server(kind: Kind, version: &str, json: &[u8]) -> Result<Received, Vec<Violation>> {
    if json.len() > OBJECT_BYTES_MAX {
        let message = format!("the object has more than {OBJECT_BYTES_MAX} bytes");
        return Err(whole(Reason::TooLarge, message));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let seed = Seed { at: At::Root { status: kind == Kind::Service } };
    let node = seed
        .deserialize(&mut deserializer)
        .map_err(|error| whole(Reason::Syntax, error.to_string()))?;
    let namespace = match node.get("metadata").and_then(|metadata| metadata.get("namespace")) {
        Some(Node { value: Value::String(namespace), .. }) if kind.namespaced() => {
            Arc::from(&**namespace)
        }
        _ => Arc::default(),
    };
    let trusted = matches!(kind.group(), CORE_GROUP | DISCOVERY_GROUP);
    let (object, findings) = decode::object(kind, &namespace, &node);
    let found = findings.into_iter().map(violation);
    let (ignored, mut violations): (Vec<_>, Vec<_>) =
        found.partition(|found| object.is_some() && is_harmless(found));
    let Some(mut object) = object else { return Err(violations) };
    if !trusted {
        let found = validate::object(&object, version).into_iter();
        violations.extend(found.filter(|found| !is_settled_later(kind, found)));
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    object.forget_bookkeeping();
    Ok(Received { object, ignored })
}

/// Whether a field may be left out. One that narrows what a rule matches may not: without it, the
/// rule would take requests that are not meant for it.
fn is_harmless(found: &Violation) -> bool {
    found.reason == Reason::UnknownField && !found.field.leads_through("matches")
}

/// Whether a value that is newer than we are spoils less than its object: translation refuses the
/// rule or the listener that has it, says so in a condition, and lets nothing through.
fn is_settled_later(kind: Kind, found: &Violation) -> bool {
    let fields: &[&str] = match kind {
        Kind::HTTPRoute => &["method", "protocol", "type"],
        Kind::Gateway | Kind::ListenerSet => &["from", "mode"],
        _ => &[],
    };
    found.reason == Reason::NotSupported && fields.iter().any(|field| found.field.ends_with(field))
}

fn violation(finding: Finding) -> Violation {
    let Finding { field, reason, message, .. } = finding;
    Violation { field, reason, message }
}

fn whole(reason: Reason, message: String) -> Vec<Violation> {
    vec![Violation { field: FieldPath::default(), reason, message }]
}

/// Reads a value into a tree that borrows from the text.
#[derive(Clone, Copy)]
struct Seed {
    at: At,
}

/// Where in the object a value stands, as far as something is left out there.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Root { status: bool },
    Metadata,
    Deeper,
}

impl At {
    /// The place of a member; none if the member is left out unread.
    fn member(self, key: &str) -> Option<Self> {
        match (self, key) {
            (Self::Root { status: false }, "status") | (Self::Metadata, "managedFields") => None,
            (Self::Root { .. }, "metadata") => Some(Self::Metadata),
            _ => Some(Self::Deeper),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        let value = deserializer.deserialize_any(self)?;
        Ok(Node { place: NOWHERE, value })
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'de>, E> {
        // Beyond the range of every integer of the schemas; what it is exactly plays no role.
        #[expect(clippy::cast_precision_loss, reason = "no field takes it anyway")]
        let float = || Value::Float(value as f64);
        Ok(i64::try_from(value).map_or_else(|_| float(), Value::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element_seed(Self { at: At::Deeper })? {
            nodes.push(node);
        }
        Ok(Value::Sequence(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some(Text(key)) = members.next_key()? {
            match self.at.member(&key) {
                None => drop(members.next_value::<IgnoredAny>()?),
                Some(at) => {
                    let node = members.next_value_seed(Self { at })?;
                    entries.push(Entry { place: NOWHERE, key, node });
                }
            }
        }
        Ok(Value::Mapping(entries))
    }
}

/// A key, borrowed where it holds no escapes.
#[derive(serde::Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// There are no lines to point at.
const NOWHERE: Place = (0, 0);

#[cfg(test)]
mod tests;
