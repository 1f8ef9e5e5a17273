//! From a tree of values to a typed object, with every mistake found on the way.
//!
//! A value that does not fit is left out and decoding starts again, so that one mistake does not
//! hide the next. Unknown fields are mistakes except in `status`, which users do not write.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::backend_tls_policy::BackendTLSPolicy;
use crate::core::config_map::ConfigMap;
use crate::core::endpoint_slice::EndpointSlice;
use crate::core::namespace::Namespace;
use crate::core::secret::Secret;
use crate::core::service::Service;
use crate::diagnostic::Reason;
use crate::envoy_proxy::EnvoyProxy;
use crate::experimental::backend::XBackend;
use crate::experimental::backend_traffic_policy::XBackendTrafficPolicy;
use crate::experimental::mesh::XMesh;
use crate::experimental::telemetry_policy::XTelemetryPolicy;
use crate::gateway::Gateway;
use crate::gateway_class::GatewayClass;
use crate::grpc_route::GRPCRoute;
use crate::http_route::HTTPRoute;
use crate::kind::Kind;
use crate::l4_route::{TCPRoute, UDPRoute};
use crate::limits::FINDINGS_MAX;
use crate::listener_set::ListenerSet;
use crate::manifest::document::{Entry, Node, Place, Value, duplicate};
use crate::object::{Object, Resource};
use crate::path::{FieldPath, Path};
use crate::reference_grant::ReferenceGrant;
use crate::tls_route::TLSRoute;

/// A mistake and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) place: Place,
    pub(super) field: FieldPath,
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// Decodes an object of this kind and puts it into this namespace. The object is there if only
/// unknown fields were found, so that more can be said about it.
pub(super) fn object(
    kind: Kind,
    namespace: &Arc<str>,
    node: &Node<'_>,
) -> (Option<Object>, Vec<Finding>) {
    match kind {
        Kind::GatewayClass => typed::<GatewayClass>(namespace, node),
        Kind::Gateway => typed::<Gateway>(namespace, node),
        Kind::ListenerSet => typed::<ListenerSet>(namespace, node),
        Kind::HTTPRoute => typed::<HTTPRoute>(namespace, node),
        Kind::GRPCRoute => typed::<GRPCRoute>(namespace, node),
        Kind::TLSRoute => typed::<TLSRoute>(namespace, node),
        Kind::TCPRoute => typed::<TCPRoute>(namespace, node),
        Kind::UDPRoute => typed::<UDPRoute>(namespace, node),
        Kind::ReferenceGrant => typed::<ReferenceGrant>(namespace, node),
        Kind::BackendTLSPolicy => typed::<BackendTLSPolicy>(namespace, node),
        Kind::XBackend => typed::<XBackend>(namespace, node),
        Kind::XBackendTrafficPolicy => typed::<XBackendTrafficPolicy>(namespace, node),
        Kind::XMesh => typed::<XMesh>(namespace, node),
        Kind::XTelemetryPolicy => typed::<XTelemetryPolicy>(namespace, node),
        Kind::EnvoyProxy => typed::<EnvoyProxy>(namespace, node),
        Kind::Service => typed::<Service>(namespace, node),
        Kind::EndpointSlice => typed::<EndpointSlice>(namespace, node),
        Kind::Secret => typed::<Secret>(namespace, node),
        Kind::ConfigMap => typed::<ConfigMap>(namespace, node),
        Kind::Namespace => typed::<Namespace>(namespace, node),
    }
}

fn typed<T: Resource + DeserializeOwned>(
    namespace: &Arc<str>,
    node: &Node<'_>,
) -> (Option<Object>, Vec<Finding>) {
    let context = Context::default();
    let mut whole = true;
    loop {
        let decoder = Decoder { node, path: &Path::Root, context: &context };
        match decoder.run(PhantomData::<T>) {
            Ok(mut object) => {
                object.metadata_mut().namespace = namespace.clone();
                return (whole.then(|| object.into()), context.findings.into_inner());
            }
            Err(error) => {
                whole &= error.harmless();
                let again = error.node != Some(address(node));
                if !context.leave_out(error) || !again {
                    return (None, context.findings.into_inner());
                }
            }
        }
    }
}

/// Finds keys that stand twice in one mapping, at any depth. Kubernetes tools refuse them.
pub(super) fn duplicate_keys(node: &Node<'_>, path: Path<'_>, findings: &mut Vec<Finding>) {
    match &node.value {
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                duplicate_keys(item, path.index(index), findings);
            }
        }
        Value::Mapping(entries) => {
            if let Some(Entry { place, key, .. }) = duplicate(entries) {
                let (place, field, reason) =
                    (*place, path.key(key).to_field(), Reason::DuplicateKey);
                let message = "the key stands here twice".to_string();
                findings.push(Finding { place, field, reason, message });
            }
            for entry in entries {
                duplicate_keys(&entry.node, path.key(&entry.key), findings);
            }
        }
        _ => {}
    }
}

/// What the decoders of one object share.
#[derive(Default)]
struct Context {
    findings: RefCell<Vec<Finding>>,
    /// Values that are left out because they, or something in them, do not fit.
    left_out: RefCell<Vec<Address>>,
}

impl Context {
    /// Reports a mistake and leaves its value out from now on. False when there are too many.
    fn leave_out(&self, error: Error) -> bool {
        let harmless = error.harmless();
        let Error { node, place, field, reason, message, lost, .. } = error;
        if !harmless && !lost {
            self.find(Finding { place, field, reason, message });
        }
        let mut left_out = self.left_out.borrow_mut();
        left_out.extend(node);
        left_out.len() < FINDINGS_MAX
    }

    fn find(&self, finding: Finding) {
        let mut findings = self.findings.borrow_mut();
        if findings.len() < FINDINGS_MAX && !findings.contains(&finding) {
            findings.push(finding);
        }
    }
}

/// A node's identity: its address, which nothing ever follows.
type Address = usize;

fn address(node: &Node<'_>) -> Address {
    std::ptr::from_ref(node).addr()
}

/// A mistake that stops the decoding of a value. The place is filled in on the way up.
#[derive(Debug)]
struct Error {
    reason: Reason,
    message: String,
    /// The value at fault.
    node: Option<Address>,
    place: Place,
    field: FieldPath,
    /// The required field that is missing in the value.
    missing: Option<&'static str>,
    /// The missing field is there, but was left out: it has been reported.
    lost: bool,
}

impl Error {
    fn new(reason: Reason, message: String) -> Self {
        let (field, place) = (FieldPath::default(), (0, 0));
        Self { reason, message, node: None, place, field, missing: None, lost: false }
    }

    fn type_invalid(wanted: &str, value: &Value<'_>) -> Self {
        let (given, hint) = match value {
            Value::Null => ("null", ""),
            Value::Bool(_) => ("boolean", "; put it in quotes"),
            Value::Int(_) => ("integer", "; put it in quotes"),
            Value::Float(_) => ("number", "; put it in quotes"),
            Value::String(_) => ("string", ""),
            Value::Sequence(_) => ("array", ""),
            Value::Mapping(_) => ("object", ""),
        };
        let hint = if wanted == "string" { hint } else { "" };
        Self::new(Reason::TypeInvalid, format!("must be of type {wanted}, not {given}{hint}"))
    }

    /// Users do not write status; what does not fit there is dropped.
    fn harmless(&self) -> bool {
        self.field.starts_with("status")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Reason::Invalid, message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        let error = Self::new(Reason::Required, "required value".to_string());
        Self { missing: Some(field), ..error }
    }
}

/// Decodes one value.
#[derive(Clone, Copy)]
struct Decoder<'de, 't, 'p> {
    node: &'de Node<'t>,
    path: &'p Path<'p>,
    context: &'p Context,
}

impl<'de> Decoder<'de, '_, '_> {
    fn run<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self).map_err(|error| self.settle(error))
    }

    /// Says where a mistake stands, unless it stands deeper.
    fn settle(self, mut error: Error) -> Error {
        if error.node.is_some() {
            return error;
        }
        error.node = Some(address(self.node));
        error.place = self.node.place;
        error.field = self.path.to_field();
        if let Some(missing) = error.missing {
            error.field = self.path.key(missing).to_field();
            let there = self.node.get(missing);
            error.lost = there.is_some_and(|node| !matches!(node.value, Value::Null));
        }
        if error.message.starts_with(NO_VARIANT) {
            error.reason = Reason::TypeInvalid;
            let wanted =
                if error.message.ends_with("IntOrString") { "integer or string" } else { "string" };
            error.message = Error::type_invalid(wanted, &self.node.value).message;
        }
        error
    }

    fn mismatch<T>(self, wanted: &str) -> Result<T, Error> {
        Err(Error::type_invalid(wanted, &self.node.value))
    }

    fn integer<V: Visitor<'de>>(self, min: i64, max: i64, visitor: V) -> Result<V::Value, Error> {
        let Value::Int(value) = self.node.value else { return self.mismatch("integer") };
        let message = match value {
            _ if value < min => format!("should be greater than or equal to {min}"),
            _ if value > max => format!("should be less than or equal to {max}"),
            _ => return visitor.visit_i64(value),
        };
        Err(Error::new(Reason::Invalid, message))
    }

    fn left_out(self, node: &Node<'_>) -> bool {
        // A null is as good as nothing, as in Kubernetes.
        matches!(node.value, Value::Null) || self.context.left_out.borrow().contains(&address(node))
    }

    /// Reports the keys of a mapping that are none of these fields.
    fn report_unknown(self, entries: &[Entry<'_>], fields: &'static [&'static str]) {
        for Entry { place, key, .. } in entries {
            let typed = matches!(self.path, Path::Root) && TYPE_KEYS.contains(&&**key);
            if typed || fields.contains(&&**key) {
                continue;
            }
            let field = self.path.key(key).to_field();
            if field.starts_with("status") {
                continue;
            }
            let message = match nearest(key, fields.iter().copied()) {
                Some(known) => format!("unknown field, did you mean {known:?}?"),
                None => format!("unknown field; known are {}", fields.join(", ")),
            };
            let reason = Reason::UnknownField;
            self.context.find(Finding { place: *place, field, reason, message });
        }
    }
}

/// The known name that a misspelt one most likely stands for.
pub(super) fn nearest(
    key: &str,
    known: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    let lower = key.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&lower, &known.to_lowercase());
    let best = known.map(|known| (distance(known), known)).min()?;
    let allowed = (best.1.len().max(key.len()) / 3).max(1);
    (best.0 <= allowed).then_some(best.1)
}

impl<'de> Deserializer<'de> for Decoder<'de, '_, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Sequence(_) => self.deserialize_seq(visitor),
            Value::Mapping(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => self.mismatch("boolean"),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer(i32::MIN.into(), i32::MAX.into(), visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer(i64::MIN, i64::MAX, visitor)
    }

    /// Every 16-bit field of the schema is a port or a status code: none may be zero.
    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer(1, u16::MAX.into(), visitor)
    }

    /// Every 32-bit field of the schema is signed there, with zero or more as its minimum.
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer(0, i32::MAX.into(), visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => self.mismatch("string"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Sequence(items) => visitor.visit_seq(Items { decoder: self, items, next: 0 }),
            _ => self.mismatch("array"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Mapping(entries) => {
                visitor.visit_map(Members { decoder: self, entries, fields: None, value: None })
            }
            _ => self.mismatch("object"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Value::Mapping(entries) = &self.node.value else { return self.mismatch("object") };
        self.report_unknown(entries, fields);
        let fields = Some(fields);
        visitor.visit_map(Members { decoder: self, entries, fields, value: None })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::String(text) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            _ => self.mismatch("string"),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier
    }
}

/// The items of a list.
struct Items<'de, 't, 'p> {
    decoder: Decoder<'de, 't, 'p>,
    items: &'de [Node<'t>],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de, '_, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        while let Some(node) = self.items.get(self.next) {
            let path = self.decoder.path.index(self.next);
            self.next += 1;
            let context = self.decoder.context;
            if !context.left_out.borrow().contains(&address(node)) {
                return Decoder { node, path: &path, context }.run(seed).map(Some);
            }
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

/// The members of an object, or the entries of a map.
struct Members<'de, 't, 'p> {
    decoder: Decoder<'de, 't, 'p>,
    entries: &'de [Entry<'t>],
    /// The members that count; every one when absent.
    fields: Option<&'static [&'static str]>,
    value: Option<&'de Entry<'t>>,
}

impl<'de> MapAccess<'de> for Members<'de, '_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        while let Some((entry, rest)) = self.entries.split_first() {
            self.entries = rest;
            let counts = self.fields.is_none_or(|fields| fields.contains(&&*entry.key));
            if counts && !self.decoder.left_out(&entry.node) {
                self.value = Some(entry);
                return seed.deserialize(BorrowedStrDeserializer::new(&entry.key)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(Entry { key, node, .. }) = self.value.take() else {
            return Err(Error::custom("a value was asked for before its key"));
        };
        let path = self.decoder.path.key(key);
        Decoder { node, path: &path, context: self.decoder.context }.run(seed)
    }
}

/// Stand beside the members of every object; they have been read already.
const TYPE_KEYS: [&str; 2] = ["apiVersion", "kind"];
/// How serde begins when a value fits no variant of an enum.
const NO_VARIANT: &str = "data did not match any variant";
