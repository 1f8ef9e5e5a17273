//! Edits while traffic runs: nothing fails, and each is served soon.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    faults::REQUESTS,
    kubectl::{self, PATIENCE},
    load::Load,
    place::{HOST, NAME, PROXIES, Place, secret},
    stage::{certificate::Certificate, http1::Http1, tls::Secured},
};

/// 200 edits of one route among 1,000.
pub(crate) async fn routes() -> Vec<String> {
    let place = Place::open("cluster-edits", 4).await;
    let many: String = (0..ROUTES).map(|number| route(place.namespace, number)).collect();
    kubectl::apply(&many).await;
    attached(place.namespace, ROUTES + 1).await;
    let mut probes = probes(&place).await;
    let load = Load::start(place.door);
    let mut times = Vec::new();
    for number in 0..EDITS {
        let edit = format!("edit-{number}");
        mark(place.namespace, &edit).await;
        let edited = Instant::now();
        see(&mut probes, &edit).await;
        times.push(edited.elapsed());
    }
    let mut figures = load.end_after(REQUESTS).await;
    let mean = mean(&times);
    figures.push(format!(
        "{EDITS} edits at {ROUTES} routes, until {} proxies serve them: mean {mean:.0} ms, {}",
        probes.len(),
        spread(times)
    ));
    assert!(mean < 100.0, "an edit is served after {mean:.0} ms on average");
    place.close().await;
    figures
}

/// 20 rotations of the certificate.
pub(crate) async fn certificates() -> Vec<String> {
    let place = Place::open("cluster-rotation", 4).await;
    let proxies = proxies(&place).await;
    let load = Load::start(place.door);
    let mut times = Vec::new();
    for _ in 0..ROTATIONS {
        let certificate = Certificate::of(&[HOST]);
        kubectl::apply(&secret(place.namespace, &certificate)).await;
        let edited = Instant::now();
        for address in &proxies {
            let door = SocketAddr::new(*address, 443);
            kubectl::until("the certificate is shown", PATIENCE, async || {
                let shown = Secured::connect(door, HOST, &["http/1.1"]).await.ok()?.certificate();
                (shown == certificate.der).then_some(())
            })
            .await;
        }
        times.push(edited.elapsed());
    }
    let mut figures = load.end_after(REQUESTS).await;
    figures.push(format!("{ROTATIONS} rotations, until all proxies show them: {}", spread(times)));
    place.close().await;
    figures
}

/// Edits the route, and waits until every proxy serves that.
pub(crate) async fn is_served(place: &Place, edit: &str) {
    let mut probes = probes(place).await;
    mark(place.namespace, edit).await;
    see(&mut probes, edit).await;
}

/// Has the route say which edit it is.
async fn mark(namespace: &str, edit: &str) {
    let client = Client::try_default().await.expect("a kubeconfig");
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    let resource = ApiResource::from_gvk_with_plural(&kind, "httproutes");
    let routes: Api<DynamicObject> = Api::namespaced_with(client, namespace, &resource);
    let header = json!({"set": [{"name": "x-edit", "value": edit}]});
    let filter = json!({"type": "ResponseHeaderModifier", "responseHeaderModifier": header});
    let rule = json!({"filters": [filter], "backendRefs": [{"name": NAME, "port": 80}]});
    let patch: Value = json!({"spec": {"rules": [rule]}});
    let params = PatchParams::default();
    routes.patch(NAME, &params, &Patch::Merge(&patch)).await.expect("the edit is taken");
}

/// Waits until every proxy says that it serves an edit.
async fn see(probes: &mut [Http1], edit: &str) {
    for probe in probes {
        kubectl::until_soon(edit, PATIENCE, async || {
            let answer = probe.get(HOST, "/probe").await.expect("the probe is answered");
            (answer.header("x-edit") == Some(edit)).then_some(())
        })
        .await;
    }
}

/// A connection to each proxy.
async fn probes(place: &Place) -> Vec<Http1> {
    let mut probes = Vec::new();
    for address in proxies(place).await {
        let probe = Http1::connect(SocketAddr::new(address, 80)).await;
        probes.push(probe.expect("a proxy listens on its port"));
    }
    probes
}

async fn proxies(place: &Place) -> Vec<IpAddr> {
    let all = kubectl::get(&["-n", place.namespace, "pods", "-l", PROXIES]).await.expect("pods");
    let address = |pod: &Value| pod["status"]["podIP"].as_str()?.parse().ok();
    let addresses: Vec<IpAddr> =
        all["items"].as_array().into_iter().flatten().filter_map(address).collect();
    assert!(!addresses.is_empty(), "there are proxies");
    addresses
}

/// Waits until the Gateway counts so many routes on its first listener.
pub(crate) async fn attached(namespace: &str, count: usize) {
    kubectl::until("all routes are counted", PATIENCE, async || {
        let gateway = kubectl::get(&["-n", namespace, "gateway", NAME]).await?;
        (gateway["status"]["listeners"][0]["attachedRoutes"] == count).then_some(())
    })
    .await;
}

/// One of many routes.
pub(crate) fn route(namespace: &str, number: usize) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
         metadata: {{name: many-{number}, namespace: {namespace}}}\nspec:\n  \
         parentRefs: [{{name: {NAME}}}]\n  hostnames: [many-{number}.example.com]\n  \
         rules: [{{backendRefs: [{{name: {NAME}, port: 80}}]}}]\n---\n"
    )
}

fn mean(times: &[Duration]) -> f64 {
    times.iter().sum::<Duration>().as_secs_f64() * 1000.0 / times.len() as f64
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_millis();
    format!("median {} ms, p99 {} ms, worst {} ms", at(50), at(99), at(100))
}

const ROUTES: usize = 1000;
const EDITS: usize = 200;
const ROTATIONS: usize = 20;
