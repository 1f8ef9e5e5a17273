//! Workshop 1: what users asked for becomes what a proxy must do, and what users are told.
//!
//! [`translate`] is a pure function and the definition of everything here. It cannot fail: a
//! mistake becomes a condition and a [`Diagnostic`] that name the field and say what to do, and
//! spoils only what it stands in. [`Translator`] gives the same output and reruns only what an edit
//! touches.
//!
//! Absent on purpose: I/O, clocks, randomness, and requests (those are the router's).

mod address;
mod attach;
mod backend;
mod certificates;
mod class;
mod diagnostics;
mod filter;
mod finding;
mod gateway;
mod grants;
mod infra;
mod listener;
mod observations;
mod order;
mod parameters;
mod provided;
mod reader;
mod route;
mod rule;
mod settings;
mod sorted;
mod status;
mod translator;
mod unserved;

use std::collections::{BTreeMap, BTreeSet};

use api::{kind::ObjectKey, meta::NamespacedName, resources::Resources};
use ir::Snapshot;

pub use diagnostics::Diagnostic;
pub use infra::{Infra, InfraPort};
pub use observations::{Contents, Installed, Observations, Published, Served};
pub use settings::{Mode, Settings};
pub use status::{ObjectStatus, Status};
pub use translator::{Step, Translator};
pub use unserved::is_unserved;

/// What becomes of the resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// What proxies must do.
    pub ir: Snapshot,
    /// What each object is told.
    pub status: Status,
    /// Every mistake and everything that is not served, in order of the objects.
    pub diagnostics: BTreeSet<Diagnostic>,
    /// What must be there in a cluster, by Gateway.
    pub infra: BTreeMap<NamespacedName, Infra>,
    /// Gateways of a cluster whose class is there and another controller's: nothing of ours needs
    /// to be there for them. Of one that is in neither nothing is known, or others have its names.
    pub released: BTreeSet<NamespacedName>,
    /// Our Gateways, and what this output holds of each.
    pub gateways: Published,
}

impl Output {
    /// What a proxy has that has taken in this output; see [`Observations::gateway`].
    pub fn published(&self) -> Published {
        self.gateways.clone()
    }
}

/// Translates everything from nothing.
pub fn translate(
    resources: &Resources,
    observations: &Observations,
    settings: &Settings,
) -> Output {
    let everything: BTreeSet<ObjectKey> = resources.objects().map(|object| object.key()).collect();
    let mut translator = Translator::new(settings.clone());
    translator.update(resources, observations, &everything);
    translator.into_output()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_once_a_proxy_answers_there() {
        let manifest = api::manifest::parse(
            "gw.yaml",
            "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw}, \
             spec: {gatewayClassName: x, listeners: [{name: http, port: 80, protocol: HTTP}]}}",
        );
        let mut resources = Resources::default();
        for object in manifest.objects {
            resources.apply(object.value);
        }
        let addresses = |observations: &Observations| {
            let output = translate(&resources, observations, &Settings::default());
            match output.status.iter().next() {
                Some((_, ObjectStatus::Gateway(status))) => status.addresses.len(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(addresses(&Observations::default()), 0);
        assert_eq!(addresses(&Observations::all_open()), 1);
    }
}
