//! What every object carries: names, labels, times, selectors.
//!
//! Only the metadata that some part of Portcullis reads is kept; the rest (managed fields and the
//! like) is accepted and dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

pub use jiff::Timestamp;

/// Labels, annotations, selectors and options: string to string, in order.
pub type StringMap = BTreeMap<String, String>;

/// `metadata` of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// Notes for tools; no selection happens by them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: StringMap,
    /// When the object came into being; older objects win conflicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Timestamp>,
    /// Accepted and dropped.
    #[serde(skip_serializing)]
    pub deletion_grace_period_seconds: Option<i64>,
    /// Set while the object waits for its finalizers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Timestamp>,
    /// Who must agree before the object goes away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
    /// Prefix from which a server makes a name; files must give `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate_name: Option<String>,
    /// Counts changes of the wanted state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// What selectors look at.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: StringMap,
    /// Accepted and dropped: who wrote which field.
    #[serde(skip_serializing)]
    pub managed_fields: IgnoredFields,
    /// Name, unique within kind and namespace.
    pub name: Arc<str>,
    /// Namespace; empty for kinds that belong to the whole cluster.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub namespace: Arc<str>,
    /// Objects whose deletion takes this one with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner_references: Vec<OwnerReference>,
    /// Opaque version for optimistic writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// Accepted and dropped: a link that servers no longer fill.
    #[serde(skip_serializing)]
    pub self_link: Option<String>,
    /// Identity that survives neither deletion nor re-creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl ObjectMeta {
    /// The key of this object among those of its kind; it shares the texts of the object.
    pub fn namespaced_name(&self) -> NamespacedName {
        NamespacedName { namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// The generation; zero while nobody has counted.
    pub fn generation(&self) -> i64 {
        self.generation.unwrap_or(0)
    }
}

/// A value of any shape that is accepted and forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "IgnoredAny")]
pub struct IgnoredFields;

impl From<IgnoredAny> for IgnoredFields {
    fn from(_: IgnoredAny) -> Self {
        Self
    }
}

/// An owner of an object, in the same namespace or cluster-wide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    /// Group and version of the owner.
    pub api_version: String,
    /// Whether the owner waits for this object on deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
    /// Whether the owner is the managing controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// Identity of the owner.
    pub uid: String,
}

/// Namespace and name; ordered by namespace, then name, which is the tie-break of the Gateway API.
/// Cheap to clone. The namespace is empty for cluster-wide kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamespacedName {
    /// Namespace, or empty.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl NamespacedName {
    /// Joins a namespace and a name.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// Selects objects by their labels; every part must hold. An empty selector selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Conditions with operators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
    /// Labels that must be there with exactly these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: StringMap,
}

/// One condition of a [`LabelSelector`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelectorRequirement {
    /// The label's key.
    pub key: String,
    /// How key and values relate.
    pub operator: LabelSelectorOperator,
    /// Values for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Operator of a [`LabelSelectorRequirement`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabelSelectorOperator {
    /// The label has one of the values.
    In,
    /// The label is absent or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// A value from a newer release.
    #[serde(untagged)]
    Other(String),
}

impl LabelSelector {
    /// Whether the labels satisfy every part of the selector. An unknown operator selects nothing.
    pub fn matches(&self, labels: &StringMap) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.matches(labels))
    }
}

impl LabelSelectorRequirement {
    fn matches(&self, labels: &StringMap) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            LabelSelectorOperator::In => value.is_some_and(|value| self.values.contains(value)),
            LabelSelectorOperator::NotIn => !value.is_some_and(|value| self.values.contains(value)),
            LabelSelectorOperator::Exists => value.is_some(),
            LabelSelectorOperator::DoesNotExist => value.is_none(),
            LabelSelectorOperator::Other(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(operator: LabelSelectorOperator, values: &[&str]) -> LabelSelector {
        let values = values.iter().map(ToString::to_string).collect();
        let expression = LabelSelectorRequirement { key: "app".into(), operator, values };
        LabelSelector { match_expressions: vec![expression], match_labels: StringMap::new() }
    }

    #[test]
    fn selector_decides() {
        use LabelSelectorOperator::{DoesNotExist, Exists, In, NotIn, Other};
        let web = StringMap::from([("app".to_string(), "web".to_string())]);
        let none = StringMap::new();
        for (selector, with_web, with_none) in [
            (LabelSelector::default(), true, true),
            (LabelSelector { match_labels: web.clone(), ..Default::default() }, true, false),
            (requirement(In, &["web", "api"]), true, false),
            (requirement(In, &["api"]), false, false),
            (requirement(NotIn, &["web"]), false, true),
            (requirement(NotIn, &["api"]), true, true),
            (requirement(Exists, &[]), true, false),
            (requirement(DoesNotExist, &[]), false, true),
            (requirement(Other("Near".into()), &["web"]), false, false),
        ] {
            assert_eq!(selector.matches(&web), with_web, "{selector:?} with app=web");
            assert_eq!(selector.matches(&none), with_none, "{selector:?} without labels");
        }
    }

    #[test]
    fn keys_order_by_namespace_first() {
        assert!(NamespacedName::new("a", "z") < NamespacedName::new("b", "a"));
        assert_eq!(NamespacedName::new("a", "z").to_string(), "a/z");
        assert_eq!(NamespacedName::new("", "z").to_string(), "z");
    }
}
