//! What is sent, when, and to whom.

use std::collections::{BTreeSet, HashMap};

use ir::{
    Ack, BindFailure, BindFault, Id, Key, Kind,
    wire::{
        Hash, Hello,
        frame::{Answer, ProxyWord},
    },
};

use crate::{
    proxy::hello,
    stage::{ROUTES, Stage, token},
    world::{World, gateway},
};

#[tokio::test]
async fn an_edit_sends_what_changed_to_whom_it_concerns() {
    let mut stage = Stage::new().await;
    let (mut one, mut two) = (stage.proxy(0, "a").await, stage.proxy(1, "a").await);
    let key = stage.world.edit(0, 3, 8080);
    let step = one.step().await.unwrap();
    let [upsert] = &step.upserts[..] else { panic!("{step:?}") };
    assert_eq!(upsert.name, &*key.name);
    assert_eq!(step.epoch, *stage.hub.epoch());
    // Of the other Gateway's edit the first hears nothing, and the second nothing of the first's.
    let other = stage.world.edit(1, 0, 9090);
    let step = two.step().await.unwrap();
    assert_eq!((step.revision, step.upserts.len()), (3, 1));
    assert_eq!(step.upserts[0].name, &*other.name);
}

#[tokio::test]
async fn what_changes_before_an_answer_goes_into_the_next_step() {
    let mut stage = Stage::new().await;
    let mut proxy = stage.proxy(0, "a").await;
    stage.world.edit(0, 0, 1000);
    let first = proxy.step().await.unwrap();
    for port in 1001..1100 {
        stage.world.edit(0, 0, port);
        stage.world.edit(0, 1, port);
    }
    // Another proxy had time for all of that: it is not the server that is late.
    let mut other = stage.proxy(0, "b").await;
    stage.world.edit(0, 2, 1);
    other.until(201).await.unwrap();
    proxy.answer(first.revision).await;
    let step = proxy.step().await.unwrap();
    assert_eq!((step.revision, step.upserts.len()), (201, 3), "the latest of each key, once");
    assert_eq!(proxy.held, other.held);
}

#[tokio::test]
async fn a_proxy_that_answers_nothing_holds_up_nobody() {
    let mut stage = Stage::new().await;
    let mut slow = stage.greet(0, "a", hello()).await.unwrap();
    let mut quick = stage.proxy(0, "b").await;
    for turn in 1..100 {
        stage.world.edit(0, 0, 1000 + turn);
        quick.until(1 + u64::from(turn)).await.unwrap();
    }
    let step = slow.step().await.unwrap();
    slow.answer(step.revision).await;
    slow.until(100).await.unwrap();
    assert_eq!(slow.held, quick.held);
}

#[tokio::test]
async fn whoever_returns_gets_the_difference_to_what_it_holds() {
    let mut stage = Stage::new().await;
    let before = stage.proxy(0, "a").await;
    let mut held = before.held.clone();
    drop(before);
    let changed = stage.world.edit(0, 1, 8080);
    let stale = Key { kind: Kind::Rule, name: "edge/of-yesterday".into() };
    held.insert(stale.clone(), Hash::of("Rule", b"x"));
    // An epoch and revision that mean nothing here: only what is held counts.
    let mut proxy = stage.greet(0, "a", Hello::new("other".into(), 77, held)).await.unwrap();
    let step = proxy.step().await.unwrap();
    let sent: Vec<&str> = step.upserts.iter().map(|upsert| upsert.name.as_str()).collect();
    assert_eq!(sent, [&*changed.name]);
    let gone: Vec<&str> = step.removals.iter().map(|name| name.name.as_str()).collect();
    assert_eq!(gone, [&*stale.name]);
    assert_eq!(proxy.keys(), World::keys(0, ROUTES));
}

#[tokio::test]
async fn whoever_holds_everything_is_told_so() {
    let stage = Stage::new().await;
    let before = stage.proxy(0, "a").await;
    let hello = Hello::new(stage.hub.epoch().to_string(), 1, before.held.clone());
    let mut proxy = stage.greet(0, "b", hello).await.unwrap();
    let step = proxy.step().await.unwrap();
    assert_eq!((step.revision, step.upserts.len(), step.removals.len()), (1, 0, 0));
}

#[tokio::test]
async fn what_this_controller_does_not_know_must_go() {
    let stage = Stage::new().await;
    let proxy = stage.target().open(&token(0, "a")).await.unwrap();
    let mut parts = hello().into_parts();
    let held = |kind: &str| ir::wire::frame::Held {
        kind: kind.into(),
        name: "edge/one".into(),
        hash: Hash::of(kind, b"").to_bytes(),
    };
    parts[0].held = vec![held("Spaceship"), held("Rule")];
    for part in parts {
        proxy.say(ProxyWord::Hello(part)).await;
    }
    let mut proxy = proxy;
    let step = proxy.step().await.unwrap();
    let gone: BTreeSet<&str> = step.removals.iter().map(|name| name.kind.as_str()).collect();
    assert_eq!(gone, BTreeSet::from(["Spaceship", "Rule"]));
}

#[tokio::test]
async fn a_large_state_comes_in_parts_and_a_large_greeting_too() {
    let mut stage = Stage::new().await;
    stage.world.build(1, 3000);
    let mut proxy = stage.greet(0, "a", hello()).await.unwrap();
    let mut parts = 0;
    let mut keys = 0;
    loop {
        let word = proxy.word().await.unwrap();
        let Some(ir::wire::frame::ControllerWord::Part(part)) = word else { panic!("{word:?}") };
        assert!(prost::Message::encoded_len(&part) <= (1 << 20) + 4096);
        parts += 1;
        keys += part.upserts.len();
        for upsert in &part.upserts {
            let kind = Kind::named(&upsert.kind).unwrap();
            let key = Key { kind, name: upsert.name.as_str().into() };
            proxy.held.insert(key, Hash::from_bytes(&upsert.hash).unwrap());
        }
        if !part.more {
            break;
        }
    }
    assert!(parts > 1, "{parts}");
    assert_eq!(keys, World::keys(0, 3000).len());
    let hello = Hello::new(String::new(), 0, proxy.held.clone());
    let mut again = stage.greet(0, "b", hello).await.unwrap();
    assert_eq!(again.step().await.unwrap().upserts, []);
}

#[tokio::test]
async fn answers_reach_the_controller_and_so_does_the_end() {
    let stage = Stage::new().await;
    let mut proxy = stage.greet(0, "a", hello()).await.unwrap();
    let revision = proxy.step().await.unwrap().revision;
    let failure = BindFailure {
        bind: Id::new("edge/gateway-0/80"),
        fault: BindFault::InUse,
        message: "taken".into(),
    };
    let ack = Ack { revision, closed: vec![failure], ..Ack::default() };
    proxy.say(ProxyWord::Answer(Answer::from(&ack))).await;
    stage
        .answers(|all| {
            all.values().any(|answer| {
                answer.subscriber.gateway == Some(gateway(0))
                    && &*answer.subscriber.pod == "a"
                    && answer.ack.as_ref() == Some(&ack)
            })
        })
        .await;
    // Later, unasked, something has changed.
    let open = Ack { revision, ..Ack::default() };
    proxy.answer(revision).await;
    stage.answers(|all| all.values().any(|answer| answer.ack.as_ref() == Some(&open))).await;
    drop(proxy);
    stage.answers(|all| all.values().any(|answer| answer.ack.is_none())).await;
    assert_eq!(stage.hub.subscriptions(), 0);
}

#[tokio::test]
async fn a_step_without_a_hash_that_is_known_is_sent_anew() {
    let stage = Stage::new().await;
    let held: HashMap<Key, Hash> =
        World::keys(0, ROUTES).into_iter().map(|key| (key, Hash::of("", b"old"))).collect();
    let mut proxy = stage.greet(0, "a", Hello::new(String::new(), 0, held)).await.unwrap();
    let step = proxy.step().await.unwrap();
    assert_eq!(step.upserts.len(), World::keys(0, ROUTES).len());
    assert_eq!(step.removals, []);
}
