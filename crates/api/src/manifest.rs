//! Manifests: YAML or JSON text to objects that hold what an API server would hold.
//!
//! A file is a stream of documents; a `List` is opened up. Whatever is wrong with one object spoils
//! only that object. Reading files, and settling which of two objects with one name wins, is the
//! caller's.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, ObjectRef, Reason, Severity, Source};
use crate::kind::Kind;
use crate::limits::{FILE_BYTES_MAX, FINDINGS_MAX};
use crate::names::DEFAULT_NAMESPACE;
use crate::object::Object;
use crate::path::{FieldPath, Path};
use crate::validate::{self, Violation};

mod decode;
mod document;
mod json;
mod scalar;

use decode::Finding;
use document::{Broken, Node, Value};
pub use json::{Received, from_server};

/// What one file holds.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// Objects that may be used, in the order of the file.
    pub objects: Vec<Located<Object>>,
    /// Objects of kinds that we do not read.
    pub ignored: Vec<Ignored>,
    /// What is wrong with the rest.
    pub diagnostics: Vec<Diagnostic>,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it begins.
    pub source: Source,
}

/// An object of a kind that we do not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The object.
    pub object: ObjectRef,
    /// Where it begins.
    pub source: Source,
}

/// Reads a manifest. `file` appears in the sources of what comes back.
pub fn parse(file: &str, text: &str) -> Manifest {
    let mut reader = Reader {
        file: file.into(),
        duplicates: false,
        namespace: Arc::default(),
        manifest: Manifest::default(),
    };
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has more than {FILE_BYTES_MAX} bytes");
        reader.report(None, (0, 0), FieldPath::default(), Reason::TooLarge, message);
        return reader.manifest;
    }
    for document in document::documents(text) {
        match document {
            Ok(document) => {
                reader.duplicates = document.duplicates;
                reader.object(&document.root);
            }
            Err((error, remains)) => {
                let object =
                    remains.as_ref().map(identify).filter(|object| !object.kind.is_empty());
                let Broken { place, reason, message } = error;
                reader.report(object, place, FieldPath::default(), reason, message);
            }
        }
    }
    reader.manifest
}

struct Reader {
    file: Arc<str>,
    /// Whether the document at hand has a key twice somewhere.
    duplicates: bool,
    /// That of the last object, which the next one mostly shares.
    namespace: Arc<str>,
    manifest: Manifest,
}

impl Reader {
    /// Reads one object, or every item of a list of objects.
    fn object(&mut self, node: &Node<'_>) {
        if matches!(node.value, Value::Null) {
            return;
        }
        let object = identify(node);
        if !matches!(node.value, Value::Mapping(_)) {
            let message = "a manifest must be an object with apiVersion and kind".to_string();
            self.report(None, node.place, FieldPath::default(), Reason::TypeInvalid, message);
        } else if let Some(items) = items(node, &object) {
            for item in items {
                self.object(item);
            }
        } else if let Some(missing) = missing(&object) {
            let field = Path::Root.key(missing).to_field();
            let message = "required value".to_string();
            self.report(Some(object), node.place, field, Reason::Required, message);
        } else {
            self.known_or_ignored(node, object);
        }
    }

    fn known_or_ignored(&mut self, node: &Node<'_>, mut object: ObjectRef) {
        let api_version = object.api_version.clone();
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let Some(kind) = Kind::find(group, &object.kind) else {
            self.misspelt_or_ignored(node, group, object);
            return;
        };
        settle_namespace(kind, &mut object.namespace);
        if !kind.versions().contains(&version) {
            let field = Path::Root.key("apiVersion").to_field();
            let known = kind.versions().join(", ");
            let message = format!("no version {version:?} of {kind} is served, only {known}");
            let place = node.locate(&field);
            self.report(Some(object), place, field, Reason::UnknownVersion, message);
            return;
        }
        let mut findings = Vec::new();
        if self.duplicates {
            decode::duplicate_keys(node, Path::Root, &mut findings);
        }
        if !findings.is_empty() {
            self.refuse(node, &object, findings, Vec::new());
            return;
        }
        if *self.namespace != *object.namespace {
            self.namespace = object.namespace.as_str().into();
        }
        match decode::object(kind, &self.namespace, node) {
            (Some(decoded), findings) => {
                let violations = validate::object(&decoded, version);
                if findings.is_empty() && violations.is_empty() {
                    let source = self.source(node.place);
                    self.manifest.objects.push(Located { value: decoded, source });
                }
                self.refuse(node, &object, findings, violations);
            }
            (None, findings) => self.refuse(node, &object, findings, Vec::new()),
        }
    }

    /// A kind that is spelt almost like one of its group is no kind of somebody else's.
    fn misspelt_or_ignored(&mut self, node: &Node<'_>, group: &str, object: ObjectRef) {
        let of_group = Kind::ALL.into_iter().filter(|kind| kind.group() == group);
        let Some(meant) = decode::nearest(&object.kind, of_group.map(Kind::as_str)) else {
            let source = self.source(node.place);
            self.manifest.ignored.push(Ignored { object, source });
            return;
        };
        let field = Path::Root.key("kind").to_field();
        let message = format!("no kind of {}, did you mean {meant:?}?", object.api_version);
        let place = node.locate(&field);
        self.report(Some(object), place, field, Reason::UnknownKind, message);
    }

    /// Reports everything that is wrong with one object, in the order of the file.
    fn refuse(
        &mut self,
        node: &Node<'_>,
        object: &ObjectRef,
        findings: Vec<Finding>,
        violations: Vec<Violation>,
    ) {
        let violations = violations.into_iter().map(|violation| {
            let Violation { field, reason, message } = violation;
            Finding { place: node.locate(&field), field, reason, message }
        });
        let mut all: Vec<_> = findings.into_iter().chain(violations).collect();
        all.sort_by_key(|finding| finding.place);
        all.truncate(FINDINGS_MAX);
        for Finding { place, field, reason, message } in all {
            self.report(Some(object.clone()), place, field, reason, message);
        }
    }

    fn report(
        &mut self,
        object: Option<ObjectRef>,
        place: document::Place,
        field: FieldPath,
        reason: Reason,
        message: String,
    ) {
        let source = self.source(place);
        let severity = Severity::Error;
        let diagnostic = Diagnostic { severity, source, object, field, reason, message };
        self.manifest.diagnostics.push(diagnostic);
    }

    fn source(&self, (line, column): document::Place) -> Source {
        Source { file: Arc::clone(&self.file), line, column }
    }
}

/// The names of an object, as far as they can be read.
fn identify(node: &Node<'_>) -> ObjectRef {
    let text = |node: Option<&Node<'_>>| match node.map(|node| &node.value) {
        Some(Value::String(text)) => text.to_string(),
        _ => String::new(),
    };
    let metadata = node.get("metadata");
    ObjectRef {
        api_version: text(node.get("apiVersion")),
        kind: text(node.get("kind")),
        namespace: text(metadata.and_then(|metadata| metadata.get("namespace"))),
        name: text(metadata.and_then(|metadata| metadata.get("name"))),
    }
}

/// The items, if the object is a `List` or a list of one kind such as `HTTPRouteList`.
fn items<'a, 't>(node: &'a Node<'t>, object: &ObjectRef) -> Option<&'a [Node<'t>]> {
    match (object.kind.ends_with("List"), node.get("items").map(|items| &items.value)) {
        (true, Some(Value::Sequence(items))) => Some(items),
        (true, None | Some(Value::Null)) if object.kind == "List" => Some(&[]),
        _ => None,
    }
}

fn missing(object: &ObjectRef) -> Option<&'static str> {
    match (object.api_version.is_empty(), object.kind.is_empty()) {
        (true, _) => Some("apiVersion"),
        (_, true) => Some("kind"),
        _ => None,
    }
}

/// An object without a namespace goes to `default`; an object of a cluster-wide kind has none,
/// whatever its manifest says.
fn settle_namespace(kind: Kind, namespace: &mut String) {
    if !kind.namespaced() {
        namespace.clear();
    } else if namespace.is_empty() {
        DEFAULT_NAMESPACE.clone_into(namespace);
    }
}

#[cfg(test)]
mod tests;
