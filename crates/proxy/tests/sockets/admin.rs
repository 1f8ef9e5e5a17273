//! The admin server.

use std::sync::Arc;

use portcullis_proxy::Views;

use crate::harness::{Client, Echo, Port, Rig, backend, in_time, plain, route};

fn rig() -> Rig {
    Rig::with(|options| {
        options.admin = Some(([127, 0, 0, 1], 0).into());
        options.views = Views {
            status: Some(Arc::new(|| "status: fine\n".to_owned())),
            config: Some(Arc::new(|snapshot| format!("routes: {}\n", snapshot.routes.len()))),
        };
    })
}

async fn page(rig: &Rig, path: &str) -> (u16, String) {
    let mut client = Client::plain(rig.proxy.admin_address().unwrap()).await.unwrap();
    let response = client.get("localhost", path).await.unwrap();
    (response.status, response.text())
}

#[tokio::test]
async fn pages_say_what_the_proxy_does() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = rig();
    let not_yet = (503, "not ready: no configuration yet\n".to_owned());
    assert_eq!(page(&rig, "/ready").await, not_yet);
    assert_eq!(page(&rig, "/live").await, (200, "live\n".to_owned()));
    assert_eq!(page(&rig, "/config").await, (200, "routes: 0\n".to_owned()));
    rig.serve(|to| {
        backend(to, "svc", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "svc");
    })
    .await;
    assert_eq!(page(&rig, "/ready").await, (200, "ready\n".to_owned()));
    assert_eq!(page(&rig, "/status").await, (200, "status: fine\n".to_owned()));
    assert_eq!(page(&rig, "/config").await, (200, "routes: 1\n".to_owned()));
    let (status, index) = page(&rig, "/").await;
    assert_eq!(status, 200);
    for path in ["/ready", "/live", "/metrics", "/status", "/config"] {
        assert!(index.contains(&format!("href=\"{path}\"")), "{path}");
        assert_eq!(page(&rig, path).await.0, 200, "{path}");
    }
    assert_eq!(page(&rig, "/elsewhere").await.0, 404);
}

#[tokio::test]
async fn it_changes_nothing_and_takes_no_bodies() {
    let rig = rig();
    let mut client = Client::plain(rig.proxy.admin_address().unwrap()).await.unwrap();
    let request = b"POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    client.send(request).await.unwrap();
    let response = client.response().await.unwrap();
    assert_eq!((response.status, response.field("allow")), (405, Some("get, head")));
}

/// A page of the web whose name was made to lead to this machine could read it otherwise.
#[tokio::test]
async fn on_loopback_only_names_of_this_machine_are_answered() {
    let rig = rig();
    for (host, status) in [
        ("localhost", 200),
        ("LOCALHOST:15000", 200),
        ("127.0.0.1:15000", 200),
        ("[::1]:15000", 200),
        ("attacker.test", 421),
        ("attacker.test:15000", 421),
        ("localhost.attacker.test", 421),
        ("127.0.0.1.attacker.test", 421),
        ("", 421),
    ] {
        let mut client = Client::plain(rig.proxy.admin_address().unwrap()).await.unwrap();
        assert_eq!(client.get(host, "/config").await.unwrap().status, status, "{host:?}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let rig = rig();
    let mut client = Client::plain(rig.proxy.admin_address().unwrap()).await.unwrap();
    client.send(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    in_time("an end", async { while client.send(&[b'x'; 4096]).await.is_ok() {} }).await;
    assert_eq!(page(&rig, "/live").await.0, 200);
}

#[tokio::test]
async fn a_draining_proxy_is_alive_and_not_ready() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = Rig::with(|options| {
        options.admin = Some(([127, 0, 0, 1], 0).into());
        options.drain_min = std::time::Duration::from_secs(3600);
    });
    rig.serve(|to| {
        backend(to, "svc", &[echo.address]);
        plain(to, "bind", &port);
        route(to, "route", "bind", "svc");
    })
    .await;
    let admin = rig.proxy.admin_address().unwrap();
    let drain = tokio::spawn(rig.proxy.drain());
    crate::harness::until("it is not ready", || async {
        let mut client = Client::plain(admin).await.unwrap();
        let response = client.get("localhost", "/ready").await.unwrap();
        response.status == 503 && response.text() == "not ready: draining\n"
    })
    .await;
    let mut client = Client::plain(admin).await.unwrap();
    assert_eq!(client.get("localhost", "/live").await.unwrap().status, 200);
    drain.abort();
}
