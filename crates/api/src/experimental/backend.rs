//! XBackend: a destination with its own protocol and TLS settings.

use serde::{Deserialize, Serialize};

use crate::backend_tls_policy::BackendTLSPolicyValidation;
use crate::meta::{ObjectMeta, StringMap};
use crate::policy::PolicyStatus;
use crate::reference::SecretObjectReference;
use crate::route::SessionPersistence;

/// A destination for routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XBackend {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: BackendSpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PolicyStatus>,
}

/// What an [`XBackend`] is. Exactly the member that `type_` names is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendSpec {
    /// Pods by their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_selector: Option<EndpointSelector>,
    /// A DNS name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_hostname: Option<ExternalHostnameBackend>,
    /// The port to connect to.
    pub port: BackendPort,
    /// What is spoken there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<BackendProtocol>,
    /// How clients are kept on one endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistence>,
    /// TLS towards the destination.
    #[serde(default)]
    pub tls: BackendTLS,
    /// Which of the members counts.
    #[serde(rename = "type")]
    pub type_: BackendType,
}

/// The kinds of [`XBackend`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendType {
    /// `externalHostname`
    ExternalHostname,
    /// `endpointSelector`
    EndpointSelector,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// Selects pods of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSelector {
    /// Labels that the pods have.
    pub match_labels: StringMap,
}

/// A destination outside, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalHostnameBackend {
    /// The name.
    pub hostname: String,
}

/// The port of an [`XBackend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendPort {
    /// The number; the schema demands it in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
}

/// What an [`XBackend`] speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendProtocol {
    /// Bare TCP.
    TCP,
    /// HTTP of any version.
    HTTP,
    /// HTTP/2 over TLS.
    HTTP2,
    /// HTTP/1.1.
    HTTP11,
    /// HTTP/2 without TLS.
    H2C,
    /// The Model Context Protocol.
    MCP,
    /// gRPC.
    GRPC,
    /// WebSocket over TLS.
    WSS,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// TLS towards an [`XBackend`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTLS {
    /// Our own certificate, for `ClientAndServer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_ref: Option<SecretObjectReference>,
    /// Who proves who they are.
    pub mode: BackendTLSMode,
    /// How the destination proves who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<BackendTLSPolicyValidation>,
}

impl Default for BackendTLS {
    fn default() -> Self {
        Self { client_certificate_ref: None, mode: BackendTLSMode::None, validation: None }
    }
}

/// Who proves who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendTLSMode {
    /// No TLS.
    None,
    /// The destination.
    ServerOnly,
    /// Both.
    ClientAndServer,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}
