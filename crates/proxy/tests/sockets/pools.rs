//! How many connections to endpoints there are, and for how long.

use crate::harness::{
    Port,
    h2::{Asked, H2Client, H2Server, before_h2c, get, reply},
    stage::{Stage, get as get_h1, got, ok},
};

#[tokio::test]
async fn a_burst_of_requests_opens_one_http2_connection() {
    let server = H2Server::start(|asked: Asked| asked.answer(200, "ok")).await;
    let port = Port::reserve();
    let _rig = before_h2c(&port, &[server.address]).await;
    // All of one client's streams are on one worker.
    let mut client = H2Client::plain(port.address()).await;
    let mut responses = Vec::new();
    for _ in 0..50 {
        responses.push(client.open(get("/"), true).await.unwrap().0);
    }
    for response in responses {
        assert_eq!(reply(response).await.unwrap().status, 200);
    }
    assert_eq!((server.connections(), server.requests()), (1, 50));
}

#[tokio::test]
async fn parallel_requests_have_connections_of_their_own_which_are_kept() {
    let stage = Stage::new().await;
    let mut pairs = Vec::new();
    for _ in 0..8 {
        let mut client = stage.client().await;
        client.send(get_h1("/")).await;
        let mut backend = stage.accept().await;
        backend.head().await;
        pairs.push((client, backend));
    }
    for (client, backend) in &mut pairs {
        backend.send(ok("ok")).await;
        assert_eq!(client.until("ok").await, got("ok"));
    }
    // The connection used last is used first.
    let (client, backend) = pairs.last_mut().unwrap();
    for _ in 0..3 {
        client.send(get_h1("/again")).await;
        assert!(backend.head().await.starts_with("GET /again "));
        backend.send(ok("ok")).await;
        client.until("ok").await;
    }
    assert!(stage.is_quiet().await);
}
