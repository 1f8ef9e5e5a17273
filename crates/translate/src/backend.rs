//! Backends: from a reference to a port of a Service, and from there to addresses.
//!
//! Resolving a reference looks at the Service only, so that a change of endpoints reruns no route.
//! Where a backend is (DESIGN §7): at its EndpointSlices; else at the Service's external name or
//! addresses; else at its DNS name. In a cluster a Service with a selector has the endpoints that
//! Kubernetes finds and no others, and none is where a pod finds itself or its node.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use api::{
    condition::Reason,
    core::{
        endpoint_slice::{Endpoint as SliceEndpoint, EndpointAddressType, EndpointSlice},
        service::{IntOrString, Service, ServicePort, ServiceSpec, ServiceType, TransportProtocol},
    },
    kind::Kind,
    meta::NamespacedName,
    reference::BackendObjectReference,
};
use ir::{Backend, Endpoint, Endpoints, Id, InvalidBackend, Resource, Target, UpstreamProtocol};

use crate::{
    Mode,
    diagnostics::{Diagnostic, Diagnostics},
    grants,
    reader::Reader,
};

/// One port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BackendKey {
    pub(crate) service: NamespacedName,
    pub(crate) port: u16,
}

impl BackendKey {
    pub(crate) fn id(&self) -> Id<Backend> {
        Id::new(format!("{}/{}", self.service, self.port))
    }
}

/// Why a reference is no backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unresolved {
    pub(crate) choice: InvalidBackend,
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

/// Follows a reference from an object of a kind in a namespace.
pub(crate) fn resolve(
    reader: &mut Reader<'_>,
    from: Kind,
    namespace: &str,
    reference: &BackendObjectReference,
) -> Result<BackendKey, Unresolved> {
    let no = |choice, reason, message| Err(Unresolved { choice, reason, message });
    let to = Kind::Service;
    if reference.group != to.group() || reference.kind != to.as_str() {
        let message = format!("backends of kind {} are not served: name a Service", reference.kind);
        return no(InvalidBackend::Kind, Reason::InvalidKind, message);
    }
    let target = reference.namespace.as_deref().unwrap_or(namespace);
    let name = NamespacedName::new(target, reference.name.as_str());
    if !grants::permits(reader, from, namespace, to, &name) {
        let message = grants::refusal(from, namespace, to, &name);
        return no(InvalidBackend::NotPermitted, Reason::RefNotPermitted, message);
    }
    let missing = |message| no(InvalidBackend::NotFound, Reason::BackendNotFound, message);
    let Some(service) = reader.service(&name) else {
        return missing(format!("there is no Service {name}"));
    };
    let Some(port) = reference.port else {
        return missing(format!("name a port of Service {name}"));
    };
    let Some(found) = find_port(service, port) else {
        return missing(no_port(&name, service, port));
    };
    if reader.settings.mode == Mode::Cluster
        && let Some(place) = local_place(service)
    {
        let message = format!(
            "Service {name} leads to {place}, which is a proxy's own pod or its node: name another \
             host"
        );
        return no(InvalidBackend::NotPermitted, Reason::RefNotPermitted, message);
    }
    if protocol(&found).is_none() {
        let spoken = found.app_protocol.as_deref().unwrap_or(match found.protocol {
            TransportProtocol::UDP => "UDP",
            _ => "SCTP",
        });
        let message = format!("port {port} of Service {name} speaks {spoken}, which is not served");
        return no(InvalidBackend::Protocol, Reason::UnsupportedProtocol, message);
    }
    if reader.tls_wanted(&name, found.name.as_deref()) {
        let message = format!(
            "a BackendTLSPolicy wants TLS to port {port} of Service {name}, which is not served \
             yet; nothing is sent in plain text instead"
        );
        return no(InvalidBackend::Tls, Reason::UnsupportedProtocol, message);
    }
    Ok(BackendKey { service: service.metadata.namespaced_name(), port })
}

/// Where a Service leads, if that is the very machine that asks. What a name turns out to mean is
/// looked at by the proxy that looks it up; slices and addresses of Services by the API server.
fn local_place(service: &Service) -> Option<&str> {
    let host = external_name(&service.spec)?;
    let plain = host.trim_end_matches('.').to_ascii_lowercase();
    let local = match plain.parse::<IpAddr>() {
        Ok(address) => ir::is_local(address),
        // All of them are loopback (RFC 6761 §6.3).
        Err(_) => plain == "localhost" || plain.ends_with(".localhost"),
    };
    local.then_some(host)
}

fn external_name(spec: &ServiceSpec) -> Option<&str> {
    let name = spec.external_name.as_deref().filter(|host| !host.is_empty())?;
    (spec.type_ == ServiceType::ExternalName).then_some(name)
}

fn no_port(name: &NamespacedName, service: &Service, port: u16) -> String {
    let ports: Vec<String> =
        service.spec.ports.iter().map(|known| known.port.to_string()).collect();
    match ports.is_empty() {
        true => format!("Service {name} has no port {port}: it has none at all"),
        false => format!("Service {name} has no port {port}, only {}", ports.join(", ")),
    }
}

/// The port of that number: TCP before others. An external name needs no ports.
fn find_port(service: &Service, port: u16) -> Option<ServicePort> {
    let spec = &service.spec;
    let named = || spec.ports.iter().filter(|known| known.port == port);
    let found = named().find(|known| known.protocol == TransportProtocol::TCP);
    match found.or_else(|| named().next()) {
        None if spec.type_ == ServiceType::ExternalName && spec.ports.is_empty() => {
            Some(ServicePort {
                app_protocol: None,
                name: None,
                node_port: None,
                port,
                protocol: TransportProtocol::TCP,
                target_port: None,
            })
        }
        found => found.cloned(),
    }
}

/// What is spoken on a port (GEP-1911), if we speak it.
fn protocol(port: &ServicePort) -> Option<UpstreamProtocol> {
    if port.protocol != TransportProtocol::TCP {
        return None;
    }
    match port.app_protocol.as_deref().unwrap_or_default() {
        "" | "http" | "kubernetes.io/ws" | "ws" => Some(UpstreamProtocol::Http1),
        "kubernetes.io/h2c" | "h2c" | "grpc" => Some(UpstreamProtocol::H2c),
        _ => None,
    }
}

/// What the step gives: nothing when the Service or its port is gone.
#[derive(Default)]
pub(crate) struct BackendStep {
    pub(crate) ir: Vec<(Arc<str>, Resource)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Translates one port of a Service.
pub(crate) fn backend(reader: &mut Reader<'_>, key: &BackendKey) -> BackendStep {
    let Some(service) = reader.service(&key.service) else { return BackendStep::default() };
    let Some(port) = find_port(service, key.port) else { return BackendStep::default() };
    let Some(protocol) = protocol(&port) else { return BackendStep::default() };
    let mut diagnostics = Diagnostics::of(Kind::Service, &key.service);
    let name: Arc<str> = key.id().as_str().into();
    let slices = reader.slices(&key.service);
    let place = match slices.is_empty() {
        false => Place::Known(from_slices(&slices, &port, &mut diagnostics)),
        true => outside(service, key, &port, reader),
    };
    let mut ir = Vec::new();
    let target = match place {
        Place::Named(host, port) => Target::Dns { host: host.into(), port },
        Place::Known(endpoints) => {
            let endpoints = Endpoints { endpoints: endpoints.into_iter().collect() };
            ir.push((name.clone(), Resource::Endpoints(Arc::new(endpoints))));
            Target::Endpoints(Id::new(name.clone()))
        }
    };
    ir.push((name, Resource::Backend(Arc::new(Backend { protocol, target }))));
    BackendStep { ir, diagnostics: diagnostics.into_list() }
}

/// Where a backend is.
enum Place {
    Known(BTreeSet<Endpoint>),
    Named(String, u16),
}

/// The ready endpoints; without any, those that still serve while they end.
fn from_slices(
    slices: &[&Arc<EndpointSlice>],
    port: &ServicePort,
    diagnostics: &mut Diagnostics,
) -> BTreeSet<Endpoint> {
    let name = port.name.as_deref().unwrap_or_default();
    let mut found = false;
    let mut ready = BTreeSet::new();
    let mut ending = BTreeSet::new();
    for slice in slices {
        if slice.address_type == EndpointAddressType::FQDN {
            let message = format!(
                "EndpointSlice {} holds DNS names, which are not used: use a Service of type \
                 ExternalName",
                slice.metadata.namespaced_name()
            );
            diagnostics.warning("spec.ports", Reason::UnsupportedValue, message);
            continue;
        }
        // A slice names its ports as the Service does; numbers may differ from slice to slice.
        let numbers: Vec<u16> = slice
            .ports
            .iter()
            .filter(|known| known.name.as_deref().unwrap_or_default() == name)
            .filter(|known| known.protocol == port.protocol)
            .filter_map(|known| known.port)
            .collect();
        found |= !numbers.is_empty();
        for endpoint in &slice.endpoints {
            let into = match state(endpoint) {
                State::Ready => &mut ready,
                State::Ending => &mut ending,
                State::Absent => continue,
            };
            let address = endpoint.addresses.first().and_then(|text| text.parse::<IpAddr>().ok());
            let Some(address) = address else { continue };
            into.extend(numbers.iter().map(|port| Endpoint { address, port: *port }));
        }
    }
    if !found {
        let wanted = if name.is_empty() { "without a name".into() } else { format!("{name:?}") };
        let message = format!(
            "no EndpointSlice has a TCP port {wanted} as port {} of the Service is called, so \
             requests get 503: ports go by name, not by number",
            port.port
        );
        diagnostics.error("spec.ports", Reason::BackendNotFound, message);
    }
    if ready.is_empty() { ending } else { ready }
}

enum State {
    Ready,
    Ending,
    Absent,
}

fn state(endpoint: &SliceEndpoint) -> State {
    let conditions = endpoint.conditions;
    let ready = conditions.ready.unwrap_or(true);
    if ready {
        State::Ready
    } else if conditions.serving.unwrap_or(ready) && conditions.terminating.unwrap_or(false) {
        State::Ending
    } else {
        State::Absent
    }
}

/// Where a Service without slices is.
fn outside(service: &Service, key: &BackendKey, port: &ServicePort, reader: &Reader<'_>) -> Place {
    let spec = &service.spec;
    if let Some(host) = external_name(spec) {
        return match host.parse::<IpAddr>() {
            Ok(address) => Place::Known(BTreeSet::from([Endpoint { address, port: port.port }])),
            Err(_) => Place::Named(host.trim_end_matches('.').to_ascii_lowercase(), port.port),
        };
    }
    if reader.settings.mode == Mode::Cluster && !spec.selector.is_empty() {
        // No pod was found yet, or none is left: that is 503, and no question of DNS.
        return Place::Known(BTreeSet::new());
    }
    let external: BTreeSet<Endpoint> = spec
        .external_ips
        .iter()
        .filter_map(|text| text.parse().ok())
        .map(|address| Endpoint { address, port: port.port })
        .collect();
    if !external.is_empty() {
        return Place::Known(external);
    }
    let NamespacedName { namespace, name } = &key.service;
    let host = format!("{name}.{namespace}.svc.{}", reader.settings.cluster_domain);
    // The name of a headless Service leads to its pods, which know nothing of the Service's port.
    let headless = spec.cluster_ip.as_deref() == Some("None");
    let number = match &port.target_port {
        // Zero is as good as none, as in Kubernetes.
        Some(IntOrString::Int(number)) if headless && *number > 0 => u16::try_from(*number).ok(),
        _ => None,
    };
    Place::Named(host, number.unwrap_or(port.port))
}
