//! When a stream ends, and who is not concerned.

use portcullis_controller::lead::Lead;
use tonic::Code;

use crate::{
    proxy::hello,
    stage::{ROUTES, Stage},
    world::{World, account},
};

#[tokio::test]
async fn streams_end_with_leadership() {
    let stage = Stage::new().await;
    let (mut one, mut two) = (stage.proxy(0, "a").await, stage.proxy(1, "a").await);
    stage.lead.send_replace(Lead::Follower { address: None });
    for proxy in [&mut one, &mut two] {
        let (code, text) = proxy.end().await;
        assert_eq!((code, text.as_str()), (Code::Unavailable, "this replica leads no more"));
    }
    stage.lead.send_replace(Lead::Leader);
    stage.proxy(0, "a").await;
}

#[tokio::test]
async fn a_stream_ends_with_its_gateway_and_others_go_on() {
    let mut stage = Stage::new().await;
    let (mut one, mut two) = (stage.proxy(0, "a").await, stage.proxy(1, "a").await);
    stage.world.close(0);
    let step = one.step().await.unwrap();
    one.answer(step.revision).await;
    assert_eq!(one.held.len(), 0, "a Gateway without listeners is still one");
    stage.forget_account(&account(0));
    let (code, text) = one.end().await;
    assert_eq!((code, text.as_str()), (Code::PermissionDenied, "Gateway edge/gateway-0 is gone"));
    let Err(status) = stage.greet(0, "a", hello()).await else { panic!("admitted") };
    assert_eq!(status.code(), Code::Unauthenticated);
    stage.world.edit(1, 0, 8080);
    assert_eq!(two.step().await.unwrap().upserts.len(), 1);
}

#[tokio::test]
async fn a_pod_that_comes_again_leaves_one_stream() {
    let stage = Stage::new().await;
    let mut before = stage.proxy(0, "a").await;
    let other = stage.proxy(0, "b").await;
    let after = stage.proxy(0, "a").await;
    let (code, text) = before.end().await;
    assert_eq!((code, text.as_str()), (Code::Aborted, "the same pod has opened another stream"));
    drop(before);
    stage.answers(|all| all.values().filter(|answer| answer.ack.is_none()).count() == 1).await;
    assert_eq!(stage.hub.subscriptions(), 2);
    drop((other, after));
}

#[tokio::test]
async fn a_replica_that_ends_says_goodbye() {
    let mut stage = Stage::new().await;
    let mut proxies = Vec::new();
    for pod in ["a", "b", "c"] {
        proxies.push(stage.proxy(0, pod).await);
    }
    stage.stop().await;
    for mut proxy in proxies {
        assert_eq!(proxy.end().await, (Code::Unavailable, "this replica ends".to_owned()));
    }
    assert_eq!(stage.figures.streams.value(), 0);
    assert_eq!(stage.figures.connections.value(), 0);
    assert!(tokio::net::TcpStream::connect(stage.address).await.is_err());
}

#[tokio::test]
async fn a_gateway_that_comes_later_is_served() {
    let mut stage = Stage::new().await;
    stage.forget_account(&account(1));
    let Err(status) = stage.greet(1, "a", hello()).await else { panic!("admitted") };
    assert_eq!(status.code(), Code::Unauthenticated);
    stage.accounts.send_modify(|accounts| {
        let mut known = (**accounts).clone();
        known.insert(account(1), crate::world::gateway(1));
        *accounts = known.into();
    });
    stage.world.edit(1, 0, 81);
    let proxy = stage.proxy(1, "a").await;
    assert_eq!(proxy.keys(), World::keys(1, ROUTES));
}
