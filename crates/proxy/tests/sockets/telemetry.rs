//! Metrics and access log of real traffic, which must agree.

use std::{collections::BTreeMap, path::Path};

use portcullis_proxy::AccessLogTarget;
use serde_json::Value;

use crate::harness::{
    Client, Echo, Port, Rig, backend, endpoints,
    h2::{H2Client, get},
    plain, remove, route, until,
};

/// A proxy with an admin server and an access log.
fn observed(log: &Path) -> Rig {
    Rig::with(|options| {
        options.admin = Some(([127, 0, 0, 1], 0).into());
        options.access_log = AccessLogTarget::File(log.into());
    })
}

/// All samples by name and labels.
pub(crate) async fn scrape(rig: &Rig) -> BTreeMap<String, f64> {
    let mut client = Client::plain(rig.proxy.admin_address().unwrap()).await.unwrap();
    let text = client.get("localhost", "/metrics").await.unwrap().text();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

/// The lines that are whole: the last one may be on its way.
fn lines(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap();
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn metrics_and_log_lines_of_the_same_requests_agree() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = observed(&log);
    rig.serve(|to| {
        backend(to, "svc", &[echo.address]);
        backend(to, "empty", &[]);
        plain(to, "bind", &port);
        route(to, "good", "bind", "svc");
    })
    .await;
    let mut one = Client::plain(port.address()).await.unwrap();
    let mut two = H2Client::plain(port.address()).await;
    for n in 0..40 {
        assert_eq!(one.get("any.test", &format!("/one/{n}?secret=1")).await.unwrap().status, 200);
        assert_eq!(two.get(&format!("/two/{n}")).await.unwrap().status, 200);
    }
    rig.serve(|to| route(to, "good", "bind", "empty")).await;
    for _ in 0..5 {
        assert_eq!(two.get("/").await.unwrap().status, 503);
    }
    rig.serve(|to| {
        route(to, "good", "nobody", "empty");
    })
    .await;
    assert_eq!(one.get("any.test", "/").await.unwrap().status, 404);

    until("every line is written", || async { lines(&log).len() == 86 }).await;
    let (lines, samples) = (lines(&log), scrape(&rig).await);
    let mut counted: BTreeMap<String, f64> = BTreeMap::new();
    for line in &lines {
        let text = |member: &str| line[member].as_str().unwrap_or_default().to_owned();
        let class = line["status"].as_u64().unwrap() / 100;
        let labels = format!("{{route=\"{}\",backend=\"{}\"", text("route"), text("backend"));
        let name = format!("portcullis_requests_total{labels},code=\"{class}xx\"}}");
        *counted.entry(name).or_default() += 1.0;
        let name = format!("portcullis_request_duration_seconds_count{labels}}}");
        *counted.entry(name).or_default() += 1.0;
        let name = format!("portcullis_response_body_bytes_total{labels}}}");
        *counted.entry(name).or_default() += line["bytes_out"].as_f64().unwrap();
        if let Some(reason) = line["reason"].as_str() {
            let name = format!("portcullis_request_failures_total{{reason=\"{reason}\"}}");
            *counted.entry(name).or_default() += 1.0;
        }
    }
    for (name, value) in &counted {
        assert_eq!(samples.get(name), Some(value), "{name}");
    }
    assert_eq!(counted.len(), 11, "three kinds of requests: {counted:?}");
    assert_eq!(samples["portcullis_access_log_lines_total{result=\"written\"}"], 86.0);
    assert_eq!(samples["portcullis_connections_total{transport=\"plain\"}"], 2.0);
    assert_eq!(samples["portcullis_connections_active"], 2.0);
    assert_eq!(samples["portcullis_requests_active"], 0.0);
    assert_eq!(samples["portcullis_config_revision"], 3.0);
    let connects = "portcullis_upstream_connects_total{backend=\"svc\",result=\"connected\"}";
    assert_eq!(samples[connects], echo.connections() as f64);

    let one = lines.iter().find(|line| line["path"] == "/one/7").unwrap();
    let text = |member: &str| one[member].as_str().unwrap();
    assert_eq!(text("method"), "GET");
    assert_eq!(text("authority"), "any.test");
    assert_eq!(text("protocol"), "HTTP/1.1");
    assert_eq!((one["status"].as_u64(), one["reason"].is_null()), (Some(200), true));
    assert_eq!((text("bind"), text("listener")), ("bind", "bind"));
    assert_eq!((text("route"), text("rule"), text("backend")), ("good", "good/0", "svc"));
    assert_eq!(text("endpoint"), echo.address.to_string());
    assert!(text("client").starts_with("127.0.0.1:"));
    assert!(one["sni"].is_null() && one["user_agent"].is_null());
    assert!(!text("request_id").is_empty());
    assert!(one["duration_ms"].as_f64() >= one["upstream_ms"].as_f64(), "{one}");
    let two = lines.iter().find(|line| line["path"] == "/two/7").unwrap();
    assert_eq!(two["protocol"], "HTTP/2");
}

#[tokio::test]
async fn series_of_removed_routes_and_backends_go_away() {
    let folder = tempfile::tempdir().unwrap();
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = observed(&folder.path().join("access.log"));
    rig.serve(|to| {
        backend(to, "svc", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "old", "bind", "svc");
    })
    .await;
    let mut client = Client::plain(port.address()).await.unwrap();
    assert_eq!(client.get("any.test", "/").await.unwrap().status, 200);
    let named = async |rig: &Rig, name: &str| {
        let mark = format!("\"{name}\"");
        scrape(rig).await.keys().filter(|sample| sample.contains(&mark)).count()
    };
    // A request is counted just after its last byte has gone.
    until("it is counted", || async { named(&rig, "old").await > 0 }).await;
    assert!(named(&rig, "svc").await > 0);
    rig.serve(|to| {
        ["old", "old/0", "svc"].iter().for_each(|name| remove(to, name));
    })
    .await;
    assert_eq!((named(&rig, "old").await, named(&rig, "svc").await), (0, 0));
}

#[tokio::test]
async fn the_last_lines_are_written_before_a_drain_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = observed(&log);
    rig.serve(|to| {
        backend(to, "svc", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "svc");
    })
    .await;
    let mut client = H2Client::plain(port.address()).await;
    let (held, _) = client.open(get("/held"), true).await.unwrap();
    until("it arrives", || async { echo.requests() == 1 }).await;
    let drain = tokio::spawn(rig.proxy.drain());
    echo.release();
    assert_eq!(crate::harness::h2::reply(held).await.unwrap().status, 200);
    assert!(drain.await.unwrap());
    assert_eq!(lines(&log).len(), 1);
}

#[tokio::test]
async fn every_failure_has_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let (port, closed) = (Port::reserve(), Port::reserve());
    let mut rig = observed(&log);
    rig.serve(|to| {
        backend(to, "svc", &[]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "svc");
    })
    .await;
    let mut client = Client::plain(port.address()).await.unwrap();
    assert_eq!(client.get("any.test", "/none").await.unwrap().status, 503);
    rig.serve(|to| endpoints(to, "svc", &[closed.address()])).await;
    assert_eq!(client.get("any.test", "/refused").await.unwrap().status, 502);
    client.send(b"GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await.unwrap();
    assert_eq!(client.response().await.unwrap().status, 400);
    let mut client = Client::plain(port.address()).await.unwrap();
    client.send(b"nonsense\r\n\r\n").await.unwrap();
    assert_eq!(client.response().await.unwrap().status, 400);
    until("every line is written", || async { lines(&log).len() == 4 }).await;
    let mut reasons: Vec<_> = lines(&log)
        .iter()
        .map(|line| (line["path"].clone(), line["reason"].as_str().unwrap().to_owned()))
        .map(|(path, reason)| format!("{} {reason}", path.as_str().unwrap_or("-")))
        .collect();
    reasons.sort();
    let expected = [
        "- malformed_request",
        "/bad malformed_request",
        "/none no_endpoint",
        "/refused connect_failed",
    ];
    assert_eq!(reasons, expected);
}

/// A device that is always full stands for a disk that is.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_under_the_access_log_harms_no_request() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = observed(Path::new("/dev/full"));
    rig.serve(|to| {
        backend(to, "svc", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "svc");
    })
    .await;
    let mut client = Client::plain(port.address()).await.unwrap();
    for _ in 0..200 {
        assert_eq!(client.get("any.test", "/").await.unwrap().status, 200);
    }
    let failed = "portcullis_access_log_lines_total{result=\"failed\"}";
    until("the loss is counted", || async { scrape(&rig).await[failed] == 200.0 }).await;
}
