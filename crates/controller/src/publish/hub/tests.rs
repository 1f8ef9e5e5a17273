//! What subscribers hold after any sequence of publications.

use std::collections::BTreeMap;

use ir::{
    Backend, BackendChoice, Bind, Endpoints, Filter, Fraction, Hostname, Id, Keyed, Kind, Listener,
    Match, Mirror, PathMatch, Protocol, Rule, Target, Timeouts, UpstreamProtocol, WeightedBackend,
};
use proptest::{collection::vec, prelude::*};

use super::*;

type Held = BTreeMap<Key, Resource>;

/// One edit: a kind, which one of it, whether it stays, and what it names.
type Edit = (u8, u8, bool, (u8, u8));

fn id<T>(index: u8) -> Id<T> {
    Id::new(index.to_string())
}

fn gateway(index: u8) -> NamespacedName {
    NamespacedName::new("ns", index.to_string())
}

fn subscriber(index: Option<u8>) -> Subscriber {
    Subscriber { gateway: index.map(gateway), pod: "pod".into() }
}

/// A resource of one of the kinds, which names others by number, whether they exist or not.
fn resource(kind: u8, (a, b): (u8, u8)) -> Resource {
    match kind {
        0 => Resource::Bind(Arc::new(Bind {
            gateway: gateway(a % 3).to_string().into(),
            address: None,
            port: u16::from(b) + 1,
        })),
        1 => Resource::Listener(Arc::new(Listener {
            bind: id(a),
            hostname: Hostname::Any,
            protocol: Protocol::Http,
        })),
        2 => Resource::Route(Arc::new(ir::Route {
            listeners: vec![id(a), id(b)],
            hostnames: Vec::new(),
            created: 0,
            namespace: "ns".into(),
            name: "route".into(),
        })),
        3 => Resource::Rule(Arc::new(rule(a, b))),
        4 => Resource::Backend(Arc::new(Backend {
            protocol: UpstreamProtocol::Http1,
            target: Target::Endpoints(id(a)),
        })),
        _ => Resource::Endpoints(Arc::new(Endpoints {
            endpoints: vec![ir::Endpoint { address: [10, 0, 0, a].into(), port: 80 }],
        })),
    }
}

fn rule(route: u8, backend: u8) -> Rule {
    let share = Fraction { numerator: 1, denominator: 2 };
    let mirrored = BackendChoice::Valid(id((backend + 1) % NAMES));
    Rule {
        route: id(route),
        index: 0,
        name: None,
        matches: vec![Match {
            path: PathMatch::Prefix("/".into()),
            method: None,
            headers: Vec::new(),
            query: Vec::new(),
        }],
        filters: vec![Filter::Mirror(Mirror { backend: mirrored, share })],
        backends: vec![WeightedBackend {
            backend: BackendChoice::Valid(id(backend)),
            weight: 1,
            filters: Vec::new(),
        }],
        timeouts: Timeouts::default(),
        retry: None,
    }
}

fn key(kind: u8, index: u8) -> Key {
    let kind =
        [Kind::Bind, Kind::Listener, Kind::Route, Kind::Rule, Kind::Backend, Kind::Endpoints]
            [usize::from(kind)];
    Key { kind, name: index.to_string().into() }
}

/// What a Gateway needs, found from its binds on.
fn scope(snapshot: &Snapshot, gateway: &str) -> Held {
    let mut keys = BTreeSet::new();
    let has = |keys: &BTreeSet<Key>, key: &Key| keys.contains(key);
    for (id, bind) in &snapshot.binds {
        if &*bind.gateway == gateway {
            keys.insert(id.key());
        }
    }
    for (id, listener) in &snapshot.listeners {
        if has(&keys, &listener.bind.key()) {
            keys.insert(id.key());
        }
    }
    for (id, route) in &snapshot.routes {
        if route.listeners.iter().any(|listener| has(&keys, &listener.key())) {
            keys.insert(id.key());
        }
    }
    for (id, rule) in &snapshot.rules {
        if has(&keys, &rule.route.key()) {
            keys.insert(id.key());
            for choice in [&rule.backends[0].backend, mirror(&rule.filters[0])] {
                if let BackendChoice::Valid(id) = choice {
                    keys.insert(id.key());
                }
            }
        }
    }
    for (id, backend) in &snapshot.backends {
        if let (true, Target::Endpoints(endpoints)) = (has(&keys, &id.key()), &backend.target) {
            keys.insert(endpoints.key());
        }
    }
    keys.into_iter().filter_map(|key| Some((key.clone(), snapshot.get(&key)?))).collect()
}

fn mirror(filter: &Filter) -> &BackendChoice {
    match filter {
        Filter::Mirror(mirror) => &mirror.backend,
        other => panic!("{other:?}"),
    }
}

fn whole(snapshot: &Snapshot) -> Held {
    snapshot.keys().filter_map(|key| Some((key.clone(), snapshot.get(&key)?))).collect()
}

/// Takes what there is; how much that was.
fn catch_up(subscription: &Subscription, held: &mut Held) -> usize {
    let Taken::Batch(batch) = subscription.take() else { return 0 };
    let count = batch.upserts.len() + batch.removals.len();
    for key in &batch.removals {
        held.remove(key);
    }
    for entry in &batch.upserts {
        held.insert(entry.key().clone(), entry.resource().clone());
    }
    count
}

fn edit(snapshot: &mut Snapshot, (kind, index, stays, names): Edit) -> Key {
    let key = key(kind, index);
    match stays {
        true => snapshot.insert(key.name.clone(), resource(kind, names)),
        false => drop(snapshot.remove(&key)),
    }
    key
}

fn edits() -> impl Strategy<Value = Vec<(Vec<Edit>, u8)>> {
    let names = (0..NAMES, 0..NAMES);
    let edit = (0..6u8, 0..NAMES, prop::bool::weighted(0.7), names);
    vec((vec(edit, 1..8), any::<u8>()), 1..24)
}

proptest! {
    #[test]
    fn a_subscriber_holds_what_its_gateway_needs_however_slow_it_is(steps in edits()) {
        let (hub, _answers) = Hub::new();
        let mut snapshot = Snapshot::default();
        let names = [None, Some(0), Some(1), Some(2)];
        let mut fast = names.map(|name| (name, hub.subscribe(subscriber(name)), Held::new()));
        let mut slow = names.map(|name| (name, hub.subscribe(subscriber(name)), Held::new()));
        for (edits, who) in steps {
            let changed = edits.into_iter().map(|step| edit(&mut snapshot, step)).collect();
            hub.publish(&changed, &snapshot);
            let late = hub.subscribe(subscriber(Some(who % 3)));
            let mut held = Held::new();
            catch_up(&late, &mut held);
            prop_assert_eq!(held, scope(&snapshot, &gateway(who % 3).to_string()));
            let (_, subscription, held) = &mut slow[usize::from(who) % 4];
            catch_up(subscription, held);
            for (name, subscription, held) in &mut fast {
                catch_up(subscription, held);
                let wanted = match name {
                    Some(index) => scope(&snapshot, &gateway(*index).to_string()),
                    None => whole(&snapshot),
                };
                prop_assert_eq!(&*held, &wanted);
            }
        }
        for ((_, fast, wanted), (_, slow, held)) in fast.iter_mut().zip(&mut slow) {
            catch_up(slow, held);
            prop_assert_eq!(&*held, &*wanted);
            prop_assert_eq!(catch_up(fast, wanted), 0);
        }
    }
}

fn insert<T: Keyed>(snapshot: &mut Snapshot, id: Id<T>, resource: Resource) -> BTreeSet<Key> {
    let key = id.key();
    snapshot.insert(key.name.clone(), resource);
    BTreeSet::from([key])
}

#[tokio::test]
async fn a_subscriber_waits_for_the_first_publication_and_gets_it_even_if_it_is_empty() {
    let (hub, _answers) = Hub::new();
    let mut subscription = hub.subscribe(subscriber(Some(0)));
    let first = tokio::spawn(async move { subscription.next().await.map(|batch| batch.revision) });
    tokio::task::yield_now().await;
    assert!(!first.is_finished());
    assert_eq!(hub.publish(&BTreeSet::new(), &Snapshot::default()).revision, 1);
    assert_eq!(first.await.unwrap(), Some(1));
    assert_eq!(hub.publish(&BTreeSet::new(), &Snapshot::default()).revision, 1, "no news");
}

#[tokio::test]
async fn whoever_is_behind_gets_the_latest_state_once() {
    let (hub, _answers) = Hub::new();
    let mut subscription = hub.subscribe(subscriber(Some(0)));
    let mut snapshot = Snapshot::default();
    hub.publish(&BTreeSet::new(), &snapshot);
    subscription.next().await.unwrap();
    for port in 0..100 {
        let changed = insert(&mut snapshot, id::<Bind>(0), resource(0, (0, port)));
        hub.publish(&changed, &snapshot);
    }
    let batch = subscription.next().await.unwrap();
    assert_eq!((batch.revision, batch.upserts.len()), (101, 1));
    assert_eq!(*batch.upserts[0].resource(), resource(0, (0, 99)));
}

#[test]
fn what_nobody_can_hold_is_forgotten_and_what_somebody_may_is_not() {
    let (hub, _answers) = Hub::new();
    let slow = hub.subscribe(subscriber(Some(0)));
    let mut held = Held::new();
    let mut snapshot = Snapshot::default();
    let changed = insert(&mut snapshot, id::<Bind>(0), resource(0, (0, 0)));
    hub.publish(&changed, &snapshot);
    catch_up(&slow, &mut held);
    snapshot.remove(&id::<Bind>(0).key());
    hub.publish(&changed, &snapshot);
    // Names that come and go while a subscriber is stuck.
    for name in 0..2000 {
        let id = Id::<Bind>::new(format!("passing-{name}"));
        let changed = insert(&mut snapshot, id.clone(), resource(0, (0, 0)));
        hub.publish(&changed, &snapshot);
        snapshot.remove(&id.key());
        hub.publish(&changed, &snapshot);
    }
    let kept = hub.0.state.lock().gateways["ns/0"].keys.len();
    assert!(kept <= 2 * GONE_MIN, "{kept}");
    catch_up(&slow, &mut held);
    assert_eq!(held, Held::new(), "what it held is gone for it as well");
    drop(slow);
    assert!(hub.0.state.lock().gateways.is_empty());
}

#[tokio::test]
async fn the_last_answer_counts_and_a_drop_says_that_the_proxy_is_gone() {
    let (hub, answers) = Hub::new();
    let subscription = hub.subscribe(subscriber(None));
    for revision in 1..3 {
        subscription.answered(Ack { revision, ..Ack::default() });
    }
    let of = |answer: &ProxyAnswer| answer.ack.as_ref().map(|ack| ack.revision);
    assert_eq!(answers.take().await.values().map(of).collect::<Vec<_>>(), [Some(2)]);
    drop(subscription);
    assert_eq!(answers.take().await.values().map(of).collect::<Vec<_>>(), [None]);
}

#[tokio::test]
async fn a_closed_hub_ends_its_subscriptions() {
    let (hub, _answers) = Hub::new();
    let mut subscription = hub.subscribe(subscriber(None));
    let waiting = tokio::spawn(async move { subscription.next().await.is_none() });
    tokio::task::yield_now().await;
    hub.close();
    assert!(waiting.await.unwrap());
    assert!(hub.subscribe(subscriber(None)).next().await.is_none());
}

/// Of each kind, so that most names lead somewhere.
const NAMES: u8 = 4;
