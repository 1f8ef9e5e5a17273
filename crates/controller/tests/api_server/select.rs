//! Selectors by label and by field, and the metadata-only form of an object.

use serde_json::{Value, json};

use super::{catalog::Resource, journal::Call};

/// What a list or a watch asks for, and how it wants to see it.
#[derive(Clone)]
pub(super) struct Selection {
    pub(super) resource: Resource,
    api_version: String,
    namespace: Option<String>,
    name: Option<String>,
    labels: String,
    fields: String,
    metadata_only: bool,
}

impl Selection {
    pub(super) fn new(resource: Resource, call: &Call) -> Self {
        let text = |field: &str| call.query.get(field).cloned().unwrap_or_default();
        Self {
            resource,
            api_version: resource.api_version(&call.version),
            namespace: (!call.namespace.is_empty()).then(|| call.namespace.clone()),
            name: (!call.name.is_empty()).then(|| call.name.clone()),
            labels: text("labelSelector"),
            fields: text("fieldSelector"),
            metadata_only: call.accept.contains("as=PartialObjectMetadata"),
        }
    }

    /// Whether only metadata are wanted.
    pub(super) fn is_metadata(&self) -> bool {
        self.metadata_only
    }

    pub(super) fn holds(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        self.namespace.as_ref().is_none_or(|wanted| metadata["namespace"] == wanted.as_str())
            && self.name.as_ref().is_none_or(|wanted| metadata["name"] == wanted.as_str())
            && parts(&self.labels).all(|part| by_label(part, &metadata["labels"]))
            && parts(&self.fields).all(|part| by_field(part, object))
    }

    /// The object in the version and form that was asked for.
    pub(super) fn show(&self, object: &Value) -> Value {
        if self.metadata_only {
            return json!({
                "apiVersion": "meta.k8s.io/v1",
                "kind": "PartialObjectMetadata",
                "metadata": object["metadata"],
            });
        }
        let mut object = object.clone();
        object["apiVersion"] = self.api_version.as_str().into();
        object
    }

    /// `apiVersion` and kind of a list of these.
    pub(super) fn list_kind(&self) -> (String, String) {
        match self.metadata_only {
            true => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned()),
            false => (self.api_version.clone(), format!("{}List", self.resource.kind)),
        }
    }
}

fn parts(selector: &str) -> impl Iterator<Item = &str> {
    selector.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// `key`, `!key`, `key=value`, `key==value`, `key!=value`.
fn by_label(part: &str, labels: &Value) -> bool {
    if let Some(key) = part.strip_prefix('!') {
        return labels[key].is_null();
    }
    match equation(part) {
        Some((key, value, equal)) => (labels[key] == value) == equal,
        None => !labels[part].is_null(),
    }
}

fn by_field(part: &str, object: &Value) -> bool {
    let Some((path, value, equal)) = equation(part) else { return false };
    let found = path.split('.').fold(object, |at, field| &at[field]);
    (found.as_str().unwrap_or("") == value) == equal
}

fn equation(part: &str) -> Option<(&str, &str, bool)> {
    let (left, right) = part.split_once('=')?;
    let right = right.strip_prefix('=').unwrap_or(right);
    match left.strip_suffix('!') {
        Some(left) => Some((left, right, false)),
        None => Some((left, right, true)),
    }
}
