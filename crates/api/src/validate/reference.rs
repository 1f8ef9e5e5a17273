//! References of every kind, and ReferenceGrants.

use crate::names::{CERTIFICATES_GROUP, CORE_GROUP, GATEWAY_EXPERIMENTAL_GROUP};
use crate::path::Path;
use crate::reference::{
    BackendObjectReference, LocalObjectReference, ObjectReference, ParentGatewayReference,
    ParentReference, SecretObjectReference,
};
use crate::reference_grant::{ReferenceGrantFrom, ReferenceGrantSpec, ReferenceGrantTo};
use crate::validate::Violations;
use crate::validate::text::{GROUP, KIND, NAMESPACE, OBJECT_NAME, SECTION_NAME};

pub(super) fn parent(path: Path<'_>, reference: &ParentReference, out: &mut Violations) {
    let ParentReference { group, kind, name, namespace, port: _, section_name } = reference;
    object(path, (group, kind, name), namespace.as_ref(), out);
    out.optional(path.key("sectionName"), section_name.as_ref(), &SECTION_NAME);
}

pub(super) fn parent_gateway(
    path: Path<'_>,
    reference: &ParentGatewayReference,
    out: &mut Violations,
) {
    let ParentGatewayReference { group, kind, name, namespace } = reference;
    object(path, (group, kind, name), namespace.as_ref(), out);
}

pub(super) fn backend(path: Path<'_>, reference: &BackendObjectReference, out: &mut Violations) {
    let BackendObjectReference { group, kind, name, namespace, port } = reference;
    object(path, (group, kind, name), namespace.as_ref(), out);
    let is_service = group == CORE_GROUP && kind == "Service";
    out.rule(path, !is_service || port.is_some(), "a Service reference must have a port");
    let is_backend = group == GATEWAY_EXPERIMENTAL_GROUP && kind == "XBackend";
    out.rule(path, !is_backend || port.is_none(), "an XBackend reference must not have a port");
}

pub(super) fn secret(path: Path<'_>, reference: &SecretObjectReference, out: &mut Violations) {
    let SecretObjectReference { group, kind, name, namespace } = reference;
    object(path, (group, kind, name), namespace.as_ref(), out);
}

pub(super) fn any(path: Path<'_>, reference: &ObjectReference, out: &mut Violations) {
    let ObjectReference { group, kind, name, namespace } = reference;
    object(path, (group, kind, name), namespace.as_ref(), out);
}

pub(super) fn local(path: Path<'_>, reference: &LocalObjectReference, out: &mut Violations) {
    let LocalObjectReference { group, kind, name } = reference;
    object(path, (group, kind, name), None, out);
}

/// References to certificate authorities that may be in another namespace. A ClusterTrustBundle
/// has none.
pub(super) fn authorities(path: Path<'_>, list: &[ObjectReference], out: &mut Violations) {
    out.items(path, list.len(), 1, 16);
    let bundle = |reference: &ObjectReference| {
        reference.group == CERTIFICATES_GROUP && reference.kind == "ClusterTrustBundle"
    };
    let holds = !list.iter().any(|item| bundle(item) && item.namespace.is_some());
    out.rule(path, holds, "a ClusterTrustBundle reference must not have a namespace");
    for (index, reference) in list.iter().enumerate() {
        any(path.index(index), reference, out);
    }
}

pub(super) fn object(
    path: Path<'_>,
    (group, kind, name): (&str, &str, &str),
    namespace: Option<&String>,
    out: &mut Violations,
) {
    out.text(path.key("group"), group, &GROUP);
    out.text(path.key("kind"), kind, &KIND);
    out.text(path.key("name"), name, &OBJECT_NAME);
    out.optional(path.key("namespace"), namespace, &NAMESPACE);
}

pub(super) fn grant(spec: &ReferenceGrantSpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    let (from, to) = (path.key("from"), path.key("to"));
    out.items(from, spec.from.len(), 1, 16);
    for (index, ReferenceGrantFrom { group, kind, namespace }) in spec.from.iter().enumerate() {
        let path = from.index(index);
        out.text(path.key("group"), group, &GROUP);
        out.text(path.key("kind"), kind, &KIND);
        out.text(path.key("namespace"), namespace, &NAMESPACE);
    }
    out.items(to, spec.to.len(), 1, 16);
    for (index, ReferenceGrantTo { group, kind, name }) in spec.to.iter().enumerate() {
        let path = to.index(index);
        out.text(path.key("group"), group, &GROUP);
        out.text(path.key("kind"), kind, &KIND);
        out.optional(path.key("name"), name.as_ref(), &OBJECT_NAME);
    }
}
