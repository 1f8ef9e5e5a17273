//! References across namespaces: only with a ReferenceGrant in the namespace that is referred to.

use api::{kind::Kind, meta::NamespacedName};

use crate::reader::Reader;

/// Whether objects of a kind in a namespace may refer to that object.
///
/// It is asked before the object is looked for, so that nobody learns from a status what exists in
/// a foreign namespace.
pub(crate) fn permits(
    reader: &mut Reader<'_>,
    from: Kind,
    from_namespace: &str,
    to: Kind,
    target: &NamespacedName,
) -> bool {
    if *from_namespace == *target.namespace {
        return true;
    }
    reader.grants(&target.namespace).into_iter().any(|grant| {
        let spec = &grant.spec;
        let who = spec.from.iter().any(|who| {
            who.group == from.group()
                && who.kind == from.as_str()
                && who.namespace == from_namespace
        });
        let what = spec.to.iter().any(|what| {
            what.group == to.group()
                && what.kind == to.as_str()
                && what.name.as_deref().is_none_or(|name| *name == *target.name)
        });
        who && what
    })
}

/// The sentence for a reference that is not permitted.
pub(crate) fn refusal(
    from: Kind,
    from_namespace: &str,
    to: Kind,
    target: &NamespacedName,
) -> String {
    format!(
        "{to} {target} is in another namespace and no ReferenceGrant in {} lets {from}s of {} \
         refer to it: add one there",
        target.namespace, from_namespace
    )
}
