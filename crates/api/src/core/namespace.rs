//! Namespace: its labels decide which routes may attach.

use serde::{Deserialize, Serialize};

use crate::meta::{IgnoredFields, ObjectMeta};

/// A namespace. Its spec and status play no role here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Name and labels.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// Accepted and dropped.
    #[serde(default, skip_serializing)]
    pub spec: IgnoredFields,
    /// Accepted and dropped.
    #[serde(default, skip_serializing)]
    pub status: IgnoredFields,
}
