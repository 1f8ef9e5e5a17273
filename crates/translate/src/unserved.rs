//! Objects of kinds that are read but not served yet. Each is told so; none is passed over.
//!
//! A route of such a kind finds no listener that takes it. A Service to which a BackendTLSPolicy
//! wants TLS gets no request at all (`backend`), so that nothing goes there in plain text.

use std::collections::BTreeSet;

use api::{
    backend_tls_policy::BackendTLSPolicy,
    condition::{ConditionType, Reason},
    filter::HTTPRequestMirrorFilter,
    kind::{Kind, ObjectKey},
    l4_route::L4RouteRule,
    listener_set::ListenerSetStatus,
    meta::{NamespacedName, ObjectMeta},
    policy::{PolicyAncestorStatus, PolicyStatus},
    reference::{
        BackendObjectReference, LocalPolicyTargetReferenceWithSectionName, ParentReference,
    },
    route::{GatewayDefaultScope, RouteStatus},
};
use ir::Hostname;

use crate::{
    attach::{self, Wish},
    backend,
    diagnostics::{Diagnostic, Diagnostics},
    finding::{Fault, Finding},
    gateway::is_gateway,
    reader::Reader,
    status::{self, ObjectStatus},
};

/// What the step gives.
#[derive(Default)]
pub(crate) struct UnservedStep {
    pub(crate) status: Option<ObjectStatus>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Whether objects of that kind are read, and neither served nor merely referred to.
pub fn is_unserved(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ListenerSet
            | Kind::GRPCRoute
            | Kind::TLSRoute
            | Kind::TCPRoute
            | Kind::UDPRoute
            | Kind::BackendTLSPolicy
            | Kind::XBackend
            | Kind::XBackendTrafficPolicy
            | Kind::XMesh
            | Kind::XTelemetryPolicy
    )
}

/// Tells one object that it is not served.
pub(crate) fn unserved(reader: &mut Reader<'_>, key: &ObjectKey) -> UnservedStep {
    let name = &key.name;
    match key.kind {
        Kind::ListenerSet => listener_set(reader, name),
        Kind::GRPCRoute => grpc_route(reader, name),
        Kind::TLSRoute => {
            let Some(object) = reader.object(|resources| &resources.tls_routes, name) else {
                return UnservedStep::default();
            };
            let spec = &object.spec;
            let request = Request {
                key,
                metadata: &object.metadata,
                parents: &spec.parent_refs,
                defaults: spec.use_default_gateways.as_ref(),
                hostnames: &spec.hostnames,
            };
            request.answer(reader, l4_backends(&spec.rules))
        }
        Kind::TCPRoute => {
            let Some(object) = reader.object(|resources| &resources.tcp_routes, name) else {
                return UnservedStep::default();
            };
            l4(reader, key, &object.metadata, &object.spec)
        }
        Kind::UDPRoute => {
            let Some(object) = reader.object(|resources| &resources.udp_routes, name) else {
                return UnservedStep::default();
            };
            l4(reader, key, &object.metadata, &object.spec)
        }
        Kind::BackendTLSPolicy => backend_tls_policy(reader, name),
        Kind::XBackendTrafficPolicy => traffic_policy(reader, name),
        Kind::XTelemetryPolicy => telemetry_policy(reader, name),
        Kind::XBackend => {
            let there = reader.object(|resources| &resources.x_backends, name).is_some();
            remark(there, key, "XBackends are not served yet: name a Service instead")
        }
        Kind::XMesh => {
            let there = reader.object(|resources| &resources.x_meshes, name).is_some();
            remark(there, key, "meshes are not served")
        }
        _ => UnservedStep::default(),
    }
}

fn remark(there: bool, key: &ObjectKey, message: &str) -> UnservedStep {
    if !there {
        return UnservedStep::default();
    }
    let mut diagnostics = Diagnostics::of(key.kind, &key.name);
    diagnostics.error("kind", Reason::Unsupported, message);
    UnservedStep { status: None, diagnostics: diagnostics.into_list() }
}

fn listener_set(reader: &mut Reader<'_>, name: &NamespacedName) -> UnservedStep {
    let Some(object) = reader.object(|resources| &resources.listener_sets, name) else {
        return UnservedStep::default();
    };
    let message = "ListenerSets are not served yet: move the listeners into the Gateway";
    let mut step =
        remark(true, &ObjectKey { kind: Kind::ListenerSet, name: name.clone() }, message);
    let parent = &object.spec.parent_ref;
    let namespace = parent.namespace.as_deref().unwrap_or(&name.namespace);
    let gateway = NamespacedName::new(namespace, parent.name.as_str());
    if is_gateway(&parent.group, &parent.kind) && reader.offer(&gateway).is_some() {
        let generation = object.metadata.generation();
        let no = |type_| Finding::no(Reason::Invalid, message).condition(type_, generation);
        step.status = Some(ObjectStatus::ListenerSet(ListenerSetStatus {
            conditions: vec![no(ConditionType::Accepted), no(ConditionType::Programmed)],
            listeners: Vec::new(),
        }));
    }
    step
}

fn grpc_route(reader: &mut Reader<'_>, name: &NamespacedName) -> UnservedStep {
    let Some(object) = reader.object(|resources| &resources.grpc_routes, name) else {
        return UnservedStep::default();
    };
    let spec = &object.spec;
    let mut backends = Vec::new();
    for (index, rule) in spec.rules.iter().enumerate() {
        let field = format!("spec.rules[{index}]");
        for (place, reference) in rule.backend_refs.iter().enumerate() {
            backends.push((format!("{field}.backendRefs[{place}]"), &reference.backend_ref.object));
        }
        for (place, filter) in rule.filters.iter().enumerate() {
            if let Some(HTTPRequestMirrorFilter { backend_ref, .. }) = &filter.request_mirror {
                let field = format!("{field}.filters[{place}].requestMirror.backendRef");
                backends.push((field, backend_ref));
            }
        }
    }
    let key = ObjectKey { kind: Kind::GRPCRoute, name: name.clone() };
    let request = Request {
        key: &key,
        metadata: &object.metadata,
        parents: &spec.parent_refs,
        defaults: spec.use_default_gateways.as_ref(),
        hostnames: &spec.hostnames,
    };
    request.answer(reader, backends)
}

fn l4(
    reader: &mut Reader<'_>,
    key: &ObjectKey,
    metadata: &ObjectMeta,
    spec: &api::l4_route::L4RouteSpec,
) -> UnservedStep {
    let request = Request {
        key,
        metadata,
        parents: &spec.parent_refs,
        defaults: spec.use_default_gateways.as_ref(),
        hostnames: &[],
    };
    request.answer(reader, l4_backends(&spec.rules))
}

fn l4_backends(rules: &[L4RouteRule]) -> Vec<(String, &BackendObjectReference)> {
    let mut backends = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        for (place, reference) in rule.backend_refs.iter().enumerate() {
            let field = format!("spec.rules[{index}].backendRefs[{place}]");
            backends.push((field, &reference.object));
        }
    }
    backends
}

/// What a route of a kind that is not served asks for.
struct Request<'r> {
    key: &'r ObjectKey,
    metadata: &'r ObjectMeta,
    parents: &'r [ParentReference],
    defaults: Option<&'r GatewayDefaultScope>,
    hostnames: &'r [String],
}

impl Request<'_> {
    /// Both conditions, as for a route that is served.
    fn answer(
        &self,
        reader: &mut Reader<'_>,
        backends: Vec<(String, &BackendObjectReference)>,
    ) -> UnservedStep {
        let Self { key, metadata, .. } = self;
        let mut diagnostics = Diagnostics::of(key.kind, &key.name);
        let message = format!("{}s are not served yet", key.kind);
        diagnostics.error("kind", Reason::Unsupported, message);
        let hostnames: Vec<Hostname> =
            self.hostnames.iter().filter_map(|text| Hostname::parse(text).ok()).collect();
        let wish = Wish {
            kind: key.kind,
            namespace: &key.name.namespace,
            parents: self.parents,
            default_gateways: Wish::defaults(self.defaults),
            hostnames: &hostnames,
        };
        let attachments = attach::attach(reader, &wish, &mut diagnostics);
        let mut unresolved = Vec::new();
        for (field, reference) in backends {
            let found = backend::resolve(reader, key.kind, &key.name.namespace, reference);
            if let Err(backend::Unresolved { reason, message, .. }) = found {
                unresolved.push(Fault { reason, field, message });
            }
        }
        let generation = metadata.generation();
        let entries = attachments.iter().map(|attachment| {
            let accepted = match &attachment.outcome {
                Err((reason, message)) => Finding::no(*reason, message.as_str()),
                // No listener takes such a kind.
                Ok(_) => Finding::no(Reason::NotAllowedByListeners, "the kind is not served yet"),
            };
            let conditions = vec![
                accepted.condition(ConditionType::Accepted, generation),
                status::route::resolved(&unresolved)
                    .condition(ConditionType::ResolvedRefs, generation),
            ];
            status::route::entry(attachment, conditions, &reader.settings.controller_name)
        });
        let parents: Vec<_> = entries.collect();
        let status = (!parents.is_empty()).then_some(ObjectStatus::Route(RouteStatus { parents }));
        UnservedStep { status, diagnostics: diagnostics.into_list() }
    }
}

fn backend_tls_policy(reader: &mut Reader<'_>, name: &NamespacedName) -> UnservedStep {
    let Some(object) = reader.object(|resources| &resources.backend_tls_policies, name) else {
        return UnservedStep::default();
    };
    let services = services(object)
        .map(|target| NamespacedName::new(name.namespace.clone(), target.name.as_str()))
        .collect();
    let message = "TLS to backends is not served yet: requests to these Services get 500, and \
                   nothing is sent to them in plain text";
    policy(reader, Kind::BackendTLSPolicy, &object.metadata, services, message)
}

/// The Services, or ports of Services, that a policy targets in its namespace.
pub(crate) fn services(
    policy: &BackendTLSPolicy,
) -> impl Iterator<Item = &LocalPolicyTargetReferenceWithSectionName> {
    let targets = policy.spec.target_refs.iter();
    targets.filter(|target| target.group.is_empty() && target.kind == Kind::Service.as_str())
}

fn traffic_policy(reader: &mut Reader<'_>, name: &NamespacedName) -> UnservedStep {
    let Some(object) = reader.object(|resources| &resources.x_backend_traffic_policies, name)
    else {
        return UnservedStep::default();
    };
    let targets = object.spec.target_refs.iter();
    let services = targets
        .filter(|target| target.group.is_empty() && target.kind == Kind::Service.as_str())
        .map(|target| NamespacedName::new(name.namespace.clone(), target.name.as_str()))
        .collect();
    let message = "XBackendTrafficPolicies are not served yet: retries have no budget, and no \
                   client is kept on one endpoint";
    policy(reader, Kind::XBackendTrafficPolicy, &object.metadata, services, message)
}

fn policy(
    reader: &mut Reader<'_>,
    kind: Kind,
    metadata: &ObjectMeta,
    services: Vec<NamespacedName>,
    message: &str,
) -> UnservedStep {
    let gateways: BTreeSet<NamespacedName> =
        services.iter().flat_map(|service| reader.users(service)).cloned().collect();
    told(reader, kind, metadata, gateways, message)
}

fn telemetry_policy(reader: &mut Reader<'_>, name: &NamespacedName) -> UnservedStep {
    let Some(object) = reader.object(|resources| &resources.x_telemetry_policies, name) else {
        return UnservedStep::default();
    };
    let targets = object.spec.target_refs.iter();
    let gateways = targets
        .filter(|target| is_gateway(&target.group, &target.kind))
        .map(|target| NamespacedName::new(name.namespace.clone(), target.name.as_str()))
        .filter(|gateway| reader.offer(gateway).is_some())
        .collect();
    let message = "XTelemetryPolicies are not served yet: nothing is traced";
    told(reader, Kind::XTelemetryPolicy, &object.metadata, gateways, message)
}

/// One entry for each Gateway that the policy would have an effect on, at most as many as a status
/// may hold.
fn told(
    reader: &Reader<'_>,
    kind: Kind,
    metadata: &ObjectMeta,
    gateways: BTreeSet<NamespacedName>,
    message: &str,
) -> UnservedStep {
    let mut step = remark(true, &ObjectKey { kind, name: metadata.namespaced_name() }, message);
    let finding = Finding::no(Reason::Invalid, message);
    let entry = |gateway: NamespacedName| PolicyAncestorStatus {
        ancestor_ref: attach::parent(&gateway),
        conditions: vec![finding.clone().condition(ConditionType::Accepted, metadata.generation())],
        controller_name: reader.settings.controller_name.clone(),
    };
    let ancestors: Vec<_> = gateways.into_iter().take(ANCESTORS_MAX).map(entry).collect();
    step.status =
        (!ancestors.is_empty()).then_some(ObjectStatus::Policy(PolicyStatus { ancestors }));
    step
}

/// Of a policy's status (GEP-713).
const ANCESTORS_MAX: usize = 16;
