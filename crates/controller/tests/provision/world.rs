//! A scripted API server, and provision at work on it.

use std::{sync::Arc, time::Duration};

use api::meta::{NamespacedName, StringMap};
use portcullis_controller::{
    event_loop::{Event, Need},
    lead::Lead,
    mailbox::Mailbox,
    provision::{Inlets, Install, Provision},
};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use translate::{Infra, InfraPort};

use crate::api_server::ApiServer;

/// What every Gateway gets.
pub(crate) const KINDS: [(&str, &str); 5] = [
    ("serviceaccounts", "ServiceAccount"),
    ("configmaps", "ConfigMap"),
    ("services", "Service"),
    ("deployments", "Deployment"),
    ("poddisruptionbudgets", "PodDisruptionBudget"),
];

pub(crate) const IMAGE: &str = "registry.example/portcullis:1";

/// A replica at work.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    infra: Mailbox<NamespacedName, Need>,
    lead: watch::Sender<Lead>,
    ca: watch::Sender<Arc<str>>,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::on(cluster().await, "CA")
    }

    pub(crate) async fn start_without_authority() -> Self {
        Self::on(cluster().await, "")
    }

    /// The next leader; this one leads no more.
    pub(crate) fn another(&self) -> Self {
        self.lead(false);
        Self::on(self.server.clone(), "CA")
    }

    fn on(server: ApiServer, ca: &str) -> Self {
        let infra = Mailbox::default();
        let lead = watch::Sender::new(Lead::Leader);
        let ca = watch::Sender::new(Arc::from(ca));
        let (sender, events) = mpsc::channel(16);
        let inlets = Inlets { infra: infra.clone(), lead: lead.subscribe(), ca: ca.subscribe() };
        let install = Install {
            image: IMAGE.into(),
            pull_policy: "IfNotPresent".into(),
            stream: "portcullis.portcullis-system.svc.cluster.local:15010".into(),
            audience: "portcullis.dev/proxy".into(),
            installation: "portcullis-system".into(),
            ca: "".into(),
        };
        let task = tokio::spawn(Provision::new(server.client(), install, inlets, sender).run());
        Self { server, infra, lead, ca, events, task }
    }

    pub(crate) fn want(&self, infra: Infra) {
        self.infra.put(infra.gateway.clone(), Need::Infra(Box::new(infra)));
    }

    /// Says that a Gateway needs nothing, or that nobody can tell.
    pub(crate) fn unwant(&self, gateway: &str, need: Need) {
        self.infra.put(NamespacedName::new("ns", gateway), need);
    }

    pub(crate) fn lead(&self, leads: bool) {
        self.lead.send_replace(match leads {
            true => Lead::Leader,
            false => Lead::Follower { address: None },
        });
    }

    pub(crate) fn authority(&self, pem: &str) {
        self.ca.send_replace(Arc::from(pem));
    }

    /// Waits until all of a Gateway's objects are there.
    pub(crate) async fn complete(&self, gateway: &str) {
        let name = format!("{gateway}-portcullis");
        let there = |server: &ApiServer| {
            KINDS.iter().all(|(resource, _)| server.object(resource, "ns", &name).is_some())
        };
        self.server.until("everything is there", there).await;
    }

    pub(crate) fn object(&self, resource: &str, name: &str) -> Value {
        self.server.object(resource, "ns", name).unwrap()
    }

    /// The next thing that is told of any Gateway.
    pub(crate) async fn next_fault(&mut self) -> (NamespacedName, Option<String>) {
        let wait = tokio::time::timeout(Duration::from_secs(20), self.events.recv());
        match wait.await.unwrap() {
            Some(Event::Faults(faults)) => faults.into_iter().next().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The next thing that is told, which is about that Gateway.
    pub(crate) async fn fault(&mut self, gateway: &str) -> Option<String> {
        let (of, fault) = self.next_fault().await;
        assert_eq!(&*of.name, gateway);
        fault
    }
}

async fn cluster() -> ApiServer {
    let server = ApiServer::start().await;
    server.put(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"} }));
    server
}

pub(crate) fn infra(gateway: &str) -> Infra {
    Infra {
        gateway: NamespacedName::new("ns", gateway),
        uid: format!("uid-of-{gateway}"),
        class: "portcullis".into(),
        ports: vec![InfraPort { name: "http".into(), port: 80 }],
        labels: StringMap::new(),
        annotations: StringMap::new(),
        address: None,
        frozen: false,
        parameters: None,
    }
}

/// Settings of the Kubernetes provider.
pub(crate) fn parameters(kubernetes: Value) -> Option<Arc<api::envoy_proxy::EnvoyProxySpec>> {
    let spec = json!({ "provider": { "type": "Kubernetes", "kubernetes": kubernetes } });
    Some(Arc::new(serde_json::from_value(spec).unwrap()))
}
