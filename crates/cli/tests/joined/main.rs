//! Controllers and proxies of one cluster, joined by the real stream; the API server is scripted.
//!
//! What each side does by itself is tested beside it. Here is only what both must agree on.

// So that clippy sees what it is: panics are how a test fails.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "how a test fails")]

#[path = "../../../controller/tests/api_server/api_server.rs"]
mod api_server;
mod dns;
#[allow(dead_code, reason = "each program of tests uses a part of the stage")]
#[path = "../stage/stage.rs"]
mod stage;

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use api::meta::NamespacedName;
use api_server::{ApiServer, LONG, TokenUser};
use controller::{Cluster, ClusterOptions};
use proxy::{Options, Proxy, Subscription};
use serde_json::{Value, json};
use translate::Settings;

use dns::Dns;
use stage::{
    admin::Admin, backend::Backend, http1::once, manifests, ports::Port, process::Folder, wait,
};

/// A cluster with one Gateway, one route and one backend.
struct Town {
    api: ApiServer,
    dns: Dns,
    _backend: Backend,
    /// Of the Gateway's listener.
    port: Port,
    /// What the Gateway's pods find in their volumes.
    volumes: Folder,
}

impl Town {
    async fn new() -> Self {
        let (api, backend, port) =
            (ApiServer::start().await, Backend::named("one").await, Port::free());
        api.put(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "portcullis-system"},
        }));
        api.put_yaml(CLASS);
        let listener = manifests::http("http", port.number);
        api.put_yaml(&manifests::gateway("default/gateway", &[listener]));
        api.put_yaml(&manifests::service("one", backend.address));
        api.put_yaml(&manifests::route("one", "gateway", HOST, "/", "one"));
        let volumes = Folder::new();
        volumes.write("token", &api.issue(user(INFRA, "pod-1")));
        Self { api, dns: Dns::start().await, _backend: backend, port, volumes }
    }

    /// One replica of the controller, told apart by the pod's name.
    async fn controller(&self, pod: &str) -> Cluster {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = ClusterOptions {
            settings: Settings::cluster(),
            pod: NamespacedName::new("portcullis-system", pod),
            pod_uid: None,
            ip: any.ip(),
            service: "portcullis".into(),
            stream: any,
            probes: any,
            image: "localhost/portcullis:test".into(),
            pull_policy: "IfNotPresent".into(),
        };
        Cluster::start(options, self.api.client()).await.unwrap()
    }

    /// Waits for what provision puts into the pods' volume, and mounts it.
    async fn mount(&self) {
        let pem = wait::until("the authorities in a ConfigMap", async || {
            let map = self.api.object("configmaps", "default", INFRA)?;
            map["data"]["ca.crt"].as_str().filter(|pem| !pem.is_empty()).map(str::to_owned)
        })
        .await;
        self.volumes.write("ca.crt", &pem);
    }

    /// A proxy that calls this replica.
    fn proxy(&self, controller: &Cluster) -> Proxy {
        let proxy = Proxy::start(Options {
            workers: NonZeroUsize::new(1),
            probes: Some(([127, 0, 0, 1], 0).into()),
            resolver: Some(self.dns.address),
            drain_min: Duration::ZERO,
            ..Options::default()
        })
        .unwrap();
        let port = controller.stream_address().port();
        proxy
            .subscribe(Subscription {
                controller: format!("portcullis.portcullis-system.svc.cluster.local:{port}"),
                authority: self.volumes.file("ca.crt"),
                token: self.volumes.file("token"),
                state_dir: None,
            })
            .unwrap();
        proxy
    }

    /// Waits until the route's backend, or another one, answers.
    async fn answers(&self, name: &str) {
        wait::until(&format!("an answer of {name}"), async || {
            let answer = once(self.port.address(), HOST, "/").await.ok()?;
            (answer.status == 200 && answer.echo().backend == name).then_some(())
        })
        .await;
    }

    /// A condition of the Gateway, as `STATUS REASON`.
    fn condition(&self, name: &str) -> Option<String> {
        let gateway = self.api.object("gateways", "default", "gateway")?;
        let conditions = gateway["status"]["conditions"].as_array()?.clone();
        let found = conditions.into_iter().find(|one| one["type"] == name)?;
        let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
        Some(format!("{} {}", text(&found["status"]), text(&found["reason"])))
    }
}

async fn is_ready(proxy: &Proxy) -> bool {
    Admin::new(proxy.probe_address().unwrap()).is_ready().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_is_programmed_when_its_proxy_serves_it_and_edits_arrive() {
    let town = Town::new().await;
    let controller = town.controller("controller-1").await;
    town.mount().await;
    let proxy = town.proxy(&controller);
    town.answers("one").await;
    assert!(is_ready(&proxy).await);
    // The load balancer gives the Service its address.
    wait::until("the Service of the Gateway", async || {
        town.api.object("services", "default", INFRA)
    })
    .await;
    town.api.edit("services", "default", INFRA, |service| {
        service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "10.97.0.9"}]}});
    });
    wait::until("Programmed", async || {
        (town.condition("Programmed")? == "True Programmed").then_some(())
    })
    .await;
    let two = Backend::named("two").await;
    town.api.put_yaml(&manifests::service("two", two.address));
    town.api.put_yaml(&manifests::route("one", "gateway", HOST, "/", "two"));
    town.answers("two").await;
    controller.stop().await;
    town.answers("two").await;
    drop(proxy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_sends_proxies_to_the_leader_and_leads_after_it() {
    let town = Town::new().await;
    let first = town.controller("controller-1").await;
    town.mount().await;
    let second = town.controller("controller-2").await;
    // It is called at the follower's address, and must find the leader.
    let proxy = town.proxy(&second);
    town.answers("one").await;
    first.stop().await;
    let two = Backend::named("two").await;
    town.api.put_yaml(&manifests::service("two", two.address));
    town.api.put_yaml(&manifests::route("one", "gateway", HOST, "/", "two"));
    town.answers("two").await;
    assert!(is_ready(&proxy).await);
    second.stop().await;
    drop(proxy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_token_and_one_of_another_account_see_nothing() {
    let town = Town::new().await;
    let stranger = town.api.issue(user("stranger", "pod-2"));
    let good = user(INFRA, "pod-1").token(LONG);
    let controller = town.controller("controller-1").await;
    town.mount().await;
    for token in ["forged", &user(INFRA, "forger").token(LONG), &stranger] {
        town.volumes.write("token", token);
        let proxy = town.proxy(&controller);
        let probes = Admin::new(proxy.probe_address().unwrap());
        wait::until("several refusals", async || {
            let page = probes.page("/metrics").await?.text();
            let failed = "portcullis_stream_connects_total{result=\"failed\"} ";
            let count = page.lines().find_map(|line| line.strip_prefix(failed))?;
            (count.parse::<u64>().unwrap() > 2).then_some(())
        })
        .await;
        assert!(!is_ready(&proxy).await, "{token}");
    }
    town.volumes.write("token", &good);
    let _proxy = town.proxy(&controller);
    town.answers("one").await;
    controller.stop().await;
}

/// A pod with that ServiceAccount.
fn user(account: &str, pod: &str) -> TokenUser {
    TokenUser::service_account("default", account, "portcullis.dev/proxy").of_pod(pod)
}

const HOST: &str = "one.example.com";
/// The name of everything that is made for the Gateway (GEP-1762).
const INFRA: &str = "gateway-portcullis";
const CLASS: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: portcullis}
spec: {controllerName: portcullis.dev/gateway-controller}
";
