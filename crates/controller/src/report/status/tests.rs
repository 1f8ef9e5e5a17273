//! The writer against a scripted API server.

use api::{
    condition::{Condition, ConditionStatus, ConditionType, Reason},
    gateway::GatewayStatus,
    kind::Kind,
    listener::ListenerStatus,
    meta::NamespacedName,
    reference::ParentReference,
    route::{RouteParentStatus, RouteStatus},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::api_server::{ApiServer, Fault};

mod faults;
mod writes;

pub(super) const OURS: &str = "portcullis.dev/gateway-controller";

pub(super) fn accepted(generation: i64, message: &str) -> Condition {
    let (type_, status) = (ConditionType::Accepted, ConditionStatus::True);
    Condition::new(type_, status, Reason::Accepted, message, generation)
}

/// What a route below the Gateway `gw` is told.
pub(super) fn route(generation: i64, message: &str) -> ObjectStatus {
    let (type_, status) = (ConditionType::ResolvedRefs, ConditionStatus::True);
    let resolved = Condition::new(type_, status, Reason::ResolvedRefs, message, generation);
    ObjectStatus::Route(RouteStatus {
        parents: vec![RouteParentStatus {
            conditions: vec![accepted(generation, message), resolved],
            controller_name: OURS.into(),
            parent_ref: ParentReference {
                group: "gateway.networking.k8s.io".into(),
                kind: "Gateway".into(),
                name: "gw".into(),
                namespace: None,
                port: None,
                section_name: None,
            },
        }],
    })
}

/// What the Gateway `gw` is told about its one listener.
fn gateway(attached_routes: i32) -> ObjectStatus {
    ObjectStatus::Gateway(GatewayStatus {
        conditions: vec![accepted(1, "")],
        listeners: vec![ListenerStatus {
            attached_routes,
            conditions: vec![accepted(1, "")],
            name: "http".into(),
            supported_kinds: Vec::new(),
        }],
        ..GatewayStatus::default()
    })
}

/// A writer with everything around it, the test in the place of translation.
struct Stage {
    server: ApiServer,
    wanted: Mailbox<ObjectKey, Option<ObjectStatus>>,
    lead: watch::Sender<Lead>,
    complete: watch::Sender<bool>,
    notices: Notices,
    /// Whether the watch shows what happens.
    watching: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Stage {
    /// A leader that was told all there is to be wanted: nothing yet.
    async fn new() -> Self {
        let server = ApiServer::start().await;
        let live = LiveObjects::default();
        let (wanted, notices) = (Mailbox::default(), Notices::default());
        let lead = watch::Sender::new(Lead::Leader);
        let complete = watch::Sender::new(true);
        let watching = watch::Sender::new(true);
        let writer = StatusWriter {
            client: server.client(),
            controller_name: OURS.into(),
            live: live.clone(),
            wanted: wanted.clone(),
            lead: lead.subscribe(),
            complete: complete.subscribe(),
            notices: notices.clone(),
            metrics: Arc::default(),
        };
        let follow = follow(server.clone(), live, watching.subscribe());
        let tasks = [tokio::spawn(follow), tokio::spawn(writer.run())];
        Self { server, wanted, lead, complete, notices, watching, tasks }
    }

    fn want(&self, kind: Kind, name: &str, status: Option<ObjectStatus>) {
        self.wanted.put(key(kind, name), status);
    }

    fn want_route(&self, name: &str, status: ObjectStatus) {
        self.want(Kind::HTTPRoute, name, Some(status));
    }

    /// Creates a route, or edits it; gives its generation.
    fn put_route(&self, name: &str, spec: Value, parents: Value) -> i64 {
        let object = self.server.put(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": name}, "spec": spec, "status": {"parents": parents},
        }));
        object["metadata"]["generation"].as_i64().unwrap()
    }

    fn put_gateway(&self) {
        self.server.put(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "gw"}, "spec": {},
        }));
    }

    fn parents(&self, name: &str) -> Vec<Value> {
        let route = self.server.object("httproutes", "default", name).unwrap_or_default();
        route["status"]["parents"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until our entry in a route says this.
    async fn until_told(&self, name: &str, message: &str) {
        let said = |parents: Vec<Value>| {
            let own = parents.into_iter().find(|entry| entry["controllerName"] == OURS);
            own.is_some_and(|entry| entry["conditions"][0]["message"] == message)
        };
        let what = format!("route {name} is told {message:?}");
        self.server.until(&what, |_| said(self.parents(name))).await;
    }

    /// Waits until whatever was to be written before this is written: the writer takes objects in
    /// the order of their names.
    async fn until_quiet(&self) {
        let name = format!("zz-{}", self.server.journal().len());
        self.put_route(&name, json!({}), json!([]));
        self.want_route(&name, route(1, "last"));
        self.until_told(&name, "last").await;
    }

    /// Codes of the writes to the status of an object so far.
    fn writes(&self, resource: &str, name: &str) -> Vec<u16> {
        let writes = self.server.writes().into_iter();
        let writes = writes.filter(|call| call.is_status_of(resource) && call.name == name);
        writes.map(|call| call.code).collect()
    }
}

fn key(kind: Kind, name: &str) -> ObjectKey {
    let namespace = if kind.namespaced() { "default" } else { "" };
    ObjectKey { kind, name: NamespacedName::new(namespace, name) }
}

/// Shows what the server holds, as the provider's watches do.
async fn follow(server: ApiServer, live: LiveObjects, mut watching: watch::Receiver<bool>) {
    let kinds = [Kind::GatewayClass, Kind::Gateway, Kind::HTTPRoute, Kind::BackendTLSPolicy];
    let mut changes = server.changes();
    let mut shown: BTreeMap<ObjectKey, Value> = BTreeMap::new();
    loop {
        if watching.wait_for(|watching| *watching).await.is_err() {
            return;
        }
        changes.mark_unchanged();
        let mut now = BTreeMap::new();
        for kind in kinds {
            for object in server.objects(kind.plural()) {
                let key = key(kind, object["metadata"]["name"].as_str().unwrap());
                let version = object["metadata"]["resourceVersion"].clone();
                if shown.get(&key) != Some(&version) {
                    live.put(&key, "v1", object.to_string().as_bytes());
                }
                now.insert(key, version);
            }
        }
        for gone in shown.keys().filter(|key| !now.contains_key(key)) {
            live.remove(gone);
        }
        shown = now;
        if changes.changed().await.is_err() {
            return;
        }
    }
}
