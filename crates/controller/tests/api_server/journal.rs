//! What was asked over HTTP.

use std::collections::BTreeMap;

use serde_json::Value;

/// One request and how it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Call {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`; `discover` for the rest.
    pub(crate) verb: &'static str,
    /// The group of the resource.
    pub(crate) group: String,
    pub(crate) version: String,
    /// The plural.
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) content_type: String,
    pub(crate) accept: String,
    pub(crate) authorization: String,
    /// Null without one.
    pub(crate) body: Value,
    /// The status of the answer.
    pub(crate) code: u16,
}

impl Call {
    /// Whether it could change an object.
    pub(crate) fn is_write(&self) -> bool {
        let reads = matches!(self.verb, "get" | "list" | "watch" | "discover");
        !reads && !self.resource.ends_with("reviews")
    }

    /// Whether it is a write to the status of such objects.
    pub(crate) fn is_status_of(&self, resource: &str) -> bool {
        self.is_write() && self.subresource == "status" && self.resource == resource
    }
}
