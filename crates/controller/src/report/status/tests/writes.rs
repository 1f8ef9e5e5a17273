//! Which writes there are, and what stands there after them.

use super::*;

#[tokio::test]
async fn one_write_says_all_and_leaves_the_rest_bit_for_bit() {
    let stage = Stage::new().await;
    let before = json!({"zeta": {"b": [1.0, 2], "a": "\u{e9}\n"}, "controllerName": "a.example/b",
                        "parentRef": {"name": "gw"}, "conditions": [{"type": "Accepted"}]});
    let behind =
        json!({"parentRef": {"sectionName": "s", "name": "gw"}, "controllerName": "c.d/e"});
    // The test's own hand may write what a schema refuses; then it is there all the same.
    stage.put_route("a", json!({}), json!([]));
    stage.server.edit("httproutes.gateway.networking.k8s.io", "default", "a", |route| {
        let mut before = before.clone();
        before["conditions"] = json!([]);
        route["status"]["parents"] = json!([before, behind]);
    });
    let foreign = stage.parents("a");
    stage.want_route("a", route(1, "here"));
    stage.until_told("a", "here").await;
    let parents = stage.parents("a");
    assert_eq!(parents.len(), 3);
    let text = |entries: &[Value]| serde_json::to_string(entries).unwrap();
    assert_eq!(text(&parents[..2]), text(&foreign));
    let writes = stage.server.writes();
    assert_eq!(writes.len(), 1);
    let body = &writes[0].body;
    assert!(body["metadata"]["resourceVersion"].is_string(), "{body}");
    assert_eq!(body["metadata"].as_object().unwrap().len(), 1, "{body}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    assert_eq!(writes[0].content_type, "application/merge-patch+json");
}

#[tokio::test]
async fn what_is_there_already_is_not_written_again() {
    let stage = Stage::new().await;
    stage.put_route("a", json!({}), json!([]));
    stage.want_route("a", route(1, "here"));
    stage.until_told("a", "here").await;
    stage.until_quiet().await;
    stage.server.forget();
    // The same wish, the object seen anew, a label, another leader's start, all of it again.
    stage.want_route("a", route(1, "here"));
    stage.server.edit("httproutes", "default", "a", |route| {
        route["metadata"]["labels"] = json!({"x": "y"});
    });
    stage.until_quiet().await;
    stage.lead.send_replace(Lead::Follower { address: None });
    stage.lead.send_replace(Lead::Leader);
    stage.until_quiet().await;
    assert_eq!(stage.writes("httproutes", "a"), [] as [u16; 0]);
}

#[tokio::test]
async fn the_next_write_need_not_wait_for_the_watch() {
    let stage = Stage::new().await;
    stage.put_route("a", json!({}), json!([]));
    stage.until_quiet().await;
    stage.watching.send_replace(false);
    for message in ["one", "two", "three"] {
        stage.want_route("a", route(1, message));
        stage.until_told("a", message).await;
    }
    stage.watching.send_replace(true);
    stage.until_quiet().await;
    assert_eq!(stage.writes("httproutes", "a"), [200, 200, 200]);
}

#[tokio::test]
async fn only_a_leader_writes_and_a_new_one_writes_all_that_is_missing() {
    let stage = Stage::new().await;
    stage.lead.send_replace(Lead::Unknown);
    let stale = json!([{"controllerName": OURS, "parentRef": {"name": "gone"}, "conditions": []}]);
    stage.put_route("left", json!({}), stale);
    for name in ["a", "b", "c"] {
        stage.put_route(name, json!({}), json!([]));
        stage.want_route(name, route(1, "here"));
    }
    stage.lead.send_replace(Lead::Follower { address: None });
    tokio::task::yield_now().await;
    assert!(stage.server.writes().is_empty());
    stage.lead.send_replace(Lead::Leader);
    for name in ["a", "b", "c"] {
        stage.until_told(name, "here").await;
    }
    stage.server.until("a stale entry goes", |_| stage.parents("left").is_empty()).await;
    stage.until_quiet().await;
    stage.lead.send_replace(Lead::Follower { address: None });
    stage.server.forget();
    stage.want_route("a", route(1, "later"));
    tokio::task::yield_now().await;
    stage.lead.send_replace(Lead::Leader);
    stage.until_told("a", "later").await;
    assert_eq!(stage.writes("httproutes", "a"), [200]);
    assert_eq!(stage.writes("httproutes", "b"), [] as [u16; 0]);
}

#[tokio::test]
async fn entries_of_ours_go_with_our_part_in_the_object() {
    let stage = Stage::new().await;
    let other = json!({"controllerName": "x.y/z", "parentRef": {"name": "o"}, "conditions": []});
    stage.put_route("a", json!({}), json!([other]));
    stage.want_route("a", route(1, "here"));
    stage.until_told("a", "here").await;
    stage.want(Kind::HTTPRoute, "a", None);
    stage.server.until("our entry goes", |_| stage.parents("a").len() == 1).await;
    assert_eq!(stage.parents("a"), [other]);
    // A class or a Gateway is all its controller's; whose it is now says the rest.
    stage.put_gateway();
    stage.want(Kind::Gateway, "gw", Some(gateway(0)));
    let told = |server: &ApiServer| {
        let gateway = server.object("gateways", "default", "gw").unwrap_or_default();
        gateway["status"]["conditions"][0]["type"] == "Accepted"
    };
    stage.server.until("the Gateway is told", told).await;
    stage.want(Kind::Gateway, "gw", None);
    stage.until_quiet().await;
    assert_eq!(stage.writes("gateways", "gw"), [200]);
}

#[tokio::test]
async fn nothing_is_taken_away_before_everything_was_told() {
    let stage = Stage::new().await;
    stage.complete.send_replace(false);
    let stage = restarted(stage);
    let ours = json!([{"controllerName": OURS, "parentRef": {"name": "gw"}, "conditions": []}]);
    stage.put_route("a", json!({}), ours.clone());
    stage.until_quiet().await;
    assert_eq!(stage.parents("a"), ours.as_array().unwrap()[..]);
    stage.complete.send_replace(true);
    stage.server.until("the entry goes", |_| stage.parents("a").is_empty()).await;
}

/// The same world with a writer that knows nothing yet.
fn restarted(mut stage: Stage) -> Stage {
    stage.tasks.iter().for_each(JoinHandle::abort);
    let live = LiveObjects::default();
    let writer = StatusWriter {
        client: stage.server.client(),
        controller_name: OURS.into(),
        live: live.clone(),
        wanted: stage.wanted.clone(),
        lead: stage.lead.subscribe(),
        complete: stage.complete.subscribe(),
        notices: stage.notices.clone(),
        metrics: Arc::default(),
    };
    let follow = follow(stage.server.clone(), live, stage.watching.subscribe());
    stage.tasks = [tokio::spawn(follow), tokio::spawn(writer.run())];
    stage
}

#[tokio::test]
async fn an_older_finding_never_covers_a_newer_one() {
    let stage = Stage::new().await;
    stage.put_route("a", json!({"n": 1}), json!([]));
    let generation = stage.put_route("a", json!({"n": 2}), json!([]));
    stage.want_route("a", route(generation, "newer"));
    stage.until_told("a", "newer").await;
    stage.complete.send_replace(false);
    let stage = restarted(stage);
    stage.server.forget();
    stage.want_route("a", route(generation - 1, "older"));
    stage.until_quiet().await;
    assert_eq!(stage.writes("httproutes", "a"), [] as [u16; 0]);
    // Made anew under the same name: what is known is about the object before it.
    stage.server.remove("httproutes", "default", "a");
    stage.want_route("a", route(generation, "of the old one"));
    stage.put_route("a", json!({"n": 3}), json!([]));
    stage.until_quiet().await;
    assert_eq!(stage.writes("httproutes", "a"), [] as [u16; 0]);
    stage.want_route("a", route(1, "of the new one"));
    stage.until_told("a", "of the new one").await;
}

#[tokio::test]
async fn five_hundred_routes_cost_one_write_each_and_ten_for_their_gateway() {
    let stage = Stage::new().await;
    stage.put_gateway();
    stage.want(Kind::Gateway, "gw", Some(gateway(0)));
    stage.until_quiet().await;
    stage.server.forget();
    for at in 1..=500 {
        let name = format!("r{at:03}");
        stage.put_route(&name, json!({}), json!([]));
        stage.want_route(&name, route(1, "attached"));
        stage.want(Kind::Gateway, "gw", Some(gateway(at)));
        // Routes come one after the other, not as one change.
        tokio::task::yield_now().await;
        if at % 10 == 0 {
            stage.until_told(&name, "attached").await;
        }
    }
    stage
        .server
        .until("all routes are told", |server| {
            let calls = server.writes();
            calls.iter().filter(|call| call.is_status_of("httproutes")).count() >= 500
        })
        .await;
    stage
        .server
        .until("the Gateway counts all", |server| {
            let gateway = server.object("gateways", "default", "gw").unwrap();
            gateway["status"]["listeners"][0]["attachedRoutes"] == 500
        })
        .await;
    let writes = stage.server.writes();
    let to_routes = writes.iter().filter(|call| call.is_status_of("httproutes")).count();
    assert_eq!(to_routes, 500);
    let to_gateway = stage.writes("gateways", "gw");
    assert!(to_gateway.len() <= 10 && to_gateway.iter().all(|code| *code == 200), "{to_gateway:?}");
}

#[tokio::test]
async fn status_goes_to_the_version_that_is_served() {
    let stage = Stage::new().await;
    stage.put_route("a", json!({}), json!([]));
    stage.until_quiet().await;
    stage.watching.send_replace(false);
    let live = LiveObjects::default();
    let object = stage.server.object("httproutes", "default", "a").unwrap();
    live.put(&key(Kind::HTTPRoute, "a"), "v1beta1", object.to_string().as_bytes());
    stage.tasks[1].abort();
    let writer = StatusWriter {
        client: stage.server.client(),
        controller_name: OURS.into(),
        live,
        wanted: stage.wanted.clone(),
        lead: stage.lead.subscribe(),
        complete: stage.complete.subscribe(),
        notices: stage.notices.clone(),
        metrics: Arc::default(),
    };
    let writing = tokio::spawn(writer.run());
    stage.want_route("a", route(1, "beta"));
    stage.until_told("a", "beta").await;
    assert_eq!(stage.server.writes().last().unwrap().version, "v1beta1");
    writing.abort();
}

#[tokio::test]
async fn what_an_older_release_does_not_keep_is_asked_for_once() {
    let stage = Stage::new().await;
    stage.server.prune("gateways", "/status/addresses");
    stage.put_gateway();
    let wanted = |attached: i32| {
        let ObjectStatus::Gateway(mut status) = gateway(attached) else { unreachable!() };
        status.addresses = vec![api::gateway::GatewayStatusAddress {
            routability: None,
            type_: api::gateway::AddressType::IPAddress,
            value: "10.0.0.1".into(),
        }];
        Some(ObjectStatus::Gateway(status))
    };
    stage.want(Kind::Gateway, "gw", wanted(0));
    stage.server.until("a write", |server| !server.writes().is_empty()).await;
    for _ in 0..3 {
        stage.until_quiet().await;
    }
    assert_eq!(stage.writes("gateways", "gw"), [200]);
    stage.want(Kind::Gateway, "gw", wanted(1));
    stage
        .server
        .until("what is new is written", |server| {
            let gateway = server.object("gateways", "default", "gw").unwrap();
            gateway["status"]["listeners"][0]["attachedRoutes"] == 1
        })
        .await;
    for _ in 0..3 {
        stage.until_quiet().await;
    }
    assert_eq!(stage.writes("gateways", "gw"), [200, 200]);
}
