//! XMesh: a service mesh and who runs it. Read so that manifests which hold one are understood.

use serde::{Deserialize, Serialize};

use crate::gateway_class::{GatewayClassSpec, GatewayClassStatus};
use crate::meta::ObjectMeta;

/// A mesh and its controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XMesh {
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GatewayClassSpec,
    /// What controllers found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GatewayClassStatus>,
}
