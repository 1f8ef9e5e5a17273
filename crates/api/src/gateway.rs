//! Gateway: where traffic comes in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::listener::{ListenerEntry, ListenerStatus};
use crate::meta::{LabelSelector, ObjectMeta, StringMap};
use crate::reference::{LocalObjectReference, ObjectReference, SecretObjectReference};
use crate::route::GatewayDefaultScope;

/// A point where traffic comes in, with its listeners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GatewaySpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GatewayStatus>,
}

/// What a [`Gateway`] wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpec {
    /// Addresses to be reached at; ours to choose when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<GatewaySpecAddress>,
    /// Which ListenerSets may attach; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_listeners: Option<AllowedListeners>,
    /// Whether routes that name no Gateway may be claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_scope: Option<GatewayDefaultScope>,
    /// The class, which decides who serves the Gateway.
    pub gateway_class_name: String,
    /// What generated objects carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<GatewayInfrastructure>,
    /// The listeners.
    pub listeners: Vec<Listener>,
    /// TLS towards clients and backends, beyond single listeners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<GatewayTLS>,
}

/// A listener of a Gateway. Its shape is that of a ListenerSet's entry.
pub type Listener = ListenerEntry;

/// An address that a Gateway asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewaySpecAddress {
    /// From where the address must be reachable (GEP-5093).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routability: Option<String>,
    /// What `value` is.
    #[serde(rename = "type", default)]
    pub type_: AddressType,
    /// The address; any of the type when absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// An address that a Gateway has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStatusAddress {
    /// From where the address is reachable (GEP-5093).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routability: Option<String>,
    /// What `value` is.
    #[serde(rename = "type", default)]
    pub type_: AddressType,
    /// The address.
    pub value: String,
}

/// What an address is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AddressType {
    /// An IPv4 or IPv6 address.
    #[default]
    IPAddress,
    /// A DNS name.
    Hostname,
    /// A name that means something to the implementation.
    NamedAddress,
    /// A domain-prefixed type.
    #[serde(untagged)]
    Other(String),
}

/// Which ListenerSets may attach to a Gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllowedListeners {
    /// From which namespaces.
    pub namespaces: ListenerNamespaces,
}

/// Namespaces whose ListenerSets may attach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListenerNamespaces {
    /// Which.
    pub from: FromNamespaces,
    /// The labels, for `Selector`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

impl Default for ListenerNamespaces {
    fn default() -> Self {
        Self { from: FromNamespaces::None, selector: None }
    }
}

/// Which namespaces something may come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromNamespaces {
    /// Every one.
    All,
    /// Those with the selector's labels.
    Selector,
    /// The Gateway's own.
    Same,
    /// None; for ListenerSets only.
    None,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// What objects generated for a Gateway carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayInfrastructure {
    /// Annotations on generated objects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: StringMap,
    /// Labels on generated objects.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: StringMap,
    /// Settings of the implementation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters_ref: Option<LocalObjectReference>,
}

/// TLS of a Gateway beyond single listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayTLS {
    /// Towards backends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<GatewayBackendTLS>,
    /// Towards clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontend: Option<FrontendTLSConfig>,
}

/// How the Gateway presents itself to backends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayBackendTLS {
    /// The Gateway's own certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate_ref: Option<SecretObjectReference>,
}

/// How clients of HTTPS listeners are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendTLSConfig {
    /// For ports without an entry of their own.
    pub default: TLSConfig,
    /// For single ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_port: Vec<TLSPortConfig>,
}

/// How clients are checked on one port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TLSPortConfig {
    /// The port.
    pub port: u16,
    /// The checks.
    pub tls: TLSConfig,
}

/// Checks of clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TLSConfig {
    /// Which certificates clients need; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<FrontendTLSValidation>,
}

/// Which certificates clients need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendTLSValidation {
    /// Authorities that are trusted.
    pub ca_certificate_refs: Vec<ObjectReference>,
    /// What happens to a client without a good certificate.
    #[serde(default)]
    pub mode: FrontendValidationModeType,
}

/// What happens to a client without a good certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrontendValidationModeType {
    /// It is refused.
    #[default]
    AllowValidOnly,
    /// It is let in; the backend has to look.
    AllowInsecureFallback,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// What controllers found about a Gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayStatus {
    /// Where the Gateway is reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<GatewayStatusAddress>,
    /// How many ListenerSets are attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_listener_sets: Option<i32>,
    /// The findings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The findings per listener.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerStatus>,
}
