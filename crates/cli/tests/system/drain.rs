//! The end of the process: announced, without a lost request, and bounded.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::Semaphore;

use crate::stage::{
    backend::{Backend, Script},
    http1::{Http1, request},
    http2::Http2,
    site::{HOST, Site},
    wait,
};

#[tokio::test]
async fn sigterm_loses_no_request_and_ends_with_zero() {
    let gate = Arc::new(Semaphore::new(0));
    let slow = Backend::start("slow", Script::Gated(gate.clone())).await;
    let mut site = Site::with(&["--drain-min", "3", "--drain-max", "60"], |folder| {
        folder.write("slow.yaml", &Site::route("slow", &slow));
    })
    .await;
    let mut idle = site.client().await;
    site.assert_steady(&mut idle).await;
    let http2 = Http2::connect(site.port.address()).await.expect("HTTP/2");
    assert_eq!(http2.get(HOST, "/").await.expect("an answer").status, 200);
    let mut running = site.client().await;
    running.send(request("GET", "slow.example.com", "/", &[], "").as_bytes()).await.expect("sent");
    wait::until("the slow request at its backend", async || (slow.count() == 1).then_some(()))
        .await;
    let load: Vec<_> = (0..4).map(|_| tokio::spawn(load(site.port.address()))).collect();
    wait::until("some load", async || (site.backend.count() > 100).then_some(())).await;

    site.running.terminate();
    let status = wait::until("readiness that fails", async || {
        let page = site.running.admin.page("/ready").await?;
        (page.status != 200).then_some(page.status)
    })
    .await;
    assert_eq!(status, 503);
    // The minimum drain lasts, and until it is over new connections are served.
    assert_eq!(site.get(HOST, "/").await.status, 200);

    idle.closed().await.expect("an idle connection is closed in order");
    wait::until("the end of the idle HTTP/2 connection", async || http2.ended().then_some(()))
        .await;
    assert!(site.running.exited().is_none(), "a request is still under way");
    gate.add_permits(1);
    let answer = wait::within(running.receive()).await.expect("the slow request is answered");
    assert_eq!(answer.echo().backend, "slow");
    assert!(running.closing, "and is the last one of its connection");
    for load in load {
        load.await.expect("no request was lost");
    }
    assert_eq!(site.running.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_sigterm_ends_at_once() {
    let gate = Arc::new(Semaphore::new(0));
    let slow = Backend::start("slow", Script::Gated(gate)).await;
    let flags = ["--drain-min", "3600", "--drain-max", "3600"];
    let mut site = Site::with(&flags, |folder| {
        folder.write("slow.yaml", &Site::route("slow", &slow));
    })
    .await;
    let mut running = site.client().await;
    running.send(request("GET", "slow.example.com", "/", &[], "").as_bytes()).await.expect("sent");
    wait::until("the slow request at its backend", async || (slow.count() == 1).then_some(()))
        .await;
    site.running.terminate();
    wait::until("readiness that fails", async || {
        (site.running.admin.page("/ready").await?.status == 503).then_some(())
    })
    .await;
    assert!(site.running.exited().is_none(), "it drains for hours");
    site.running.terminate();
    site.running.end().await;
}

#[tokio::test]
async fn the_maximum_drain_ends_what_hangs() {
    let slow = Backend::start("slow", Script::Gated(Arc::new(Semaphore::new(0)))).await;
    let mut site = Site::with(&["--drain-min", "0", "--drain-max", "0.2"], |folder| {
        folder.write("slow.yaml", &Site::route("slow", &slow));
    })
    .await;
    let mut running = site.client().await;
    running.send(request("GET", "slow.example.com", "/", &[], "").as_bytes()).await.expect("sent");
    wait::until("the slow request at its backend", async || (slow.count() == 1).then_some(()))
        .await;
    site.running.terminate();
    assert_eq!(site.running.end().await.code(), Some(0));
    wait::within(running.receive()).await.expect_err("it was cut");
}

/// Asks again and again on one connection, until the server says that it is the last time.
async fn load(address: SocketAddr) {
    let mut client = Http1::connect(address).await.expect("the listener is open");
    while !client.closing {
        let answer = client.get(HOST, "/").await.expect("an answer");
        assert_eq!(answer.status, 200);
    }
}
