//! The winner is the rule that is served, and every loser has its true reason.

use ir::{Resource, Snapshot};

use super::*;
use crate::{path::normalise, sample};

fn rule(snapshot: &mut Snapshot, route: &str, index: u32, matches: &[&str]) {
    let matches = matches.iter().map(|text| sample::wanted(text)).collect();
    sample::rule(snapshot, route, index, sample::matching(matches));
}

fn told(snapshot: &Snapshot, target: &str, fields: &[(&str, &str)], max: usize) -> Explanation {
    let table = Table::compile(snapshot, &Table::default(), None);
    let mut head = sample::request("GET", target, fields);
    normalise(&mut head).unwrap();
    let told = explain(&table, &Id::new("bind"), &head, max);
    let listener = table.bind(&Id::new("bind")).unwrap().listener(head.bytes(head.host));
    let served = listener.and_then(|listener| listener.route(&head));
    let served = served.map(|found| (found.plan.rule.clone(), found.place));
    let won = told.winner.as_ref().map(|won| (won.candidate.rule.clone(), won.candidate.place));
    assert_eq!(won, served, "what is told is what is done");
    told
}

fn reasons(told: &Explanation) -> Vec<String> {
    let line = |miss: &NearMiss| {
        format!("{}#{}: {}", miss.candidate.rule, miss.candidate.place, miss.lost)
    };
    told.near_misses.iter().map(line).collect()
}

#[test]
fn every_loser_has_its_reason_and_the_nearest_comes_first() {
    let mut snapshot = sample::one_listener();
    sample::listener(&mut snapshot, "special", "bind", "b.example");
    sample::route(&mut snapshot, "new", 2, &["a.example"]);
    sample::route(&mut snapshot, "old", 1, &["*.example", "other.example"]);
    rule(&mut snapshot, "new", 0, &["/api x:2", "/api GET", "=/other", "/api q=~[0-9]"]);
    rule(&mut snapshot, "new", 1, &["/api POST", "/"]);
    rule(&mut snapshot, "old", 0, &["/api GET x:1"]);
    let mut route = (*snapshot.routes[&Id::new("new")]).clone();
    route.listeners = vec![Id::new("special")];
    route.hostnames = Vec::new();
    snapshot.insert("there", Resource::Route(Arc::new(route)));
    rule(&mut snapshot, "there", 0, &["/api"]);
    let told = told(&snapshot, "/api/v1?q=x", &[("Host", "a.example"), ("x", "1")], 20);
    assert_eq!(told.listener.as_ref().unwrap().id.as_str(), "listener");
    assert_eq!(
        reasons(&told),
        [
            "new/1#1: new/0 goes before it: its path is longer",
            "old/0#0: new/0 goes before it: its route's hostname is more specific",
            "new/1#0: it wants the method POST",
            "new/0#0: it wants the header x to be \"2\", and it is \"1\"",
            "new/0#3: it wants the parameter q to match \"[0-9]\", and it is \"x\"",
            "new/0#2: its path does not match",
            "there/0#0: it is on listener special, which does not answer for this host",
        ]
        .map(String::from)
    );
}

#[test]
fn a_rule_on_a_hidden_listener_is_named() {
    let mut snapshot = sample::one_listener();
    sample::listener(&mut snapshot, "exact", "bind", "a.example");
    sample::route(&mut snapshot, "r", 0, &[]);
    rule(&mut snapshot, "r", 0, &["/"]);
    let told = told(&snapshot, "/", &[("Host", "a.example")], 9);
    assert_eq!(told.winner, None);
    assert_eq!(
        reasons(&told),
        ["r/0#0: it is on listener listener, and a more specific \
        listener answers"]
    );
}

#[test]
fn the_list_is_bounded_and_says_how_many_it_leaves_out() {
    let mut snapshot = sample::one_listener();
    for n in 0..30 {
        sample::route(&mut snapshot, &format!("r{n:02}"), n, &[]);
        rule(&mut snapshot, &format!("r{n:02}"), 0, &["/a"]);
    }
    let told = told(&snapshot, "/a", &[("Host", "h")], 3);
    assert_eq!(told.winner.as_ref().unwrap().candidate.rule.as_str(), "r00/0");
    assert_eq!((told.near_misses.len(), told.others), (3, 26));
    assert!(reasons(&told)[0].ends_with("r00/0 goes before it: its route is older"));
}

#[test]
fn an_explanation_is_a_plain_value() {
    let mut snapshot = sample::one_listener();
    sample::route(&mut snapshot, "r", 0, &["h"]);
    rule(&mut snapshot, "r", 0, &["/a x:1", "/a"]);
    let told = told(&snapshot, "/a", &[("Host", "h")], 3);
    let won = told.winner.as_ref().unwrap();
    assert_eq!(won.backends[0].invalid, Some(InvalidBackend::NotFound), "no backend b exists");
    assert_eq!(
        serde_json::to_value(&told).unwrap(),
        serde_json::json!({
            "bind": "bind", "host": "h", "path": "/a", "others": 0,
            "listener": {"id": "listener", "hostname": "*"},
            "winner": {
                "route": "r", "rule": "r/0", "hostname": "h", "place": 1,
                "match": {"path": {"Prefix": "/a"}},
                "backends": [{"backend": "b", "invalid": "NotFound", "requests": 1, "of": 1}],
                "timeouts": {},
            },
            "nearMisses": [{
                "route": "r", "rule": "r/0", "hostname": "h", "place": 0,
                "match": {
                    "path": {"Prefix": "/a"},
                    "headers": [{"name": "x", "value": {"Exact": "1"}}],
                },
                "lost": {"header": {"name": "x", "wanted": {"Exact": "1"}, "found": null}},
            }],
        })
    );
}
