//! EndpointSlice: addresses behind a Service.

use serde::{Deserialize, Serialize};

use crate::core::service::TransportProtocol;
use crate::meta::{IgnoredFields, ObjectMeta};
use crate::names::LABEL_SERVICE_NAME;

/// Some of the endpoints of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// What the addresses are.
    pub address_type: EndpointAddressType,
    /// The endpoints.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Name, labels and the like; a label names the Service.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// The ports that every endpoint has.
    #[serde(default)]
    pub ports: Vec<EndpointPort>,
}

impl EndpointSlice {
    /// The Service in the same namespace that the slice belongs to.
    pub fn service_name(&self) -> Option<&str> {
        self.metadata.labels.get(LABEL_SERVICE_NAME).map(String::as_str)
    }
}

/// What the addresses of a slice are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointAddressType {
    /// IPv4 addresses.
    IPv4,
    /// IPv6 addresses.
    IPv6,
    /// DNS names.
    FQDN,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// An endpoint, as a rule a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Its addresses; the first is used.
    pub addresses: Vec<String>,
    /// Whether it can take traffic.
    #[serde(default)]
    pub conditions: EndpointConditions,
    /// Accepted and dropped.
    #[serde(default, skip_serializing)]
    pub deprecated_topology: IgnoredFields,
    /// Accepted and dropped.
    #[serde(default, skip_serializing)]
    pub hints: IgnoredFields,
    /// Its host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Its node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// Accepted and dropped.
    #[serde(default, skip_serializing)]
    pub target_ref: IgnoredFields,
    /// Its zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// Whether an endpoint can take traffic. Absent means what the Kubernetes API says: `ready` and
/// `serving` true, `terminating` false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// It wants traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// It can take traffic, though it may be on its way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serving: Option<bool>,
    /// It is on its way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminating: Option<bool>,
}

/// A port of every endpoint of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointPort {
    /// What is spoken there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
    /// Name of the Service's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Transport protocol.
    pub protocol: TransportProtocol,
}
