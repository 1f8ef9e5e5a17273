//! Whole controllers on a scripted API server, with the test in the place of the proxies.

use std::time::Duration;

use ir::Ack;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::{
    api_server::{ApiServer, Call, Fault},
    publish::hub::{Subscriber, Subscription},
};

async fn start(server: &ApiServer, pod: &str) -> Cluster {
    start_at(server, pod, ([127, 0, 0, 1], 0).into()).await
}

async fn start_at(server: &ApiServer, pod: &str, stream: SocketAddr) -> Cluster {
    let options = ClusterOptions {
        settings: Settings::cluster(),
        pod: NamespacedName::new("portcullis-system", pod),
        pod_uid: None,
        ip: [127, 0, 0, 1].into(),
        service: "portcullis".to_owned(),
        stream,
        probes: ([127, 0, 0, 1], 0).into(),
        image: "localhost/portcullis:test".to_owned(),
        pull_policy: "IfNotPresent".to_owned(),
    };
    Cluster::start(options, server.client()).await.unwrap()
}

/// A cluster in which the Gateway's Service has got its address already, or will get it.
async fn server() -> ApiServer {
    let server = ApiServer::start().await;
    for name in ["portcullis-system", "ns"] {
        server.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    }
    server.put_yaml(MANIFESTS);
    server
}

/// Plays the load balancer, and a proxy that serves whatever it is told.
async fn serve(server: &ApiServer, cluster: &Cluster) -> Serving {
    server.until("there is a Service", |s| s.object("services", "ns", GATEWAY).is_some()).await;
    server.edit("services", "ns", GATEWAY, |service| {
        service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}});
    });
    let gateway = Some(NamespacedName::new("ns", "gw"));
    let subscription = cluster.hub.subscribe(Subscriber { gateway, pod: "proxy".into() });
    Serving(tokio::spawn(answer(subscription)))
}

struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn answer(mut subscription: Subscription) {
    while let Some(batch) = subscription.next().await {
        subscription.answered(Ack { revision: batch.revision, ..Ack::default() });
    }
}

/// Whether an object's condition is true for its generation.
fn holds(object: Option<Value>, type_: &str) -> bool {
    let Some(object) = object else { return false };
    let of_parents = object["status"]["parents"][0]["conditions"].as_array();
    let conditions = object["status"]["conditions"].as_array().or(of_parents);
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == type_
            && condition["status"] == "True"
            && condition["observedGeneration"] == object["metadata"]["generation"]
    })
}

async fn programmed(server: &ApiServer) {
    let gateway = |s: &ApiServer| s.object("gateways", "ns", "gw");
    server.until("the Gateway is programmed", |s| holds(gateway(s), "Programmed")).await;
}

/// Another route; by what is written about it everything before it was looked at.
async fn add_route(server: &ApiServer, name: &str) {
    server.put_yaml(&ROUTE.replace("name: route", &format!("name: {name}")));
    let accepted = |s: &ApiServer| holds(s.object("httproutes", "ns", name), "Accepted");
    server.until("the route is accepted", accepted).await;
    let counted = |s: &ApiServer| {
        let gateway = s.object("gateways", "ns", "gw").unwrap();
        gateway["status"]["listeners"][0]["attachedRoutes"] == s.objects("httproutes").len()
    };
    server.until("the route is counted", counted).await;
}

/// What was written, but for the Lease.
fn writes(server: &ApiServer) -> Vec<Call> {
    server.writes().into_iter().filter(|call| call.resource != "leases").collect()
}

fn names(calls: &[Call]) -> Vec<String> {
    let name = |call: &Call| format!("{} {} {}", call.verb, call.resource, call.name);
    let mut names: Vec<String> = calls.iter().map(name).collect();
    names.sort();
    names
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(DEADLINE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

async fn ready(cluster: &Cluster) {
    let wait = async {
        while !get(cluster.probes_address(), "/ready").await.starts_with("HTTP/1.1 200") {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, wait).await.unwrap();
}

#[tokio::test]
async fn a_gateway_gets_what_it_needs_and_is_told_so_and_then_there_is_silence() {
    let server = server().await;
    let cluster = start(&server, "a").await;
    let _proxy = serve(&server, &cluster).await;
    programmed(&server).await;
    ready(&cluster).await;
    for kind in ["deployments", "serviceaccounts", "configmaps"] {
        assert!(server.object(kind, "ns", GATEWAY).is_some(), "{kind}");
    }
    assert!(holds(server.object("gatewayclasses", "", "portcullis"), "Accepted"));
    let gateway = server.object("gateways", "ns", "gw").unwrap();
    assert_eq!(gateway["status"]["addresses"][0]["value"], "192.0.2.7");
    let page = get(cluster.probes_address(), "/metrics").await;
    for line in [
        "portcullis_leader 1",
        "portcullis_cluster_read 1",
        "portcullis_objects{kind=\"HTTPRoute\"} 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
    add_route(&server, "second").await;
    server.forget();
    // All is read anew.
    for kind in ["gateways", "httproutes", "services", "deployments"] {
        server.expire(kind);
    }
    server.cut();
    add_route(&server, "third").await;
    let seen = writes(&server);
    assert_eq!(names(&seen), ["patch gateways gw", "patch httproutes third"], "{seen:#?}");
    cluster.stop().await;
}

#[tokio::test]
async fn what_is_newer_than_we_are_fails_its_rule_and_no_other() {
    let server = server().await;
    let cluster = start(&server, "a").await;
    let _proxy = serve(&server, &cluster).await;
    let newer = ROUTE.replace("name: route", "name: newer").replace(
        "  rules: [",
        "  novelty: {a: 1}\n  rules: [{filters: [{type: New, new: {a: 1}}], \
         matches: [{path: {type: PathPrefix, value: /new}}]}, ",
    );
    server.put_yaml(&newer);
    let condition = |type_: &str| {
        let route = server.object("httproutes", "ns", "newer").unwrap();
        let conditions = route["status"]["parents"][0]["conditions"].as_array().cloned();
        conditions.into_iter().flatten().find(|condition| condition["type"] == type_)
    };
    server.until("it is told", |_| condition("PartiallyInvalid").is_some()).await;
    let partly = condition("PartiallyInvalid").unwrap();
    assert_eq!(
        (&partly["status"], &partly["reason"]),
        (&"True".into(), &"UnsupportedValue".into())
    );
    assert!(partly["message"].as_str().unwrap().contains("New"), "{partly}");
    assert_eq!(condition("Accepted").unwrap()["status"], "True", "the other rule is served");
    cluster.stop().await;
}

#[tokio::test]
async fn whoever_leads_next_says_nothing_else() {
    let server = server().await;
    let first = start(&server, "a").await;
    let proxy = serve(&server, &first).await;
    programmed(&server).await;
    // Proxies are told the port, so that replicas have the same one: here on another address.
    let beside = SocketAddr::from(([127, 0, 0, 2], first.stream_address().port()));
    let second = start_at(&server, "b", beside).await;
    ready(&second).await;
    server.forget();
    drop(proxy);
    first.stop().await;
    // Only a leader answers this.
    add_route(&server, "second").await;
    let seen = writes(&server);
    assert_eq!(names(&seen), ["patch gateways gw", "patch httproutes second"], "{seen:#?}");
    assert!(holds(server.object("gateways", "ns", "gw"), "Programmed"), "it is served still");
    second.stop().await;
}

#[tokio::test]
async fn a_replica_that_has_not_read_everything_is_not_ready() {
    let server = server().await;
    server.down(true);
    let cluster = start(&server, "a").await;
    let answer = get(cluster.probes_address(), "/ready").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("not read"), "{answer}");
    assert!(get(cluster.probes_address(), "/live").await.starts_with("HTTP/1.1 200"));
    server.down(false);
    ready(&cluster).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_controller_that_may_not_read_what_it_serves_harms_nothing_and_says_so() {
    let server = server().await;
    let first = start(&server, "a").await;
    let proxy = serve(&server, &first).await;
    programmed(&server).await;
    drop(proxy);
    first.stop().await;
    server.fault(Fault::forbidden().on("gatewayclasses"));
    server.forget();
    let second = start(&server, "b").await;
    // A server that restarts is no news, so that this takes its time.
    let mut changes = server.changes();
    let told = changes.wait_for(|_| !server.objects("events").is_empty());
    timeout(3 * DEADLINE, told).await.unwrap().unwrap();
    let event = &server.objects("events")[0];
    assert_eq!(event["reason"], "ClusterUnreadable");
    assert!(event["note"].as_str().unwrap().contains("list and watch on gatewayclasses"));
    let answer = get(second.probes_address(), "/ready").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("not read"), "{answer}");
    let page = get(second.probes_address(), "/metrics").await;
    assert!(page.lines().any(|line| line == "portcullis_cluster_read 0"), "{page}");
    let harm: Vec<Call> = writes(&server).into_iter().filter(|c| c.resource != "events").collect();
    assert!(harm.is_empty(), "{harm:#?}");
    assert!(server.object("deployments", "ns", GATEWAY).is_some());
    second.stop().await;
}

const GATEWAY: &str = "gw-portcullis";
const MANIFESTS: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: portcullis}
spec: {controllerName: portcullis.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: ns}
spec:
  gatewayClassName: portcullis
  listeners:
    - {name: http, port: 80, protocol: HTTP}
---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: ns}
spec: {clusterIP: 10.96.0.9, ports: [{port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route, namespace: ns}
spec:
  parentRefs: [{name: gw}]
  rules: [{backendRefs: [{name: app, port: 80}]}]
";
const ROUTE: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route, namespace: ns}
spec:
  parentRefs: [{name: gw}]
  rules: [{backendRefs: [{name: app, port: 80}]}]
";
const DEADLINE: Duration = Duration::from_secs(20);
