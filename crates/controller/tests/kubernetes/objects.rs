//! Objects that come, change, go, and cannot be used.

use api::{kind::Kind, object::Object};
use serde_json::json;

use crate::{
    api_server::{ApiServer, Fault},
    world::{World, key, route, service},
};

#[tokio::test]
async fn everything_is_read_before_it_is_said_to_be() {
    let server = ApiServer::start().await;
    // More than a page.
    for number in 0..1201 {
        server.put(route(&format!("r{number}"), "a.example"));
    }
    server.put(service("web"));
    server.put(json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "lab", "labels": {"team": "x"}, "annotations": {"a": "b"}},
    }));
    let mut world = World::start(server);
    world.until("all is listed", |told| told.listed).await;
    let objects = &world.told.objects;
    assert_eq!(objects.keys().filter(|key| key.kind == Kind::HTTPRoute).count(), 1201);
    assert!(objects.contains_key(&key(Kind::Service, "web")));
    let Some(Object::Namespace(lab)) = objects.get(&key(Kind::Namespace, "lab")) else {
        panic!("{:?}", objects.keys())
    };
    assert_eq!(lab.metadata.labels["team"], "x");
    assert!(lab.metadata.annotations.is_empty(), "nobody reads them");
    world.sync(&[]).await;
    assert!(world.told.problems.is_empty() && world.told.removals.is_empty());
    assert!(world.server.writes().is_empty(), "it only reads");
}

#[tokio::test]
async fn changes_arrive_and_the_live_status_with_them() {
    let server = ApiServer::start().await;
    server.put(route("a", "a.example"));
    let mut world = World::synced(server, &[]).await;
    let a = key(Kind::HTTPRoute, "a");
    let before = world.told.objects[&a].clone();
    world.live.changed().await;
    let status = json!({"addresses": [{"foreign": {"deep": [1, 2]}}]});
    world.server.edit("httproutes", "default", "a", |object| object["status"] = status.clone());
    while world.live.get(&a).is_none_or(|live| live.status() != status) {
        world.live.changed().await;
    }
    // A change of status alone is no change of what is asked for.
    world.server.edit("httproutes", "default", "a", |object| {
        object["spec"]["hostnames"] = json!(["b.example"]);
    });
    world
        .until("the host is another", |told| match told.objects.get(&a) {
            Some(Object::HTTPRoute(route)) => route.spec.hostnames == ["b.example"],
            _ => false,
        })
        .await;
    let Some(Object::HTTPRoute(after)) = world.told.objects.get(&a) else { panic!("gone") };
    assert_eq!(after.metadata.uid, before.metadata().uid);
    assert_eq!(after.metadata.generation, Some(2));
    world.server.remove("httproutes", "default", "a");
    world.until_gone(&a).await;
    assert!(world.live.get(&a).is_none());
}

#[tokio::test]
async fn what_is_spoilt_leaves_its_last_good_version() {
    let server = ApiServer::start().await;
    server.put(route("a", "a.example"));
    server.put(route("born-bad", "not a host"));
    let mut world = World::synced(server, &[]).await;
    world.until_said(&["born-bad", "spec.hostnames[0]"]).await;
    assert!(!world.told.objects.contains_key(&key(Kind::HTTPRoute, "born-bad")));
    let a = key(Kind::HTTPRoute, "a");
    let good = world.told.objects[&a].clone();
    world.server.edit("httproutes", "default", "a", |object| {
        object["spec"] = json!({"hostnames": "many"});
    });
    world.until_said(&["HTTPRoute default/a", "spec.hostnames", "keeps serving"]).await;
    assert_eq!(world.told.objects[&a], good);
    // Listed again, it is no other.
    world.server.expire("httproutes");
    world.server.put(service("marker"));
    world.until_there(&key(Kind::Service, "marker")).await;
    world.server.edit("httproutes", "default", "a", |object| {
        object["spec"] = json!({"hostnames": ["c.example"]});
    });
    world.until("it is mended", |told| !told.says(&["default/a"])).await;
    assert_ne!(world.told.objects[&a], good);
    world.server.remove("httproutes", "default", "born-bad");
    world.until_mended().await;
    assert!(!world.told.removals.contains(&a));
}

#[tokio::test]
async fn a_list_that_is_cut_in_two_removes_nothing() {
    let server = ApiServer::start().await;
    for number in 0..700 {
        server.put(route(&format!("r{number}"), "a.example"));
    }
    let mut world = World::synced(server, &[]).await;
    // The next list breaks behind its first page, some times.
    world.server.fault(Fault::delay(std::time::Duration::from_millis(5)).on("httproutes"));
    world.server.expire("httproutes");
    for _ in 0..5 {
        world.server.cut();
        world.server.expire("httproutes");
    }
    world.server.mend();
    world.server.remove("httproutes", "default", "r0");
    let r0 = key(Kind::HTTPRoute, "r0");
    world.until_gone(&r0).await;
    assert_eq!(world.told.removals, [r0]);
}
