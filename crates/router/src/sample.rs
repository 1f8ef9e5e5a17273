//! Requests and snapshots for tests, in as few words as they can be said.

use std::sync::Arc;

use ir::{
    BackendChoice, Bind, HeaderMatch, HeaderName, Hostname, Id, Listener, Match, PathMatch,
    Protocol, QueryMatch, Regex, Resource, Route, Rule, Snapshot, ValueMatch, WeightedBackend,
};

use crate::{Head, head::Span};

/// A head as a codec hands it over: everything in `raw`, nothing normalised.
pub(crate) fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Head {
    raw_request(method.as_bytes(), target.as_bytes(), fields)
}

/// As [`request`], of any bytes.
pub(crate) fn raw_request(method: &[u8], target: &[u8], fields: &[(&str, &str)]) -> Head {
    let mut head = Head::default();
    let put = |head: &mut Head, bytes: &[u8]| {
        let start = head.raw().len();
        head.raw_mut().extend_from_slice(bytes);
        Span::raw(start, bytes.len())
    };
    head.method = put(&mut head, method);
    head.path = put(&mut head, target);
    for (name, value) in fields {
        let start = head.raw().len();
        let name_span = put(&mut head, name.as_bytes());
        put(&mut head, b": ");
        let value_span = put(&mut head, value.as_bytes());
        put(&mut head, b"\r\n");
        let line = Span::raw(start, head.raw().len() - start);
        head.push_raw(name_span, value_span, line);
        if name.eq_ignore_ascii_case("host") {
            head.authority = value_span;
        }
    }
    head
}

/// A bind with one plain listener on it: `bind` and `listener`.
pub(crate) fn one_listener() -> Snapshot {
    let mut snapshot = Snapshot::default();
    bind(&mut snapshot, "bind", 80);
    listener(&mut snapshot, "listener", "bind", "*");
    snapshot
}

pub(crate) fn bind(snapshot: &mut Snapshot, name: &str, port: u16) {
    let bind = Bind { gateway: "ns/gateway".into(), address: None, port };
    snapshot.insert(name, Resource::Bind(Arc::new(bind)));
}

pub(crate) fn listener(snapshot: &mut Snapshot, name: &str, bind: &str, hostname: &str) {
    let hostname = Hostname::parse(hostname).unwrap();
    let listener = Listener { bind: Id::new(bind), hostname, protocol: Protocol::Http };
    snapshot.insert(name, Resource::Listener(Arc::new(listener)));
}

/// A route named `ns/NAME` on `listener`.
pub(crate) fn route(snapshot: &mut Snapshot, name: &str, created: i64, hostnames: &[&str]) {
    let route = Route {
        listeners: vec![Id::new("listener")],
        hostnames: hostnames.iter().map(|name| Hostname::parse(name).unwrap()).collect(),
        created,
        namespace: "ns".into(),
        name: name.into(),
    };
    snapshot.insert(name, Resource::Route(Arc::new(route)));
}

/// The rule `ROUTE/INDEX`.
pub(crate) fn rule(snapshot: &mut Snapshot, route: &str, index: u32, rule: Rule) {
    let rule = Rule { route: Id::new(route), index, ..rule };
    snapshot.insert(format!("{route}/{index}"), Resource::Rule(Arc::new(rule)));
}

/// A rule of these matches, to the backend `b`.
pub(crate) fn matching(matches: Vec<Match>) -> Rule {
    let backend = BackendChoice::Valid(Id::new("b"));
    Rule {
        route: Id::new(""),
        index: 0,
        name: None,
        matches,
        filters: Vec::new(),
        backends: vec![WeightedBackend { backend, weight: 1, filters: Vec::new() }],
        timeouts: ir::Timeouts::default(),
        retry: None,
    }
}

/// A match in one line: `PATH`, and then words: `GET` (a method), `h:v` (a header), `q=v` (a
/// parameter). The path is `=/exact`, `~regex` or `/prefix`; a value that starts with `~` is a
/// regex.
pub(crate) fn wanted(text: &str) -> Match {
    let mut words = text.split(' ');
    let path = words.next().unwrap();
    let path = match (path.strip_prefix('='), path.strip_prefix('~')) {
        (Some(exact), _) => PathMatch::Exact(exact.into()),
        (_, Some(regex)) => PathMatch::Regex(Regex::parse(regex).unwrap()),
        _ => PathMatch::Prefix(path.into()),
    };
    let value = |text: &str| match text.strip_prefix('~') {
        Some(regex) => ValueMatch::Regex(Regex::parse(regex).unwrap()),
        None => ValueMatch::Exact(text.into()),
    };
    let mut out = Match { path, method: None, headers: Vec::new(), query: Vec::new() };
    for word in words {
        if let Some((name, text)) = word.split_once(':') {
            let name = HeaderName::parse(name).unwrap();
            out.headers.push(HeaderMatch { name, value: value(text) });
        } else if let Some((name, text)) = word.split_once('=') {
            out.query.push(QueryMatch { name: name.into(), value: value(text) });
        } else {
            out.method = Some(word.into());
        }
    }
    out
}
