//! The authority in its Secret, and what becomes of streams while it changes.

use std::sync::Arc;

use portcullis_controller::lead::Lead;
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use crate::{
    api_server::ApiServer,
    proxy::{PATIENCE, hello, trusting},
    stage::{NAMESPACE, SECRET, Stage, authority, cluster, token},
};

const LONG_AGO: &str = "2026-01-01T00:00:00Z";

#[tokio::test]
async fn the_leader_makes_it_and_followers_use_it() {
    let api = cluster().await;
    let (first, second) = (watch::Sender::new(Lead::Unknown), watch::Sender::new(Lead::Unknown));
    let follower = authority(&api, second.subscribe());
    let leader = authority(&api, first.subscribe());
    api.until("both look", |api| api.watches("secrets") == 2).await;
    assert_eq!(api.object("secrets", NAMESPACE, SECRET), None, "followers write nothing");
    first.send_replace(Lead::Leader);
    let mut of_leader = leader.bundle();
    let pem = present(&mut of_leader, |pem| !pem.is_empty()).await;
    assert_eq!(present(&mut follower.bundle(), |pem| !pem.is_empty()).await, pem);
    assert_eq!(api.writes().len(), 1);
    let secret = api.object("secrets", NAMESPACE, SECRET).unwrap();
    assert_eq!(secret["metadata"]["labels"]["app.kubernetes.io/managed-by"], "portcullis");
}

#[tokio::test]
async fn of_two_that_think_they_lead_one_makes_it() {
    let api = cluster().await;
    let lead = watch::Sender::new(Lead::Leader);
    let (one, two) = (authority(&api, lead.subscribe()), authority(&api, lead.subscribe()));
    let first = present(&mut one.bundle(), |pem| !pem.is_empty()).await;
    assert_eq!(present(&mut two.bundle(), |pem| !pem.is_empty()).await, first);
}

#[tokio::test]
async fn a_new_authority_is_trusted_before_it_signs_and_streams_live_on() {
    let mut stage = Stage::new().await;
    let mut bundle = stage.authority.bundle();
    let first = bundle.borrow_and_update().clone();
    let mut proxy = stage.proxy(0, "a").await;

    date_back(&stage.api, "signing");
    let both = present(&mut bundle, |pem| pem.len() > first.len()).await;
    assert!(both.starts_with(&*first));
    connects_with(&stage, &first, true).await;

    date_back(&stage.api, "next");
    let turned = present(&mut bundle, |pem| !pem.starts_with(&*first)).await;
    assert!(turned.ends_with(&*first), "what signed before is trusted on");
    stage.world.edit(0, 0, 8080);
    let step = proxy.step().await.unwrap();
    proxy.answer(step.revision).await;
    assert_eq!(step.upserts.len(), 1, "the stream is the same");
    connects_with(&stage, &both, true).await;
    connects_with(&stage, &turned, true).await;
    connects_with(&stage, &first, false).await;

    date_back(&stage.api, "previous");
    let second = present(&mut bundle, |pem| !pem.contains(&*first)).await;
    connects_with(&stage, &second, true).await;
    connects_with(&stage, &both, true).await;
    stage.world.edit(0, 1, 8080);
    assert_eq!(proxy.step().await.unwrap().upserts.len(), 1, "the stream is still the same");
}

#[tokio::test]
async fn what_somebody_deletes_or_spoils_is_restored() {
    let mut stage = Stage::new().await;
    let before = stage.api.object("secrets", NAMESPACE, SECRET).unwrap();
    let mut proxy = stage.proxy(0, "a").await;
    stage.api.remove("secrets", NAMESPACE, SECRET);
    restored(&stage.api, &before).await;
    stage.api.edit("secrets", NAMESPACE, SECRET, |secret| secret["data"] = json!({"a": "eA=="}));
    restored(&stage.api, &before).await;
    let bundle = stage.authority.bundle().borrow().clone();
    connects_with(&stage, &bundle, true).await;
    stage.world.edit(0, 0, 8080);
    assert_eq!(proxy.step().await.unwrap().upserts.len(), 1, "the stream is the same");
}

async fn restored(api: &ApiServer, before: &Value) {
    api.until("it is as before", |api| {
        let now = api.object("secrets", NAMESPACE, SECRET);
        now.is_some_and(|now| now["data"] == before["data"])
    })
    .await;
}

fn date_back(api: &ApiServer, role: &str) {
    api.edit("secrets", NAMESPACE, SECRET, |secret| {
        let annotation = format!("portcullis.dev/{role}-since");
        assert!(!secret["metadata"]["annotations"][&annotation].is_null(), "{role}");
        secret["metadata"]["annotations"][annotation] = json!(LONG_AGO);
    });
}

async fn present(
    bundle: &mut watch::Receiver<Arc<str>>,
    wanted: impl Fn(&Arc<str>) -> bool,
) -> Arc<str> {
    let found = timeout(PATIENCE, bundle.wait_for(|pem| wanted(pem))).await;
    found.expect("another bundle").unwrap().clone()
}

/// Whether a new connection comes about with this trust.
async fn connects_with(stage: &Stage, bundle: &str, trusted: bool) {
    let mut target = stage.target();
    target.tls = trusting(bundle);
    match target.greet(&token(1, "a"), hello()).await {
        Ok(mut proxy) => {
            assert!(trusted, "it should not be trusted");
            assert!(!proxy.step().await.unwrap().upserts.is_empty());
        }
        Err(status) => {
            assert!(!trusted && status.message().contains("invalid peer certificate"), "{status}")
        }
    }
}
