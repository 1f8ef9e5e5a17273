//! ListenerSet: listeners added to a Gateway by somebody else.

use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::listener::{ListenerEntry, ListenerStatus};
use crate::meta::ObjectMeta;
use crate::reference::ParentGatewayReference;

/// Adds listeners to a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerSet {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ListenerSetSpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ListenerSetStatus>,
}

/// What a [`ListenerSet`] wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetSpec {
    /// The listeners.
    pub listeners: Vec<ListenerEntry>,
    /// The Gateway.
    pub parent_ref: ParentGatewayReference,
}

/// What controllers found about a [`ListenerSet`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListenerSetStatus {
    /// The findings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The findings per listener.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerStatus>,
}
