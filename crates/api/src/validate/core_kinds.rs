//! EndpointSlice, Secret and ConfigMap: what the API server of Kubernetes refuses.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::core::config_map::ConfigMap;
use crate::core::endpoint_slice::{Endpoint, EndpointAddressType, EndpointSlice};
use crate::core::secret::Secret;
use crate::diagnostic::Reason;
use crate::limits::DATA_BYTES_MAX;
use crate::path::Path;
use crate::validate::text::{is_label, is_subdomain};
use crate::validate::{Violations, service};

pub(super) fn endpoint_slice(slice: &EndpointSlice, out: &mut Violations) {
    if let EndpointAddressType::Other(value) = &slice.address_type {
        out.unsupported(Path::Root.key("addressType"), value, &["FQDN", "IPv4", "IPv6"]);
        return;
    }
    let path = Path::Root.key("endpoints");
    out.items(path, slice.endpoints.len(), 0, 1000);
    for (index, endpoint) in slice.endpoints.iter().enumerate() {
        check_endpoint(path.index(index), endpoint, &slice.address_type, out);
    }
    let path = Path::Root.key("ports");
    out.items(path, slice.ports.len(), 0, 20_000);
    for (index, port) in slice.ports.iter().enumerate() {
        let path = path.index(index);
        let name = port.name.as_deref().unwrap_or_default();
        let fits = name.is_empty() || (name.len() <= 63 && is_label(name));
        out.rule(path.key("name"), fits, "must be a DNS label in lower case (RFC 1123)");
        service::protocol(path.key("protocol"), &port.protocol, out);
        service::app_protocol(path.key("appProtocol"), port.app_protocol.as_deref(), out);
    }
    let names = slice.ports.iter().map(|port| port.name.as_deref().unwrap_or_default());
    for (index, name) in names.clone().enumerate() {
        if names.clone().take(index).any(|other| other == name) {
            let message = format!("duplicate value {name:?}");
            out.add(path.index(index).key("name"), Reason::Duplicate, message);
        }
    }
}

fn check_endpoint(
    path: Path<'_>,
    endpoint: &Endpoint,
    type_: &EndpointAddressType,
    out: &mut Violations,
) {
    let list = path.key("addresses");
    out.required(list, !endpoint.addresses.is_empty());
    out.items(list, endpoint.addresses.len(), 0, 100);
    for (index, address) in endpoint.addresses.iter().enumerate() {
        let (fits, message) = match type_ {
            EndpointAddressType::IPv4 => {
                (address.parse::<Ipv4Addr>().is_ok(), "must be a valid IPv4 address")
            }
            EndpointAddressType::IPv6 => {
                (address.parse::<Ipv6Addr>().is_ok(), "must be a valid IPv6 address")
            }
            _ => (is_full_name(address), "must be a fully qualified domain name"),
        };
        out.rule(list.index(index), fits, message);
    }
    let hostname = endpoint.hostname.as_deref().unwrap_or("a");
    let fits = hostname.len() <= 63 && is_label(hostname);
    out.rule(path.key("hostname"), fits, "must be a DNS label in lower case (RFC 1123)");
}

fn is_full_name(name: &str) -> bool {
    name.len() <= 253 && is_subdomain(name) && name.contains('.')
}

pub(super) fn secret(secret: &Secret, out: &mut Violations) {
    let path = Path::Root.key("data");
    let sizes = secret.data.iter().map(|(key, bytes)| (key, bytes.expose().len()));
    data(path, sizes, out);
    let has = |key: &str| secret.data.contains_key(key);
    match secret.type_.as_str() {
        "kubernetes.io/tls" => {
            out.required(path.key("tls.crt"), has("tls.crt"));
            out.required(path.key("tls.key"), has("tls.key"));
        }
        "kubernetes.io/basic-auth" => {
            out.required(path.key("username"), has("username") || has("password"));
        }
        "kubernetes.io/ssh-auth" => {
            let key = "ssh-privatekey";
            let filled = secret.data.get(key).is_some_and(|bytes| !bytes.expose().is_empty());
            out.required(path.key(key), filled);
        }
        "kubernetes.io/dockercfg" => out.required(path.key(".dockercfg"), has(".dockercfg")),
        "kubernetes.io/dockerconfigjson" => {
            out.required(path.key(".dockerconfigjson"), has(".dockerconfigjson"));
        }
        "kubernetes.io/service-account-token" => {
            let annotation = "kubernetes.io/service-account.name";
            let there = secret.metadata.annotations.contains_key(annotation);
            let path = Path::Root.key("metadata");
            out.required(path.key("annotations").key(annotation), there);
        }
        _ => {}
    }
}

pub(super) fn config_map(map: &ConfigMap, out: &mut Violations) {
    let texts = map.data.iter().map(|(key, text)| (key, text.len()));
    let bytes = map.binary_data.iter().map(|(key, bytes)| (key, bytes.0.len()));
    data(Path::Root.key("data"), texts.chain(bytes), out);
    if let Some(key) = map.data.keys().find(|key| map.binary_data.contains_key(*key)) {
        let message = format!("{key:?} stands in binaryData too");
        out.add(Path::Root.key("data").key(key), Reason::Invalid, message);
    }
}

/// Keys must be file names; the values together are bounded.
fn data<'a>(
    path: Path<'_>,
    sizes: impl Iterator<Item = (&'a String, usize)>,
    out: &mut Violations,
) {
    let mut total = 0;
    for (key, size) in sizes {
        total += size;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let fits = (1..=253).contains(&key.len()) && key.bytes().all(allowed);
        let fits = fits && key != "." && !key.starts_with("..");
        let message = "a key must be at most 253 letters, digits, '-', '_' or '.', and may not \
                       begin with '..'";
        out.rule(path.key(key), fits, message);
    }
    if total > DATA_BYTES_MAX {
        let message = format!("may not be more than {DATA_BYTES_MAX} bytes together");
        out.add(Path::Root, Reason::TooLong, message);
    }
}
