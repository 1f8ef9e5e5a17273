//! What status costs: counted by the API server itself.

use std::collections::BTreeMap;

use crate::{
    edits::{attached, route},
    faults::{CONTROLLERS, SYSTEM, controllers_ready, pods},
    kubectl::{self, PATIENCE},
    place::{Place, condition},
};

/// 500 routes come, then every controller starts anew.
pub(crate) async fn run() -> Vec<String> {
    let place = Place::open("cluster-writes", 1).await;
    controllers_ready().await;
    let start = writes().await;
    let many: String = (0..ROUTES).map(|number| route(place.namespace, number)).collect();
    kubectl::apply(&many).await;
    attached(place.namespace, ROUTES + 1).await;
    kubectl::until("every route is told", PATIENCE, async || {
        let all = kubectl::get(&["-n", place.namespace, "httproutes"]).await?;
        let told = all["items"].as_array()?.iter().all(|route| {
            let conditions = &route["status"]["parents"][0]["conditions"];
            condition(conditions, "Accepted").is_some_and(|it| it == "True")
        });
        told.then_some(())
    })
    .await;
    let after = writes().await;
    let spent = |resource: &str| of(&after, resource) - of(&start, resource);
    let (routes, gateways) = (spent("httproutes"), spent("gateways"));
    assert!(routes <= ROUTES as u64, "{routes} writes for {ROUTES} routes");
    assert!(gateways <= 10, "{gateways} writes for the Gateway");

    let before = pods(SYSTEM, CONTROLLERS).await;
    kubectl::run(&["-n", SYSTEM, "rollout", "restart", "deployment/portcullis"]).await;
    kubectl::until("every controller is another one", PATIENCE, async || {
        let now = pods(SYSTEM, CONTROLLERS).await;
        (now.len() == before.len() && !now.iter().any(|pod| before.contains(pod))).then_some(())
    })
    .await;
    controllers_ready().await;
    // By then the new leader has looked at everything: what it serves is what it was told last.
    crate::edits::is_served(&place, "after-the-resync").await;
    let resynced = writes().await;
    // The edit that was waited for changes the generation of one route.
    let again: u64 = WRITTEN.iter().map(|it| of(&resynced, it) - of(&after, it)).sum();
    assert!(again <= 1, "{again} writes after a change of nothing but one route: {resynced:?}");
    place.close().await;
    vec![
        format!("{ROUTES} routes: {routes} writes of route status, {gateways} of the Gateway's"),
        format!("all controllers started anew, one route edited: {again} writes"),
    ]
}

/// Writes of status since the API server started, by resource.
async fn writes() -> BTreeMap<String, u64> {
    let text = kubectl::run(&["get", "--raw", "/metrics"]).await;
    let mut counts = BTreeMap::new();
    let lines = text.lines().filter(|line| line.starts_with("apiserver_request_total{"));
    for line in lines.filter(|line| line.contains(r#"subresource="status""#)) {
        let label = |name: &str| line.split(&format!("{name}=\"")).nth(1)?.split('"').next();
        if !matches!(label("verb"), Some("PATCH" | "PUT" | "APPLY" | "UPDATE")) {
            continue;
        }
        let count = line.rsplit(' ').next().and_then(|number| number.parse::<f64>().ok());
        if let (Some(resource), Some(count)) = (label("resource"), count) {
            *counts.entry(resource.to_owned()).or_default() += count as u64;
        }
    }
    counts
}

fn of(counts: &BTreeMap<String, u64>, resource: &str) -> u64 {
    counts.get(resource).copied().unwrap_or_default()
}

const ROUTES: usize = 500;
const WRITTEN: [&str; 3] = ["gatewayclasses", "gateways", "httproutes"];
