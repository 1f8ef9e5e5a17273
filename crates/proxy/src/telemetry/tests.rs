//! Events in, text out.

use std::{fs, time::Duration};

use ir::{Id, Resource, Snapshot};

use super::*;
use crate::http::{Failure, Record, record::Protocol};

/// Routes `a` and `b`, backends `x` and `y`.
fn snapshot(routes: &[&'static str], backends: &[&'static str]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for name in routes {
        let route = ir::Route {
            listeners: Vec::new(),
            hostnames: Vec::new(),
            created: 0,
            namespace: "ns".into(),
            name: (*name).into(),
        };
        snapshot.insert(*name, Resource::Route(Arc::new(route)));
    }
    for name in backends {
        let target = ir::Target::Endpoints(Id::new(*name));
        let backend = ir::Backend { protocol: ir::UpstreamProtocol::Http1, target };
        snapshot.insert(*name, Resource::Backend(Arc::new(backend)));
    }
    snapshot
}

fn request(sink: &Sink, route: Option<&'static str>, backend: Option<&'static str>, status: u16) {
    let (route, backend) = (route.map(Id::new), backend.map(Id::new));
    sink.record(&Record {
        protocol: Protocol::Http11,
        bind: &Id::new("bind"),
        listener: None,
        sni: None,
        route: route.as_ref(),
        rule: None,
        backend: backend.as_ref(),
        endpoint: None,
        peer: ([127, 0, 0, 1], 1).into(),
        method: b"GET",
        authority: b"a",
        path: b"/",
        user_agent: b"",
        request_id: b"",
        status,
        failure: (status == 404).then_some(Failure::NoRoute),
        retries: 1,
        bytes_in: 10,
        bytes_out: 100,
        duration: Duration::from_millis(3),
        upstream: None,
    });
}

/// The value of a sample by its whole name.
fn value(text: &str, sample: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn workers_are_summed_up_and_every_metric_of_the_catalog_is_there() {
    let telemetry = Telemetry::start(&AccessLogTarget::Off).unwrap();
    let sinks = [telemetry.sink(1), telemetry.sink(0)];
    for sink in &sinks {
        request(sink, Some("a"), Some("x"), 200);
        request(sink, Some("a"), None, 301);
        request(sink, None, None, 404);
        sink.upstream(&Id::new("x")).connected(Connect::Connected);
        sink.handshake(Handshake::Resumed);
        sink.connection_refused(Refusal::NoListener);
    }
    request(&sinks[1], Some("a"), Some("x"), 204);
    sinks.iter().for_each(Sink::connection_handed_over);
    let connection = sinks[0].connection_opened(true);
    drop(sinks[0].connection_opened(false));
    let text = telemetry.exposition(&snapshot(&["a"], &["x"]));
    let table = [
        ("portcullis_requests_total{route=\"a\",backend=\"x\",code=\"2xx\"}", 3),
        ("portcullis_requests_total{route=\"a\",backend=\"\",code=\"3xx\"}", 2),
        ("portcullis_requests_total{route=\"\",backend=\"\",code=\"4xx\"}", 2),
        ("portcullis_request_duration_seconds_count{route=\"a\",backend=\"x\"}", 3),
        ("portcullis_request_body_bytes_total{route=\"a\",backend=\"x\"}", 30),
        ("portcullis_response_body_bytes_total{route=\"a\",backend=\"x\"}", 300),
        ("portcullis_retries_total{route=\"a\",backend=\"x\"}", 3),
        ("portcullis_request_failures_total{reason=\"no_route\"}", 2),
        ("portcullis_connections_total{transport=\"tls\"}", 1),
        ("portcullis_connections_total{transport=\"plain\"}", 1),
        ("portcullis_connections_active", 1),
        ("portcullis_worker_connections_active{worker=\"0\"}", 0),
        ("portcullis_worker_connections_active{worker=\"1\"}", 1),
        ("portcullis_connections_handed_over_total", 2),
        ("portcullis_connections_refused_total{reason=\"no_listener\"}", 2),
        ("portcullis_tls_handshakes_total{result=\"resumed\"}", 2),
        ("portcullis_upstream_connects_total{backend=\"x\",result=\"connected\"}", 2),
        ("portcullis_upstream_connections_active{backend=\"x\"}", 2),
        ("portcullis_workers", 2),
    ];
    for (sample, expected) in table {
        assert_eq!(value(&text, sample), Some(expected), "{sample} in {text}");
    }
    let exposed: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(exposed, catalog::ALL.map(|metric| metric.name));
    drop(connection);
    assert_eq!(
        value(&telemetry.exposition(&snapshot(&[], &[])), "portcullis_connections_active"),
        Some(0)
    );
}

#[test]
fn what_is_removed_is_hidden_at_once_and_forgotten_before_it_piles_up() {
    let telemetry = Telemetry::start(&AccessLogTarget::Off).unwrap();
    let sink = telemetry.sink(0);
    request(&sink, Some("a"), Some("x"), 200);
    request(&sink, Some("a"), Some("y"), 200);
    request(&sink, Some("b"), Some("y"), 200);
    let shown = |snapshot: &Snapshot| {
        let text = telemetry.exposition(snapshot);
        text.lines().filter(|line| line.starts_with("portcullis_requests_total")).count()
    };
    assert_eq!(shown(&snapshot(&["a", "b"], &["x", "y"])), 3);
    assert_eq!(shown(&snapshot(&["a"], &["x"])), 1);

    // Rounds of new routes, each of which removes those of the round before.
    for round in 0..20 {
        let names: Vec<&'static str> =
            (0..100).map(|n| &*Box::leak(format!("{round}-{n}").into_boxed_str())).collect();
        names.iter().for_each(|name| request(&sink, Some(name), None, 200));
        sink.adopt(|| Arc::new(snapshot(&names, &[])));
        let kept = telemetry.workers.lock()[0].requests.lock().len();
        assert!(kept <= 2 * crate::limits::SERIES_KEPT, "{kept} in round {round}");
        assert_eq!(shown(&snapshot(&names, &[])), 100);
    }
}

#[test]
fn connections_that_outlive_their_backend_do_not_leave_its_gauge_up() {
    let telemetry = Telemetry::start(&AccessLogTarget::Off).unwrap();
    let sink = telemetry.sink(0);
    let cells = sink.upstream(&Id::new("x"));
    cells.connected(Connect::Connected);
    sink.adopt(|| Arc::new(snapshot(&[], &[])));
    cells.closed();
    sink.upstream(&Id::new("x")).connected(Connect::Failed);
    let text = telemetry.exposition(&snapshot(&[], &["x"]));
    assert_eq!(value(&text, "portcullis_upstream_connections_active{backend=\"x\"}"), Some(0));
}

#[test]
fn what_was_applied_shows() {
    let telemetry = Telemetry::start(&AccessLogTarget::Off).unwrap();
    let closed =
        ir::BindFailure { bind: Id::new("b"), fault: ir::BindFault::InUse, message: String::new() };
    telemetry.applied(&Ack { revision: 7, rejected: Vec::new(), closed: vec![closed] }, 3);
    let text = telemetry.exposition(&Snapshot::default());
    assert_eq!(value(&text, "portcullis_config_revision"), Some(7));
    assert_eq!(value(&text, "portcullis_binds{state=\"open\"}"), Some(2));
    assert_eq!(value(&text, "portcullis_binds{state=\"closed\"}"), Some(1));
}

#[test]
fn lines_are_in_the_file_when_the_proxy_has_ended_and_agree_with_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let telemetry = Telemetry::start(&AccessLogTarget::File(path.clone())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let sink = telemetry.sink(0);
        // More than a block holds, so that both ways out of the buffer are taken.
        (0..500).for_each(|_| request(&sink, Some("a"), Some("x"), 200));
    });
    telemetry.finish();
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines.lines().count(), 500);
    let text = telemetry.exposition(&snapshot(&["a"], &["x"]));
    let sample = "portcullis_requests_total{route=\"a\",backend=\"x\",code=\"2xx\"}";
    assert_eq!(value(&text, sample), Some(500));
    assert_eq!(value(&text, "portcullis_access_log_lines_total{result=\"written\"}"), Some(500));
    assert_eq!(value(&text, "portcullis_access_log_lines_total{result=\"dropped\"}"), Some(0));
}
