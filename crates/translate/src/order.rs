//! Who comes first: the older object, then namespace and name (Gateway API, conflict resolution).

use api::meta::{NamespacedName, ObjectMeta};

/// Sorts objects by age. Without a creation time an object is as old as can be, so that among files
/// that give none the names decide.
pub(crate) fn age(metadata: &ObjectMeta) -> (i64, NamespacedName) {
    (created(metadata), metadata.namespaced_name())
}

/// Creation in seconds since 1970, the precision of Kubernetes.
pub(crate) fn created(metadata: &ObjectMeta) -> i64 {
    metadata.creation_timestamp.map_or(0, |time| time.as_second())
}
