//! What an edit carries over, and that nothing of the past is kept.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use ir::{Backend, Delta, Endpoint, Endpoints, Id, Resource, Target, Upsert, UpstreamProtocol};

use tokio::sync::oneshot;

use super::Command;
use crate::{Options, Proxy, closing::Stage, live::Live};

fn start() -> Proxy {
    Proxy::start(Options { workers: NonZeroUsize::new(2), ..Options::default() }).unwrap()
}

fn upsert(name: &str, resource: Resource) -> Upsert {
    let kind = match resource {
        Resource::Backend(_) => ir::Kind::Backend,
        _ => ir::Kind::Endpoints,
    };
    Upsert { key: ir::Key { kind, name: name.into() }, resource }
}

fn backend(name: &str) -> Upsert {
    let target = Target::Endpoints(Id::new(name));
    let protocol = UpstreamProtocol::Http1;
    upsert(name, Resource::Backend(Arc::new(Backend { protocol, target })))
}

fn endpoint(name: &str, port: u16) -> Upsert {
    let endpoints = vec![Endpoint { address: [127, 0, 0, 1].into(), port }];
    upsert(name, Resource::Endpoints(Arc::new(Endpoints { endpoints })))
}

async fn apply(proxy: &Proxy, revision: u64, upserts: Vec<Upsert>) -> Arc<Live> {
    let ack = proxy.apply(Delta { revision, upserts, removals: vec![] }).await;
    assert_eq!(ack.revision, revision);
    proxy.shared.live.load_full()
}

#[tokio::test]
async fn an_edit_replaces_what_it_changes_and_carries_the_rest_over() {
    let proxy = start();
    let all = vec![backend("a"), backend("b"), endpoint("a", 1), endpoint("b", 1)];
    let before = apply(&proxy, 1, all).await;
    let after = apply(&proxy, 2, vec![endpoint("b", 2)]).await;
    assert!(Arc::ptr_eq(&before.table, &after.table), "endpoints are not compiled");
    let changed: Vec<_> = after.backends.differences(&before.backends).collect();
    let [(slot, Some(changed))] = &changed[..] else { panic!("{} are changed", changed.len()) };
    assert_eq!((changed.id.as_str(), changed.endpoints[0].port), ("b", 2));
    let a = after.backends.get(1 - slot).unwrap();
    assert_eq!((a.id.as_str(), a.endpoints[0].port), ("a", 1));
}

#[tokio::test]
async fn states_of_the_past_are_let_go_though_workers_are_idle() {
    let proxy = start();
    let mut past: Vec<Weak<Live>> = Vec::new();
    for revision in 1..=5 {
        let live = apply(&proxy, revision, vec![endpoint("a", revision as u16)]).await;
        past.push(Arc::downgrade(&live));
    }
    let last = past.pop().unwrap();
    let gone = async {
        while past.iter().any(|live| live.strong_count() > 0) {
            // tidy: allow sleep: between two looks at a condition that has a deadline.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    assert_eq!(last.upgrade().unwrap().revision, 5);
}

#[tokio::test]
async fn readiness_ends_with_the_drain_s_start_or_where_asked_with_the_minimum_drain() {
    for drain_ready in [false, true] {
        let workers = NonZeroUsize::new(1);
        let proxy = Proxy::start(Options { workers, drain_ready, ..Options::default() }).unwrap();
        let is_ready = || proxy.shared.ready.load(Ordering::Acquire);
        apply(&proxy, 1, vec![endpoint("a", 1)]).await;
        assert!(is_ready());
        let stages = [(Stage::Open, drain_ready), (Stage::Announce, false), (Stage::Close, false)];
        for (revision, (stage, expected)) in (2..).zip(stages) {
            let (reply, done) = oneshot::channel();
            proxy.door.commands.send(Command::Drain(stage, reply)).await.unwrap();
            done.await.unwrap();
            assert_eq!(is_ready(), expected, "{stage:?}");
            // An edit is still served, and is no reason to be sent traffic again.
            apply(&proxy, revision, vec![endpoint("a", revision as u16)]).await;
            assert_eq!(is_ready(), expected, "{stage:?}, after an edit");
        }
    }
}
