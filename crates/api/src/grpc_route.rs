//! GRPCRoute: how gRPC calls find their backends.

use serde::{Deserialize, Serialize};

use crate::filter::{HTTPHeaderFilter, HTTPRequestMirrorFilter};
use crate::http_route::{HTTPHeaderMatch, ValueMatchType};
use crate::meta::ObjectMeta;
use crate::reference::{LocalObjectReference, ParentReference};
use crate::route::{FilteredBackendRef, GatewayDefaultScope, RouteStatus, SessionPersistence};

/// Routes gRPC calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GRPCRoute {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GRPCRouteSpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RouteStatus>,
}

/// What a [`GRPCRoute`] wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GRPCRouteSpec {
    /// Host names served; those of the listener when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Where the route attaches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<ParentReference>,
    /// The rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<GRPCRouteRule>,
    /// Asks for default Gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_default_gateways: Option<GatewayDefaultScope>,
}

/// Matches, filters and backends that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GRPCRouteRule {
    /// Backends that share the traffic by weight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<GRPCBackendRef>,
    /// Applied to every call of the rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<GRPCRouteFilter>,
    /// Any of them selects the rule; every call does when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<GRPCRouteMatch>,
    /// Name, unique in the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How clients are kept on one endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistence>,
}

/// A backend of a gRPC rule.
pub type GRPCBackendRef = FilteredBackendRef<GRPCRouteFilter>;

/// A condition on calls; all parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GRPCRouteMatch {
    /// Conditions on metadata.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<GRPCHeaderMatch>,
    /// Condition on service and method; any when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<GRPCMethodMatch>,
}

/// A condition on metadata; of the same shape as on HTTP headers.
pub type GRPCHeaderMatch = HTTPHeaderMatch;

/// A condition on the called method.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GRPCMethodMatch {
    /// The method; any when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The service; any when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// How to compare.
    #[serde(rename = "type")]
    pub type_: ValueMatchType,
}

/// Something done to a call or its answer. Exactly the member that `type_` names is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GRPCRouteFilter {
    /// A filter of another kind of object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_ref: Option<LocalObjectReference>,
    /// Edits of the request's headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_header_modifier: Option<HTTPHeaderFilter>,
    /// Copies to another backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_mirror: Option<HTTPRequestMirrorFilter>,
    /// Edits of the answer's headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_header_modifier: Option<HTTPHeaderFilter>,
    /// Which of the members counts.
    #[serde(rename = "type")]
    pub type_: GRPCRouteFilterType,
}

/// The kinds of [`GRPCRouteFilter`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GRPCRouteFilterType {
    /// `requestHeaderModifier`
    RequestHeaderModifier,
    /// `responseHeaderModifier`
    ResponseHeaderModifier,
    /// `requestMirror`
    RequestMirror,
    /// `extensionRef`
    ExtensionRef,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}
