//! EnvoyProxy: what the CRD of Envoy Gateway refuses, as far as the fields are typed.

use std::net::Ipv4Addr;

use crate::core::service::IntOrString;
use crate::duration::Duration;
use crate::envoy_proxy::kubernetes::{
    EnvoyProxyKubernetesProvider, KubernetesContainerSpec, KubernetesHorizontalPodAutoscalerSpec,
    KubernetesPatchSpec, KubernetesPodDisruptionBudgetSpec, KubernetesServiceSpec,
};
use crate::envoy_proxy::{EnvoyProxySpec, MergeType, ProviderType, ShutdownConfig};
use crate::path::Path;
use crate::validate::Violations;

pub(super) fn check(spec: &EnvoyProxySpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    if let Some(MergeType::Other(value)) = &spec.merge_type {
        out.unsupported(path.key("mergeType"), value, &MERGE_TYPES);
    }
    for (name, value, allowed) in [
        ("ipFamily", &spec.ip_family, &["IPv4", "IPv6", "DualStack"][..]),
        ("routingType", &spec.routing_type, &["Service", "Endpoint"]),
    ] {
        if let Some(value) = value {
            out.one_of(path.key(name), value, allowed);
        }
    }
    if let Some(logging) = &spec.logging {
        let path = path.key("logging");
        let path = path.key("level");
        for (component, level) in &logging.level {
            out.one_of(path.key(component), level, &["trace", "debug", "info", "error", "warn"]);
        }
    }
    if let Some(threads) = spec.concurrency {
        let holds = (1..=1024).contains(&threads);
        out.rule(path.key("concurrency"), holds, "must be a number from 1 to 1024");
    }
    if let Some(shutdown) = &spec.shutdown {
        times(path.key("shutdown"), shutdown, out);
    }
    let Some(provider) = &spec.provider else { return };
    let path = path.key("provider");
    if let ProviderType::Other(value) = &provider.type_ {
        out.unsupported(path.key("type"), value, &["Kubernetes", "Host"]);
    }
    if let Some(kubernetes) = &provider.kubernetes {
        objects(path.key("kubernetes"), kubernetes, out);
    }
}

fn times(path: Path<'_>, shutdown: &ShutdownConfig, out: &mut Violations) {
    for (name, value) in [
        ("drainTimeout", &shutdown.drain_timeout),
        ("healthCheckFailureDelay", &shutdown.health_check_failure_delay),
        ("minDrainDuration", &shutdown.min_drain_duration),
    ] {
        let holds = value.as_ref().is_none_or(|text| text.parse::<Duration>().is_ok());
        out.rule(path.key(name), holds, "must be a span of time such as \"1m30s\"");
    }
}

fn objects(path: Path<'_>, spec: &EnvoyProxyKubernetesProvider, out: &mut Violations) {
    let daemons = spec.envoy_daemon_set.is_some();
    let message = "only one of envoyDeployment or envoyDaemonSet can be specified";
    out.rule(path, !(daemons && spec.envoy_deployment.is_some()), message);
    let message = "cannot use envoyHpa if envoyDaemonSet is used";
    out.rule(path, !(daemons && spec.envoy_hpa.is_some()), message);
    if let Some(deployment) = &spec.envoy_deployment {
        let path = path.key("envoyDeployment");
        container(path, deployment.container.as_ref(), out);
        patch(path, deployment.patch.as_ref(), out);
    }
    if let Some(daemons) = &spec.envoy_daemon_set {
        let path = path.key("envoyDaemonSet");
        container(path, daemons.container.as_ref(), out);
        patch(path, daemons.patch.as_ref(), out);
    }
    if let Some(spec) = &spec.envoy_service {
        service(path.key("envoyService"), spec, out);
    }
    if let Some(spec) = &spec.envoy_hpa {
        autoscaler(path.key("envoyHpa"), spec, out);
    }
    if let Some(spec) = &spec.envoy_pdb {
        budget(path.key("envoyPDB"), spec, out);
    }
}

fn container(path: Path<'_>, spec: Option<&KubernetesContainerSpec>, out: &mut Violations) {
    let both = spec.is_some_and(|spec| spec.image.is_some() && spec.image_repository.is_some());
    let message = "only one of image or imageRepository can be specified";
    out.rule(path.key("container"), !both, message);
}

fn service(path: Path<'_>, spec: &KubernetesServiceSpec, out: &mut Violations) {
    let type_ = spec.type_.as_deref().unwrap_or("LoadBalancer");
    out.one_of(path.key("type"), type_, &["ClusterIP", "LoadBalancer", "NodePort"]);
    if let Some(policy) = &spec.external_traffic_policy {
        out.one_of(path.key("externalTrafficPolicy"), policy, &["Local", "Cluster"]);
    }
    let balanced = type_ == "LoadBalancer";
    for (there, message) in [
        (
            spec.allocate_load_balancer_node_ports.is_some(),
            "allocateLoadBalancerNodePorts can only be set for LoadBalancer type",
        ),
        (
            !spec.load_balancer_source_ranges.is_empty(),
            "loadBalancerSourceRanges can only be set for LoadBalancer type",
        ),
        (spec.load_balancer_ip.is_some(), "loadBalancerIP can only be set for LoadBalancer type"),
    ] {
        out.rule(path, balanced || !there, message);
    }
    if let Some(address) = &spec.load_balancer_ip {
        let message = "loadBalancerIP must be a valid IPv4 address";
        out.rule(path.key("loadBalancerIP"), address.parse::<Ipv4Addr>().is_ok(), message);
    }
    patch(path, spec.patch.as_ref(), out);
}

fn autoscaler(path: Path<'_>, spec: &KubernetesHorizontalPodAutoscalerSpec, out: &mut Violations) {
    let min = spec.min_replicas.unwrap_or(1);
    out.rule(path.key("minReplicas"), min > 0, "minReplicas must be greater than 0");
    let max = spec.max_replicas;
    out.rule(path.key("maxReplicas"), max > 0, "maxReplicas must be greater than 0");
    let message = "maxReplicas cannot be less than minReplicas";
    out.rule(path, max >= min, message);
    patch(path, spec.patch.as_ref(), out);
}

fn budget(path: Path<'_>, spec: &KubernetesPodDisruptionBudgetSpec, out: &mut Violations) {
    let both = spec.min_available.is_some() && spec.max_unavailable.is_some();
    out.rule(path, !both, "only one of minAvailable or maxUnavailable can be specified");
    for (name, value) in
        [("minAvailable", &spec.min_available), ("maxUnavailable", &spec.max_unavailable)]
    {
        let holds = match value {
            Some(IntOrString::Int(number)) => *number >= 0,
            Some(IntOrString::String(text)) => {
                let share = text.strip_suffix('%').and_then(|share| share.parse::<u8>().ok());
                share.is_some_and(|share| share <= 100)
            }
            None => true,
        };
        out.rule(path.key(name), holds, "must be a number or a percentage such as \"50%\"");
    }
    patch(path, spec.patch.as_ref(), out);
}

fn patch(path: Path<'_>, patch: Option<&KubernetesPatchSpec>, out: &mut Violations) {
    if let Some(KubernetesPatchSpec { type_: Some(type_), .. }) = patch {
        let path = path.key("patch");
        let path = path.key("type");
        match type_ {
            MergeType::StrategicMerge | MergeType::JSONMerge => {}
            MergeType::Replace => out.unsupported(path, "Replace", &MERGE_TYPES[1..]),
            MergeType::Other(value) => out.unsupported(path, value, &MERGE_TYPES[1..]),
        }
    }
}

const MERGE_TYPES: [&str; 3] = ["Replace", "StrategicMerge", "JSONMerge"];
