//! Kinds that are not there yet, come, go, or are there in an older version only.

use api::kind::Kind;
use serde_json::{Value, json};
use translate::Installed;

use crate::{
    api_server::{ApiServer, Fault, Resource},
    world::{World, key, route, service},
};

const GROUP: &str = "gateway.networking.k8s.io";

fn routes(versions: &'static [&'static str]) -> Resource {
    Resource {
        group: GROUP,
        versions,
        plural: "httproutes",
        kind: "HTTPRoute",
        namespaced: true,
        status: true,
    }
}

#[tokio::test]
async fn crds_come_and_go_while_it_runs() {
    let server = ApiServer::start_without(&[GROUP, "gateway.networking.x-k8s.io"]).await;
    server.put(service("web"));
    let mut world = World::synced(server, &[]).await;
    assert!(world.told.problems.is_empty(), "absent is not wrong: {:?}", world.told.problems);
    world.server.install(routes(&["v1"]));
    world.server.put(route("a", "a.example"));
    let a = key(Kind::HTTPRoute, "a");
    world.until_there(&a).await;
    world.server.put(route("b", "b.example"));
    world.until_there(&key(Kind::HTTPRoute, "b")).await;
    world.server.uninstall("httproutes");
    world.until_gone(&a).await;
    world.until_gone(&key(Kind::HTTPRoute, "b")).await;
    world.until_mended().await;
    world.server.install(routes(&["v1"]));
    world.server.put(route("a", "a.example"));
    world.until_there(&a).await;
    assert!(world.told.objects.contains_key(&key(Kind::Service, "web")));
}

#[tokio::test]
async fn an_older_version_is_read_until_a_newer_one_is_served() {
    let server = ApiServer::start_without(&["httproutes"]).await;
    server.install(routes(&["v1beta1"]));
    let mut old = route("a", "a.example");
    old["apiVersion"] = json!(format!("{GROUP}/v1beta1"));
    server.put(old);
    let a = key(Kind::HTTPRoute, "a");
    let mut world = World::synced(server, &[]).await;
    assert!(world.told.objects.contains_key(&a));
    let versions = |server: &ApiServer| -> Vec<String> {
        let calls = server.journal();
        let lists = calls.iter().filter(|c| c.resource == "httproutes" && c.verb == "watch");
        lists.map(|call| call.version.clone()).collect()
    };
    world.server.until("it is watched", |server| !versions(server).is_empty()).await;
    assert!(versions(&world.server).iter().all(|version| version == "v1beta1"));
    world.server.install(routes(&["v1", "v1beta1"]));
    world.server.until("v1 is watched", |server| versions(server).contains(&"v1".into())).await;
    world.server.put(route("b", "b.example"));
    world.until_there(&key(Kind::HTTPRoute, "b")).await;
    assert!(world.told.removals.is_empty(), "a change of version removes nothing");
}

#[tokio::test]
async fn a_server_that_does_not_know_its_crds_yet_is_not_believed() {
    // As an API server does while it starts: discovery lacks the kind, requests for it get 503.
    let server = ApiServer::start_without(&["httproutes"]).await;
    server.fault(Fault::refuse(503, "ServiceUnavailable").on("httproutes"));
    let mut world = World::start(server);
    world.until_said(&["cannot be read"]).await;
    let looks = |server: &ApiServer| {
        server.journal().iter().filter(|call| call.resource == "httproutes").count()
    };
    world.server.until("it is asked again", |server| looks(server) > 5).await;
    assert!(!world.told.listed, "whoever believes that would stop serving all routes");
    world.server.install(routes(&["v1"]));
    world.server.put(route("a", "a.example"));
    world.server.mend();
    world.sync(&[]).await;
    assert!(world.told.objects.contains_key(&key(Kind::HTTPRoute, "a")));
    // The same while it runs.
    world.server.fault(Fault::refuse(503, "ServiceUnavailable").on("httproutes"));
    world.server.uninstall("httproutes");
    world.server.until("it is asked again", |server| looks(server) > 15).await;
    world.server.put(service("marker"));
    world.until_there(&key(Kind::Service, "marker")).await;
    assert!(world.told.removals.is_empty(), "{:?}", world.told.removals);
}

#[tokio::test]
async fn the_release_of_the_definitions_is_known_before_anything_is_told() {
    const DEFINITIONS: &str = "customresourcedefinitions";
    let definition = |annotations: Value| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {
                "name": "gatewayclasses.gateway.networking.k8s.io", "annotations": annotations,
            },
        })
    };
    let release = |text: &str| Installed::Release(Some(text.to_owned()));
    let marked = json!({"gateway.networking.k8s.io/bundle-version": "v1.8.0"});
    let fault = Fault::forbidden().on(DEFINITIONS);
    for (annotations, fault, expected) in [
        (Some(marked.clone()), None, release("v1.8.0")),
        (Some(marked.clone()), Some(fault.clone().times(2)), release("v1.8.0")),
        (Some(json!({"other": "v1.8.0"})), None, Installed::Release(None)),
        (None, None, Installed::Release(None)),
        (Some(marked), Some(fault), Installed::Unreadable),
    ] {
        let server = ApiServer::start().await;
        if let Some(annotations) = annotations {
            server.put(definition(annotations));
        }
        if let Some(fault) = fault {
            server.fault(fault);
        }
        let world = World::synced(server, &[]).await;
        assert_eq!(world.told.installed, Some(expected));
        assert!(world.told.problems.is_empty(), "{:?}", world.told.problems);
    }
}

#[tokio::test]
async fn a_server_that_refuses_everybody_while_it_starts_is_not_believed_at_once() {
    // Neither its CRDs nor its roles are loaded: the kind is not named, and forbidden.
    let server = ApiServer::start_without(&["httproutes"]).await;
    server.fault(Fault::forbidden().on("httproutes").times(4));
    let mut world = World::start(server);
    let looks = |server: &ApiServer| {
        server.journal().iter().filter(|call| call.resource == "httproutes").count()
    };
    world.server.until("it was asked", |server| looks(server) >= 2).await;
    world.server.install(routes(&["v1"]));
    world.server.put(route("a", "a.example"));
    world.sync(&[]).await;
    assert!(world.told.objects.contains_key(&key(Kind::HTTPRoute, "a")));
    // Where it goes on to refuse, a kind that is not there keeps nothing from starting.
    let server = ApiServer::start_without(&["httproutes"]).await;
    server.fault(Fault::forbidden().on("httproutes"));
    World::synced(server, &[]).await;
}
