//! Parts that are replaced while traffic runs: nothing fails.

use std::time::Instant;

use serde_json::Value;

use crate::{
    kubectl::{self, PATIENCE},
    load::Load,
    place::{NAME, PROXIES, Place, proxies_ready},
};

/// All pods of the backend are replaced.
pub(crate) async fn backends() -> Vec<String> {
    let place = Place::open("cluster-backends", 20).await;
    let load = Load::start(place.door);
    let before = pods(place.namespace, "app=steady").await;
    let took = rolled(place.namespace, &format!("deployment/{NAME}")).await;
    let after = pods(place.namespace, "app=steady").await;
    assert!(before.iter().all(|pod| !after.contains(pod)), "every pod is another one");
    let mut figures = load.end_after(REQUESTS).await;
    figures.push(format!("{} pods replaced in {took:.0} s", before.len()));
    place.close().await;
    figures
}

/// All proxies are replaced.
pub(crate) async fn rollout() -> Vec<String> {
    let place = Place::open("cluster-rollout", 4).await;
    let load = Load::start(place.door);
    let before = pods(place.namespace, PROXIES).await;
    let took = rolled(place.namespace, &proxies(place.namespace).await).await;
    let after = pods(place.namespace, PROXIES).await;
    assert!(before.iter().all(|pod| !after.contains(pod)), "every pod is another one");
    let mut figures = load.end_after(REQUESTS).await;
    figures.push(format!("{} proxies replaced in {took:.0} s", before.len()));
    place.close().await;
    figures
}

/// The controller that leads dies without a word.
pub(crate) async fn leader() -> Vec<String> {
    let place = Place::open("cluster-leader", 4).await;
    controllers_ready().await;
    let load = Load::start(place.door);
    let holder = holder().await.expect("somebody leads");
    let pod = pods(SYSTEM, CONTROLLERS).await;
    let pod = pod.iter().find(|pod| holder.contains(&***pod)).expect("the holder is a pod");
    let killed = Instant::now();
    kubectl::run(&["-n", SYSTEM, "delete", "pod", pod, "--grace-period=0", "--force"]).await;
    let next = kubectl::until("another one leads", PATIENCE, async || {
        self::holder().await.filter(|next| *next != holder && !next.is_empty())
    })
    .await;
    let took = killed.elapsed().as_secs_f64();
    assert!(took < 15.0, "{next} leads after {took:.1} s");
    crate::edits::is_served(&place, "after-the-leader").await;
    let mut figures = load.end_after(REQUESTS).await;
    figures.push(format!("another controller leads {took:.1} s after the kill"));
    controllers_ready().await;
    place.close().await;
    figures
}

/// Controllers and proxies are replaced by the next version.
pub(crate) async fn upgrade() -> Vec<String> {
    let place = Place::open("cluster-upgrade", 4).await;
    controllers_ready().await;
    let load = Load::start(place.door);
    let (controllers, proxies) =
        (pods(SYSTEM, CONTROLLERS).await, pods(place.namespace, PROXIES).await);
    let (helm, chart) = (setting("PORTCULLIS_HELM"), setting("PORTCULLIS_CHART"));
    let tag = format!("image.tag={}", setting("PORTCULLIS_NEXT_TAG"));
    let started = Instant::now();
    let upgrade = ["upgrade", "portcullis", &chart, "-n", SYSTEM, "--reuse-values", "--set", &tag];
    let done = tokio::process::Command::new(helm).args(upgrade).output().await.expect("helm");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for (namespace, selector, before) in
        [(SYSTEM, CONTROLLERS, controllers), (place.namespace, PROXIES, proxies)]
    {
        kubectl::until("every pod is another one", PATIENCE, async || {
            let after = pods(namespace, selector).await;
            let replaced = !after.iter().any(|pod| before.contains(pod));
            (replaced && after.len() == before.len()).then_some(())
        })
        .await;
    }
    controllers_ready().await;
    proxies_ready(place.namespace, 2).await;
    let took = started.elapsed().as_secs_f64();
    crate::edits::is_served(&place, "after-the-upgrade").await;
    let mut figures = load.end_after(REQUESTS).await;
    figures.push(format!("controllers and proxies replaced in {took:.0} s"));
    place.close().await;
    figures
}

/// Restarts a workload by rolling; how many seconds it took.
async fn rolled(namespace: &str, workload: &str) -> f64 {
    let started = Instant::now();
    kubectl::run(&["-n", namespace, "rollout", "restart", workload]).await;
    kubectl::run(&["-n", namespace, "rollout", "status", workload, "--timeout=300s"]).await;
    kubectl::until("the old pods are gone", PATIENCE, async || {
        let workload = kubectl::get(&["-n", namespace, workload]).await?;
        let selector = workload["spec"]["selector"]["matchLabels"].as_object()?.clone();
        let selector: Vec<String> = selector
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
            .collect();
        let pods = pods(namespace, &selector.join(",")).await;
        (workload["spec"]["replicas"] == pods.len()).then_some(())
    })
    .await;
    started.elapsed().as_secs_f64()
}

/// The Deployment of the Gateway's proxies, as kubectl names it.
async fn proxies(namespace: &str) -> String {
    let names = ["-n", namespace, "get", "deployment", "-l", PROXIES, "-o", "name"];
    kubectl::run(&names).await.trim().to_owned()
}

/// Names of pods that are not on their way out.
pub(crate) async fn pods(namespace: &str, selector: &str) -> Vec<String> {
    let all = kubectl::get(&["-n", namespace, "pods", "-l", selector]).await;
    let name = |pod: &Value| Some(pod["metadata"]["name"].as_str()?.to_owned());
    let all = all.as_ref().and_then(|all| all["items"].as_array());
    all.into_iter().flatten().filter_map(name).collect()
}

/// Waits until all controllers are there and one leads.
pub(crate) async fn controllers_ready() {
    let status = ["-n", SYSTEM, "rollout", "status", "deployment/portcullis", "--timeout=120s"];
    kubectl::run(&status).await;
    kubectl::until("a controller leads", PATIENCE, async || {
        let (holder, pods) = (holder().await?, pods(SYSTEM, CONTROLLERS).await);
        pods.iter().any(|pod| holder.contains(&**pod)).then_some(())
    })
    .await;
}

/// Who leads.
pub(crate) async fn holder() -> Option<String> {
    let lease = kubectl::get(&["-n", SYSTEM, "lease", "portcullis"]).await?;
    Some(lease["spec"]["holderIdentity"].as_str()?.to_owned())
}

/// What `cargo xtask cluster test` says about its surroundings.
pub(crate) fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Requests that each of these must see answered.
pub(crate) const REQUESTS: usize = 100_000;
/// Where the controllers are.
pub(crate) const SYSTEM: &str = "portcullis-system";
/// Selects them.
pub(crate) const CONTROLLERS: &str = "app.kubernetes.io/name=portcullis";
