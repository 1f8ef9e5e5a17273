//! A server that is away, slow, busy, forgetful, or says no.

use std::time::Duration;

use api::kind::Kind;
use portcullis_controller::provider::kubernetes::Pace;
use serde_json::json;

use crate::{
    api_server::{ApiServer, Fault},
    world::{PACE, World, key, route, service},
};

#[tokio::test]
async fn a_restart_costs_nothing_and_hides_nothing() {
    let server = ApiServer::start().await;
    for name in ["stays", "goes"] {
        server.put(route(name, "a.example"));
    }
    let mut world = World::synced(server, &[]).await;
    world.server.down(true);
    world.until_said(&["the API server cannot be read", "keeps serving"]).await;
    assert!(world.told.removals.is_empty());
    assert!(world.told.problems.len() < 4, "said once: {:#?}", world.told.problems);
    world.server.remove("httproutes", "default", "goes");
    world.server.put(route("new", "b.example"));
    world.server.down(false);
    world.until_there(&key(Kind::HTTPRoute, "new")).await;
    world.until_gone(&key(Kind::HTTPRoute, "goes")).await;
    world.until_mended().await;
    assert!(world.told.objects.contains_key(&key(Kind::HTTPRoute, "stays")));
    assert_eq!(world.told.removals, [key(Kind::HTTPRoute, "goes")]);
}

#[tokio::test]
async fn it_starts_before_the_server_does() {
    let server = ApiServer::start().await;
    server.put(route("a", "a.example"));
    server.down(true);
    let mut world = World::start(server);
    world.until_said(&["cannot be read"]).await;
    assert!(!world.told.listed);
    world.server.down(false);
    world.sync(&[]).await;
    assert!(world.told.objects.contains_key(&key(Kind::HTTPRoute, "a")));
    world.until_mended().await;
}

#[tokio::test]
async fn an_expired_watch_is_a_new_list() {
    let server = ApiServer::start().await;
    for name in ["a", "b"] {
        server.put(route(name, "a.example"));
    }
    let mut world = World::synced(server, &[]).await;
    let lists = |server: &ApiServer| {
        let calls = server.journal();
        calls.iter().filter(|c| c.verb == "list" && c.resource == "httproutes").count()
    };
    let before = lists(&world.server);
    world.server.expire("httproutes");
    world.server.until("it is listed again", |server| lists(server) > before).await;
    world.server.put(route("c", "c.example"));
    world.until_there(&key(Kind::HTTPRoute, "c")).await;
    // Away while history is forgotten.
    world.server.down(true);
    world.server.remove("httproutes", "default", "b");
    world.server.expire("httproutes");
    world.server.down(false);
    world.until_gone(&key(Kind::HTTPRoute, "b")).await;
    assert_eq!(world.told.removals, [key(Kind::HTTPRoute, "b")]);
    // A watch that merely ends goes on where it was.
    let (before, watches) = (lists(&world.server), world.server.journal().len());
    world.server.cut();
    world
        .server
        .until("there is a new watch", |server| {
            let calls = server.journal();
            calls[watches..].iter().any(|c| c.verb == "watch" && c.resource == "httproutes")
        })
        .await;
    assert_eq!(lists(&world.server), before);
}

#[tokio::test]
async fn a_kind_that_is_forbidden_and_serves_nothing_costs_itself_only() {
    let server = ApiServer::start().await;
    let grpc = || {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GRPCRoute",
            "metadata": {"name": "a", "namespace": "default"}, "spec": {},
        })
    };
    server.put(grpc());
    server.put(service("web"));
    server.fault(Fault::forbidden().on("grpcroutes"));
    let mut world = World::synced(server, &[]).await;
    assert!(world.told.objects.contains_key(&key(Kind::Service, "web")));
    let right = "get, list and watch on grpcroutes.gateway.networking.k8s.io";
    world.until_said(&[right, "have no effect"]).await;
    assert_eq!(world.told.problems.len(), 1, "{:#?}", world.told.problems);
    world.server.put(service("more"));
    world.until_there(&key(Kind::Service, "more")).await;
    world.server.mend();
    world.until_there(&key(Kind::GRPCRoute, "a")).await;
    world.until_mended().await;
    // Rights that are taken away take nothing away.
    world.server.fault(Fault::forbidden().on("grpcroutes"));
    world.server.cut();
    world.until_said(&[right, "keeps serving"]).await;
    assert!(world.told.removals.is_empty());
}

#[tokio::test]
async fn a_kind_that_traffic_needs_is_waited_for_however_long_it_is_forbidden() {
    for (plural, answer) in [
        ("gatewayclasses", Fault::forbidden()),
        ("gateways", Fault::refuse(401, "Unauthorized")),
        ("httproutes", Fault::forbidden()),
        ("listenersets", Fault::forbidden()),
        ("referencegrants", Fault::forbidden()),
        ("backendtlspolicies", Fault::forbidden()),
        ("services", Fault::forbidden()),
        ("endpointslices", Fault::forbidden()),
        ("namespaces", Fault::forbidden()),
        ("envoyproxies", Fault::forbidden()),
    ] {
        let server = ApiServer::start().await;
        server.put(route("a", "a.example"));
        server.fault(answer.on(plural));
        let mut world = World::start(server);
        world.until_said(&[plural, "nothing is published, written or removed"]).await;
        let refusals = |server: &ApiServer| {
            let calls = server.journal();
            calls.iter().filter(|c| c.verb == "list" && c.resource == plural).count()
        };
        let before = refusals(&world.server);
        let again = |server: &ApiServer| refusals(server) > before + 2;
        world.server.until("it is asked again and again", again).await;
        world.server.put(route("marker", "a.example"));
        match plural {
            "httproutes" => {}
            _ => world.until_there(&key(Kind::HTTPRoute, "marker")).await,
        }
        assert!(!world.told.listed, "{plural} are taken for none");
        world.server.mend();
        world.sync(&[]).await;
        world.until_mended().await;
        assert!(world.told.objects.contains_key(&key(Kind::HTTPRoute, "a")), "{plural}");
    }
}

#[tokio::test]
async fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
    let server = ApiServer::start().await;
    server.put(route("a", "a.example"));
    server.fault(Fault::too_many(1).verb("list").on("httproutes").times(1));
    server.fault(Fault::internal().verb("list").on("services").times(3));
    let mut world = World::start(server);
    world.until("all is listed", |told| told.listed).await;
    let calls = world.server.journal();
    let lists = |resource: &str| -> Vec<u16> {
        let of = calls.iter().filter(|c| c.verb == "list" && c.resource == resource);
        of.map(|call| call.code).collect()
    };
    assert_eq!(lists("httproutes"), [429, 200], "no attempt before its time");
    assert_eq!(lists("services"), [500, 500, 500, 200]);
    world.sync(&[]).await;
}

#[tokio::test]
async fn a_slow_kind_holds_up_only_what_needs_all() {
    let server = ApiServer::start().await;
    server.put(service("web"));
    let (fault, hold) = Fault::hold();
    server.fault(fault.verb("list").on("httproutes"));
    let mut world = World::start(server);
    world.until_there(&key(Kind::Service, "web")).await;
    world.server.put(service("more"));
    world.until_there(&key(Kind::Service, "more")).await;
    assert!(!world.told.listed);
    world.server.mend();
    hold.release();
    world.sync(&[]).await;
}

#[tokio::test]
async fn silence_ends_a_request() {
    let server = ApiServer::start().await;
    server.put(route("a", "a.example"));
    let (fault, hold) = Fault::hold();
    server.fault(fault.verb("list").on("httproutes"));
    let pace = Pace { answer: Duration::from_millis(100), ..PACE };
    let mut world = World::start_at(server, pace);
    world.until_said(&["it does not answer"]).await;
    world.server.mend();
    world.sync(&[]).await;
    assert!(world.told.objects.contains_key(&key(Kind::HTTPRoute, "a")));
    drop(hold);
    // A watch without a word is taken up again from its place.
    let pace = Pace { silence: Duration::from_millis(100), ..PACE };
    let mut world = World::start_at(world.server, pace);
    world.sync(&[]).await;
    let watches = |server: &ApiServer| {
        let calls = server.journal();
        calls.iter().filter(|c| c.verb == "watch" && c.resource == "httproutes").count()
    };
    let before = watches(&world.server);
    world.server.until("it is watched again", |server| watches(server) > before + 2).await;
    world.server.put(route("b", "b.example"));
    world.until_there(&key(Kind::HTTPRoute, "b")).await;
    assert!(world.told.removals.is_empty());
}
