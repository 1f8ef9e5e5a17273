//! Which resources the server has. Written out apart from the product's own list of kinds, so that
//! the one can judge the other.

use std::cmp::Ordering;

use serde_json::Value;

use super::storage::Place;

/// One resource in all its versions. It is the same one when it gets others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resource {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    /// The preferred one first; objects are the same in all.
    pub(crate) versions: &'static [&'static str],
    pub(crate) plural: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) namespaced: bool,
    /// Whether status is a subresource.
    pub(crate) status: bool,
}

impl Resource {
    pub(super) fn api_version(&self, version: &str) -> String {
        match self.group {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        }
    }

    /// Whether `plural`, `plural.group` or `group` means it.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let full = name.strip_prefix(self.plural).and_then(|rest| rest.strip_prefix('.'));
        name == self.plural || full == Some(self.group)
    }
}

impl Ord for Resource {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.group, self.plural).cmp(&(other.group, other.plural))
    }
}

impl PartialOrd for Resource {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Resource {}

/// The resources that are there.
pub(super) struct Catalog(Vec<Resource>);

impl Default for Catalog {
    fn default() -> Self {
        let of = |group, rows: &[Row]| -> Vec<Resource> {
            rows.iter().map(|row| resource(group, row)).collect()
        };
        let tables = GROUPS.iter().flat_map(|(group, rows)| of(group, rows));
        Self(tables.collect())
    }
}

impl Catalog {
    pub(super) fn all(&self) -> &[Resource] {
        &self.0
    }

    pub(super) fn named(&self, name: &str) -> Option<Resource> {
        self.0.iter().find(|resource| resource.is_named(name)).copied()
    }

    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Resource> {
        let same = |resource: &&Resource| {
            resource.group == group
                && resource.plural == plural
                && resource.versions.contains(&version)
        };
        self.0.iter().find(same).copied()
    }

    pub(super) fn of_object(&self, object: &Value) -> Option<Resource> {
        let api_version = object["apiVersion"].as_str()?;
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let same = |resource: &&Resource| {
            resource.group == group
                && resource.kind == object["kind"]
                && resource.versions.contains(&version)
        };
        self.0.iter().find(same).copied()
    }

    pub(super) fn place(&self, resource: &str, namespace: &str, name: &str) -> Place {
        let resource = self.named(resource).expect("a resource of the catalog");
        Place::new(resource, namespace, name)
    }

    pub(super) fn install(&mut self, resource: Resource) {
        self.0.retain(|old| (old.group, old.plural) != (resource.group, resource.plural));
        self.0.push(resource);
    }

    pub(super) fn uninstall(&mut self, name: &str) -> Vec<Resource> {
        let gone = |resource: &Resource| resource.group == name || resource.is_named(name);
        let removed = self.0.iter().filter(|resource| gone(resource)).copied().collect();
        self.0.retain(|resource| !gone(resource));
        removed
    }
}

/// Plural, kind, versions, then `c` for cluster-wide and `s` for a status subresource.
type Row = (&'static str, &'static str, &'static [&'static str], &'static str);

fn resource(group: &'static str, (plural, kind, versions, marks): &Row) -> Resource {
    let (namespaced, status) = (!marks.contains('c'), marks.contains('s'));
    Resource { group, versions, plural, kind, namespaced, status }
}

const V1: &[&str] = &["v1"];
const V1_BETA1: &[&str] = &["v1", "v1beta1"];
const V1_ALPHA2: &[&str] = &["v1", "v1alpha2"];
const ALPHA1: &[&str] = &["v1alpha1"];

const GROUPS: &[(&str, &[Row])] = &[
    ("", CORE),
    ("apps", &[("deployments", "Deployment", V1, "s"), ("daemonsets", "DaemonSet", V1, "s")]),
    ("autoscaling", &[("horizontalpodautoscalers", "HorizontalPodAutoscaler", &["v2"], "s")]),
    ("policy", &[("poddisruptionbudgets", "PodDisruptionBudget", V1, "s")]),
    ("apiextensions.k8s.io", &[("customresourcedefinitions", "CustomResourceDefinition", V1, "c")]),
    ("coordination.k8s.io", &[("leases", "Lease", V1, "")]),
    ("discovery.k8s.io", &[("endpointslices", "EndpointSlice", V1, "")]),
    ("events.k8s.io", &[("events", "Event", V1, "")]),
    (
        "apiextensions.k8s.io",
        &[("customresourcedefinitions", "CustomResourceDefinition", V1, "cs")],
    ),
    ("gateway.networking.k8s.io", GATEWAY),
    ("gateway.networking.x-k8s.io", EXPERIMENTAL),
    ("gateway.envoyproxy.io", &[("envoyproxies", "EnvoyProxy", ALPHA1, "s")]),
];

const CORE: &[Row] = &[
    ("namespaces", "Namespace", V1, "cs"),
    ("services", "Service", V1, "s"),
    ("secrets", "Secret", V1, ""),
    ("configmaps", "ConfigMap", V1, ""),
    ("serviceaccounts", "ServiceAccount", V1, ""),
    ("pods", "Pod", V1, "s"),
    ("nodes", "Node", V1, "cs"),
];

const GATEWAY: &[Row] = &[
    ("gatewayclasses", "GatewayClass", V1_BETA1, "cs"),
    ("gateways", "Gateway", V1_BETA1, "s"),
    ("listenersets", "ListenerSet", V1, "s"),
    ("httproutes", "HTTPRoute", V1_BETA1, "s"),
    ("grpcroutes", "GRPCRoute", V1, "s"),
    ("tlsroutes", "TLSRoute", &["v1", "v1alpha2", "v1alpha3"], "s"),
    ("tcproutes", "TCPRoute", V1_ALPHA2, "s"),
    ("udproutes", "UDPRoute", V1_ALPHA2, "s"),
    ("referencegrants", "ReferenceGrant", V1_BETA1, ""),
    ("backendtlspolicies", "BackendTLSPolicy", &["v1", "v1alpha3"], "s"),
];

const EXPERIMENTAL: &[Row] = &[
    ("xbackends", "XBackend", ALPHA1, "s"),
    ("xbackendtrafficpolicies", "XBackendTrafficPolicy", ALPHA1, "s"),
    ("xmeshes", "XMesh", ALPHA1, "cs"),
    ("xtelemetrypolicies", "XTelemetryPolicy", ALPHA1, "s"),
];
