//! An object as an API server sends it: JSON, complete, and judged by the same rules as a manifest.
//!
//! The server has filled in defaults and checked what its schemas say. They may be older than ours,
//! which is why kinds that come from CRDs are held to all our rules again; the kinds of Kubernetes
//! itself are not. They may be newer as well, and then what is new must not cost an object its
//! traffic: the server knows the field, so that it is no slip of the pen as in a file.

use std::borrow::Cow;
use std::fmt;

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
        Some(Node { value: Value::String(namespace), .. }) if kind.namespaced() => &**namespace,
        _ => "",
    };
    let trusted = matches!(kind.group(), CORE_GROUP | DISCOVERY_GROUP);
    let (object, findings) = decode::object(kind, namespace, &node);
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
mod tests {
    use super::*;

    fn read(kind: Kind, json: &str) -> Result<Object, Vec<String>> {
        let say = |found: Violation| format!("{}: {}", found.field, found.message);
        from_server(kind, kind.versions()[0], json.as_bytes())
            .map(|received| received.object)
            .map_err(|found| found.into_iter().map(say).collect())
    }

    #[test]
    fn what_only_servers_need_is_dropped() {
        let json = r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "a", "namespace": "ns", "uid": "u", "resourceVersion": "7",
              "generation": 3, "managedFields": [{"manager": "x"}], "annotations": {
              "kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "kept"}},
            "spec": {"rules": [{"matches": null}]}, "status": {"parents": 5}}"#;
        let Ok(Object::HTTPRoute(route)) = read(Kind::HTTPRoute, json) else { panic!("refused") };
        let metadata = &route.metadata;
        assert_eq!((metadata.uid.as_deref(), metadata.generation), (Some("u"), Some(3)));
        assert_eq!((&metadata.resource_version, &*metadata.namespace), (&None, "ns"));
        assert_eq!(metadata.annotations.keys().collect::<Vec<_>>(), ["mine"]);
        // Written again by us, with another status, it is no news.
        let json = json.replace(r#""7""#, r#""8""#).replace(r#""parents": 5"#, "");
        assert_eq!(read(Kind::HTTPRoute, &json), Ok(Object::HTTPRoute(route)));
    }

    #[test]
    fn kinds_of_crds_are_judged_as_in_files() {
        let json = r#"{"metadata": {"name": "a", "namespace": "ns"},
            "spec": {"hostnmaes": [], "rules": [{"backendRefs": [{"name": 5}]}]}}"#;
        let found = read(Kind::HTTPRoute, json).expect_err("wrong");
        assert!(found[0].starts_with("spec.hostnmaes: unknown field, did you mean"), "{found:?}");
        assert!(found[1].starts_with("spec.rules[0].backendRefs[0].name: "), "{found:?}");
        let json = r#"{"metadata": {"name": "a"}, "spec": {"controllerName": "nodomain"}}"#;
        assert!(read(Kind::GatewayClass, json).is_err());
        let broken = read(Kind::HTTPRoute, r#"{"metadata": "#).expect_err("cut off");
        assert!(broken[0].contains("EOF"), "{broken:?}");
    }

    #[test]
    fn kinds_of_kubernetes_may_be_newer_than_we_know() {
        let json = r#"{"metadata": {"name": "a", "namespace": "ns"},
            "spec": {"ports": [{"port": 80, "novelty": {"a": 1}}], "alsoNew": true},
            "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}}"#;
        let Ok(Object::Service(service)) = read(Kind::Service, json) else { panic!("refused") };
        assert_eq!(service.spec.ports.len(), 1);
        assert!(service.status.is_some(), "addresses are read from there");
        let json = r#"{"metadata": {"name": "a", "namespace": "ns", "ownerReferences": [{
            "apiVersion": "v1", "kind": "Service", "name": "a", "uid": "u"}]},
            "addressType": "IPv4", "endpoints": null, "ports": null}"#;
        let Ok(Object::EndpointSlice(slice)) = read(Kind::EndpointSlice, json) else {
            panic!("refused")
        };
        assert!(slice.endpoints.is_empty() && slice.metadata.owner_references.is_empty());
    }

    #[test]
    fn what_is_newer_than_we_are_spoils_no_more_than_it_must() {
        let read = |kind: Kind, spec: &str| {
            let json = format!(r#"{{"metadata": {{"name": "a", "namespace": "ns"}}, {spec}}}"#);
            let field = |found: Violation| found.field.to_string();
            match from_server(kind, "v1", json.as_bytes()) {
                Ok(received) => Ok(received.ignored.into_iter().map(field).collect::<Vec<_>>()),
                Err(found) => Err(found.into_iter().map(field).collect::<Vec<_>>()),
            }
        };
        let ignored = |fields: &[&str]| Ok(fields.iter().map(ToString::to_string).collect());
        let refused = |fields: &[&str]| Err(fields.iter().map(ToString::to_string).collect());
        for (kind, spec, expected) in [
            (
                Kind::HTTPRoute,
                r#""spec": {"novelty": {"a": 1}, "rules": [{"also": 1}]}"#,
                ignored(&["spec.novelty", "spec.rules[0].also"]),
            ),
            (
                Kind::HTTPRoute,
                r#""spec": {"rules": [{"filters": [{"type": "New", "new": {"a": 1}}]}]}"#,
                ignored(&["spec.rules[0].filters[0].new"]),
            ),
            (
                Kind::HTTPRoute,
                r#""spec": {"rules": [{"matches": [{"path": {"type": "New", "value": "/"},
                    "headers": [{"type": "New", "name": "a", "value": "b"}]}]}]}"#,
                ignored(&[]),
            ),
            (
                Kind::HTTPRoute,
                r#""spec": {"rules": [{"matches": [{"cookies": [{"name": "a"}]}]}]}"#,
                refused(&["spec.rules[0].matches[0].cookies"]),
            ),
            (
                Kind::HTTPRoute,
                r#""spec": {"rules": [{"filters": [{"type": "RequestRedirect",
                    "requestRedirect": {"scheme": "new"}}]}]}"#,
                refused(&["spec.rules[0].filters[0].requestRedirect.scheme"]),
            ),
            (
                Kind::Gateway,
                r#""spec": {"gatewayClassName": "c", "listeners": [{"name": "a", "port": 80,
                    "protocol": "HTTP", "novelty": 1,
                    "allowedRoutes": {"namespaces": {"from": "New"}}}]}"#,
                ignored(&["spec.listeners[0].novelty"]),
            ),
        ] {
            assert_eq!(read(kind, spec), expected, "{spec}");
        }
    }
}
