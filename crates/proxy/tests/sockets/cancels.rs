//! Clients that go while the proxy waits for something: what they asked for ends with them. A drain
//! tells, because it returns true only when every task came to its own end.

use std::{num::NonZeroU16, time::Duration};

use bytes::Bytes;
use h2::{Reason, SendStream};
use ir::{Retry, Rule};

use crate::harness::{
    h2::{H2Client, get, post},
    stage::{Stage, get as get_text},
    until,
};

/// Tries again in an hour.
fn patient(rule: &mut Rule) {
    rule.retry = Some(Retry {
        attempts: 1,
        codes: vec![NonZeroU16::new(503).unwrap()],
        backoff: Some(Duration::from_secs(3600)),
    });
}

const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_client_that_breaks_off_between_two_tries_is_not_tried_for() {
    let stage = Stage::with(1, patient).await;
    let mut client = stage.client().await;
    client.send(get_text("/")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send(BUSY).await;
    // An answer that is tried again is not read on.
    assert_eq!(backend.end().await, "");
    client.reset();
    assert!(stage.rig.proxy.drain().await);
}

#[tokio::test]
async fn a_stream_that_is_reset_between_two_tries_is_not_tried_for() {
    let stage = Stage::with(1, patient).await;
    let mut client = H2Client::plain(stage.port.address()).await;
    let (_, mut to) = client.open(get("/"), true).await.unwrap();
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send(BUSY).await;
    assert_eq!(backend.end().await, "");
    to.send_reset(Reason::CANCEL);
    assert!(stage.rig.proxy.drain().await);
}

#[tokio::test]
async fn a_stream_that_is_reset_while_its_backend_does_not_read_is_over() {
    let stage = Stage::new().await;
    let mut client = H2Client::plain(stage.port.address()).await;
    let (_, mut to) = client.open(post("/"), false).await.unwrap();
    let mut backend = stage.accept().await;
    backend.head().await;
    let (mut sent, mut quiet) = (0, 0);
    until("nothing more is taken", || {
        let more = push(&mut to);
        sent += more;
        quiet = if more == 0 { quiet + 1 } else { 0 };
        std::future::ready(quiet > 40)
    })
    .await;
    assert!(sent > 0);
    to.send_reset(Reason::CANCEL);
    assert!(stage.rig.proxy.drain().await);
    drop(backend);
}

/// Sends as much as there is room for.
fn push(to: &mut SendStream<Bytes>) -> usize {
    to.reserve_capacity(1 << 20);
    let room = to.capacity();
    if room > 0 {
        to.send_data(Bytes::from(vec![0; room]), false).unwrap();
    }
    room
}
