//! TLSRoute: how TLS connections find their backends, by SNI.

use serde::{Deserialize, Serialize};

use crate::l4_route::L4RouteRule;
use crate::meta::ObjectMeta;
use crate::reference::ParentReference;
use crate::route::{GatewayDefaultScope, RouteStatus};

/// Routes TLS connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TLSRoute {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: TLSRouteSpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RouteStatus>,
}

/// What a [`TLSRoute`] wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TLSRouteSpec {
    /// Server names that the route takes. Only v1alpha2 may leave them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Where the route attaches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<ParentReference>,
    /// The rules: one in v1, several in v1alpha2.
    pub rules: Vec<TLSRouteRule>,
    /// Asks for default Gateways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_default_gateways: Option<GatewayDefaultScope>,
}

/// Backends that belong together.
pub type TLSRouteRule = L4RouteRule;
