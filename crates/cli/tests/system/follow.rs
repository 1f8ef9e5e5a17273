//! `portcullis proxy` as a process. What it does with what a controller says is tested with the
//! proxy itself (`crates/proxy/tests`).

use crate::stage::{
    admin::Admin,
    ports::Port,
    process::{Folder, Running},
};

#[tokio::test]
async fn without_a_controller_it_lives_waits_and_says_why() {
    let (folder, nobody, probes) = (Folder::new(), Port::free(), Port::free());
    folder.write("token", "token");
    let path = |name: &str| folder.file(name).display().to_string();
    let controller = format!("localhost:{}", nobody.number);
    let mut proxy = Running::proxy(&[
        "--controller",
        &controller,
        "--ca",
        &path("ca.crt"),
        "--token",
        &path("token"),
        "--state-dir",
        &path("state"),
        "--probe-address",
        &probes.address().to_string(),
        "--drain-min",
        "0",
        "--drain-max",
        "1",
    ]);
    proxy.says(&["still serving", "ca.crt"]).await;
    let at_probes = Admin::new(probes.address());
    assert_eq!(at_probes.page("/live").await.unwrap().status, 200);
    assert_eq!(at_probes.page("/ready").await.unwrap().status, 503);
    assert_eq!(at_probes.page("/config").await.unwrap().status, 404);
    assert_eq!(proxy.admin.page("/config").await.unwrap().status, 200);
    folder.write("ca.crt", "no certificate");
    let refused = format!("127.0.0.1:{}", nobody.number);
    proxy.says(&[&refused]).await;
    proxy.terminate();
    assert_eq!(proxy.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_controller_without_a_port_is_refused_at_once() {
    let mut proxy = Running::proxy(&[
        "--controller",
        "nowhere",
        "--ca",
        "c",
        "--token",
        "t",
        "--probe-address",
        "off",
    ]);
    assert_eq!(proxy.end().await.code(), Some(1));
    proxy.says(&["\"nowhere\" is no HOST:PORT"]).await;
}
