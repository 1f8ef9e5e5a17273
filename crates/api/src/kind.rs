//! The kinds of object that we read, as a closed list.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::meta::NamespacedName;
use crate::names::{
    CORE_GROUP, DISCOVERY_GROUP, GATEWAY_EXPERIMENTAL_GROUP, GATEWAY_GROUP, POLICY_GROUP,
};

/// A kind of object that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// `gatewayclasses`
    GatewayClass,
    /// `gateways`
    Gateway,
    /// `listenersets`
    ListenerSet,
    /// `httproutes`
    HTTPRoute,
    /// `grpcroutes`
    GRPCRoute,
    /// `tlsroutes`
    TLSRoute,
    /// `tcproutes`
    TCPRoute,
    /// `udproutes`
    UDPRoute,
    /// `referencegrants`
    ReferenceGrant,
    /// `backendtlspolicies`
    BackendTLSPolicy,
    /// `xbackends`
    XBackend,
    /// `xbackendtrafficpolicies`
    XBackendTrafficPolicy,
    /// `xmeshes`
    XMesh,
    /// `xtelemetrypolicies`
    XTelemetryPolicy,
    /// `envoyproxies`
    EnvoyProxy,
    /// `services`
    Service,
    /// `endpointslices`
    EndpointSlice,
    /// `secrets`
    Secret,
    /// `configmaps`
    ConfigMap,
    /// `namespaces`
    Namespace,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::GatewayClass,
        Self::Gateway,
        Self::ListenerSet,
        Self::HTTPRoute,
        Self::GRPCRoute,
        Self::TLSRoute,
        Self::TCPRoute,
        Self::UDPRoute,
        Self::ReferenceGrant,
        Self::BackendTLSPolicy,
        Self::XBackend,
        Self::XBackendTrafficPolicy,
        Self::XMesh,
        Self::XTelemetryPolicy,
        Self::EnvoyProxy,
        Self::Service,
        Self::EndpointSlice,
        Self::Secret,
        Self::ConfigMap,
        Self::Namespace,
    ];

    /// The kind as manifests spell it.
    pub const fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// The group that the kind belongs to.
    pub const fn group(self) -> &'static str {
        self.facts().1
    }

    /// The versions that are read, the preferred one first.
    pub const fn versions(self) -> &'static [&'static str] {
        self.facts().2
    }

    /// The name in URLs and in RBAC rules.
    pub const fn plural(self) -> &'static str {
        self.facts().3
    }

    /// Whether objects of the kind live in namespaces.
    pub const fn namespaced(self) -> bool {
        !matches!(self, Self::GatewayClass | Self::XMesh | Self::Namespace)
    }

    /// `apiVersion` of the preferred version.
    pub fn api_version(self) -> String {
        match self.group() {
            "" => self.versions()[0].to_string(),
            group => format!("{group}/{}", self.versions()[0]),
        }
    }

    /// The kind of this group and name, whatever its version.
    pub fn find(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == kind && known.group() == group)
    }

    /// Name, group, versions and plural.
    const fn facts(self) -> (&'static str, &'static str, &'static [&'static str], &'static str) {
        match self {
            Self::GatewayClass => {
                ("GatewayClass", GATEWAY_GROUP, &["v1", "v1beta1"], "gatewayclasses")
            }
            Self::Gateway => ("Gateway", GATEWAY_GROUP, &["v1", "v1beta1"], "gateways"),
            Self::ListenerSet => ("ListenerSet", GATEWAY_GROUP, &["v1"], "listenersets"),
            Self::HTTPRoute => ("HTTPRoute", GATEWAY_GROUP, &["v1", "v1beta1"], "httproutes"),
            Self::GRPCRoute => ("GRPCRoute", GATEWAY_GROUP, &["v1"], "grpcroutes"),
            Self::TLSRoute => {
                ("TLSRoute", GATEWAY_GROUP, &["v1", "v1alpha2", "v1alpha3"], "tlsroutes")
            }
            Self::TCPRoute => ("TCPRoute", GATEWAY_GROUP, &["v1", "v1alpha2"], "tcproutes"),
            Self::UDPRoute => ("UDPRoute", GATEWAY_GROUP, &["v1", "v1alpha2"], "udproutes"),
            Self::ReferenceGrant => {
                ("ReferenceGrant", GATEWAY_GROUP, &["v1", "v1beta1"], "referencegrants")
            }
            Self::BackendTLSPolicy => {
                ("BackendTLSPolicy", GATEWAY_GROUP, &["v1", "v1alpha3"], "backendtlspolicies")
            }
            Self::XBackend => ("XBackend", GATEWAY_EXPERIMENTAL_GROUP, &["v1alpha1"], "xbackends"),
            Self::XBackendTrafficPolicy => (
                "XBackendTrafficPolicy",
                GATEWAY_EXPERIMENTAL_GROUP,
                &["v1alpha1"],
                "xbackendtrafficpolicies",
            ),
            Self::XMesh => ("XMesh", GATEWAY_EXPERIMENTAL_GROUP, &["v1alpha1"], "xmeshes"),
            Self::XTelemetryPolicy => (
                "XTelemetryPolicy",
                GATEWAY_EXPERIMENTAL_GROUP,
                &["v1alpha1"],
                "xtelemetrypolicies",
            ),
            Self::EnvoyProxy => ("EnvoyProxy", POLICY_GROUP, &["v1alpha1"], "envoyproxies"),
            Self::Service => ("Service", CORE_GROUP, &["v1"], "services"),
            Self::EndpointSlice => ("EndpointSlice", DISCOVERY_GROUP, &["v1"], "endpointslices"),
            Self::Secret => ("Secret", CORE_GROUP, &["v1"], "secrets"),
            Self::ConfigMap => ("ConfigMap", CORE_GROUP, &["v1"], "configmaps"),
            Self::Namespace => ("Namespace", CORE_GROUP, &["v1"], "namespaces"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names one object among all that we read. Ordered by kind, namespace, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace and name.
    #[serde(flatten)]
    pub name: NamespacedName,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
