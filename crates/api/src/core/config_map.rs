//! ConfigMap: certificates of authorities, and settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::secret::Base64;
use crate::meta::{ObjectMeta, StringMap};

/// Text and bytes by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMap {
    /// Bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub binary_data: BTreeMap<String, Base64>,
    /// Text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: StringMap,
    /// Whether the content is fixed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Name, labels and the like.
    #[serde(default)]
    pub metadata: ObjectMeta,
}
