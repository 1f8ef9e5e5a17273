//! A test in the place of the event loop: it keeps what the provider tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use api::{
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
    object::Object,
};
use portcullis_controller::{
    Event,
    provider::kubernetes::{LiveObjects, Pace, start},
    report::Problem,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use translate::Installed;

use crate::api_server::ApiServer;

/// A provider that runs, and all it told.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) live: LiveObjects,
    pub(crate) told: Told,
    events: mpsc::Receiver<Event>,
    wanted: watch::Sender<BTreeSet<ObjectKey>>,
}

/// What the provider told so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) objects: BTreeMap<ObjectKey, Object>,
    pub(crate) problems: Vec<Problem>,
    /// How often something was said to be gone.
    pub(crate) removals: Vec<ObjectKey>,
    pub(crate) listed: bool,
    pub(crate) synced: bool,
    pub(crate) installed: Option<Installed>,
}

impl World {
    pub(crate) fn start(server: ApiServer) -> Self {
        Self::start_at(server, PACE)
    }

    pub(crate) fn start_at(server: ApiServer, pace: Pace) -> Self {
        let (tell, events) = mpsc::channel(64);
        let wanted = watch::Sender::default();
        let live = start(server.client(), pace, wanted.subscribe(), tell);
        Self { server, live, told: Told::default(), events, wanted }
    }

    /// Starts, wants these names, and waits until everything is read.
    pub(crate) async fn synced(server: ApiServer, wanted: &[&ObjectKey]) -> Self {
        let mut world = Self::start(server);
        world.sync(wanted).await;
        world
    }

    /// Answers the provider's question and waits until everything is read.
    pub(crate) async fn sync(&mut self, wanted: &[&ObjectKey]) {
        self.until("all is listed", |told| told.listed).await;
        assert!(!self.told.synced, "before anybody said which names are wanted");
        self.want(wanted);
        self.until("all is read", |told| told.synced).await;
    }

    pub(crate) fn want(&self, wanted: &[&ObjectKey]) {
        self.wanted.send_replace(wanted.iter().map(|key| (*key).clone()).collect());
    }

    /// Takes events until a condition holds.
    pub(crate) async fn until(&mut self, what: &str, condition: impl Fn(&Told) -> bool) {
        let wait = async {
            while !condition(&self.told) {
                let event = self.events.recv().await.expect("the provider runs");
                self.told.take(event);
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("it never came that {what}: {:#?}\n{:#?}", self.told, self.server.journal());
        }
    }

    pub(crate) async fn until_there(&mut self, key: &ObjectKey) {
        self.until(&format!("{key} is there"), |told| told.objects.contains_key(key)).await;
    }

    pub(crate) async fn until_gone(&mut self, key: &ObjectKey) {
        self.until(&format!("{key} is gone"), |told| !told.objects.contains_key(key)).await;
    }

    /// Waits for a problem that holds all these words.
    pub(crate) async fn until_said(&mut self, words: &[&str]) {
        self.until(&format!("{words:?} is said"), |told| told.says(words)).await;
    }

    pub(crate) async fn until_mended(&mut self) {
        self.until("nothing is wrong", |told| told.problems.is_empty()).await;
    }
}

impl Told {
    fn take(&mut self, event: Event) {
        match event {
            Event::Objects(changes) => {
                for change in changes {
                    match change.object {
                        Some(object) => {
                            assert_eq!(object.key(), change.key);
                            self.objects.insert(change.key, object);
                        }
                        None => {
                            self.objects.remove(&change.key);
                            self.removals.push(change.key);
                        }
                    }
                }
            }
            Event::ProviderProblems(problems) => self.problems = problems,
            Event::Installed(installed) => {
                assert!(!self.listed || self.installed.is_some(), "a class would be told twice");
                self.installed = Some(installed);
            }
            Event::Synced(true) => self.synced = true,
            Event::Synced(false) => self.listed = true,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn says(&self, words: &[&str]) -> bool {
        let said = |problem: &Problem| {
            let text = problem.to_string();
            words.iter().all(|word| text.contains(word))
        };
        self.problems.iter().any(said)
    }
}

pub(crate) fn key(kind: Kind, name: &str) -> ObjectKey {
    let namespace = if kind.namespaced() { "default" } else { "" };
    ObjectKey { kind, name: NamespacedName::new(namespace, name) }
}

pub(crate) fn route(name: &str, host: &str) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "default"}, "spec": {"hostnames": [host]},
    })
}

pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
        "spec": {"ports": [{"port": 80}]},
    })
}

pub(crate) fn secret(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"},
        "type": "Opaque", "data": {"key": value},
    })
}

/// Everything a hundred times as fast as in earnest.
pub(crate) const PACE: Pace = Pace {
    discovery: Duration::from_millis(20),
    answer: Duration::from_secs(5),
    silence: Duration::from_secs(5),
    steady: Duration::from_millis(30),
    retry: (Duration::from_millis(2), Duration::from_millis(50)),
    refused: Duration::from_millis(100),
    name: Duration::from_millis(200),
};
const PATIENCE: Duration = Duration::from_secs(20);
