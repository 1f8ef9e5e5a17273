//! Decisions that the specification or its conformance suite names.

use ir::{Resource, Snapshot};

use super::*;
use crate::{path::normalise, sample};

/// Rules as `ROUTE/INDEX: MATCH | MATCH`, in words of [`sample::wanted`].
fn rules(snapshot: &mut Snapshot, rules: &[&str]) {
    for text in rules {
        let (name, matches) = text.split_once(": ").unwrap();
        let (route, index) = name.split_once('/').unwrap();
        let matches = matches.split(" | ").map(sample::wanted).collect();
        sample::rule(snapshot, route, index.parse().unwrap(), sample::matching(matches));
    }
}

/// Requests as `METHOD http://HOST/PATH NAME:VALUE…`, and the rule that each must find.
fn check(snapshot: &Snapshot, cases: &[(&str, &str)]) {
    let table = Table::compile(snapshot, &Table::default(), None);
    for (request, expected) in cases {
        let mut words = request.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let fields: Vec<_> = words.map(|field| field.split_once(':').unwrap()).collect();
        let mut head = sample::request(method, target, &fields);
        normalise(&mut head).unwrap();
        let bind = table.bind(&Id::new("bind")).unwrap();
        let listener = bind.listener(head.bytes(head.host));
        let found = listener.and_then(|listener| listener.route(&head));
        let found = found.map_or("404", |found| found.plan.rule.as_str());
        assert_eq!(found, *expected, "{request}");
    }
}

#[test]
fn the_users_paths_go_where_their_page_says() {
    let mut snapshot = sample::one_listener();
    sample::route(&mut snapshot, "r", 0, &["app.example"]);
    rules(&mut snapshot, &["r/0: =/api/v1/health", "r/1: /api/v1", "r/2: ~^/v[0-9]+/.*", "r/3: /"]);
    check(
        &snapshot,
        &[
            ("GET http://app.example/api/v1/health", "r/0"),
            ("GET http://app.example/api/v1/health/", "r/1"),
            ("GET http://app.example/api/v1", "r/1"),
            ("GET http://app.example/api/v1x", "r/3"),
            ("GET http://app.example/v2/users", "r/2"),
            ("GET http://app.example/v2", "r/3"),
            ("GET http://app.example/x/v2/users", "r/3"),
            ("GET http://app.example/api/v1/../../v3/", "r/2"),
            ("GET http://app.example:8080/%61pi/v1//health", "r/0"),
            ("GET http://other.example/", "404"),
            ("OPTIONS http://app.example", "404"),
        ],
    );
}

#[test]
fn conditions_count_by_kind_and_number() {
    let mut snapshot = sample::one_listener();
    sample::route(&mut snapshot, "r", 0, &[]);
    rules(
        &mut snapshot,
        &[
            "r/0: /a",
            "r/1: /a q=1 p=1",
            "r/2: /a x:1",
            "r/3: /a x:1 y:1",
            "r/4: /a GET",
            "r/5: /a/b",
            "r/6: /a x:1 q=1",
            "r/7: /a",
        ],
    );
    for (request, expected) in [
        ("POST http://h/a", "r/0"),
        ("GET http://h/a x:1 y:1", "r/4"),
        ("POST http://h/a x:1 y:1", "r/3"),
        ("POST http://h/a x:1", "r/2"),
        ("POST http://h/a?q=1&p=1 x:1", "r/6"),
        ("POST http://h/a?q=1&p=1", "r/1"),
        ("GET http://h/a/b x:1 y:1", "r/5"),
    ] {
        check(&snapshot, &[(request, expected)]);
    }
}

#[test]
fn the_routes_own_hostname_decides_and_the_rest_falls_through() {
    let mut snapshot = sample::one_listener();
    sample::listener(&mut snapshot, "listener", "bind", "abc.example");
    sample::route(&mut snapshot, "old", 1, &["*.example"]);
    sample::route(&mut snapshot, "new", 2, &["abc.example"]);
    sample::route(&mut snapshot, "any", 0, &[]);
    rules(
        &mut snapshot,
        &["old/0: /a/b/c", "old/1: /", "new/0: /a x:1", "any/0: =/a/b/c", "any/1: /"],
    );
    check(
        &snapshot,
        &[
            ("GET http://abc.example/a/b/c x:1", "new/0"),
            ("GET http://abc.example/a/b/c", "old/0"),
            ("GET http://abc.example/z x:1", "old/1"),
        ],
    );
}

#[test]
fn a_listener_hides_the_routes_of_the_others() {
    let mut snapshot = sample::one_listener();
    sample::listener(&mut snapshot, "wild", "bind", "*.example");
    sample::listener(&mut snapshot, "exact", "bind", "a.example");
    for name in ["listener", "wild", "exact"] {
        let (listeners, hostnames) = (vec![Id::new(name)], Vec::new());
        let (namespace, created) = ("ns".into(), 0);
        let route = Route { listeners, hostnames, created, namespace, name: name.into() };
        snapshot.insert(name, Resource::Route(Arc::new(route)));
    }
    rules(&mut snapshot, &["listener/0: /any", "wild/0: /wild", "exact/0: /exact"]);
    check(
        &snapshot,
        &[
            ("GET http://a.example/exact", "exact/0"),
            ("GET http://a.example/wild", "404"),
            ("GET http://b.example/wild", "wild/0"),
            ("GET http://b.example/any", "404"),
            ("GET http://example/any", "listener/0"),
            ("GET http://a.b.example/wild", "wild/0"),
        ],
    );
}

#[test]
fn of_equals_the_older_then_the_name_then_the_place_decides() {
    let mut snapshot = sample::one_listener();
    for (name, created) in [("b", 5), ("a", 5), ("z", 1)] {
        sample::route(&mut snapshot, name, created, &[]);
    }
    rules(
        &mut snapshot,
        &["a/0: /x | /y", "b/0: /y | /x", "z/0: /z | /x x:1", "z/1: /z", "a/1: /z x:1"],
    );
    check(
        &snapshot,
        &[
            ("GET http://h/x", "a/0"),
            ("GET http://h/y", "a/0"),
            ("GET http://h/z", "z/0"),
            ("GET http://h/z x:1", "a/1"),
        ],
    );
}

#[test]
fn a_matched_prefix_is_known_by_its_length() {
    let mut snapshot = sample::one_listener();
    sample::route(&mut snapshot, "r", 0, &[]);
    rules(&mut snapshot, &["r/0: =/e | /a/b/ | /", "r/1: ~/re.*"]);
    let table = Table::compile(&snapshot, &Table::default(), None);
    for (target, expected) in [("/a/b/c", Some(4)), ("/c", Some(0)), ("/e", None), ("/rest", None)]
    {
        let mut head = sample::request("GET", target, &[("Host", "h")]);
        normalise(&mut head).unwrap();
        let listener = table.bind(&Id::new("bind")).unwrap().listener(b"h").unwrap();
        assert_eq!(listener.route(&head).unwrap().prefix.bytes(), expected, "{target}");
    }
}
