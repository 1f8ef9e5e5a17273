//! BackendTLSPolicy, and the checks of backends that XBackend shares with it.

use crate::backend_tls_policy::{
    BackendTLSPolicySpec, BackendTLSPolicyValidation, SubjectAltName, SubjectAltNameType,
    WellKnownCACertificatesType,
};
use crate::path::Path;
use crate::reference::LocalPolicyTargetReferenceWithSectionName;
use crate::validate::text::{
    ANNOTATION_VALUE, HOSTNAME, PRECISE_HOSTNAME, SECTION_NAME, URI, WELL_KNOWN_CA,
};
use crate::validate::{Violations, reference};

pub(super) fn check(spec: &BackendTLSPolicySpec, out: &mut Violations) {
    let path = Path::Root.key("spec");
    targets(path.key("targetRefs"), &spec.target_refs, out);
    validation(path.key("validation"), &spec.validation, out);
    let options = path.key("options");
    out.properties(options, spec.options.len(), 0, 16);
    for (key, value) in &spec.options {
        out.text(options.key(key), value, &ANNOTATION_VALUE);
    }
}

fn targets(
    path: Path<'_>,
    targets: &[LocalPolicyTargetReferenceWithSectionName],
    out: &mut Violations,
) {
    out.items(path, targets.len(), 1, 16);
    let (mut uniform, mut unique) = (true, true);
    for (index, target) in targets.iter().enumerate() {
        let LocalPolicyTargetReferenceWithSectionName { group, kind, name, section_name } = target;
        let item = path.index(index);
        reference::object(item, (group, kind, name), None, out);
        out.optional(item.key("sectionName"), section_name.as_ref(), &SECTION_NAME);
        let same = |other: &&LocalPolicyTargetReferenceWithSectionName| {
            other.group == *group && other.kind == *kind && other.name == *name
        };
        for other in targets[..index].iter().filter(same) {
            uniform &= other.section_name.is_some() == section_name.is_some();
            unique &= other.section_name != *section_name;
        }
    }
    let message = "sectionName must be specified when targetRefs refer to the same target twice or \
                   more";
    out.rule(path, uniform, message);
    let message = "sectionName must be unique when targetRefs refer to the same target twice or \
                   more";
    out.rule(path, unique, message);
}

pub(super) fn validation(
    path: Path<'_>,
    validation: &BackendTLSPolicyValidation,
    out: &mut Violations,
) {
    out.text(path.key("hostname"), &validation.hostname, &PRECISE_HOSTNAME);
    let references = validation.ca_certificate_refs.as_deref();
    if let Some(references) = references {
        let path = path.key("caCertificateRefs");
        out.items(path, references.len(), 1, 8);
        for (index, reference) in references.iter().enumerate() {
            reference::local(path.index(index), reference, out);
        }
    }
    let well_known = validation.well_known_ca_certificates.as_ref();
    if let Some(WellKnownCACertificatesType::Other(value)) = well_known {
        out.text(path.key("wellKnownCACertificates"), value, &WELL_KNOWN_CA);
    }
    let one = references.is_some() != well_known.is_some();
    let message = "exactly one of caCertificateRefs and wellKnownCACertificates must be set";
    out.rule(path, one, message);
    let path = path.key("subjectAltNames");
    out.items(path, validation.subject_alt_names.len(), 0, 5);
    for (index, name) in validation.subject_alt_names.iter().enumerate() {
        subject_alt_name(path.index(index), name, out);
    }
}

fn subject_alt_name(path: Path<'_>, name: &SubjectAltName, out: &mut Violations) {
    let SubjectAltName { hostname, type_, uri } = name;
    if let SubjectAltNameType::Other(value) = type_ {
        out.unsupported(path.key("type"), value, &["Hostname", "URI"]);
    }
    out.optional(path.key("hostname"), hostname.as_ref(), &HOSTNAME);
    out.optional(path.key("uri"), uri.as_ref(), &URI);
    for (member, value, named) in [
        ("hostname", hostname, *type_ == SubjectAltNameType::Hostname),
        ("uri", uri, *type_ == SubjectAltNameType::URI),
    ] {
        let there = value.as_ref().is_some_and(|value| !value.is_empty());
        let type_name = if member == "uri" { "URI" } else { "Hostname" };
        if named && !there {
            out.rule(path, false, &format!("must contain {member} if type is {type_name}"));
        } else if there && !named {
            out.rule(path, false, &format!("must not contain {member} if type is not {type_name}"));
        }
    }
}
