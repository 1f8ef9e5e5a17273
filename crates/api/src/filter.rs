//! Filters that several kinds share: header edits, mirrors, external authorisation.

use serde::{Deserialize, Serialize};

use crate::reference::BackendObjectReference;

/// Adds, sets and removes header fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPHeaderFilter {
    /// Appended to values that are already there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<HTTPHeader>,
    /// Names to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Put in place of values that are already there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<HTTPHeader>,
}

/// A header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HTTPHeader {
    /// Name; case does not matter.
    pub name: String,
    /// Value.
    pub value: String,
}

/// Sends a copy of requests to one more backend, whose answers are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HTTPRequestMirrorFilter {
    /// Where the copies go.
    pub backend_ref: BackendObjectReference,
    /// Share of requests to copy; excludes `percent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<Fraction>,
    /// Share of requests to copy, of a hundred. All when neither share is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
}

/// A share: so many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fraction {
    /// Of so many.
    #[serde(default = "hundred")]
    pub denominator: u32,
    /// So many.
    pub numerator: u32,
}

/// Asks a service whether a request may pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HTTPExternalAuthFilter {
    /// Who decides.
    pub backend_ref: BackendObjectReference,
    /// Whether and how much of the body goes along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_body: Option<ForwardBodyConfig>,
    /// Settings for protocol `GRPC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GRPCAuthConfig>,
    /// Settings for protocol `HTTP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HTTPAuthConfig>,
    /// How to talk to the service.
    pub protocol: HTTPRouteExternalAuthProtocol,
}

/// How to talk to an authorisation service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HTTPRouteExternalAuthProtocol {
    /// A plain HTTP request per decision.
    HTTP,
    /// The ext_authz gRPC protocol.
    GRPC,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// Settings of authorisation over gRPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GRPCAuthConfig {
    /// Request headers that the service sees; all when empty.
    #[serde(rename = "allowedHeaders", skip_serializing_if = "Vec::is_empty")]
    pub allowed_request_headers: Vec<String>,
}

/// Settings of authorisation over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPAuthConfig {
    /// Request headers that the service sees beside the fixed ones.
    #[serde(rename = "allowedHeaders", skip_serializing_if = "Vec::is_empty")]
    pub allowed_request_headers: Vec<String>,
    /// Headers of the service's answer that go on to the backend.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_response_headers: Vec<String>,
    /// Put before the request's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// How much of a body goes to the authorisation service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardBodyConfig {
    /// Bytes at most; absent or zero forwards no body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u32>,
}

fn hundred() -> u32 {
    100
}
