//! A whole controller against a scripted API server: which statuses and Events it writes, how
//! often, and which it leaves alone.

#![cfg(test)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use api::meta::NamespacedName;
use portcullis_controller::{Cluster, ClusterOptions};
use serde_json::{Value, json};
use translate::Settings;

#[path = "api_server/api_server.rs"]
mod api_server;

use api_server::{ApiServer, Call};

const OURS: &str = "portcullis.dev/gateway-controller";
const SYSTEM: &str = "portcullis-system";

async fn server() -> ApiServer {
    let server = ApiServer::start().await;
    server.put_yaml(
        "{apiVersion: v1, kind: Namespace, metadata: {name: portcullis-system}}\n---\n\
         {apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: ours}, \
          spec: {controllerName: portcullis.dev/gateway-controller}}\n---\n\
         {apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: theirs}, \
          spec: {controllerName: x.example/y}}\n---\n\
         {apiVersion: v1, kind: Service, metadata: {name: app}, spec: {ports: [{port: 80}]}}",
    );
    server
}

async fn controller(server: &ApiServer, pod: &str) -> Cluster {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = ClusterOptions {
        settings: Settings { controller_name: OURS.into(), ..Settings::cluster() },
        pod: NamespacedName::new(SYSTEM, pod),
        pod_uid: None,
        ip: IpAddr::from(Ipv4Addr::LOCALHOST),
        service: "portcullis".into(),
        stream: loopback,
        probes: loopback,
        image: "portcullis:test".into(),
        pull_policy: "IfNotPresent".into(),
    };
    Cluster::start(options, server.client()).await.unwrap()
}

fn put_gateway(server: &ApiServer, name: &str, class: &str) {
    server.put(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": name},
        "spec": {
            "gatewayClassName": class,
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }));
}

fn put_route(server: &ApiServer, name: &str, parents: &[&str]) {
    let parents: Vec<Value> = parents
        .iter()
        .map(|name| json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name}))
        .collect();
    let status = server.object("httproutes", "default", name).map(|route| route["status"].clone());
    server.put(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {
            "parentRefs": parents, "hostnames": [format!("{name}.example")],
            "rules": [{"backendRefs": [{"name": "app", "port": 80, "group": "", "kind": "Service",
                                        "weight": 1}],
                       "matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}],
        },
        "status": status.unwrap_or(json!({"parents": []})),
    }));
}

/// A condition in the first entry of ours, or in the status itself.
fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let own = object["status"]["parents"]
        .as_array()
        .and_then(|parents| parents.iter().find(|entry| entry["controllerName"] == OURS));
    let conditions = own.unwrap_or(&object["status"])["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == type_)
}

/// Waits until a condition of an object is about its present generation and has this status.
async fn until(server: &ApiServer, resource: &str, name: &str, type_: &str, status: &str) {
    let namespace = if resource == "gatewayclasses" { "" } else { "default" };
    let holds = |server: &ApiServer| {
        let object = server.object(resource, namespace, name).unwrap();
        condition(&object, type_).is_some_and(|condition| {
            condition["status"] == status
                && condition["observedGeneration"] == object["metadata"]["generation"]
        })
    };
    server.until(&format!("{resource} {name}: {type_} is {status}"), holds).await;
}

fn attached(server: &ApiServer) -> i64 {
    let gateway = server.object("gateways", "default", "gw").unwrap();
    gateway["status"]["listeners"][0]["attachedRoutes"].as_i64().unwrap_or(-1)
}

fn writes_of_status(server: &ApiServer) -> Vec<Call> {
    let writes = server.writes().into_iter();
    writes.filter(|call| call.subresource == "status").collect()
}

#[tokio::test]
async fn five_hundred_routes_cost_one_write_each_and_a_resync_none() {
    let server = server().await;
    put_gateway(&server, "gw", "ours");
    let controller = controller(&server, "a").await;
    until(&server, "gateways", "gw", "Accepted", "True").await;
    server
        .until("the Gateway has its Service", |server| server.objects("services").len() == 2)
        .await;
    put_route(&server, "first", &["gw"]);
    until(&server, "httproutes", "first", "Accepted", "True").await;
    server.until("the first one counts", |server| attached(server) == 1).await;
    server.forget();
    for at in 0..500 {
        put_route(&server, &format!("r{at:03}"), &["gw"]);
        // As a client that sends them one after the other: others have their turn in between.
        tokio::task::yield_now().await;
    }
    server.until("all are counted", |server| attached(server) == 501).await;
    for at in 0..500 {
        until(&server, "httproutes", &format!("r{at:03}"), "Accepted", "True").await;
    }
    let writes = writes_of_status(&server);
    let to = |plural: &str| writes.iter().filter(|call| call.resource == plural).count();
    assert!(writes.iter().all(|call| call.code == 200), "no write conflicts");
    assert_eq!(to("httproutes"), 500);
    assert!(to("gateways") <= 10, "{}", to("gateways"));
    assert_eq!(writes.len(), to("httproutes") + to("gateways"));

    // Everything is listed anew; what is written after that tells that it was looked at.
    server.forget();
    for resource in ["gatewayclasses", "gateways", "httproutes", "services"] {
        server.expire(resource);
    }
    server.cut();
    put_route(&server, "zz", &["gw"]);
    until(&server, "httproutes", "zz", "Accepted", "True").await;
    server.until("it counts", |server| attached(server) == 502).await;
    let names: Vec<String> = writes_of_status(&server).into_iter().map(|call| call.name).collect();
    assert!(names.iter().all(|name| name == "zz" || name == "gw"), "{names:?}");
    controller.stop().await;
}

#[tokio::test]
async fn the_next_leader_writes_nothing_that_stands_there() {
    let server = server().await;
    put_gateway(&server, "gw", "ours");
    for name in ["a", "b", "c"] {
        put_route(&server, name, &["gw"]);
    }
    let first = controller(&server, "first").await;
    for name in ["a", "b", "c"] {
        until(&server, "httproutes", name, "Accepted", "True").await;
    }
    server.until("all are counted", |server| attached(server) == 3).await;
    let second = controller(&server, "second").await;
    server.until("the second watches too", |server| server.watches("httproutes") == 2).await;
    server.forget();
    first.stop().await;
    put_route(&server, "d", &["gw"]);
    until(&server, "httproutes", "d", "Accepted", "True").await;
    server.until("it counts", |server| attached(server) == 4).await;
    let routes: Vec<String> = writes_of_status(&server)
        .into_iter()
        .filter(|call| call.resource != "gateways")
        .map(|call| call.name)
        .collect();
    assert_eq!(routes, ["d"]);
    second.stop().await;
}

#[tokio::test]
async fn what_is_others_is_left_alone_and_what_was_ours_goes() {
    let server = server().await;
    put_gateway(&server, "gw", "ours");
    put_gateway(&server, "foreign", "theirs");
    put_route(&server, "both", &["gw", "foreign"]);
    put_route(&server, "foreign-only", &["foreign"]);
    let entry = json!({
        "parentRef": {"name": "foreign"}, "controllerName": "x.example/y",
        "conditions": [{"type": "Odd", "status": "True", "reason": "Odd", "message": "\u{e9}",
                        "lastTransitionTime": "2020-01-01T00:00:00Z", "observedGeneration": 1}],
    });
    let write_foreign = |name: &str| {
        server.edit("httproutes", "default", name, |route| {
            let parents = route["status"]["parents"].as_array_mut().unwrap();
            parents.insert(0, entry.clone());
        });
    };
    let controller = controller(&server, "a").await;
    until(&server, "httproutes", "both", "Accepted", "True").await;
    write_foreign("both");
    write_foreign("foreign-only");
    put_route(&server, "both", &["foreign"]);
    let parents = |server: &ApiServer, name: &str| {
        server.object("httproutes", "default", name).unwrap()["status"]["parents"].clone()
    };
    server
        .until("our entry goes", |server| parents(server, "both").as_array().unwrap().len() == 1)
        .await;
    for name in ["both", "foreign-only"] {
        assert_eq!(parents(&server, name).to_string(), json!([entry]).to_string());
    }
    until(&server, "gatewayclasses", "ours", "Accepted", "True").await;
    let untouched = ["foreign-only", "foreign", "theirs"];
    assert!(writes_of_status(&server).iter().all(|call| !untouched.contains(&&*call.name)));
    let class = server.object("gatewayclasses", "", "ours").unwrap();
    assert!(class["status"]["supportedFeatures"].as_array().is_some_and(|all| all.len() > 5));
    controller.stop().await;
}

#[tokio::test]
async fn an_operator_is_told_of_a_class_that_is_refused() {
    let server = server().await;
    server.put(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
        "metadata": {"name": "odd"},
        "spec": {
            "controllerName": OURS,
            "parametersRef": {"group": "x.example", "kind": "Odd", "name": "odd"},
        },
    }));
    let controller = controller(&server, "a").await;
    until(&server, "gatewayclasses", "odd", "Accepted", "False").await;
    server.until("an Event", |server| !server.objects("events").is_empty()).await;
    let event = server.objects("events").remove(0);
    assert_eq!(
        (&event["regarding"]["name"], &event["reason"]),
        (&json!("odd"), &json!("NotAccepted"))
    );
    assert_eq!(
        (&event["metadata"]["namespace"], &event["type"]),
        (&json!("default"), &json!("Warning"))
    );
    controller.stop().await;
}
