//! What must be there in a cluster for a Gateway to be served: its share of what `provision` makes.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use api::{
    envoy_proxy::EnvoyProxySpec,
    gateway::Gateway,
    meta::{NamespacedName, StringMap},
    resources::Resources,
};

use serde::{Serialize, Serializer};

use crate::{address, order};

/// The infrastructure of one Gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Infra {
    /// The Gateway, and the namespace of everything that is made for it.
    pub gateway: NamespacedName,
    /// The Gateway's identity, for owner references. Empty when nobody has given it one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The Gateway's class.
    pub class: String,
    /// The ports of the Service, in ascending order: those of listeners that are served.
    pub ports: Vec<InfraPort>,
    /// Labels that the Gateway wants on everything.
    #[serde(skip_serializing_if = "StringMap::is_empty")]
    pub labels: StringMap,
    /// Annotations that the Gateway wants on everything.
    #[serde(skip_serializing_if = "StringMap::is_empty")]
    pub annotations: StringMap,
    /// The address that the Gateway wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Whether the Gateway is not accepted: what is there stays as it is, so that a slip of the
    /// hand does not cost its address, and nothing is made.
    pub frozen: bool,
    /// How everything is shaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "whole")]
    pub parameters: Option<Arc<EnvoyProxySpec>>,
}

fn whole<S: Serializer>(
    parameters: &Option<Arc<EnvoyProxySpec>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    parameters.as_deref().serialize(serializer)
}

/// A port of the Service of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InfraPort {
    /// A name that is unique within the Service and stays while the port does.
    pub name: String,
    /// The number, of the Service as of the pods.
    pub port: u16,
}

impl Infra {
    /// The name of the Service, whose addresses become the Gateway's.
    pub fn service_name(&self) -> String {
        let parameters = self.parameters.as_ref().and_then(|spec| spec.kubernetes());
        let service = parameters.and_then(|objects| objects.envoy_service.as_ref());
        let given = service.and_then(|service| service.name.clone());
        given.filter(|name| !name.is_empty()).unwrap_or_else(|| self.name())
    }

    /// The name of the objects that are made, in the Gateway's namespace.
    pub fn name(&self) -> String {
        name(&self.gateway.name, &self.class)
    }
}

/// `<gateway>-<class>` (GEP-1762), cut to what a Service may be called. A name that does not fit,
/// or could not be that of a Service, ends in a hash of the whole.
fn name(gateway: &str, class: &str) -> String {
    let whole = format!("{gateway}-{class}");
    let plain = whole.replace('.', "-");
    let letter = plain.starts_with(|first: char| first.is_ascii_lowercase());
    if letter && plain == whole && whole.len() <= NAME_MAX {
        return whole;
    }
    let hash = format!("{:010x}", address::hash(&whole) & HASH_MASK);
    let prefix = if letter { "" } else { "gw-" };
    let room = NAME_MAX - prefix.len() - 1 - hash.len();
    let cut = &plain[..plain.len().min(room)];
    format!("{prefix}{}-{hash}", cut.trim_end_matches('-'))
}

/// Gateways whose objects would be named as those of another one, with that one: `a` of class
/// `b-c` and `a-b` of class `c` make one name. Both proxies would be one account, and get what is
/// the other's. Who has a Service of that name keeps it; without one, who comes first gets it.
pub(crate) fn rivals<'a>(
    gateways: impl Iterator<Item = &'a Arc<Gateway>>,
    resources: &Resources,
) -> BTreeMap<NamespacedName, NamespacedName> {
    let mut by_name: BTreeMap<NamespacedName, Vec<&Arc<Gateway>>> = BTreeMap::new();
    for gateway in gateways {
        by_name.entry(objects(gateway)).or_default().push(gateway);
    }
    let mut rivals = BTreeMap::new();
    for (name, mut contenders) in by_name.into_iter().filter(|(_, own)| own.len() > 1) {
        contenders.sort_by_cached_key(|gateway| order::age(&gateway.metadata));
        let service = resources.services.get(&name);
        let owners = service.map(|service| &*service.metadata.owner_references).unwrap_or_default();
        let owns = |gateway: &&&Arc<Gateway>| {
            owners.iter().any(|owner| gateway.metadata.uid.as_deref() == Some(&*owner.uid))
        };
        let Some(holder) = contenders.iter().find(owns).or(contenders.first()) else { continue };
        let holder = holder.metadata.namespaced_name();
        let others = contenders.iter().map(|gateway| gateway.metadata.namespaced_name());
        rivals.extend(others.filter(|other| *other != holder).map(|other| (other, holder.clone())));
    }
    rivals
}

/// Namespace and name of the objects of a Gateway.
pub(crate) fn objects(gateway: &Gateway) -> NamespacedName {
    let own = &gateway.metadata;
    NamespacedName::new(own.namespace.clone(), name(&own.name, &gateway.spec.gateway_class_name))
}

/// A Service has the name of a DNS label.
const NAME_MAX: usize = 63;
/// Ten digits are enough to tell the names of one namespace apart.
const HASH_MASK: u64 = (1 << 40) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_a_service_and_differ() {
        assert_eq!(name("web", "portcullis"), "web-portcullis");
        let long = ["a".repeat(253), "a".repeat(252), "a.b".to_owned(), "a-b".to_owned()];
        let names: Vec<String> = long.iter().map(|gateway| name(gateway, "c")).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(name.len() <= 63 && !name.contains('.'), "{name}");
            assert!(names[..index].iter().all(|other| other != name), "{name}");
        }
        assert_eq!(names[3], "a-b-c");
        assert!(name("1", "c").starts_with("gw-1-c-"), "a Service's name begins with a letter");
    }
}
