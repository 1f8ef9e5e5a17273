//! Which kinds there are, and in which versions: asked again and again, since CRDs come and go.
//!
//! One request answers for all groups, and while nothing changes its answer is a `304` without a
//! body: that costs less than a watch of all CRDs, needs no right that an identity does not have
//! anyway, and says what is served, not what is declared.

use std::collections::BTreeMap;

use api::kind::Kind;
use serde::Deserialize;

use super::{
    fault::Fault,
    request::{Server, Target},
};

/// The versions that we ask for, by kind. Kinds that are not served are not in it.
pub(crate) type Served = BTreeMap<Kind, Target>;

/// What was last heard.
#[derive(Default)]
pub(crate) struct Discovery {
    tag: Option<String>,
    served: Served,
}

impl Discovery {
    /// Asks which kinds there are now.
    ///
    /// # Errors
    /// The server did not say.
    pub(crate) async fn look(&mut self, server: &Server) -> Result<&Served, Fault> {
        let newer = server.get_newer(PATH, ACCEPT, self.tag.as_deref()).await?;
        if let Some((tag, body)) = newer {
            let groups: Groups =
                serde_json::from_slice(&body).map_err(|error| Fault::malformed(&error))?;
            self.served = served(&groups);
            self.tag = tag;
        }
        Ok(&self.served)
    }
}

/// Whether the server really has no such kind. One that has just started does not yet tell of the
/// kinds that come from CRDs; but it does not deny them either.
///
/// # Errors
/// The server did not say; or it refuses to, which it does as well before it has read its roles.
pub(crate) async fn is_absent(server: &Server, kind: Kind) -> Result<bool, Fault> {
    let mut refused = None;
    for version in kind.versions() {
        match server.list(Target::new(kind, version), None).await {
            Err(Fault::Absent) => {}
            Err(fault @ Fault::Refused(_)) => refused = Some(fault),
            Err(fault) => return Err(fault),
            Ok(_) => return Ok(false),
        }
    }
    refused.map_or(Ok(true), Err)
}

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    metadata: Named,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    resource: String,
}

fn served(groups: &Groups) -> Served {
    let version = |kind: Kind| {
        if kind.group().is_empty() {
            return kind.versions().first().copied();
        }
        let group = groups.items.iter().find(|group| group.metadata.name == kind.group())?;
        let serves = |version: &&&'static str| {
            let known = group.versions.iter().find(|served| served.version == ***version);
            known.is_some_and(|known| known.resources.iter().any(|it| it.resource == kind.plural()))
        };
        kind.versions().iter().find(serves).copied()
    };
    let target = |kind| Some((kind, Target::new(kind, version(kind)?)));
    Kind::ALL.into_iter().filter_map(target).collect()
}

const PATH: &str = "/apis";
/// Since Kubernetes 1.30, and before that the same thing under its earlier name.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_is_served_is_read() {
        let of = |versions: &str| {
            let json = format!(
                r#"{{"items": [{{"metadata": {{"name": "gateway.networking.k8s.io"}},
                    "versions": [{versions}]}}]}}"#
            );
            served(&serde_json::from_str(&json).unwrap())
        };
        let version = |name: &str, resources: &str| {
            format!(r#"{{"version": "{name}", "resources": [{resources}]}}"#)
        };
        let gateways = r#"{"resource": "gateways"}"#;
        let both = of(&[version("v1beta1", gateways), version("v1", gateways)].join(","));
        assert_eq!(both[&Kind::Gateway].version, "v1");
        let older = of(&[version("v1", ""), version("v1beta1", gateways)].join(","));
        assert_eq!(older[&Kind::Gateway].version, "v1beta1");
        assert!(!older.contains_key(&Kind::HTTPRoute) && older.contains_key(&Kind::Secret));
    }
}
