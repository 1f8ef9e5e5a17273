//! The Service in front of the proxies: what gives a Gateway its address.

use std::net::IpAddr;

use api::envoy_proxy::kubernetes::KubernetesServiceSpec;
use serde_json::{Value, json};

use super::{Maker, RenderError};

impl Maker<'_> {
    pub(super) fn service(&self) -> Result<Value, RenderError> {
        let wishes = self.kubernetes.envoy_service.clone().unwrap_or_default();
        let ports: Vec<Value> = self
            .infra
            .ports
            .iter()
            .map(|port| {
                let (name, number) = (&port.name, port.port);
                json!({ "name": name, "port": number, "targetPort": number, "protocol": "TCP" })
            })
            .collect();
        let type_ = wishes.type_.as_deref().unwrap_or(LOAD_BALANCER);
        let mut spec = json!({
            "type": type_,
            "selector": self.selector(),
            "ports": ports,
        });
        self.addresses(type_, &mut spec);
        if type_ != CLUSTER_IP {
            // As Envoy Gateway has it: the backend learns who the client is.
            let policy = wishes.external_traffic_policy.as_deref().unwrap_or("Local");
            spec["externalTrafficPolicy"] = policy.into();
        }
        if type_ == LOAD_BALANCER {
            balancer(&wishes, &mut spec);
        }
        let name = self.infra.service_name();
        let mut object = self.made("v1", "Service", &name, json!({ "spec": spec }));
        object["metadata"]["labels"] = json!(self.labels(&wishes.labels));
        for (key, value) in &wishes.annotations {
            object["metadata"]["annotations"][key] = value.as_str().into();
        }
        self.patched("Service", object, wishes.patch.as_ref())
    }

    fn addresses(&self, type_: &str, spec: &mut Value) {
        if let Some(address) = self.infra.address.as_ref().map(IpAddr::to_string) {
            match type_ {
                CLUSTER_IP => spec["clusterIP"] = address.into(),
                LOAD_BALANCER => spec["loadBalancerIP"] = address.into(),
                _ => spec["externalIPs"] = json!([address]),
            }
        }
        let family = self.infra.parameters.as_deref().and_then(|spec| spec.ip_family.as_deref());
        let (families, policy) = match family {
            Some("IPv4") => (json!(["IPv4"]), "SingleStack"),
            Some("IPv6") => (json!(["IPv6"]), "SingleStack"),
            Some("DualStack") => (json!(["IPv4", "IPv6"]), "RequireDualStack"),
            _ => return,
        };
        spec["ipFamilies"] = families;
        spec["ipFamilyPolicy"] = policy.into();
    }
}

/// What only a load balancer has.
fn balancer(wishes: &KubernetesServiceSpec, spec: &mut Value) {
    if let Some(class) = &wishes.load_balancer_class {
        spec["loadBalancerClass"] = class.as_str().into();
    }
    if let Some(allocate) = wishes.allocate_load_balancer_node_ports {
        spec["allocateLoadBalancerNodePorts"] = allocate.into();
    }
    if let Some(address) = &wishes.load_balancer_ip
        && spec.get("loadBalancerIP").is_none()
    {
        spec["loadBalancerIP"] = address.as_str().into();
    }
    if !wishes.load_balancer_source_ranges.is_empty() {
        spec["loadBalancerSourceRanges"] = json!(wishes.load_balancer_source_ranges);
    }
}

const LOAD_BALANCER: &str = "LoadBalancer";
const CLUSTER_IP: &str = "ClusterIP";
