//! What an API server would refuse.

use crate::diagnostic::Reason;
use crate::object::Object;
use crate::path::FieldPath;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field.
    pub field: FieldPath,
    /// A word for machines: why.
    pub reason: Reason,
    /// A sentence for people.
    pub message: String,
}

/// Checks.
pub fn object(_object: &Object, _version: &str) -> Vec<Violation> {
    Vec::new()
}
