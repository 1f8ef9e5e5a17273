//! The place that the traffic goes to: a namespace with a Gateway, a backend and a route.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use crate::{
    kubectl::{self, PATIENCE},
    load::Door,
    stage::{certificate::Certificate, http1::once},
};

/// A Gateway of two proxies before a backend of four pods, in a namespace of its own.
pub(crate) struct Place {
    pub(crate) namespace: &'static str,
    pub(crate) door: Door,
}

/// Host of the route that is always there.
pub(crate) const HOST: &str = "steady.example.com";
/// Name of the Gateway, the backend and the route.
pub(crate) const NAME: &str = "steady";

impl Place {
    /// Makes it, and waits until it answers by both listeners.
    pub(crate) async fn open(namespace: &'static str, replicas: usize) -> Self {
        let certificate = Certificate::of(&[HOST]);
        kubectl::apply(&manifests(namespace, replicas)).await;
        kubectl::apply(&secret(namespace, &certificate)).await;
        let address = address(namespace, NAME).await;
        let door = Door {
            http: SocketAddr::new(address, 80),
            https: SocketAddr::new(address, 443),
            host: HOST,
        };
        kubectl::until("the backend is complete", PATIENCE, async || {
            let deployment = kubectl::get(&["-n", namespace, "deployment", NAME]).await?;
            (deployment["status"]["availableReplicas"] == replicas).then_some(())
        })
        .await;
        kubectl::until("the route is served", PATIENCE, async || {
            let answer = once(door.http, HOST, "/").await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        proxies_ready(namespace, 2).await;
        Self { namespace, door }
    }

    /// Removes it, and waits until nothing of it is left.
    pub(crate) async fn close(self) {
        kubectl::run(&["delete", "namespace", self.namespace, "--wait=true"]).await;
    }
}

/// The address that a Gateway is told to have, once it is programmed.
pub(crate) async fn address(namespace: &str, gateway: &str) -> IpAddr {
    let what = format!("Gateway {namespace}/{gateway} is programmed and has an address");
    kubectl::until(&what, PATIENCE, async || {
        let gateway = kubectl::get(&["-n", namespace, "gateway", gateway]).await?;
        condition(&gateway["status"]["conditions"], "Programmed").filter(|it| it == "True")?;
        gateway["status"]["addresses"][0]["value"].as_str()?.parse().ok()
    })
    .await
}

/// The status of a condition.
pub(crate) fn condition(conditions: &Value, wanted: &str) -> Option<String> {
    let found = conditions.as_array()?.iter().find(|it| it["type"] == wanted)?;
    Some(found["status"].as_str()?.to_owned())
}

/// Waits until so many proxies of the Gateway are ready and none is on its way.
pub(crate) async fn proxies_ready(namespace: &str, count: usize) {
    kubectl::until("the proxies are ready", PATIENCE, async || {
        let all = kubectl::get(&["-n", namespace, "pods", "-l", PROXIES]).await?;
        let pods = all["items"].as_array()?;
        let ready = |pod: &&Value| {
            condition(&pod["status"]["conditions"], "Ready").is_some_and(|it| it == "True")
                && pod["metadata"]["deletionTimestamp"].is_null()
        };
        (pods.len() == count && pods.iter().filter(ready).count() == count).then_some(())
    })
    .await;
}

/// The Secret that the HTTPS listener shows.
pub(crate) fn secret(namespace: &str, certificate: &Certificate) -> String {
    let indented = |pem: &str| pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {NAME}, namespace: {namespace}}}\n\
         type: kubernetes.io/tls\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
        indented(&certificate.pem),
        indented(&certificate.key),
    )
}

fn manifests(namespace: &str, replicas: usize) -> String {
    include_str!("place.yaml")
        .replace("PLACE", namespace)
        .replace("REPLICAS", &replicas.to_string())
}

/// Selects the proxies of the Gateway.
pub(crate) const PROXIES: &str =
    "app.kubernetes.io/name=portcullis-proxy,gateway.networking.k8s.io/gateway-name=steady";
