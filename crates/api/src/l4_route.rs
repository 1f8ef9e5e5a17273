//! TCPRoute and UDPRoute: how bare connections and datagrams find their backends.

use serde::{Deserialize, Serialize};

use crate::meta::ObjectMeta;
use crate::reference::ParentReference;
use crate::route::{BackendRef, GatewayDefaultScope, RouteStatus};

/// Routes TCP connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TCPRoute {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: L4RouteSpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RouteStatus>,
}

/// Routes UDP datagrams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UDPRoute {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: L4RouteSpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RouteStatus>,
}

/// What a [`TCPRoute`] or a [`UDPRoute`] wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct L4RouteSpec {
    /// Where the route attaches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<ParentReference>,
    /// The rules: one in v1, several in v1alpha2.
    pub rules: Vec<L4RouteRule>,
    /// Asks for default Gateways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_default_gateways: Option<GatewayDefaultScope>,
}

/// Backends that belong together; a TLSRoute's rule has the same shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct L4RouteRule {
    /// Backends that share the traffic by weight.
    pub backend_refs: Vec<BackendRef>,
    /// Name, unique in the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
