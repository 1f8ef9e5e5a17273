//! What is there of ours: a watch for each kind that we make, and the objects by their Gateway.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
};

use api::{meta::NamespacedName, names::GATEWAY_GROUP};
use futures_util::StreamExt as _;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    core::GroupVersionKind,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Config},
    },
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::render::{ANNOTATION_DIGEST, ANNOTATION_INSTALLATION, LABEL_MANAGED_BY, MANAGED_BY};

/// A kind that is made for Gateways. In the order in which it is made: who needs another comes
/// after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Made {
    ServiceAccount,
    ConfigMap,
    Service,
    Deployment,
    DaemonSet,
    PodDisruptionBudget,
    HorizontalPodAutoscaler,
}

impl Made {
    pub(super) const ALL: [Self; 7] = [
        Self::ServiceAccount,
        Self::ConfigMap,
        Self::Service,
        Self::Deployment,
        Self::DaemonSet,
        Self::PodDisruptionBudget,
        Self::HorizontalPodAutoscaler,
    ];

    /// Group, version, kind and plural.
    const fn facts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::ServiceAccount => ("", "v1", "ServiceAccount", "serviceaccounts"),
            Self::ConfigMap => ("", "v1", "ConfigMap", "configmaps"),
            Self::Service => ("", "v1", "Service", "services"),
            Self::Deployment => ("apps", "v1", "Deployment", "deployments"),
            Self::DaemonSet => ("apps", "v1", "DaemonSet", "daemonsets"),
            Self::PodDisruptionBudget => {
                ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
            }
            Self::HorizontalPodAutoscaler => {
                ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
            }
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        self.facts().2
    }

    pub(super) fn of(object: &Value) -> Option<Self> {
        let kind = object.get("kind")?.as_str()?;
        Self::ALL.into_iter().find(|made| made.as_str() == kind)
    }

    /// Whether it runs pods.
    pub(super) const fn is_workload(self) -> bool {
        matches!(self, Self::Deployment | Self::DaemonSet)
    }

    pub(super) fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = self.facts();
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }
}

/// An object of ours as it is in the cluster.
#[derive(Clone, Debug)]
pub(super) struct Owned {
    pub(super) made: Made,
    pub(super) name: NamespacedName,
    pub(super) uid: String,
    version: String,
    /// The Gateway that it says it belongs to.
    gateway: Option<String>,
    /// What it says, without what the API server keeps for itself.
    pub(super) says: Value,
    /// What the workload's controller says of it.
    status: Value,
    /// What the API server made of what we applied, where it writes it in a way of its own.
    pub(super) settled: Option<Value>,
}

impl Owned {
    pub(super) fn new(made: Made, object: DynamicObject) -> Self {
        let mut data = object.data;
        let status = data.get_mut("status").map(Value::take).unwrap_or_default();
        let owners = object.metadata.owner_references.clone().unwrap_or_default();
        let owner = owners.iter().find(|owner| {
            owner.kind == "Gateway"
                && owner.controller == Some(true)
                && owner
                    .api_version
                    .split_once('/')
                    .is_some_and(|(group, _)| group == GATEWAY_GROUP)
        });
        let mut says = json!({ "metadata": {
            "labels": object.metadata.labels,
            "annotations": object.metadata.annotations,
            "ownerReferences": owners,
        }});
        if let (Some(says), Value::Object(data)) = (says.as_object_mut(), data) {
            says.extend(data.into_iter().filter(|(key, _)| key != "status"));
        }
        Self {
            made,
            gateway: owner.map(|owner| owner.name.clone()),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            version: object.metadata.resource_version.clone().unwrap_or_default(),
            name: NamespacedName::new(
                object.metadata.namespace.unwrap_or_default(),
                object.metadata.name.unwrap_or_default(),
            ),
            says,
            status: if made.is_workload() { status } else { Value::Null },
            settled: None,
        }
    }

    /// Whether it was made for that Gateway. Our label may have been lost since; nobody else makes
    /// a Gateway the controller of an object.
    pub(super) fn is_of(&self, gateway: &NamespacedName) -> bool {
        key(self).as_ref() == Some(gateway)
    }

    /// The digest of what was applied last.
    pub(super) fn digest(&self) -> Option<&str> {
        self.text("annotations", ANNOTATION_DIGEST)
    }

    /// The installation that made it.
    pub(super) fn installation(&self) -> Option<&str> {
        self.text("annotations", ANNOTATION_INSTALLATION)
    }

    fn text(&self, map: &str, key: &str) -> Option<&str> {
        self.says["metadata"][map].get(key)?.as_str()
    }

    /// Whether all its pods are of the latest make and serve.
    pub(super) fn is_rolled_out(&self) -> bool {
        let number = |key: &str| self.status[key].as_u64().unwrap_or_default();
        let (updated, available, wanted) = match self.made {
            Made::DaemonSet => {
                ("updatedNumberScheduled", "numberAvailable", number("desiredNumberScheduled"))
            }
            _ => ("updatedReplicas", "availableReplicas", number("replicas")),
        };
        wanted > 0 && number(updated) == wanted && number(available) == wanted
    }

    /// Why no pod of a workload serves, where its controller knows it.
    pub(super) fn fault(&self) -> Option<String> {
        if self.made != Made::Deployment || self.status["availableReplicas"].as_u64() > Some(0) {
            return None;
        }
        let conditions = self.status["conditions"].as_array()?;
        let failed = |condition: &&Value| {
            let (type_, status) = (&condition["type"], &condition["status"]);
            (type_ == "ReplicaFailure" && status == "True")
                || (type_ == "Progressing" && status == "False")
        };
        let failed = conditions.iter().find(failed)?;
        let message = failed["message"].as_str().unwrap_or_default();
        Some(format!("Deployment {}: {message}", self.name))
    }
}

/// What a watch saw.
#[derive(Debug)]
pub(super) enum Seen {
    /// A list begins.
    Listing(Made),
    /// What is listed.
    Listed(Owned),
    /// The list is complete.
    Complete(Made),
    /// Something is new or changed.
    There(Owned),
    /// Something is gone.
    Gone(Owned),
}

/// All objects of ours.
#[derive(Debug, Default)]
pub(super) struct All {
    by_gateway: BTreeMap<NamespacedName, Vec<Owned>>,
    listing: BTreeMap<Made, Vec<Owned>>,
    complete: BTreeSet<Made>,
}

impl All {
    /// Whether every kind was listed.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.len() == Made::ALL.len()
    }

    /// The Gateways of which something is there.
    pub(super) fn gateways(&self) -> impl Iterator<Item = &NamespacedName> {
        self.by_gateway.keys()
    }

    /// What is there of a Gateway.
    pub(super) fn of(&self, gateway: &NamespacedName) -> &[Owned] {
        self.by_gateway.get(gateway).map_or(&[], Vec::as_slice)
    }

    /// Takes in what was seen; gives the Gateways concerned.
    pub(super) fn take(&mut self, seen: Seen) -> Vec<NamespacedName> {
        match seen {
            Seen::Listing(made) => {
                self.listing.insert(made, Vec::new());
                Vec::new()
            }
            Seen::Listed(owned) => {
                self.listing.entry(owned.made).or_default().push(owned);
                Vec::new()
            }
            Seen::Complete(made) => self.replace(made),
            Seen::There(owned) => self.put(owned).into_iter().collect(),
            Seen::Gone(owned) => {
                let Some(gateway) = key(&owned) else { return Vec::new() };
                self.forget(&gateway, |other| other.made == owned.made && other.name == owned.name);
                vec![gateway]
            }
        }
    }

    fn replace(&mut self, made: Made) -> Vec<NamespacedName> {
        let listed = self.listing.remove(&made).unwrap_or_default();
        let first = self.complete.insert(made);
        let mut touched: Vec<NamespacedName> = Vec::new();
        let names: BTreeSet<&NamespacedName> = listed.iter().map(|owned| &owned.name).collect();
        self.by_gateway.retain(|gateway, there| {
            let before = there.len();
            there.retain(|owned| owned.made != made || names.contains(&owned.name));
            if there.len() != before {
                touched.push(gateway.clone());
            }
            !there.is_empty()
        });
        touched.extend(listed.into_iter().filter_map(|owned| self.put(owned)));
        // Until now nothing was looked at: look at all of it.
        if first && self.is_complete() {
            return self.gateways().cloned().collect();
        }
        touched
    }

    /// Keeps an object, unless a newer state of it is known.
    fn put(&mut self, mut owned: Owned) -> Option<NamespacedName> {
        let gateway = key(&owned)?;
        let there = self.by_gateway.entry(gateway.clone()).or_default();
        let place = there.iter_mut().find(|o| o.made == owned.made && o.name == owned.name);
        match place {
            Some(place) => {
                if place.uid == owned.uid && older(&owned.version, &place.version) {
                    return None;
                }
                // What the API server made of our words holds as long as the words do.
                if owned.settled.is_none() && place.digest() == owned.digest() {
                    owned.settled = place.settled.take();
                }
                *place = owned;
            }
            None => there.push(owned),
        }
        Some(gateway)
    }

    fn forget(&mut self, gateway: &NamespacedName, which: impl Fn(&Owned) -> bool) {
        if let Some(there) = self.by_gateway.get_mut(gateway) {
            there.retain(|owned| !which(owned));
            if there.is_empty() {
                self.by_gateway.remove(gateway);
            }
        }
    }
}

/// The Gateway that an object says it belongs to.
fn key(owned: &Owned) -> Option<NamespacedName> {
    Some(NamespacedName::new(owned.name.namespace.clone(), owned.gateway.clone()?))
}

/// Resource versions of one kind can be compared (KEP-5504).
fn older(version: &str, than: &str) -> bool {
    matches!((version.parse::<u64>(), than.parse::<u64>()), (Ok(one), Ok(other)) if one <= other)
}

/// Watches everything that carries our label, for as long as the tasks live.
pub(super) fn watch(client: &Client) -> (JoinSet<()>, mpsc::Receiver<Seen>) {
    let (sender, receiver) = mpsc::channel(SEEN_MAX);
    let mut tasks = JoinSet::new();
    for made in Made::ALL {
        tasks.spawn(watch_one(client.clone(), made, sender.clone()));
    }
    (tasks, receiver)
}

async fn watch_one(client: Client, made: Made, sender: mpsc::Sender<Seen>) {
    let api: Api<DynamicObject> = Api::all_with(client, &made.resource());
    let config = Config::default().labels(&format!("{LABEL_MANAGED_BY}={MANAGED_BY}"));
    let mut events = pin!(watcher::watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        let seen = match event {
            Ok(watcher::Event::Init) => Seen::Listing(made),
            Ok(watcher::Event::InitApply(object)) => Seen::Listed(Owned::new(made, object)),
            Ok(watcher::Event::InitDone) => Seen::Complete(made),
            Ok(watcher::Event::Apply(object)) => Seen::There(Owned::new(made, object)),
            Ok(watcher::Event::Delete(object)) => Seen::Gone(Owned::new(made, object)),
            Err(error) => {
                tracing::warn!(kind = made.as_str(), "not watched: {error}");
                continue;
            }
        };
        if sender.send(seen).await.is_err() {
            return;
        }
    }
}

/// What watches may be ahead by.
const SEEN_MAX: usize = 256;

#[cfg(test)]
mod tests;
