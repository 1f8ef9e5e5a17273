//! Which rule a request finds: the compiled tables against the naive matcher of the router, for any
//! bytes in method, target, host and fields. Each is a line of the input.

use std::sync::Arc;

use ir::{
    BackendChoice, Bind, HeaderMatch, HeaderName, Hostname, Id, Listener, Match, PathMatch,
    Protocol, QueryMatch, Regex, Resource, Route, Rule, Snapshot, Timeouts, ValueMatch,
    WeightedBackend,
};
use router::{Head, Step, Table, head::Span, naive, path::normalise};

thread_local! {
    static SNAPSHOTS: Vec<(Snapshot, Table)> = (0..SNAPSHOTS_COUNT).map(compiled).collect();
}

pub(crate) fn run(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (method, target, host) = (next(), next(), next());
    if method.is_empty() || !method.iter().all(u8::is_ascii_graphic) {
        return;
    }
    let mut head = head(method, target, host, lines);
    match normalise(&mut head) {
        Ok(Step::Continue) => {}
        Ok(Step::Answer(_)) | Err(_) => return,
    }
    is_normal(&head, method);
    SNAPSHOTS.with(|snapshots| {
        for (snapshot, table) in snapshots {
            agree(snapshot, table, &head);
        }
    });
}

/// A path in normal form is its own normal form, and has no element that leads elsewhere.
fn is_normal(head: &Head, method: &[u8]) {
    let (path, authority) = (head.bytes(head.path), head.bytes(head.authority));
    let Some(below) = path.strip_prefix(b"/") else { return };
    let mut elements: Vec<_> = below.split(|byte| *byte == b'/').collect();
    let last = elements.pop();
    assert!(elements.iter().all(|element| !matches!(*element, b"" | b"." | b"..")), "{path:?}");
    assert!(!matches!(last, Some(b"." | b"..")), "{path:?}");
    let mut again = self::head(method, path, authority, std::iter::empty());
    assert_eq!(normalise(&mut again), Ok(Step::Continue));
    assert_eq!(again.bytes(again.path), path);
    assert_eq!(again.bytes(again.host), head.bytes(head.host));
}

fn agree(snapshot: &Snapshot, table: &Table, head: &Head) {
    let bind = Id::new("bind");
    let host = head.text(head.host);
    let found = table.bind(&bind).and_then(|bind| bind.listener(host.as_bytes()));
    let expected = naive::listener(snapshot, &bind, host).map(|(id, _)| id);
    assert_eq!(found.map(|listener| &listener.id), expected);
    let found = found.and_then(|listener| listener.route(head));
    let found = found.map(|found| (found.plan.rule.clone(), found.place));
    let expected = naive::route(snapshot, &bind, head);
    assert_eq!(found, expected.map(|decision| (decision.rule, decision.place)));
}

/// As a codec hands it over: nothing normalised, fields in lines.
fn head<'a>(
    method: &[u8],
    target: &[u8],
    host: &[u8],
    fields: impl Iterator<Item = &'a [u8]>,
) -> Head {
    let mut head = Head::default();
    let put = |head: &mut Head, bytes: &[u8]| {
        let start = head.raw().len();
        head.raw_mut().extend_from_slice(bytes);
        Span::raw(start, bytes.len())
    };
    head.method = put(&mut head, method);
    head.path = put(&mut head, target);
    let pairs = fields.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = &line[..colon];
        let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        is_name.then(|| (name, line[colon + 1..].trim_ascii()))
    });
    for (name, value) in std::iter::once((&b"host"[..], host)).chain(pairs).take(FIELDS_MAX) {
        let start = head.raw().len();
        let name = put(&mut head, name);
        put(&mut head, b": ");
        let value = put(&mut head, value);
        put(&mut head, b"\r\n");
        let line = Span::raw(start, head.raw().len() - start);
        head.push_raw(name, value, line);
        if start == method.len() + target.len() {
            head.authority = value;
        }
    }
    head
}

/// Requests that find something.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let requests = [
        "GET\n/a/b?q=1&p=%41+\nx.a.com\nx:1\ny: 2",
        "POST\n/a/../b//c\nA.com.:80\nx:1\nX:2",
        "OPTIONS\n*\na.com\norigin:http://o\naccess-control-request-method:GET",
        "GET\nhttp://a.com/%61/%2e%2E/c%c3%a9\nb.com\nx:12",
        "GET\n/c%C3%A9/\\d?q=a%2Fb\ny.x.a.com",
        "PUT\n/a%2fb\n[::1]:80",
        "GET\n/\nb",
    ];
    requests.iter().map(|request| request.as_bytes().to_vec()).collect()
}

/// All that the targets know.
pub(crate) fn ground() -> Snapshot {
    snapshot(|_| true)
}

/// A part of it, so that each rule wins in some of them.
fn compiled(number: usize) -> (Snapshot, Table) {
    let snapshot = snapshot(|place| (place * 7 + 3) % SNAPSHOTS_COUNT != number);
    let table = Table::compile(&snapshot, &Table::default(), None);
    (snapshot, table)
}

fn snapshot(has: impl Fn(usize) -> bool) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let bind = Bind { gateway: "ns/gateway".into(), address: None, port: 80 };
    snapshot.insert("bind", Resource::Bind(Arc::new(bind)));
    for (place, name) in ["*", "a.com", "*.a.com", "*.x.a.com"].into_iter().enumerate() {
        let Ok(hostname) = Hostname::parse(name) else { continue };
        let listener = Listener { bind: Id::new("bind"), hostname, protocol: Protocol::Http };
        if place == 0 || has(place) {
            snapshot.insert(format!("l{place}"), Resource::Listener(Arc::new(listener)));
        }
    }
    let routes: [&[&str]; 4] = [&[], &["a.com", "*.com"], &["*.a.com"], &["x.a.com", "b"]];
    for (place, hostnames) in routes.into_iter().enumerate() {
        let route = Route {
            listeners: (0..4).map(|n| Id::new(format!("l{n}"))).collect(),
            hostnames: hostnames.iter().filter_map(|name| Hostname::parse(name).ok()).collect(),
            created: place as i64 % 2,
            namespace: "ns".into(),
            name: format!("r{place}").into(),
        };
        snapshot.insert(format!("r{place}"), Resource::Route(Arc::new(route)));
    }
    for (place, texts) in RULES.iter().enumerate().filter(|(place, _)| has(*place)) {
        for route in 0..4 {
            let rule = rule(place as u32, &format!("r{route}"), texts);
            snapshot.insert(format!("r{route}/{place}"), Resource::Rule(Arc::new(rule)));
        }
    }
    snapshot
}

fn rule(index: u32, route: &str, texts: &[&str]) -> Rule {
    let backend = BackendChoice::Valid(Id::new("b"));
    Rule {
        route: Id::new(route),
        index,
        name: None,
        matches: texts.iter().filter_map(|text| wanted(text)).collect(),
        filters: Vec::new(),
        backends: vec![WeightedBackend { backend, weight: 1, filters: Vec::new() }],
        timeouts: Timeouts::default(),
        retry: None,
    }
}

/// `PATH`, then `GET` (a method), `h:v` (a header), `q=v` (a parameter); `=/exact`, `~regex`.
fn wanted(text: &str) -> Option<Match> {
    let mut words = text.split(' ');
    let path = words.next()?;
    let path = match (path.strip_prefix('='), path.strip_prefix('~')) {
        (Some(exact), _) => PathMatch::Exact(exact.into()),
        (_, Some(regex)) => PathMatch::Regex(Regex::parse(regex).ok()?),
        _ => PathMatch::Prefix(path.into()),
    };
    let value = |text: &str| match text.strip_prefix('~') {
        Some(regex) => Regex::parse(regex).ok().map(ValueMatch::Regex),
        None => Some(ValueMatch::Exact(text.into())),
    };
    let mut out = Match { path, method: None, headers: Vec::new(), query: Vec::new() };
    for word in words {
        if let Some((name, text)) = word.split_once(':') {
            let name = HeaderName::parse(name).ok()?;
            out.headers.push(HeaderMatch { name, value: value(text)? });
        } else if let Some((name, text)) = word.split_once('=') {
            out.query.push(QueryMatch { name: name.into(), value: value(text)? });
        } else {
            out.method = Some(word.into());
        }
    }
    Some(out)
}

const RULES: &[&[&str]] = &[
    &["/"],
    &["/a", "=/b GET"],
    &["/a/b x:1", "/a/b y:~.*"],
    &["=/a/"],
    &["~/[ab]/?b?"],
    &["/a q=1", "/a q=~[12] p=~.*"],
    &["/%61/b POST"],
    &["/c%c3%a9"],
    &["~/a.* x:~1.*"],
    &["/ host:~.*a.*"],
    &["/ content-length:1 user-agent:x", "/ cookie:a=b"],
    &["=/a q=a/b", "=/a q=~\\x20"],
];
const SNAPSHOTS_COUNT: usize = 6;
const FIELDS_MAX: usize = 20;
