//! How much one client can take.

use crate::harness::{Client, Echo, Port, Rig, backend, plain, route, until};

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
