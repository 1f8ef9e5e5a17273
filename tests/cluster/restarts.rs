//! Those that decide are gone: what was decided is served on.

use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::process::Command;

use crate::{
    edits,
    faults::{CONTROLLERS, REQUESTS, SYSTEM, controllers_ready, pods, setting},
    kubectl::{self, PATIENCE},
    load::Load,
    place::{HOST, PROXIES, Place, proxies_ready},
    stage::http1::once,
};

/// Two minutes without any controller; then a proxy restarts and finds nobody to ask.
pub(crate) async fn outage() -> Vec<String> {
    let place = Place::open("cluster-outage", 4).await;
    controllers_ready().await;
    let deployment = kubectl::get(&["-n", SYSTEM, "deployment", "portcullis"]).await;
    let replicas = deployment.expect("a Deployment")["spec"]["replicas"].to_string();
    let load = Load::start(place.door);
    scale("0").await;
    kubectl::until("no controller is left", PATIENCE, async || {
        pods(SYSTEM, CONTROLLERS).await.is_empty().then_some(())
    })
    .await;
    let gone = Instant::now();
    let alone = Duration::from_secs(120);
    kubectl::until("two minutes are over", 2 * alone, async || {
        (gone.elapsed() >= alone).then_some(())
    })
    .await;
    let requests = load.requests();
    let mut figures = load.end_after(REQUESTS).await;
    figures.push(format!("{requests} requests until the end of the two minutes"));
    figures.push(restarted_alone(&place).await);
    scale(&replicas).await;
    controllers_ready().await;
    edits::is_served(&place, "after-the-outage").await;
    place.close().await;
    figures
}

/// The API server ends and starts again.
pub(crate) async fn api_server() -> Vec<String> {
    let place = Place::open("cluster-api-server", 4).await;
    controllers_ready().await;
    let load = Load::start(place.door);
    let started = Instant::now();
    let xtask = setting("PORTCULLIS_XTASK");
    let restart = ["cluster", "restart", "kube-apiserver"];
    let done = Command::new(xtask).args(restart).output().await.expect("xtask");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    kubectl::until("the API server is back", PATIENCE, async || {
        kubectl::tried(&["get", "--raw", "/readyz"]).await.ok()
    })
    .await;
    let took = started.elapsed().as_secs_f64();
    edits::is_served(&place, "after-the-api-server").await;
    let served = started.elapsed().as_secs_f64();
    let mut figures = load.end_after(REQUESTS).await;
    figures.push(format!("ready again after {took:.1} s, an edit served after {served:.1} s"));
    controllers_ready().await;
    proxies_ready(place.namespace, 2).await;
    place.close().await;
    figures
}

async fn scale(replicas: &str) {
    let replicas = format!("--replicas={replicas}");
    kubectl::run(&["-n", SYSTEM, "scale", "deployment", "portcullis", &replicas]).await;
}

/// Ends the process in each proxy's container: it comes back ready, with what it served before.
async fn restarted_alone(place: &Place) -> String {
    let before = restarts(place).await;
    let processes = processes(place).await;
    assert_eq!(processes.len(), 2, "one process for each proxy");
    let killed = Instant::now();
    for process in processes {
        let status = Command::new("kill").args(["-9", &process]).status().await.expect("kill");
        assert!(status.success());
    }
    kubectl::until("the containers have started again", PATIENCE, async || {
        (restarts(place).await >= before + 2).then_some(())
    })
    .await;
    proxies_ready(place.namespace, 2).await;
    kubectl::until("it answers", PATIENCE, async || {
        once(place.door.http, HOST, "/").await.ok().filter(|answer| answer.status == 200)
    })
    .await;
    let took = killed.elapsed().as_secs_f64();
    format!("both proxies serve {took:.1} s after a kill, without a controller")
}

/// How often the containers of the proxies have started again.
async fn restarts(place: &Place) -> u64 {
    let all = kubectl::get(&["-n", place.namespace, "pods", "-l", PROXIES]).await;
    let all = all.as_ref().and_then(|all| all["items"].as_array());
    let count = |pod: &serde_json::Value| {
        pod["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap_or_default()
    };
    all.into_iter().flatten().map(count).sum()
}

/// The processes in the containers of the proxies: in a group that is named by their pod, and not
/// the one that holds the pod's namespaces.
async fn processes(place: &Place) -> Vec<String> {
    let all = kubectl::get(&["-n", place.namespace, "pods", "-l", PROXIES]).await;
    let all = all.as_ref().and_then(|all| all["items"].as_array());
    let uids: Vec<String> = all
        .into_iter()
        .flatten()
        .filter_map(|pod| Some(pod["metadata"]["uid"].as_str()?.to_owned()))
        .collect();
    let ours = |process: &String| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}"));
        let (Ok(group), Ok(command)) = (read("cgroup"), read("cmdline")) else { return false };
        uids.iter().any(|uid| group.contains(uid)) && command.contains("portcullis")
    };
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(ours)
        .collect()
}
