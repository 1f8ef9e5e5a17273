//! Service: what the API server of Kubernetes refuses, as far as it bears on traffic.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::core::service::{IntOrString, ServicePort, ServiceSpec, ServiceType, TransportProtocol};
use crate::diagnostic::Reason;
use crate::path::Path;
use crate::validate::text::{is_label, is_qualified_name, is_subdomain};
use crate::validate::{Violations, metadata};

pub(super) fn check(spec: &ServiceSpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    if let ServiceType::Other(value) = &spec.type_ {
        let allowed = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        out.unsupported(path.key("type"), value, &allowed);
    }
    metadata::labels(path.key("selector"), &spec.selector, out);
    for (name, value, allowed) in [
        ("sessionAffinity", &spec.session_affinity, &["ClientIP", "None"][..]),
        ("externalTrafficPolicy", &spec.external_traffic_policy, &["Cluster", "Local"]),
        ("internalTrafficPolicy", &spec.internal_traffic_policy, &["Cluster", "Local"]),
        ("ipFamilyPolicy", &spec.ip_family_policy, &IP_FAMILY_POLICIES),
    ] {
        if let Some(value) = value {
            out.one_of(path.key(name), value, allowed);
        }
    }
    addresses(path, spec, out);
    ports(path.key("ports"), spec, out);
}

fn addresses(path: Path<'_>, spec: &ServiceSpec, out: &mut Violations) {
    let is_address = |text: &String| text.parse::<IpAddr>().is_ok();
    if spec.type_ == ServiceType::ExternalName {
        let name = spec.external_name.as_deref().unwrap_or_default();
        let path = path.key("externalName");
        out.required(path, !name.is_empty());
        let name = name.strip_suffix('.').unwrap_or(name);
        let fits = name.is_empty() || (name.len() <= 253 && is_subdomain(name));
        out.rule(path, fits, "must be a DNS name in lower case (RFC 1123)");
    }
    let cluster_ips = spec.cluster_ip.iter().chain(&spec.cluster_ips);
    let holds = cluster_ips.filter(|text| !text.is_empty() && *text != HEADLESS).all(is_address);
    out.rule(path.key("clusterIP"), holds, "must be empty, None, or a valid IP address");
    let list = path.key("externalIPs");
    for (index, text) in spec.external_ips.iter().enumerate() {
        out.rule(list.index(index), is_address(text), "must be a valid IP address");
    }
    let list = path.key("ipFamilies");
    for (index, family) in spec.ip_families.iter().enumerate() {
        out.one_of(list.index(index), family, &["IPv4", "IPv6"]);
    }
    let list = path.key("loadBalancerSourceRanges");
    for (index, range) in spec.load_balancer_source_ranges.iter().enumerate() {
        let fits = range.trim().parse::<IpNet>().is_ok();
        out.rule(list.index(index), fits, "must be a valid CIDR value");
    }
}

fn ports(path: Path<'_>, spec: &ServiceSpec, out: &mut Violations) {
    let headless = spec.cluster_ip.as_deref() == Some(HEADLESS);
    let portless = headless || spec.type_ == ServiceType::ExternalName;
    out.required(path, portless || !spec.ports.is_empty());
    for (index, port) in spec.ports.iter().enumerate() {
        check_port(path.index(index), port, spec.ports.len() > 1, out);
    }
    let names = spec.ports.iter().map(|port| port.name.as_deref().unwrap_or_default());
    for (index, name) in names.clone().enumerate() {
        let before = names.clone().take(index);
        if !name.is_empty() && before.clone().any(|other| other == name) {
            let message = format!("duplicate value {name:?}");
            out.add(path.index(index).key("name"), Reason::Duplicate, message);
        }
    }
    for (index, port) in spec.ports.iter().enumerate() {
        let same = |other: &ServicePort| other.port == port.port && other.protocol == port.protocol;
        if spec.ports[..index].iter().any(same) {
            let message = format!("duplicate value {} {:?}", port.port, port.protocol);
            out.add(path.index(index), Reason::Duplicate, message);
        }
    }
}

fn check_port(path: Path<'_>, port: &ServicePort, named: bool, out: &mut Violations) {
    let name = port.name.as_deref().unwrap_or_default();
    out.required(path.key("name"), !(named && name.is_empty()));
    let fits = name.is_empty() || (name.len() <= 63 && is_label(name));
    out.rule(path.key("name"), fits, "must be a DNS label in lower case (RFC 1123)");
    protocol(path.key("protocol"), &port.protocol, out);
    app_protocol(path.key("appProtocol"), port.app_protocol.as_deref(), out);
    match &port.target_port {
        Some(IntOrString::Int(number)) => out.range(path.key("targetPort"), *number, 0, 65535),
        Some(IntOrString::String(name)) => {
            let message = "must be a port name: at most 15 lower case letters, digits or single \
                           dashes between them, with one letter at least";
            out.rule(path.key("targetPort"), is_port_name(name), message);
        }
        None => {}
    }
}

pub(super) fn protocol(path: Path<'_>, protocol: &TransportProtocol, out: &mut Violations) {
    if let TransportProtocol::Other(value) = protocol {
        out.unsupported(path, value, &["SCTP", "TCP", "UDP"]);
    }
}

pub(super) fn app_protocol(path: Path<'_>, protocol: Option<&str>, out: &mut Violations) {
    let message = "must be an optional DNS subdomain and '/', then a name of up to 63 characters";
    out.rule(path, protocol.is_none_or(is_qualified_name), message);
}

/// An IANA service name (RFC 6335 §5.1), in lower case.
fn is_port_name(text: &str) -> bool {
    let letter = text.bytes().any(|b| b.is_ascii_lowercase());
    text.len() <= 15 && letter && is_label(text) && !text.contains("--")
}

const HEADLESS: &str = "None";
const IP_FAMILY_POLICIES: [&str; 3] = ["PreferDualStack", "RequireDualStack", "SingleStack"];
