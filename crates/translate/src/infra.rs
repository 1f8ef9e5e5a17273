//! What must be there in a cluster for a Gateway to be served: its share of what `provision` makes.

use std::{net::IpAddr, sync::Arc};

use api::{
    envoy_proxy::EnvoyProxySpec,
    meta::{NamespacedName, StringMap},
};

use serde::{Serialize, Serializer};

use crate::address;

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

    /// The name of the objects that are made, in the Gateway's namespace: `<gateway>-<class>`
    /// (GEP-1762), cut to what a Service may be called. A name that does not fit, or could not be
    /// that of a Service, ends in a hash of the whole.
    pub fn name(&self) -> String {
        let whole = format!("{}-{}", self.gateway.name, self.class);
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
}

/// A Service has the name of a DNS label.
const NAME_MAX: usize = 63;
/// Ten digits are enough to tell the names of one namespace apart.
const HASH_MASK: u64 = (1 << 40) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(gateway: &str, class: &str) -> String {
        let infra = Infra {
            gateway: NamespacedName::new("ns", gateway),
            uid: String::new(),
            class: class.to_owned(),
            ports: Vec::new(),
            labels: StringMap::new(),
            annotations: StringMap::new(),
            address: None,
            frozen: false,
            parameters: None,
        };
        infra.name()
    }

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
