//! HTTPRoute: how HTTP requests find their backends.

use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::filter::{HTTPExternalAuthFilter, HTTPHeaderFilter, HTTPRequestMirrorFilter};
use crate::meta::ObjectMeta;
use crate::reference::{LocalObjectReference, ParentReference};
use crate::route::{
    FilteredBackendRef, GatewayDefaultScope, RouteStatus, SessionPersistence, root_path,
};

/// Routes HTTP requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HTTPRoute {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: HTTPRouteSpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RouteStatus>,
}

/// What an [`HTTPRoute`] wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPRouteSpec {
    /// Host names served; those of the listener when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Where the route attaches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<ParentReference>,
    /// The rules; one that matches everything when absent.
    pub rules: Vec<HTTPRouteRule>,
    /// Asks for default Gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_default_gateways: Option<GatewayDefaultScope>,
}

impl Default for HTTPRouteSpec {
    fn default() -> Self {
        Self {
            hostnames: Vec::new(),
            parent_refs: Vec::new(),
            rules: vec![HTTPRouteRule::default()],
            use_default_gateways: None,
        }
    }
}

/// Matches, filters and backends that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPRouteRule {
    /// Backends that share the traffic by weight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<HTTPBackendRef>,
    /// Applied to every request of the rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<HTTPRouteFilter>,
    /// Any of them selects the rule; a match on everything when absent.
    pub matches: Vec<HTTPRouteMatch>,
    /// Name, unique in the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When a request is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<HTTPRouteRetry>,
    /// How clients are kept on one endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistence>,
    /// How long a request may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<HTTPRouteTimeouts>,
}

impl Default for HTTPRouteRule {
    fn default() -> Self {
        Self {
            backend_refs: Vec::new(),
            filters: Vec::new(),
            matches: vec![HTTPRouteMatch::default()],
            name: None,
            retry: None,
            session_persistence: None,
            timeouts: None,
        }
    }
}

/// A backend of an HTTP rule.
pub type HTTPBackendRef = FilteredBackendRef<HTTPRouteFilter>;

/// A condition on requests; all parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPRouteMatch {
    /// Conditions on header fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HTTPHeaderMatch>,
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<HTTPMethod>,
    /// The path; everything under `/` when absent.
    pub path: HTTPPathMatch,
    /// Conditions on query parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<HTTPQueryParamMatch>,
}

/// A condition on the path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HTTPPathMatch {
    /// How to compare.
    #[serde(rename = "type")]
    pub type_: PathMatchType,
    /// With what.
    pub value: String,
}

impl Default for HTTPPathMatch {
    fn default() -> Self {
        Self { type_: PathMatchType::PathPrefix, value: root_path() }
    }
}

/// How a path is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathMatchType {
    /// Equal.
    Exact,
    /// Equal in the leading segments.
    PathPrefix,
    /// By regular expression.
    RegularExpression,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// A condition on a header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HTTPHeaderMatch {
    /// Name; case does not matter.
    pub name: String,
    /// How to compare.
    #[serde(rename = "type", default)]
    pub type_: ValueMatchType,
    /// With what.
    pub value: String,
}

/// A condition on a query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HTTPQueryParamMatch {
    /// Name; case matters.
    pub name: String,
    /// How to compare.
    #[serde(rename = "type", default)]
    pub type_: ValueMatchType,
    /// With what.
    pub value: String,
}

/// How a header, a query parameter or a gRPC method is compared. It serves as the Go API's
/// `HeaderMatchType`, `QueryParamMatchType`, `GRPCMethodMatchType` and `GRPCHeaderMatchType`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueMatchType {
    /// Equal.
    #[default]
    Exact,
    /// By regular expression.
    RegularExpression,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// A request method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HTTPMethod {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `CONNECT`
    Connect,
    /// `OPTIONS`
    Options,
    /// `TRACE`
    Trace,
    /// `PATCH`
    Patch,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// Something done to a request or its answer. Exactly the member that `type_` names is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HTTPRouteFilter {
    /// Cross-origin rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<HTTPCORSFilter>,
    /// A filter of another kind of object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_ref: Option<LocalObjectReference>,
    /// A question to an authorisation service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_auth: Option<HTTPExternalAuthFilter>,
    /// Edits of the request's headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_header_modifier: Option<HTTPHeaderFilter>,
    /// Copies to another backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_mirror: Option<HTTPRequestMirrorFilter>,
    /// A redirect instead of a backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_redirect: Option<HTTPRequestRedirectFilter>,
    /// Edits of the answer's headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_header_modifier: Option<HTTPHeaderFilter>,
    /// Which of the members counts.
    #[serde(rename = "type")]
    pub type_: HTTPRouteFilterType,
    /// Edits of host and path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_rewrite: Option<HTTPURLRewriteFilter>,
}

/// The kinds of [`HTTPRouteFilter`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HTTPRouteFilterType {
    /// `requestHeaderModifier`
    RequestHeaderModifier,
    /// `responseHeaderModifier`
    ResponseHeaderModifier,
    /// `requestMirror`
    RequestMirror,
    /// `requestRedirect`
    RequestRedirect,
    /// `urlRewrite`
    URLRewrite,
    /// `extensionRef`
    ExtensionRef,
    /// `cors`
    CORS,
    /// `externalAuth`
    ExternalAuth,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// Answers with a redirect. What is absent is taken from the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPRequestRedirectFilter {
    /// Host to go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Path to go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<HTTPPathModifier>,
    /// Port to go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `http` or `https`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Status of the answer.
    pub status_code: u16,
}

impl Default for HTTPRequestRedirectFilter {
    fn default() -> Self {
        Self { hostname: None, path: None, port: None, scheme: None, status_code: 302 }
    }
}

/// Rewrites host and path on the way to the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPURLRewriteFilter {
    /// The new host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The new path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<HTTPPathModifier>,
}

/// How a path is replaced. Exactly the member that `type_` names is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HTTPPathModifier {
    /// The new path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_full_path: Option<String>,
    /// What takes the place of the matched prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_prefix_match: Option<String>,
    /// Which of the members counts.
    #[serde(rename = "type")]
    pub type_: HTTPPathModifierType,
}

/// The kinds of [`HTTPPathModifier`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HTTPPathModifierType {
    /// `replaceFullPath`
    ReplaceFullPath,
    /// `replacePrefixMatch`
    ReplacePrefixMatch,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// Answers cross-origin questions of browsers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPCORSFilter {
    /// Whether credentials may come along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,
    /// Request headers that may be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<String>,
    /// Methods that may be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<String>,
    /// Origins that may ask.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<String>,
    /// Response headers that scripts may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    /// Seconds that an answer may be remembered.
    pub max_age: u32,
}

impl Default for HTTPCORSFilter {
    fn default() -> Self {
        Self {
            allow_credentials: None,
            allow_headers: Vec::new(),
            allow_methods: Vec::new(),
            allow_origins: Vec::new(),
            expose_headers: Vec::new(),
            max_age: 5,
        }
    }
}

/// How long a request may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPRouteTimeouts {
    /// One try at a backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend_request: Option<Duration>,
    /// The whole request, tries included. Zero is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Duration>,
}

/// When a request is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HTTPRouteRetry {
    /// Tries after the first; zero switches retries off.
    pub attempts: u32,
    /// Pause before a retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Duration>,
    /// Answers that call for a retry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<u16>,
}

impl Default for HTTPRouteRetry {
    fn default() -> Self {
        Self { attempts: 1, backoff: None, codes: Vec::new() }
    }
}
