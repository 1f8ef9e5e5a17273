//! Tables and oracle decide alike, whatever was edited and however it was compiled.
//!
//! Names, hosts, paths and values come from small sets, so that they meet all the time.

use std::{collections::BTreeSet, sync::Arc};

use ir::{
    Backend, BackendChoice, Filter, Key, Kind, Protocol, Resource, Target, UpstreamProtocol,
    WeightedBackend,
};
use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest},
    test_runner::TestCaseResult,
};

use super::*;
use crate::{Step, Table, explain::explain, path::normalise, sample};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn tables_decide_as_the_oracle_does(
        edits in prop::collection::vec(edit(), 20..60),
        requests in prop::collection::vec(request(), 40),
    ) {
        let mut snapshot = ground();
        edits.into_iter().for_each(|edit| drop(apply(&mut snapshot, edit)));
        let table = Table::compile(&snapshot, &Table::default(), None);
        agree(&snapshot, &table, &requests)?;
    }

    #[test]
    fn steps_lead_where_a_fresh_start_does(
        batches in prop::collection::vec(prop::collection::vec(edit(), 1..8), 1..12),
        requests in prop::collection::vec(request(), 20),
    ) {
        let mut snapshot = ground();
        let mut table = Table::compile(&snapshot, &Table::default(), None);
        for batch in batches {
            let changed: BTreeSet<Key> =
                batch.into_iter().map(|edit| apply(&mut snapshot, edit)).collect();
            let whole = Table::compile(&snapshot, &table, None);
            table = Table::compile(&snapshot, &table, Some(&changed));
            agree(&snapshot, &table, &requests)?;
            agree(&snapshot, &whole, &requests)?;
        }
    }

    #[test]
    fn no_bytes_make_a_panic(
        edits in prop::collection::vec(edit(), 20),
        method in prop::collection::vec(any::<u8>(), 0..8),
        target in prop::collection::vec(any::<u8>(), 0..40),
        host in prop::collection::vec(any::<u8>(), 0..20),
        fields in prop::collection::vec(("\\PC{0,6}", "\\PC{0,12}"), 0..4),
    ) {
        let mut snapshot = ground();
        edits.into_iter().for_each(|edit| drop(apply(&mut snapshot, edit)));
        let table = Table::compile(&snapshot, &Table::default(), None);
        let fields: Vec<_> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        for known in [&target[..], b"/a/b?q=1&%", b"/%2e%2", b"/a"] {
            let mut head = sample::raw_request(&method, known, &fields);
            head.authority = head.store(&host);
            // Neither step depends on the other one's success.
            let _ = normalise(&mut head);
            for bind in table.binds() {
                for listener in bind.listener(&host).into_iter().chain(bind.listeners()) {
                    listener.route(&head);
                }
            }
        }
    }
}

/// Two binds with a listener for all hosts, so that few requests end nowhere.
fn ground() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (bind, listener, port) in [("b0", "l0", 80), ("b1", "l1", 81)] {
        sample::bind(&mut snapshot, bind, port);
        sample::listener(&mut snapshot, listener, bind, "*");
    }
    snapshot
}

fn agree(snapshot: &Snapshot, table: &Table, requests: &[Ask]) -> TestCaseResult {
    for ask in requests {
        let mut head = sample::request(ask.method, ask.target, &ask.fields);
        prop_assert_eq!(normalise(&mut head), Ok(Step::Continue));
        for bind in ["b0", "b1"].map(Id::new) {
            let expected = route(snapshot, &bind, &head);
            let host = head.text(head.host);
            let found = table.bind(&bind).and_then(|bind| bind.listener(host.as_bytes()));
            let wanted = listener(snapshot, &bind, host);
            prop_assert_eq!(
                found.map(|found| (&found.id, &*found.listener)),
                wanted,
                "the listener for {:?}",
                ask
            );
            let found = found.and_then(|listener| listener.route(&head));
            let decided =
                found.map(|found| Decision { rule: found.plan.rule.clone(), place: found.place });
            prop_assert_eq!(&decided, &expected, "{:?}", ask);
            let told = explain(table, &bind, &head, 3).winner.map(|won| won.candidate);
            let told = told.map(|told| Decision { rule: told.rule, place: told.place });
            prop_assert_eq!(told, expected, "explained: {:?}", ask);
            let Some(found) = found else { continue };
            let rule = &snapshot.rules[&found.plan.rule];
            prop_assert_eq!(&found.plan.source, rule);
            for (share, source) in found.plan.backends.iter().zip(&rule.backends) {
                let entry = share.backend.map(|slot| table.backends().get(slot).unwrap());
                match &source.backend {
                    BackendChoice::Valid(id) => {
                        let entry = entry.unwrap();
                        prop_assert_eq!(&entry.id, id);
                        prop_assert_eq!(entry.backend.as_ref(), snapshot.backends.get(id));
                    }
                    BackendChoice::Invalid(reason) => prop_assert_eq!(entry.err(), Some(*reason)),
                }
            }
        }
    }
    let kept: BTreeSet<_> = table.backends().iter().map(|(_, entry)| &entry.id).collect();
    let named = snapshot.rules.values().flat_map(|rule| &rule.backends);
    let named = named.filter_map(|share| match &share.backend {
        BackendChoice::Valid(id) => Some(id),
        BackendChoice::Invalid(_) => None,
    });
    let expected: BTreeSet<_> = snapshot.backends.keys().chain(named).collect();
    prop_assert_eq!(kept, expected, "no backend is lost, and no slot leaks");
    Ok(())
}

/// One change of the snapshot: a new value, or none, for a name.
#[derive(Clone, Debug)]
enum Edit {
    Put(String, Resource),
    Remove(Kind, String),
}

fn apply(snapshot: &mut Snapshot, edit: Edit) -> Key {
    match edit {
        Edit::Put(name, resource) => {
            let kind = match &resource {
                Resource::Bind(_) => Kind::Bind,
                Resource::Listener(_) => Kind::Listener,
                Resource::Route(_) => Kind::Route,
                Resource::Rule(_) => Kind::Rule,
                Resource::Backend(_) => Kind::Backend,
                other => unreachable!("{other:?}"),
            };
            snapshot.insert(name.clone(), resource);
            Key { kind, name: name.into() }
        }
        Edit::Remove(kind, name) => {
            let key = Key { kind, name: name.into() };
            snapshot.remove(&key);
            key
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let remove = (
        prop_oneof![
            Just((Kind::Bind, "b")),
            Just((Kind::Listener, "l")),
            Just((Kind::Route, "r")),
            Just((Kind::Rule, "x")),
            Just((Kind::Backend, "s")),
        ],
        0..4,
    );
    prop_oneof![
        1 => bind(),
        2 => listener_edit(),
        6 => route_edit(),
        12 => rule_edit(),
        1 => backend(),
        4 => remove.prop_map(|((kind, prefix), n)| Edit::Remove(kind, format!("{prefix}{n}"))),
    ]
}

fn one_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(values.to_vec())
}

fn hostname() -> impl Strategy<Value = Hostname> {
    one_of(&["*", "*.com", "*.a.com", "a.com", "x.a.com", "y.x.a.com"])
        .prop_map(|name| Hostname::parse(name).unwrap())
}

fn bind() -> impl Strategy<Value = Edit> {
    (0..2, 80u16..83).prop_map(|(n, port)| {
        let bind = Bind { gateway: "g".into(), address: None, port };
        Edit::Put(format!("b{n}"), Resource::Bind(Arc::new(bind)))
    })
}

fn listener_edit() -> impl Strategy<Value = Edit> {
    (0..4, 0..2, hostname()).prop_map(|(n, bind, hostname)| {
        let bind = Id::new(format!("b{bind}"));
        let listener = Listener { bind, hostname, protocol: Protocol::Http };
        Edit::Put(format!("l{n}"), Resource::Listener(Arc::new(listener)))
    })
}

fn route_edit() -> impl Strategy<Value = Edit> {
    (
        0..4,
        prop::collection::vec(0..4, 1..5),
        prop::collection::vec(hostname(), 0..3),
        0i64..2,
        one_of(&["n", "m"]),
        one_of(&["p", "q"]),
    )
        .prop_map(|(n, listeners, hostnames, created, namespace, name)| {
            let listeners = listeners.into_iter().map(|n| Id::new(format!("l{n}"))).collect();
            let (namespace, name) = (namespace.into(), name.into());
            let route = Route { listeners, hostnames, created, namespace, name };
            Edit::Put(format!("r{n}"), Resource::Route(Arc::new(route)))
        })
}

fn rule_edit() -> impl Strategy<Value = Edit> {
    (
        (0..8, 0..4, 0u32..3),
        prop::collection::vec(wanted(), 1..4),
        prop::collection::vec((0..4, 0u32..3), 0..3),
        prop::bool::weighted(0.2),
    )
        .prop_map(|((n, route, index), matches, backends, cors)| {
            let backend = |(n, weight)| {
                let id = BackendChoice::Valid(Id::new(format!("s{n}")));
                let invalid = BackendChoice::Invalid(ir::InvalidBackend::NotFound);
                let backend = if n == 3 { invalid } else { id };
                WeightedBackend { backend, weight, filters: Vec::new() }
            };
            let mut rule = sample::matching(matches);
            rule.route = Id::new(format!("r{route}"));
            rule.index = index;
            rule.backends = backends.into_iter().map(backend).collect();
            rule.filters = cors.then(|| Filter::Cors(allow_all())).into_iter().collect();
            Edit::Put(format!("x{n}"), Resource::Rule(Arc::new(rule)))
        })
}

fn backend() -> impl Strategy<Value = Edit> {
    (0..3, 0..2).prop_map(|(n, endpoints)| {
        let target = Target::Endpoints(Id::new(format!("e{endpoints}")));
        let backend = Backend { protocol: UpstreamProtocol::Http1, target };
        Edit::Put(format!("s{n}"), Resource::Backend(Arc::new(backend)))
    })
}

fn allow_all() -> ir::Cors {
    ir::Cors {
        allow_origins: vec![ir::OriginPattern::Any],
        allow_methods: ir::CorsList::All,
        allow_headers: ir::CorsList::All,
        expose_headers: ir::CorsList::All,
        max_age_seconds: 5,
        allow_credentials: false,
    }
}

fn wanted() -> impl Strategy<Value = Match> {
    let path = one_of(&[
        "/",
        "/",
        "/a",
        "/a/",
        "/a/b",
        "/ab",
        "/%61/b",
        "/c%c3%a9",
        "=/",
        "=/a",
        "=/a/",
        "=/a/b",
        "=/%61",
        "~/a.*",
        "~.*",
        "~/[ab]/?b?",
        "~/a",
    ]);
    let method = one_of(&["", "", "", " GET", " POST", " OPTIONS"]);
    let x = one_of(&["", "", "", " x:1", " x:1,2", " x:~1.*", " x:~.*"]);
    let y = one_of(&["", "", "", " y:2"]);
    let query = one_of(&["", "", "", " q=1", " q=~[12]", " q=1 p=~.*", " q=a/b", " q=~\\x20"]);
    (path, method, x, y, query).prop_map(|(path, method, x, y, query)| {
        sample::wanted(&format!("{path}{method}{x}{y}{query}"))
    })
}

/// A request in words.
#[derive(Clone, Debug)]
struct Ask {
    method: &'static str,
    target: &'static str,
    fields: Vec<(&'static str, &'static str)>,
}

fn request() -> impl Strategy<Value = Ask> {
    let method = one_of(&["GET", "GET", "POST", "OPTIONS"]);
    let target = one_of(&[
        "/",
        "/a",
        "/a/",
        "/a/b",
        "/a/b/c",
        "/ab",
        "/b",
        "/b/b",
        "/c%C3%A9/d",
        "/a?q=1",
        "/a?q=2",
        "/a?p=1&q=1",
        "/a?q=%31&q=2",
        "/a?q=a%2Fb",
        "/a?q=a%2fb&p",
        "/a/b?%71=1&p=+",
        "/a?Q=1&q",
    ]);
    let host = one_of(&["a.com", "x.a.com", "y.x.a.com", "z.y.x.a.com", "com", "b.com", "b"]);
    let more = prop::collection::vec(
        one_of(&[
            ("x", "1"),
            ("X", "2"),
            ("x", "1,2"),
            ("y", "2"),
            ("origin", "http://o"),
            ("access-control-request-method", "GET"),
            ("access-control-request-method", "POST"),
        ]),
        0..5,
    );
    (method, target, host, more).prop_map(|(method, target, host, more)| {
        let fields = std::iter::once(("host", host)).chain(more).collect();
        Ask { method, target, fields }
    })
}
