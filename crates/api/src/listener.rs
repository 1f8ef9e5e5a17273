//! A listener, as a Gateway and a ListenerSet both have it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::filter::HTTPExternalAuthFilter;
use crate::gateway::FromNamespaces;
use crate::meta::{LabelSelector, StringMap};
use crate::names::GATEWAY_GROUP;
use crate::reference::{LocalObjectReference, SecretObjectReference};

/// Where and how connections are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerEntry {
    /// Which routes may attach.
    #[serde(default)]
    pub allowed_routes: AllowedRoutes,
    /// What happens before routing (GEP-5224).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<ListenerFilters>,
    /// Host name served; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Name, unique in the Gateway or ListenerSet.
    pub name: String,
    /// Port to listen on.
    pub port: u16,
    /// Protocol spoken.
    pub protocol: ProtocolType,
    /// TLS, for `HTTPS` and `TLS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTLSConfig>,
}

/// Protocol of a listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProtocolType {
    /// HTTP/1.1, and HTTP/2 by prior knowledge.
    HTTP,
    /// HTTP over TLS.
    HTTPS,
    /// TLS, by SNI.
    TLS,
    /// Bare TCP.
    TCP,
    /// Bare UDP.
    UDP,
    /// A domain-prefixed or newer protocol.
    #[serde(untagged)]
    Other(String),
}

impl ProtocolType {
    /// The protocol as manifests spell it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::HTTP => "HTTP",
            Self::HTTPS => "HTTPS",
            Self::TLS => "TLS",
            Self::TCP => "TCP",
            Self::UDP => "UDP",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for ProtocolType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which routes may attach to a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllowedRoutes {
    /// Kinds; those that fit the protocol when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<RouteGroupKind>,
    /// Namespaces.
    pub namespaces: RouteNamespaces,
}

/// Namespaces whose routes may attach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteNamespaces {
    /// Which.
    pub from: FromNamespaces,
    /// The labels, for `Selector`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

impl Default for RouteNamespaces {
    fn default() -> Self {
        Self { from: FromNamespaces::Same, selector: None }
    }
}

/// A kind of route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteGroupKind {
    /// Its group.
    #[serde(default = "gateway_group")]
    pub group: String,
    /// Its kind.
    pub kind: String,
}

/// TLS of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerTLSConfig {
    /// Certificates to present, for `Terminate`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificate_refs: Vec<SecretObjectReference>,
    /// Who ends the TLS session.
    pub mode: TLSModeType,
    /// Settings of the implementation.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: StringMap,
}

/// Who ends a TLS session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TLSModeType {
    /// The Gateway.
    #[default]
    Terminate,
    /// The backend.
    Passthrough,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// What happens on a listener before routing (GEP-5224).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListenerFilters {
    /// In this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<ListenerRequestFilter>,
}

/// One step before routing. Exactly the member that `type_` names is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerRequestFilter {
    /// A filter of another kind of object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_ref: Option<LocalObjectReference>,
    /// A question to an authorisation service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_auth: Option<HTTPExternalAuthFilter>,
    /// Which of the members counts.
    #[serde(rename = "type")]
    pub type_: ListenerRequestFilterType,
}

/// The kinds of [`ListenerRequestFilter`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListenerRequestFilterType {
    /// `externalAuth`
    ExternalAuth,
    /// `extensionRef`
    ExtensionRef,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// What controllers found about a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// How many routes are attached.
    pub attached_routes: i32,
    /// The findings.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The listener's name.
    pub name: String,
    /// Kinds of route that the listener takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supported_kinds: Vec<RouteGroupKind>,
}

fn gateway_group() -> String {
    GATEWAY_GROUP.to_string()
}
