//! A Gateway: what is found about it, what it offers to routes, and what stands for it in the
//! proxy.
//!
//! The first of the two memoisable steps. What depends on routes (their number) or on proxies
//! (whether sockets are open) is added by `status::gateway`.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use api::{
    condition::Reason, envoy_proxy::EnvoyProxySpec, gateway::Gateway, kind::Kind,
    meta::NamespacedName, names::GATEWAY_GROUP,
};
use ir::{Bind, Id, Listener, Protocol, Resource, Tls};

use crate::{
    Infra, InfraPort, Mode,
    address::{self, Placement},
    attach::{Offer, Point},
    certificates,
    class::Claim,
    diagnostics::{Diagnostic, Diagnostics},
    finding::{Fault, Finding, sentence},
    listener::{self, ListenerView},
    parameters::{self, Parameters},
    provided::{self, Provided},
    reader::Reader,
};

/// What is found about a Gateway of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GatewayView {
    pub(crate) generation: i64,
    pub(crate) accepted: Finding,
    pub(crate) resolved: Finding,
    /// Whether some port lets clients in without a good certificate.
    pub(crate) insecure: bool,
    pub(crate) placement: Arc<Placement>,
    /// What is there of its infrastructure; none on a machine.
    pub(crate) provided: Option<Provided>,
    pub(crate) listeners: Vec<ListenerView>,
}

/// What the step gives.
#[derive(Default)]
pub(crate) struct GatewayStep {
    /// None when the Gateway is not ours.
    pub(crate) view: Option<GatewayView>,
    pub(crate) offer: Option<Offer>,
    pub(crate) ir: Vec<(Arc<str>, Resource)>,
    /// What must be there in a cluster.
    pub(crate) infra: Option<Infra>,
    /// Whether it is another controller's in a cluster.
    pub(crate) released: bool,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Translates one Gateway.
pub(crate) fn gateway(reader: &mut Reader<'_>, name: &NamespacedName) -> GatewayStep {
    let Some(object) = reader.object(|resources| &resources.gateways, name) else {
        return GatewayStep::default();
    };
    let mut diagnostics = Diagnostics::of(Kind::Gateway, name);
    let class = &object.spec.gateway_class_name;
    let cluster = reader.settings.mode == Mode::Cluster;
    let class_found = match reader.claim(class) {
        Claim::Ours(found) => found,
        // Others may serve Gateways there; these are none of our business.
        Claim::Foreign(_) if cluster => {
            return GatewayStep { released: true, ..GatewayStep::default() };
        }
        Claim::Missing if cluster => return GatewayStep::default(),
        Claim::Missing => {
            let message = format!(
                "there is no GatewayClass {class}: create it, or remove all classes to have every \
                 Gateway served"
            );
            diagnostics.error("spec.gatewayClassName", Reason::Invalid, message);
            return ignored(diagnostics);
        }
        Claim::Foreign(controller) => {
            let message = format!("ignored: GatewayClass {class} is of controller {controller}");
            diagnostics.warning("spec.gatewayClassName", Reason::Invalid, message);
            return ignored(diagnostics);
        }
    };
    let placement = match cluster {
        true => Arc::new(address::in_cluster(object)),
        false => reader.placement(name).cloned().unwrap_or_default(),
    };
    let parameters = find_parameters(reader, object, class_found);
    let mut listeners = listener::listeners(reader, name, object, &mut diagnostics);
    let refused = refused(parameters.as_ref().err(), &placement);
    // Parameters shape pods: while they are refused those that are there stay, and serve.
    let served = match cluster {
        true => placement.refused.is_empty(),
        false => refused.is_empty(),
    };
    let ir = match served {
        true => build(name, &placement, &mut listeners),
        false => Vec::new(),
    };
    for Fault { reason, field, message } in &refused {
        diagnostics.error(field.as_str(), *reason, message.as_str());
    }
    let parameters = parameters.unwrap_or_default();
    remark(object, cluster, &placement, &listeners, &mut diagnostics);
    if let Some(idle) = &parameters.idle {
        let field = "spec.infrastructure.parametersRef";
        diagnostics.warning(field, Reason::UnsupportedValue, idle.as_str());
    }
    let client = object.spec.tls.as_ref().and_then(|tls| tls.backend.as_ref());
    let client = client.and_then(|backend| backend.client_certificate_ref.as_ref());
    let unresolved =
        client.and_then(|reference| certificates::client_fault(reader, name, reference));
    match (&unresolved, client) {
        (Some(Fault { reason, field, message }), _) => {
            diagnostics.error(field.as_str(), *reason, message.as_str());
        }
        (None, Some(_)) => {
            let message = "TLS to backends is not served yet, so the certificate is not shown";
            let field = "spec.tls.backend.clientCertificateRef";
            diagnostics.warning(field, Reason::UnsupportedValue, message);
        }
        (None, None) => {}
    }
    let points = listeners.iter().map(|view| point(name, view, &ir)).collect();
    let offer = Offer { gateway: name.clone(), points };
    let mut accepted = accepted(&refused, &listeners);
    if let Some(idle) = &parameters.idle {
        accepted.message = format!("{}; {idle}", accepted.message);
    }
    let rival = if cluster { reader.rival(name) } else { None };
    let infra = (cluster && rival.is_none())
        .then(|| infra(object, name, &placement, &listeners, &accepted, parameters));
    let provided = match rival {
        Some(holder) => Some(outdone(object, holder, &mut diagnostics)),
        None => infra.as_ref().map(|infra| provided::provided(reader, infra, &placement.wanted)),
    };
    let view = GatewayView {
        generation: object.metadata.generation(),
        accepted,
        resolved: resolved(unresolved, &listeners),
        insecure: certificates::is_insecure(object),
        placement,
        provided,
        listeners,
    };
    let diagnostics = diagnostics.into_list();
    let offer = Some(offer);
    GatewayStep { view: Some(view), offer, ir, infra, released: false, diagnostics }
}

fn ignored(diagnostics: Diagnostics) -> GatewayStep {
    GatewayStep { diagnostics: diagnostics.into_list(), ..GatewayStep::default() }
}

/// The parameters of a Gateway and of its class together.
#[derive(Default)]
struct Shape {
    spec: Option<Arc<EnvoyProxySpec>>,
    /// What the Gateway's own ones have in them without effect; the class is told of its own.
    idle: Option<String>,
}

fn find_parameters(
    reader: &mut Reader<'_>,
    gateway: &Gateway,
    class: Result<Option<&Parameters>, &str>,
) -> Result<Shape, Fault> {
    let fault = |field: &str, message: String| Fault {
        reason: Reason::InvalidParameters,
        field: field.to_owned(),
        message,
    };
    let class = class.map_err(|message| {
        let class = &gateway.spec.gateway_class_name;
        let message = format!("GatewayClass {class} is not accepted: {message}");
        fault("spec.gatewayClassName", message)
    })?;
    let class = class.map(|parameters| &parameters.spec);
    let infrastructure = gateway.spec.infrastructure.as_ref();
    let Some(reference) = infrastructure.and_then(|wanted| wanted.parameters_ref.as_ref()) else {
        return Ok(Shape { spec: class.cloned(), idle: None });
    };
    let reference = parameters::Reference {
        group: &reference.group,
        kind: &reference.kind,
        namespace: Some(&gateway.metadata.namespace),
        name: &reference.name,
    };
    let field = "spec.infrastructure.parametersRef";
    let own = parameters::resolve(reader, &reference).map_err(|message| fault(field, message))?;
    let spec = parameters::combine(class, Some(&own.spec)).map_err(|error| {
        fault(field, format!("it cannot be laid over the parameters of the class: {error}"))
    })?;
    Ok(Shape { spec, idle: own.idle })
}

fn infra(
    gateway: &Gateway,
    name: &NamespacedName,
    placement: &Placement,
    listeners: &[ListenerView],
    accepted: &Finding,
    parameters: Shape,
) -> Infra {
    let served = listeners.iter().filter(|view| view.accepted.holds());
    let ports: BTreeMap<u16, &str> = served
        .filter_map(|view| match view.protocol.as_ref()? {
            Protocol::Http => Some((view.port, "http")),
            Protocol::Https(_) => Some((view.port, "https")),
        })
        .collect();
    let carried = gateway.spec.infrastructure.clone().unwrap_or_default();
    Infra {
        gateway: name.clone(),
        uid: gateway.metadata.uid.clone().unwrap_or_default(),
        class: gateway.spec.gateway_class_name.clone(),
        frozen: !accepted.holds() || ports.is_empty(),
        ports: ports
            .into_iter()
            .map(|(port, protocol)| InfraPort { name: format!("{protocol}-{port}"), port })
            .collect(),
        labels: carried.labels,
        annotations: carried.annotations,
        address: placement.wanted.first().copied(),
        parameters: parameters.spec,
    }
}

/// What there is for a Gateway whose objects would be named as those of another one.
fn outdone(gateway: &Gateway, holder: &NamespacedName, diagnostics: &mut Diagnostics) -> Provided {
    let objects = crate::infra::objects(gateway);
    let message = format!(
        "its proxies would be called {objects}, as those of Gateway {holder} are: give this \
         Gateway another name"
    );
    diagnostics.error("metadata.name", Reason::NoResources, message.as_str());
    let missing = Some(Finding::no(Reason::NoResources, message));
    Provided { missing, ..Provided::default() }
}

/// What is wrong with the Gateway as a whole.
fn refused(parameters: Option<&Fault>, placement: &Placement) -> Vec<Fault> {
    let mut faults: Vec<Fault> = parameters.into_iter().cloned().collect();
    faults.extend(placement.refused.iter().map(|(field, message)| Fault {
        reason: Reason::UnsupportedAddress,
        field: field.clone(),
        message: message.clone(),
    }));
    faults
}

/// The binds and listeners that can be served; fills in where each listener is.
fn build(
    name: &NamespacedName,
    placement: &Placement,
    listeners: &mut [ListenerView],
) -> Vec<(Arc<str>, Resource)> {
    let mut ir: Vec<(Arc<str>, Resource)> = Vec::new();
    let gateway: Arc<str> = name.to_string().into();
    let served = |view: &&mut ListenerView| view.accepted.holds() && view.protocol.is_some();
    for view in listeners.iter_mut().filter(served) {
        let Some(protocol) = view.protocol.clone() else { continue };
        for (place, slot) in placement.slots.iter().enumerate() {
            let socket = (slot.address, view.port);
            if let Some(owner) = placement.taken.get(&socket) {
                view.taken.push(taken(socket, owner));
                continue;
            }
            let bind = Id::<Bind>::new(bind_name(&gateway, socket));
            let value = Bind { gateway: gateway.clone(), address: slot.address, port: view.port };
            ir.push((bind.key().name, Resource::Bind(Arc::new(value))));
            let hostname = view.hostname.clone();
            let value = Listener { bind: bind.clone(), hostname, protocol: protocol.clone() };
            let id = listener_name(&gateway, view, place, slot.address);
            ir.push((id, Resource::Listener(Arc::new(value))));
            view.binds.push(bind);
        }
        if !view.binds.is_empty() {
            let certificates = view.certificates.iter();
            ir.extend(
                certificates
                    .map(|(id, value)| (id.key().name, Resource::Certificate(value.clone()))),
            );
            let trust = view.trust.iter();
            ir.extend(
                trust.map(|(id, value)| (id.key().name, Resource::TrustBundle(value.clone()))),
            );
        }
    }
    let refused = listeners.iter().filter(|view| view.guards && !view.accepted.holds());
    for view in refused {
        guard(&gateway, placement, view, &mut ir);
    }
    ir.sort_by(|a, b| a.0.cmp(&b.0));
    ir.dedup();
    ir
}

/// Keeps the hostname of a refused listener from a less specific one that lacks what it was refused
/// for, such as client certificates or a filter: its requests get 404, its handshakes fail.
fn guard(
    gateway: &Arc<str>,
    placement: &Placement,
    view: &ListenerView,
    ir: &mut Vec<(Arc<str>, Resource)>,
) {
    let protocol = match &view.protocol {
        None => return,
        Some(Protocol::Http) => Protocol::Http,
        Some(Protocol::Https(_)) => {
            Protocol::Https(Tls { certificates: Vec::new(), client_validation: None })
        }
    };
    for (place, slot) in placement.slots.iter().enumerate() {
        let bind = Id::<Bind>::new(bind_name(gateway, (slot.address, view.port)));
        // Where nothing else is served there is nothing to guard, and no socket to open.
        if ir
            .iter()
            .any(|(name, value)| matches!(value, Resource::Bind(_)) && *name == bind.key().name)
        {
            let hostname = view.hostname.clone();
            let value = Listener { bind, hostname, protocol: protocol.clone() };
            let id = listener_name(gateway, view, place, slot.address);
            ir.push((id, Resource::Listener(Arc::new(value))));
        }
    }
}

fn bind_name(gateway: &str, (address, port): (Option<IpAddr>, u16)) -> String {
    match address {
        None => format!("{gateway}/{port}"),
        Some(IpAddr::V4(address)) => format!("{gateway}/{address}:{port}"),
        Some(IpAddr::V6(address)) => format!("{gateway}/[{address}]:{port}"),
    }
}

/// A listener on several addresses stands there several times; the first has the plain name.
fn listener_name(
    gateway: &str,
    view: &ListenerView,
    place: usize,
    address: Option<IpAddr>,
) -> Arc<str> {
    match (place, address) {
        (0, _) => format!("{gateway}/{}", view.name),
        (_, None) => format!("{gateway}/{}@*", view.name),
        (_, Some(address)) => format!("{gateway}/{}@{address}", view.name),
    }
    .into()
}

fn taken((address, port): (Option<IpAddr>, u16), owner: &NamespacedName) -> String {
    let pool = "or run with --address-pool 127.1.0.0/16, which gives each Gateway an address of \
                its own";
    match address {
        None => format!(
            "port {port} on all interfaces is taken by Gateway {owner}, which comes first: give \
             this Gateway an address of its own in spec.addresses, {pool}"
        ),
        Some(address) => format!(
            "{address} port {port} is taken by Gateway {owner}, which comes first: name another \
             address in spec.addresses"
        ),
    }
}

fn point(name: &NamespacedName, view: &ListenerView, ir: &[(Arc<str>, Resource)]) -> Point {
    let plain = format!("{name}/{}", view.name);
    let stands_for = |id: &str| {
        id.strip_prefix(plain.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    };
    let served = ir
        .iter()
        .filter(|(id, resource)| {
            view.accepted.holds() && matches!(resource, Resource::Listener(_)) && stands_for(id)
        })
        .map(|(id, _)| Id::new(id.clone()))
        .collect();
    Point {
        listener: view.name.clone(),
        port: view.port,
        hostname: view.hostname.clone(),
        kinds: view.kinds.clone(),
        from: view.from.clone(),
        served,
    }
}

fn accepted(refused: &[Fault], listeners: &[ListenerView]) -> Finding {
    if let Some(first) = refused.first() {
        return Finding::no(first.reason, sentence(refused));
    }
    let bad: Vec<&str> =
        listeners.iter().filter(|view| !view.accepted.holds()).map(|view| &*view.name).collect();
    let message = || format!("listeners {} are not valid: see their status", bad.join(", "));
    if bad.is_empty() {
        Finding::yes(Reason::Accepted, "the Gateway is valid")
    } else if bad.len() < listeners.len() {
        Finding::yes(Reason::ListenersNotValid, message())
    } else {
        Finding::no(Reason::ListenersNotValid, message())
    }
}

fn resolved(client: Option<Fault>, listeners: &[ListenerView]) -> Finding {
    if let Some(Fault { reason, field, message }) = client {
        return Finding::no(reason, format!("{field}: {message}"));
    }
    let bad: Vec<&str> =
        listeners.iter().filter(|view| !view.resolved.holds()).map(|view| &*view.name).collect();
    match bad.is_empty() {
        true => Finding::yes(Reason::ResolvedRefs, "all references are resolved"),
        false => Finding::no(
            Reason::ListenersNotResolved,
            format!(
                "references of listeners {} are not resolved: see their status",
                bad.join(", ")
            ),
        ),
    }
}

/// What is without effect, and what could not be given.
fn remark(
    gateway: &Gateway,
    cluster: bool,
    placement: &Placement,
    listeners: &[ListenerView],
    diagnostics: &mut Diagnostics,
) {
    for (field, message) in &placement.unassigned {
        diagnostics.error(field.as_str(), Reason::AddressNotAssigned, message.as_str());
    }
    for (index, view) in listeners.iter().enumerate() {
        for message in &view.taken {
            let field = format!("spec.listeners[{index}].port");
            diagnostics.error(field, Reason::AddressNotUsable, message.as_str());
        }
    }
    for field in certificates::unused(gateway) {
        let message = "no HTTPS listener is left for it, so it has no effect";
        diagnostics.warning(field, Reason::UnsupportedValue, message);
    }
    let infrastructure = gateway.spec.infrastructure.as_ref();
    let generated = infrastructure.map(|wanted| (&wanted.labels, &wanted.annotations));
    if let Some((labels, annotations)) = generated.filter(|_| !cluster) {
        for (field, map) in [("labels", labels), ("annotations", annotations)] {
            if !map.is_empty() {
                let message = "without effect: no objects are generated here, so nothing carries \
                               them; whom the Gateway is open to is decided by spec.addresses";
                let field = format!("spec.infrastructure.{field}");
                diagnostics.warning(field, Reason::UnsupportedValue, message);
            }
        }
    }
}

/// Whether a reference is to a Gateway.
pub(crate) fn is_gateway(group: &str, kind: &str) -> bool {
    group == GATEWAY_GROUP && kind == Kind::Gateway.as_str()
}
