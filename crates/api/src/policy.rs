//! Status of policies.

use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::reference::ParentReference;

/// Status of a policy: one entry per ancestor and controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStatus {
    /// The entries.
    #[serde(default)]
    pub ancestors: Vec<PolicyAncestorStatus>,
}

/// What one controller says about a policy below one ancestor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyAncestorStatus {
    /// The ancestor, as a rule a Gateway.
    pub ancestor_ref: ParentReference,
    /// The findings.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Who says it.
    pub controller_name: String,
}
