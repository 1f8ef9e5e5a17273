//! What all kinds of route share: backends with weights, session persistence, status.

use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::duration::Duration;
use crate::reference::{BackendObjectReference, ParentReference};

/// Which default Gateways may claim a route that asks for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GatewayDefaultScope {
    /// Any.
    All,
    /// None.
    None,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// A backend with its share of the traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FlatBackendRef", into = "FlatBackendRef")]
pub struct BackendRef {
    /// The backend.
    pub object: BackendObjectReference,
    /// Its share, relative to the sum over the list. Zero takes no traffic.
    pub weight: u32,
}

/// A backend of an HTTP or gRPC rule: the backend, its share, and filters of its own.
/// `F` is the route's filter type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "FlatFilteredBackendRef<F>",
    into = "FlatFilteredBackendRef<F>",
    bound(serialize = "F: Serialize + Clone", deserialize = "F: Deserialize<'de>")
)]
pub struct FilteredBackendRef<F> {
    /// The backend and its share.
    pub backend_ref: BackendRef,
    /// Filters for requests that this backend gets.
    pub filters: Vec<F>,
}

/// How requests of one client are kept on one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionPersistence {
    /// Lifetime of a session, used or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute_timeout: Option<Duration>,
    /// Settings of the cookie; belongs to type `Cookie`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookieConfig>,
    /// Settings of the header; belongs to type `Header`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderConfig>,
    /// What carries the session.
    #[serde(rename = "type", default)]
    pub type_: SessionPersistenceType,
}

/// What carries a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionPersistenceType {
    /// A cookie.
    #[default]
    Cookie,
    /// A header.
    Header,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// Settings of a session cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CookieConfig {
    /// How long the client keeps the cookie.
    #[serde(default)]
    pub lifetime_type: CookieLifetimeType,
    /// Name of the cookie; ours to choose when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Path` attribute of the cookie.
    #[serde(default = "root_path")]
    pub path: String,
}

/// How long the client keeps a session cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CookieLifetimeType {
    /// For the absolute timeout.
    Permanent,
    /// For the browser session.
    #[default]
    Session,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// Settings of a session header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderConfig {
    /// Name of the header.
    pub name: String,
}

/// Status of any route: one entry per parent and controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// The entries.
    #[serde(default)]
    pub parents: Vec<RouteParentStatus>,
}

/// What one controller says about a route on one parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteParentStatus {
    /// The findings.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Who says it.
    pub controller_name: String,
    /// The parent, spelled as in the route's spec.
    pub parent_ref: ParentReference,
}

pub(crate) fn root_path() -> String {
    "/".to_string()
}

fn weight() -> u32 {
    1
}

/// The wire form of [`BackendRef`]: one flat object, so that an unknown field stays visible.
#[derive(Serialize, Deserialize)]
struct FlatBackendRef {
    #[serde(default)]
    group: String,
    #[serde(default = "service_kind")]
    kind: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default = "weight")]
    weight: u32,
}

/// The wire form of [`FilteredBackendRef`].
#[derive(Serialize, Deserialize)]
struct FlatFilteredBackendRef<F> {
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    filters: Vec<F>,
    #[serde(default)]
    group: String,
    #[serde(default = "service_kind")]
    kind: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default = "weight")]
    weight: u32,
}

fn service_kind() -> String {
    "Service".to_string()
}

impl From<FlatBackendRef> for BackendRef {
    fn from(flat: FlatBackendRef) -> Self {
        let FlatBackendRef { group, kind, name, namespace, port, weight } = flat;
        Self { object: BackendObjectReference { group, kind, name, namespace, port }, weight }
    }
}

impl From<BackendRef> for FlatBackendRef {
    fn from(value: BackendRef) -> Self {
        let BackendObjectReference { group, kind, name, namespace, port } = value.object;
        Self { group, kind, name, namespace, port, weight: value.weight }
    }
}

impl<F> From<FlatFilteredBackendRef<F>> for FilteredBackendRef<F> {
    fn from(flat: FlatFilteredBackendRef<F>) -> Self {
        let FlatFilteredBackendRef { filters, group, kind, name, namespace, port, weight } = flat;
        let object = BackendObjectReference { group, kind, name, namespace, port };
        Self { backend_ref: BackendRef { object, weight }, filters }
    }
}

impl<F> From<FilteredBackendRef<F>> for FlatFilteredBackendRef<F> {
    fn from(value: FilteredBackendRef<F>) -> Self {
        let BackendRef { object, weight } = value.backend_ref;
        let BackendObjectReference { group, kind, name, namespace, port } = object;
        Self { filters: value.filters, group, kind, name, namespace, port, weight }
    }
}
