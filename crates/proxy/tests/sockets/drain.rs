//! The end of a proxy.

use std::time::Duration;

use crate::harness::{Client, Echo, Port, Rig, backend, in_time, plain, route, until};

async fn serving(
    port: &Port,
    echo: &Echo,
    change: impl FnOnce(&mut portcullis_proxy::Options),
) -> Rig {
    let mut rig = Rig::with(change);
    rig.serve(|to| {
        backend(to, "echo", &[echo.address]);
        plain(to, "bind", port);
        route(to, "route", "bind", "echo");
    })
    .await;
    rig
}

#[tokio::test]
async fn a_drain_closes_what_is_idle_and_waits_for_what_is_not() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let rig = serving(&port, &echo, |_| {}).await;
    let mut idle = Client::plain(port.address()).await.unwrap();
    assert_eq!(idle.get("any", "/").await.unwrap().status, 200);
    let mut busy = Client::plain(port.address()).await.unwrap();
    busy.send(b"GET /held HTTP/1.1\r\nHost: any\r\n\r\n").await.unwrap();
    until("the request arrives", || async { echo.requests() == 2 }).await;
    let drain = tokio::spawn(rig.proxy.drain());
    assert_eq!(idle.closed().await, b"");
    until("nothing accepts", || async { Client::plain(port.address()).await.is_err() }).await;
    assert!(!drain.is_finished());
    echo.release();
    let response = busy.response().await.unwrap();
    assert_eq!((response.status, response.closes()), (200, true));
    assert!(in_time("the drain", drain).await.unwrap(), "every stream came to its end");
}

#[tokio::test]
async fn a_drain_cuts_what_lasts_longer_than_the_maximum() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let rig = serving(&port, &echo, |options| options.drain_max = Duration::from_millis(20)).await;
    let mut busy = Client::plain(port.address()).await.unwrap();
    busy.send(b"GET /held HTTP/1.1\r\nHost: any\r\n\r\n").await.unwrap();
    until("the request arrives", || async { echo.requests() == 1 }).await;
    assert!(!in_time("the drain", rig.proxy.drain()).await, "one stream was cut");
    assert_eq!(busy.closed().await, b"");
}

#[tokio::test]
async fn nothing_changes_for_clients_during_the_minimum_drain() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let long = Duration::from_secs(3600);
    let rig = serving(&port, &echo, |options| options.drain_min = long).await;
    let mut old = Client::plain(port.address()).await.unwrap();
    assert_eq!(old.get("any", "/").await.unwrap().status, 200);
    let drain = tokio::spawn(rig.proxy.drain());
    tokio::task::yield_now().await;
    for mut client in [old, Client::plain(port.address()).await.unwrap()] {
        for _ in 0..2 {
            let response = client.get("any", "/").await.unwrap();
            assert_eq!((response.status, response.closes()), (200, false));
        }
    }
    assert!(!drain.is_finished());
    drain.abort();
}

#[tokio::test]
async fn a_proxy_that_is_dropped_ends_at_once() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let rig = serving(&port, &echo, |_| {}).await;
    let mut client = Client::plain(port.address()).await.unwrap();
    assert_eq!(client.get("any", "/").await.unwrap().status, 200);
    drop(rig);
    assert_eq!(client.closed().await, b"");
    until("nothing accepts", || async { Client::plain(port.address()).await.is_err() }).await;
}
