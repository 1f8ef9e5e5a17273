//! Provision against a scripted API server: it writes what differs and nothing else, whoever edits,
//! refuses, restarts, or had the name before.

#![cfg(test)]

#[path = "../api_server/api_server.rs"]
mod api_server;

mod chart;
mod world;

use portcullis_controller::event_loop::Need;
use serde_json::{Value, json};

use api_server::Fault;
use world::{KINDS, World, infra};

const NAME: &str = "web-portcullis";

#[tokio::test]
async fn a_gateway_gets_what_it_needs_and_looking_again_writes_nothing() {
    let world = World::start().await;
    world.want(infra("web"));
    world.complete("web").await;
    for (resource, _) in KINDS {
        let object = world.object(resource, NAME);
        let owner = &object["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["kind"], &owner["name"]), (&json!("Gateway"), &json!("web")));
        assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/instance"], NAME);
    }
    assert_eq!(world.server.writes().len(), KINDS.len(), "one write for each");

    world.server.forget();
    world.server.cut();
    world.want(infra("web"));
    // Another replica leads from now on, and finds all as it should be.
    let next = world.another();
    next.want(infra("web"));
    next.want(infra("other"));
    next.complete("other").await;
    let writes = world.server.writes();
    let concerns_web = writes.iter().filter(|call| call.name == NAME).count();
    assert_eq!(concerns_web, 0, "{writes:#?}");
}

#[tokio::test]
async fn what_somebody_edits_or_deletes_comes_back_and_what_they_add_stays() {
    let world = World::start().await;
    world.want(infra("web"));
    world.complete("web").await;
    let image =
        |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    world.server.edit("deployments", "ns", NAME, |object| {
        object["metadata"]["labels"]["team"] = "blue".into();
        object["spec"]["replicas"] = 7.into();
        object["spec"]["template"]["spec"]["containers"][0]["image"] = "other".into();
    });
    let right = world::IMAGE;
    world
        .server
        .until("the image is right", |server| {
            server.object("deployments", "ns", NAME).is_some_and(|object| image(&object) == right)
        })
        .await;
    let object = world.object("deployments", NAME);
    assert_eq!(object["metadata"]["labels"]["team"], "blue");
    assert_eq!(object["spec"]["replicas"], 7, "nobody asked for a number");
    let uid = world.object("services", NAME)["metadata"]["uid"].clone();
    world.server.remove("services", "ns", NAME);
    world
        .server
        .until("the Service is back", |server| {
            let object = server.object("services", "ns", NAME);
            object.is_some_and(|object| object["metadata"]["uid"] != uid)
        })
        .await;
}

#[tokio::test]
async fn what_somebody_else_made_is_theirs() {
    let mut world = World::start().await;
    let foreign = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": NAME, "namespace": "ns"},
        "spec": {"ports": [{"port": 1234}]},
    });
    let foreign = world.server.put(foreign);
    world.want(infra("web"));
    let fault = world.fault("web").await.unwrap();
    assert!(fault.contains("Service ns/web-portcullis is there already"), "{fault}");
    assert_eq!(world.object("services", NAME), foreign);
    world.server.remove("services", "ns", NAME);
    world.complete("web").await;
    assert_eq!(world.fault("web").await, None, "mended");
}

#[tokio::test]
async fn only_the_leader_writes() {
    let world = World::start().await;
    world.lead(false);
    world.want(infra("web"));
    let next = world.another();
    next.want(infra("other"));
    next.complete("other").await;
    assert!(world.server.writes().iter().all(|call| call.name == "other-portcullis"));
    next.lead(false);
    world.want(infra("other"));
    world.lead(true);
    world.complete("web").await;
}

#[tokio::test]
async fn what_is_wanted_no_more_goes() {
    let world = World::start().await;
    let mut first = infra("web");
    first.parameters = world::parameters(json!({ "envoyHpa": { "maxReplicas": 3 } }));
    world.want(first);
    world.complete("web").await;
    let autoscalers = "horizontalpodautoscalers";
    world.server.until("it scales", |server| server.objects(autoscalers).len() == 1).await;
    world.want(infra("web"));
    world.server.until("it scales no more", |server| server.objects(autoscalers).is_empty()).await;
    assert_eq!(world.server.objects("deployments").len(), 1);

    world.unwant("web", Need::Nothing);
    world
        .server
        .until("all of it is gone", |server| {
            KINDS.iter().all(|(resource, _)| server.object(resource, "ns", NAME).is_none())
        })
        .await;
}

/// Its EnvoyProxy is invalid, for instance: the proxies serve on, and trust who feeds them.
#[tokio::test]
async fn what_is_frozen_stays_as_it_is_but_for_its_trust() {
    let world = World::start().await;
    world.want(infra("web"));
    world.complete("web").await;
    world.server.forget();
    let mut frozen = infra("web");
    frozen.frozen = true;
    frozen.ports.clear();
    world.want(frozen);
    world.authority("CA and another");
    world
        .server
        .until("the authority is rotated", |server| {
            let object = server.object("configmaps", "ns", NAME);
            object.is_some_and(|object| object["data"]["ca.crt"] == "CA and another")
        })
        .await;
    world.want(infra("other"));
    world.complete("other").await;
    let writes = world.server.writes();
    assert_eq!(writes.iter().filter(|call| call.name == NAME).count(), 1, "{writes:#?}");
    assert_eq!(world.object("services", NAME)["spec"]["ports"][0]["port"], 80);
}

/// The Gateway or its class cannot be read: forbidden, of a form that is not understood, a CRD or
/// the class that was deleted; whether the leader saw that happen or came after it.
#[tokio::test]
async fn what_belongs_to_no_known_gateway_stays_until_it_is_another_s() {
    let world = World::start().await;
    world.want(infra("web"));
    world.complete("web").await;
    world.unwant("web", Need::Unknown);
    world.want(infra("more"));
    world.complete("more").await;
    let next = world.another();
    next.want(infra("other"));
    next.complete("other").await;
    assert_eq!(next.server.objects("deployments").len(), 3, "nobody knows whose they are");
    next.unwant("web", Need::Nothing);
    next.server
        .until("what another controller has now is gone", |server| {
            KINDS.iter().all(|(resource, _)| server.object(resource, "ns", NAME).is_none())
        })
        .await;
    assert_eq!(next.server.objects("deployments").len(), 2);
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_stays_is_told() {
    let mut world = World::start().await;
    world.server.fault(Fault::internal().on("deployments").verb("patch").times(2));
    world.want(infra("web"));
    world.complete("web").await;
    world.server.fault(Fault::forbidden().on("services").verb("patch"));
    world.want(infra("other"));
    let (gateway, fault) = world.next_fault().await;
    assert_eq!(&*gateway.name, "other", "the first one had none worth telling");
    assert!(fault.unwrap().starts_with("Service ns/other-portcullis: "));
    world.server.mend();
    world.complete("other").await;
    assert_eq!(world.next_fault().await.1, None);
}

#[tokio::test]
async fn nothing_is_made_before_there_is_an_authority() {
    let world = World::start_without_authority().await;
    world.want(infra("web"));
    world.authority("CA");
    world.complete("web").await;
    assert_eq!(world.object("configmaps", NAME)["data"]["ca.crt"], "CA");
    world.server.forget();
    world.authority("CA and another");
    world
        .server
        .until("it is rotated", |server| {
            let object = server.object("configmaps", "ns", NAME);
            object.is_some_and(|object| object["data"]["ca.crt"] == "CA and another")
        })
        .await;
    let writes = world.server.writes();
    assert_eq!(writes.len(), 1, "{writes:#?}");
}
