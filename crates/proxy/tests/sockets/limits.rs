//! How much one client can take.

use std::num::NonZeroUsize;

use crate::{
    harness::{
        Client, Echo, Port, Rig, backend, endpoints,
        full::Full,
        plain, route,
        stage::{Peer, get},
        until,
    },
    telemetry::scrape,
};

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_room_is_given_back() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = Rig::with(|options| options.connections_max = 3);
    rig.serve(|to| {
        backend(to, "echo", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "echo");
    })
    .await;
    let mut inside = Vec::new();
    for _ in 0..3 {
        let mut client = Client::plain(port.address()).await.unwrap();
        assert_eq!(client.get("any", "/").await.unwrap().status, 200);
        inside.push(client);
    }
    // The limit is the whole proxy's, whichever worker a connection comes to.
    for _ in 0..8 {
        let mut outside = Client::plain(port.address()).await.unwrap();
        assert_eq!(outside.closed().await, b"");
    }
    assert_eq!(inside[0].get("any", "/").await.unwrap().status, 200);
    inside.pop();
    until("there is room", || async {
        let mut client = Client::plain(port.address()).await.unwrap();
        client.get("any", "/").await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn requests_beyond_those_that_wait_for_a_backend_are_shed_and_no_other_backend_suffers() {
    let ports = [Port::reserve(), Port::reserve()];
    let (echo, full) = (Echo::start("echo").await, Full::new().await);
    let mut rig = Rig::with(|options| {
        options.workers = NonZeroUsize::new(1);
        options.admin = Some(([127, 0, 0, 1], 0).into());
        options.pending_max = 1;
    });
    rig.serve(|to| {
        for (id, port, at) in [("full", &ports[0], full.address), ("well", &ports[1], echo.address)]
        {
            backend(to, id, &[at]);
            plain(to, id, port);
            route(to, id, id, id);
        }
    })
    .await;
    // One of two waits; whoever comes after it is told so.
    let mut one = Peer::connect(ports[0].address()).await;
    let mut two = Peer::connect(ports[0].address()).await;
    one.send(get("/")).await;
    two.send(get("/")).await;
    let (head, waits) = tokio::select! {
        head = one.head() => (head, two),
        head = two.head() => (head, one),
    };
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let samples = scrape(&rig).await;
    assert_eq!(samples["portcullis_request_failures_total{reason=\"overflow\"}"], 1.0);
    let mut other = Client::plain(ports[1].address()).await.unwrap();
    assert_eq!(other.get("any", "/").await.unwrap().status, 200);
    // Its place outlives an edit, and is free again when it goes.
    rig.serve(|to| endpoints(to, "full", &[full.address, echo.address])).await;
    let mut three = Client::plain(ports[0].address()).await.unwrap();
    assert_eq!(three.get("any", "/").await.unwrap().status, 503);
    rig.serve(|to| endpoints(to, "full", &[echo.address])).await;
    drop(waits);
    until("the place is free", || async {
        let mut client = Client::plain(ports[0].address()).await.unwrap();
        client.get("any", "/").await.unwrap().status == 200
    })
    .await;
}
