//! What somebody should mend, or should know to be without effect.

use std::fmt;

use api::{
    condition::Reason,
    diagnostic::Severity,
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
};

/// One thing to tell the author of an object. Ordered by object, then field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagnostic {
    /// The object.
    pub object: ObjectKey,
    /// The field, as `spec.rules[0].backendRefs[1]`.
    pub field: String,
    /// A warning: the object is used, but not as its author may think. An error: it, or a part of
    /// it, is not served.
    pub severity: Severity,
    /// A word for machines, as in conditions.
    pub reason: Reason,
    /// A sentence for people: what is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, field, message, .. } = self;
        write!(f, "{object}: {field}: {message}")
    }
}

/// Diagnostics of one object under way.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    object: ObjectKey,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn of(kind: Kind, name: &NamespacedName) -> Self {
        Self { object: ObjectKey { kind, name: name.clone() }, list: Vec::new() }
    }

    pub(crate) fn error(
        &mut self,
        field: impl Into<String>,
        reason: Reason,
        message: impl Into<String>,
    ) {
        self.push(Severity::Error, field.into(), reason, message.into());
    }

    pub(crate) fn warning(
        &mut self,
        field: impl Into<String>,
        reason: Reason,
        message: impl Into<String>,
    ) {
        self.push(Severity::Warning, field.into(), reason, message.into());
    }

    pub(crate) fn into_list(self) -> Vec<Diagnostic> {
        self.list
    }

    fn push(&mut self, severity: Severity, field: String, reason: Reason, message: String) {
        let object = self.object.clone();
        self.list.push(Diagnostic { object, field, severity, reason, message });
    }
}
