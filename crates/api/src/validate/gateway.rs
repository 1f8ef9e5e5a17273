//! Gateway and GatewayClass.

use std::net::IpAddr;

use crate::gateway::{
    AddressType, FromNamespaces, FrontendTLSConfig, FrontendValidationModeType,
    GatewayInfrastructure, GatewaySpec, GatewaySpecAddress, TLSConfig,
};
use crate::gateway_class::GatewayClassSpec;
use crate::meta::StringMap;
use crate::path::Path;
use crate::route::GatewayDefaultScope;
use crate::validate::text::{
    ADDRESS_TYPE, ANNOTATION_VALUE, CONTROLLER, DESCRIPTION, Form, HOSTNAME, LABEL_VALUE,
    OBJECT_NAME, is_qualified_name, is_subdomain,
};
use crate::validate::{Violations, listener, reference};

/// The spec of a GatewayClass, or of an XMesh.
pub(super) fn class(spec: &GatewayClassSpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    out.text(path.key("controllerName"), &spec.controller_name, &CONTROLLER);
    out.optional(path.key("description"), spec.description.as_ref(), &DESCRIPTION);
    if let Some(reference) = &spec.parameters_ref {
        reference::any(path.key("parametersRef"), reference, out);
    }
}

pub(super) fn gateway(spec: &GatewaySpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    out.text(path.key("gatewayClassName"), &spec.gateway_class_name, &OBJECT_NAME);
    listener::listeners(path.key("listeners"), &spec.listeners, out);
    addresses(path.key("addresses"), &spec.addresses, out);
    if let Some(allowed) = &spec.allowed_listeners
        && let FromNamespaces::Other(value) = &allowed.namespaces.from
    {
        let path = path.key("allowedListeners");
        let values = ["All", "Selector", "Same", "None"];
        out.unsupported(path.key("namespaces").key("from"), value, &values);
    }
    if let Some(GatewayDefaultScope::Other(value)) = &spec.default_scope {
        out.unsupported(path.key("defaultScope"), value, &["All", "None"]);
    }
    if let Some(carried) = &spec.infrastructure {
        infrastructure(path.key("infrastructure"), carried, out);
    }
    if let Some(tls) = &spec.tls {
        let path = path.key("tls");
        let certificate =
            tls.backend.as_ref().and_then(|backend| backend.client_certificate_ref.as_ref());
        if let Some(reference) = certificate {
            let path = path.key("backend");
            reference::secret(path.key("clientCertificateRef"), reference, out);
        }
        if let Some(config) = &tls.frontend {
            frontend(path.key("frontend"), config, out);
        }
    }
}

fn addresses(path: Path<'_>, addresses: &[GatewaySpecAddress], out: &mut Violations) {
    out.items(path, addresses.len(), 0, 16);
    for (index, address) in addresses.iter().enumerate() {
        check_address(path.index(index), address, out);
    }
    for (type_, message) in [
        (AddressType::IPAddress, "IPAddress values must be unique"),
        (AddressType::Hostname, "Hostname values must be unique"),
    ] {
        let of_type = addresses.iter().filter(|address| address.type_ == type_);
        let mut values: Vec<_> = of_type.filter_map(|address| address.value.as_ref()).collect();
        let count = values.len();
        values.sort();
        values.dedup();
        out.rule(path, values.len() == count, message);
    }
}

fn check_address(path: Path<'_>, address: &GatewaySpecAddress, out: &mut Violations) {
    let GatewaySpecAddress { routability, type_, value } = address;
    if let AddressType::Other(name) = type_ {
        out.text(path.key("type"), name, &ADDRESS_TYPE);
    }
    if let Some(value) = value {
        let too_long = Form { min: 0, max: 253, pattern: "", matches: |_| true };
        out.text(path.key("value"), value, &too_long);
        let is_address = *type_ != AddressType::IPAddress || value.parse::<IpAddr>().is_ok();
        out.rule(path.key("value"), is_address, "must be an IPv4 or IPv6 address");
        let is_hostname = *type_ != AddressType::Hostname || (HOSTNAME.matches)(value);
        if !is_hostname {
            let pattern = HOSTNAME.pattern;
            let message =
                format!("a Hostname value must only contain valid characters (matching {pattern})");
            out.rule(path, false, &message);
        }
    }
    if let Some(routability) = routability {
        let path = path.key("routability");
        let any = Form { min: 0, max: 253, pattern: "", matches: |_| true };
        out.text(path, routability, &any);
        let message = "routability must be empty, Cluster, or a path with a domain as its prefix, \
                       other than k8s.io and its subdomains";
        out.rule(path, is_routability(routability), message);
    }
}

fn is_routability(text: &str) -> bool {
    if text.is_empty() || text == "Cluster" {
        return true;
    }
    let Some((domain, path)) = text.split_once('/') else { return false };
    let reserved = domain == "k8s.io" || domain.ends_with(".k8s.io");
    // The upstream pattern has a `.` that does not match line breaks.
    let one_line = !text.contains('\n');
    !path.is_empty() && one_line && domain.len() <= 253 && is_subdomain(domain) && !reserved
}

fn infrastructure(path: Path<'_>, carried: &GatewayInfrastructure, out: &mut Violations) {
    carried_map(path.key("annotations"), &carried.annotations, 16, &ANNOTATION_VALUE, out);
    carried_map(path.key("labels"), &carried.labels, 8, &LABEL_VALUE, out);
    if let Some(reference) = &carried.parameters_ref {
        reference::local(path.key("parametersRef"), reference, out);
    }
}

fn carried_map(path: Path<'_>, map: &StringMap, max: usize, form: &Form, out: &mut Violations) {
    out.properties(path, map.len(), 0, max);
    for (key, value) in map {
        out.text(path.key(key), value, form);
    }
    // One rule bounds the prefix to 252 bytes: its text says 253, its expression less than that.
    let prefix_fits = |key: &String| key.split('/').next().is_none_or(|prefix| prefix.len() < 253);
    let form_fits = |key: &String| is_qualified_name(key) || !prefix_fits(key);
    let message = "keys must be an optional DNS subdomain as a prefix, then a name of up to 63 \
                   characters";
    out.rule(path, map.keys().all(form_fits), message);
    let message = "a key's prefix must be a DNS subdomain of less than 253 characters";
    out.rule(path, map.keys().all(prefix_fits), message);
}

fn frontend(path: Path<'_>, config: &FrontendTLSConfig, out: &mut Violations) {
    client_checks(path.key("default"), &config.default, out);
    let path = path.key("perPort");
    out.items(path, config.per_port.len(), 0, 64);
    out.unique(path, config.per_port.iter().map(|entry| entry.port));
    for (index, entry) in config.per_port.iter().enumerate() {
        client_checks(path.index(index).key("tls"), &entry.tls, out);
    }
}

fn client_checks(path: Path<'_>, config: &TLSConfig, out: &mut Violations) {
    let Some(validation) = &config.validation else { return };
    let path = path.key("validation");
    reference::authorities(path.key("caCertificateRefs"), &validation.ca_certificate_refs, out);
    if let FrontendValidationModeType::Other(value) = &validation.mode {
        let allowed = ["AllowValidOnly", "AllowInsecureFallback"];
        out.unsupported(path.key("mode"), value, &allowed);
    }
}
