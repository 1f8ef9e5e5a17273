//! EnvoyProxy: how the infrastructure of a Gateway is shaped, in the words of Envoy Gateway's API.
//!
//! The fields of the Kubernetes provider are typed; pieces of Kubernetes' own API inside them
//! (affinity, resources and the like) and what belongs to Envoy itself are kept as they were
//! written. Named as in Envoy Gateway v1.9, so that its users find their words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::meta::{IgnoredFields, ObjectMeta};

pub mod kubernetes;

use kubernetes::EnvoyProxyKubernetesProvider;

/// Settings of the proxies of one Gateway, or of all Gateways of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvoyProxy {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: EnvoyProxySpec,
    /// Accepted and dropped: what is found is said on the Gateway.
    #[serde(default, skip_serializing)]
    pub status: IgnoredFields,
}

/// What an [`EnvoyProxy`] wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvoyProxySpec {
    /// TLS towards backends.
    #[serde(rename = "backendTLS", skip_serializing_if = "Option::is_none")]
    pub backend_tls: Option<Value>,
    /// The start-up configuration of Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Value>,
    /// How many threads serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Modules loaded into Envoy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_modules: Option<Value>,
    /// Arguments of Envoy's command line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<String>,
    /// The order of Envoy's filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_order: Option<Value>,
    /// Where addresses are on the globe.
    #[serde(rename = "geoIP", skip_serializing_if = "Option::is_none")]
    pub geo_ip: Option<Value>,
    /// Address families.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_family: Option<String>,
    /// What the proxies write about themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<ProxyLogging>,
    /// Scripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lua: Option<Value>,
    /// How scripts are checked; the older spelling of `lua`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lua_validation: Option<Value>,
    /// Whether routes share their backends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_backends: Option<Value>,
    /// Whether all Gateways of a class share one fleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_gateways: Option<bool>,
    /// How the settings of a Gateway stand to those of its class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_type: Option<MergeType>,
    /// Whether routes are matched in the order of their rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserve_route_order: Option<bool>,
    /// Who provides the infrastructure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<EnvoyProxyProvider>,
    /// Whether requests go to the endpoints or to the virtual address of a Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_type: Option<String>,
    /// How a proxy ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<ShutdownConfig>,
    /// Access logs, metrics and traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Value>,
}

impl EnvoyProxySpec {
    /// The settings of the Kubernetes provider, if there are any.
    pub fn kubernetes(&self) -> Option<&EnvoyProxyKubernetesProvider> {
        self.provider.as_ref()?.kubernetes.as_ref()
    }
}

/// How settings stand to those of a wider scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MergeType {
    /// They take their place.
    Replace,
    /// They are laid over them, lists by the keys that Kubernetes knows.
    StrategicMerge,
    /// They are laid over them as RFC 7396 says.
    JSONMerge,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// Who provides the infrastructure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvoyProxyProvider {
    /// Settings for a machine without Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Value>,
    /// Settings for Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<EnvoyProxyKubernetesProvider>,
    /// Which.
    #[serde(rename = "type")]
    pub type_: ProviderType,
}

/// Which provider of infrastructure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProviderType {
    /// Kubernetes.
    Kubernetes,
    /// A machine.
    Host,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

/// What the proxies write about themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyLogging {
    /// The level by component; `default` for all others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub level: BTreeMap<String, String>,
}

/// How a proxy ends. The times are in Kubernetes' own notation, for example `1m30s`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ShutdownConfig {
    /// How long open requests may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_timeout: Option<String>,
    /// How long health checks go on succeeding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_failure_delay: Option<String>,
    /// How long the proxy takes new connections after it was told to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_drain_duration: Option<String>,
}
