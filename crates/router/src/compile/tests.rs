//! An edit leaves alone what it does not concern. That the result is right is for the oracle's
//! tests.

use ir::{Endpoints, Hostname, Resource};

use super::*;
use crate::sample;

/// Two routes with a host and a backend each, on two listeners.
fn two_routes() -> Snapshot {
    let mut snapshot = sample::one_listener();
    sample::listener(&mut snapshot, "other", "bind", "b.example");
    for (name, host) in [("a", "a.example"), ("b", "b.example")] {
        sample::route(&mut snapshot, name, 0, &[host]);
        let mut rule = sample::matching(vec![sample::wanted("/")]);
        rule.backends[0].backend = ir::BackendChoice::Valid(Id::new(name));
        sample::rule(&mut snapshot, name, 0, rule);
    }
    let mut both = (*snapshot.routes[&Id::new("b")]).clone();
    both.listeners.push(Id::new("other"));
    snapshot.insert("b", Resource::Route(Arc::new(both)));
    snapshot
}

fn host<'t>(table: &'t Table, listener: &str, host: &str) -> &'t Arc<HostTable> {
    let hosts = table.index.hosts.get(&Id::new(listener)).unwrap();
    hosts.get(&Hostname::parse(host).unwrap()).unwrap()
}

fn listener<'t>(table: &'t Table, name: &str) -> &'t Arc<ListenerTable> {
    let mut listeners = table.bind(&Id::new("bind")).unwrap().listeners();
    listeners.find(|listener| listener.id.as_str() == name).unwrap()
}

fn step(snapshot: &Snapshot, table: &Table, changed: impl IntoIterator<Item = Key>) -> Table {
    Table::compile(snapshot, table, Some(&changed.into_iter().collect()))
}

#[test]
fn an_edit_of_a_rule_touches_its_own_hosts_only() {
    let mut snapshot = two_routes();
    let before = Table::compile(&snapshot, &Table::default(), None);
    sample::rule(&mut snapshot, "a", 0, sample::matching(vec![sample::wanted("/new")]));
    let after = step(&snapshot, &before, [Id::<Rule>::new("a/0").key()]);
    assert!(!Arc::ptr_eq(
        host(&before, "listener", "a.example"),
        host(&after, "listener", "a.example")
    ));
    assert!(Arc::ptr_eq(
        host(&before, "listener", "b.example"),
        host(&after, "listener", "b.example")
    ));
    assert!(Arc::ptr_eq(listener(&before, "other"), listener(&after, "other")));
    assert!(!Arc::ptr_eq(listener(&before, "listener"), listener(&after, "listener")));
}

#[test]
fn one_plan_serves_all_listeners_of_a_route() {
    let table = Table::compile(&two_routes(), &Table::default(), None);
    let plan = |name| &host(&table, name, "b.example").routes[0].plans[0];
    assert!(Arc::ptr_eq(plan("listener"), plan("other")));
}

#[test]
fn equal_values_and_endpoints_change_nothing() {
    let mut snapshot = two_routes();
    let before = Table::compile(&snapshot, &Table::default(), None);
    snapshot.insert("e", Resource::Endpoints(Arc::new(Endpoints::default())));
    for (_, rule) in snapshot.rules.iter_mut() {
        *rule = Arc::new((**rule).clone());
    }
    for after in [
        Table::compile(&snapshot, &before, None),
        step(&snapshot, &before, snapshot.keys()),
        step(&snapshot, &before, []),
    ] {
        let bind = Id::new("bind");
        assert!(Arc::ptr_eq(before.bind(&bind).unwrap(), after.bind(&bind).unwrap()));
    }
}

#[test]
fn a_listener_can_change_without_its_routes() {
    let mut snapshot = two_routes();
    let before = Table::compile(&snapshot, &Table::default(), None);
    sample::listener(&mut snapshot, "other", "bind", "*.example");
    let after = step(&snapshot, &before, [Id::<Listener>::new("other").key()]);
    assert!(Arc::ptr_eq(host(&before, "other", "b.example"), host(&after, "other", "b.example")));
    assert!(Arc::ptr_eq(listener(&before, "listener"), listener(&after, "listener")));
    assert_eq!(
        after.bind(&Id::new("bind")).unwrap().listener(b"x.example").unwrap().id.as_str(),
        "other"
    );
}

#[test]
fn slots_stay_while_rules_come_and_go() {
    let mut snapshot = two_routes();
    let before = Table::compile(&snapshot, &Table::default(), None);
    let slot = |table: &Table, name: &str| table.backends().slot(&Id::new(name));
    let rule = (*snapshot.rules[&Id::new("b/0")]).clone();
    snapshot.remove(&Id::<Rule>::new("a/0").key());
    snapshot.insert("b/0", Resource::Rule(Arc::new(ir::Rule { index: 7, ..rule })));
    let changed = ["a/0", "b/0"].map(|name| Id::<Rule>::new(name).key());
    let after = step(&snapshot, &before, changed);
    assert_eq!((slot(&after, "a"), slot(&after, "b")), (None, slot(&before, "b")));
}
