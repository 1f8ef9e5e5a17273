//! Metadata: names, labels and annotations. As in Kubernetes, a bad key is reported at the map.

use crate::diagnostic::Reason;
use crate::kind::Kind;
use crate::limits::ANNOTATIONS_BYTES_MAX;
use crate::meta::{ObjectMeta, StringMap};
use crate::object::Object;
use crate::path::Path;
use crate::validate::Violations;
use crate::validate::text::{LABEL_VALUE, is_label, is_qualified_name, is_subdomain};

pub(super) fn check(object: &Object, out: &mut Violations) {
    let path = Path::Root.key("metadata");
    let ObjectMeta { name, namespace, labels, annotations, .. } = object.metadata();
    check_name(object.kind(), name, path.key("name"), out);
    if object.kind().namespaced() && !(namespace.len() <= LABEL_MAX && is_label(namespace)) {
        out.add(path.key("namespace"), Reason::Invalid, NOT_A_LABEL);
    }
    self::labels(path.key("labels"), labels, out);
    check_annotations(path.key("annotations"), annotations, out);
}

/// Labels of an object, or a selector that has to match such labels.
pub(super) fn labels(path: Path<'_>, labels: &StringMap, out: &mut Violations) {
    for (key, value) in labels {
        key_form(path, key, key, out);
        if value.len() > LABEL_VALUE.max || !(LABEL_VALUE.matches)(value) {
            let message = format!(
                "{value:?}: a label value must be at most 63 letters, digits, '-', '_' or '.', \
                 with a letter or digit at both ends"
            );
            out.add(path, Reason::Invalid, message);
        }
    }
}

fn check_name(kind: Kind, name: &str, path: Path<'_>, out: &mut Violations) {
    if name.is_empty() {
        out.add(path, Reason::Required, "required value: name or generateName is required");
        return;
    }
    match kind {
        Kind::Service | Kind::Namespace => {
            if name.len() > LABEL_MAX || !is_label(name) {
                out.add(path, Reason::Invalid, NOT_A_LABEL);
            }
        }
        _ => {
            if name.len() > SUBDOMAIN_MAX || !is_subdomain(name) {
                out.add(path, Reason::Invalid, NOT_A_SUBDOMAIN);
            }
        }
    }
}

fn check_annotations(path: Path<'_>, annotations: &StringMap, out: &mut Violations) {
    for key in annotations.keys() {
        key_form(path, key, &key.to_lowercase(), out);
    }
    let bytes: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > ANNOTATIONS_BYTES_MAX {
        let message = format!("may not be more than {ANNOTATIONS_BYTES_MAX} bytes together");
        out.add(path, Reason::TooLong, message);
    }
}

fn key_form(path: Path<'_>, key: &str, form: &str, out: &mut Violations) {
    if !is_qualified_name(form) {
        let message = format!(
            "{key:?}: a key must be an optional DNS subdomain and '/', then at most 63 letters, \
             digits, '-', '_' or '.', with a letter or digit at both ends"
        );
        out.add(path, Reason::Invalid, message);
    }
}

const LABEL_MAX: usize = 63;
const SUBDOMAIN_MAX: usize = 253;
const NOT_A_LABEL: &str = "a DNS label must be at most 63 lower case letters, digits or '-', with \
                           a letter or digit at both ends (RFC 1123)";
const NOT_A_SUBDOMAIN: &str = "a DNS subdomain must be at most 253 lower case letters, digits, \
                               '-' or '.', with a letter or digit at both ends of every label \
                               (RFC 1123)";
