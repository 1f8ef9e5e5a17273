//! How long it takes to compile routes, to edit one of them, and to find the rule of a request,
//! with few and many routes on one host and on many. Prints a table; asserts no time.
//!
//! `cargo bench -p portcullis-router`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and may end")]

use std::{
    collections::BTreeSet,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use ir::{
    Backend, BackendChoice, Bind, Hostname, Id, Key, Listener, Match, PathMatch, Protocol,
    Resource, Route, Rule, Snapshot, Target, Timeouts, UpstreamProtocol, WeightedBackend,
};
use portcullis_router::{Head, Table, head::Span, path};

fn main() {
    println!(
        "{:>8} {:<11} {:>12} {:>12} {:>12} {:>12}",
        "routes", "hosts", "compile", "edit", "normalise", "match"
    );
    for routes in [10, 1_000, 10_000, 100_000] {
        for many_hosts in [false, true] {
            run(routes, many_hosts);
        }
    }
}

fn run(routes: usize, many_hosts: bool) {
    let mut snapshot = snapshot(routes, many_hosts);
    let start = Instant::now();
    let mut table = Table::compile(&snapshot, &Table::default(), None);
    let compile = start.elapsed();

    let edits = 50;
    let mut edit = Duration::MAX;
    for n in 0..edits {
        let changed = BTreeSet::from([put_rule(&mut snapshot, n * routes / edits, 2 + n as u32)]);
        let start = Instant::now();
        table = Table::compile(&snapshot, &table, Some(&changed));
        edit = edit.min(start.elapsed());
    }

    // Spread over all routes, so that the tables' memory is as cold as in a busy proxy; one head,
    // whose memory is as hot as that of a request just read.
    let (mut head, spots) = requests(routes, many_hosts);
    let normalise = each(spots.len(), || {
        for (authority, target) in &spots {
            (head.authority, head.path) = (*authority, *target);
            black_box(path::normalise(&mut head)).unwrap();
        }
    });
    let bind = Id::new("bind");
    let found = each(spots.len(), || {
        for (authority, target) in &spots {
            (head.host, head.path) = (*authority, target.sub(0, target.len() - QUERY.len()));
            let listener = table.bind(&bind).unwrap().listener(head.bytes(head.host)).unwrap();
            black_box(listener.route(&head)).unwrap();
        }
    });
    println!(
        "{routes:>8} {:<11} {compile:>12.1?} {edit:>12.1?} {normalise:>12.1?} {found:>12.1?}",
        if many_hosts { "one each" } else { "one for all" },
    );
}

/// The time for one of `count`, in the best of many rounds: others use the machine too.
fn each(count: usize, mut round: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        round();
        start.elapsed()
    };
    (0..500_000 / count).map(time).min().unwrap_or_default() / count as u32
}

fn host(n: usize, many_hosts: bool) -> String {
    if many_hosts { format!("app-{n}.example.com") } else { "app.example.com".into() }
}

/// One head, and in it the hosts and targets of up to 4096 requests.
fn requests(routes: usize, many_hosts: bool) -> (Head, Vec<(Span, Span)>) {
    let mut head = Head::default();
    let mut put = |text: &str| {
        let start = head.raw().len();
        head.raw_mut().extend_from_slice(text.as_bytes());
        Span::raw(start, text.len())
    };
    let count = routes.min(4096);
    let mut spots: Vec<_> = (0..count)
        .map(|n| n * routes / count)
        .map(|n| (put(&host(n, many_hosts)), put(&format!("/route-{n}/items/17{QUERY}"))))
        .collect();
    // Neighbours in the snapshot are neighbours in memory; requests come in no such order.
    (1..count).for_each(|n| spots.swap(n, n * 7919 % count));
    head.method = head.store(b"GET");
    for name in ["user-agent", "accept", "accept-encoding", "cookie", "x-request-id"] {
        head.append(name.as_bytes(), b"something");
    }
    (head, spots)
}

const QUERY: &str = "?page=2";

fn snapshot(routes: usize, many_hosts: bool) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let bind = Bind { gateway: "ns/gateway".into(), address: None, port: 80 };
    snapshot.insert("bind", Resource::Bind(Arc::new(bind)));
    let listener =
        Listener { bind: Id::new("bind"), hostname: Hostname::Any, protocol: Protocol::Http };
    snapshot.insert("listener", Resource::Listener(Arc::new(listener)));
    for n in 0..routes {
        let route = Route {
            listeners: vec![Id::new("listener")],
            hostnames: vec![Hostname::parse(&host(n, many_hosts)).unwrap()],
            created: n as i64,
            namespace: "ns".into(),
            name: format!("route-{n}").into(),
        };
        snapshot.insert(format!("HTTPRoute/ns/route-{n}"), Resource::Route(Arc::new(route)));
        let target = Target::Endpoints(Id::new(format!("ns/service-{n}/80")));
        let backend = Backend { protocol: UpstreamProtocol::Http1, target };
        snapshot.insert(format!("ns/service-{n}/80"), Resource::Backend(Arc::new(backend)));
        put_rule(&mut snapshot, n, 1);
    }
    snapshot
}

fn put_rule(snapshot: &mut Snapshot, n: usize, weight: u32) -> Key {
    let path = PathMatch::Prefix(format!("/route-{n}").into());
    let backend = BackendChoice::Valid(Id::new(format!("ns/service-{n}/80")));
    let id = Id::<Rule>::new(format!("HTTPRoute/ns/route-{n}/0"));
    let rule = Rule {
        route: Id::new(format!("HTTPRoute/ns/route-{n}")),
        index: 0,
        name: None,
        matches: vec![Match { path, method: None, headers: Vec::new(), query: Vec::new() }],
        filters: Vec::new(),
        backends: vec![WeightedBackend { backend, weight, filters: Vec::new() }],
        timeouts: Timeouts::default(),
        retry: None,
    };
    snapshot.insert(id.as_str(), Resource::Rule(Arc::new(rule)));
    id.key()
}
