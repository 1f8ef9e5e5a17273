//! Edits: what they do not concern, they do not touch.

use crate::harness::{Client, Echo, Port, Rig, backend, endpoints, listener, plain, remove, route};

#[tokio::test]
async fn keep_alive_connections_live_through_edits_and_see_them() {
    let port = Port::reserve();
    let (one, two) = (Echo::start("one").await, Echo::start("two").await);
    let mut rig = Rig::start();
    rig.serve(|to| {
        backend(to, "one", &[one.address]);
        backend(to, "two", &[two.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "one");
    })
    .await;
    // So many that every worker has some.
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(Client::plain(port.address()).await.unwrap());
    }
    for round in 0..20 {
        let name = ["one", "two"][round % 2];
        rig.serve(|to| route(to, "route", "bind", name)).await;
        for client in &mut clients {
            let response = client.get("any", "/").await.unwrap();
            assert_eq!(response.text().lines().next(), Some(name), "round {round}");
            assert!(!response.closes());
        }
    }
}

#[tokio::test]
async fn endpoints_come_and_go_without_a_failed_request() {
    let port = Port::reserve();
    let (one, two) = (Echo::start("one").await, Echo::start("two").await);
    let mut rig = Rig::start();
    rig.serve(|to| {
        backend(to, "backend", &[one.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "backend");
    })
    .await;
    let mut client = Client::plain(port.address()).await.unwrap();
    assert!(client.get("any", "/").await.unwrap().text().starts_with("one\n"));
    rig.serve(|to| endpoints(to, "backend", &[one.address, two.address])).await;
    let mut names = Vec::new();
    for _ in 0..4 {
        let text = client.get("any", "/").await.unwrap().text();
        names.push(text.lines().next().unwrap_or_default().to_string());
    }
    names.sort();
    assert_eq!(names, ["one", "one", "two", "two"], "in turn");
    rig.serve(|to| endpoints(to, "backend", &[two.address])).await;
    for _ in 0..4 {
        assert!(client.get("any", "/").await.unwrap().text().starts_with("two\n"));
    }
    rig.serve(|to| endpoints(to, "backend", &[])).await;
    assert_eq!(client.get("any", "/").await.unwrap().status, 503);
}

#[tokio::test]
async fn a_request_in_flight_ends_on_the_state_in_which_it_began() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = Rig::start();
    rig.serve(|to| {
        backend(to, "echo", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "echo");
    })
    .await;
    let mut client = Client::plain(port.address()).await.unwrap();
    client.send(b"GET /held HTTP/1.1\r\nHost: any\r\n\r\n").await.unwrap();
    crate::harness::until("it arrives", || async { echo.requests() == 1 }).await;
    rig.serve(|to| {
        remove(to, "route");
        remove(to, "route/0");
        remove(to, "echo");
        listener(to, "bind", "bind", "only.test", ir::Protocol::Http);
    })
    .await;
    echo.release();
    assert_eq!(client.response().await.unwrap().status, 200);
    assert_eq!(client.get("any", "/").await.unwrap().status, 404);
}
