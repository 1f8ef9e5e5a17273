//! HTTP/1 on both sides: which connection carries which request, and what each head says.

use crate::harness::stage::{Stage, field, get, got, ok};

#[tokio::test]
async fn a_request_is_relayed_byte_for_byte_but_for_what_the_proxy_adds() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("GET /a?b=c&d HTTP/1.1\r\nHOST: A.test:80\r\nX-One: 1\r\nx-two:\t2 \r\n\r\n").await;
    let mut backend = stage.accept().await;
    let head = backend.head().await;
    let id = field(&head, "x-request-id").unwrap().to_string();
    assert_eq!(id.len(), 36);
    let expected = format!(
        "GET /a?b=c&d HTTP/1.1\r\nhost: a.test:80\r\nX-One: 1\r\nx-two:\t2 \r\n\
         x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: a.test:80\r\n\
         x-request-id: {id}\r\n\r\n"
    );
    assert_eq!(head, expected);
    backend
        .send("HTTP/1.1 201 Whatever\r\nServer: x\r\nDate: d\r\nContent-Length: 2\r\n\r\nhi")
        .await;
    let response = client.until("hi").await;
    let expected = "HTTP/1.1 201 Created\r\nServer: x\r\nDate: d\r\ncontent-length: 2\r\n\r\nhi";
    assert_eq!(response, expected);
}

#[tokio::test]
async fn both_connections_are_kept_and_used_again() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(get("/0")).await;
    let mut backend = stage.accept().await;
    for round in 0..50 {
        assert!(backend.head().await.starts_with(&format!("GET /{round} ")));
        backend.send(ok("body")).await;
        assert_eq!(client.until("body").await, got("body"));
        client.send(get(&format!("/{}", round + 1))).await;
    }
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let post = "POST /two HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\none";
    client.send(format!("{}{post}\r\n{}", get("/one"), get("/three"))).await;
    let mut backend = stage.accept().await;
    for name in ["/one", "/two", "/three"] {
        let head = backend.head().await;
        assert!(head.split(' ').nth(1) == Some(name), "{head}");
        if name == "/two" {
            assert_eq!(backend.exactly(3).await, "one");
        }
        backend.send(ok(name)).await;
        assert_eq!(client.until(name).await, got(name));
    }
}

#[tokio::test]
async fn each_side_may_end_its_connection_with_a_message() {
    for (request, response, client_lives, backend_lives) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", true, true),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
            "HTTP/1.1 200 OK\r\n",
            false,
            true,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.1 200 OK\r\nConnection: close\r\n",
            true,
            false,
        ),
        ("GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", false, true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 200 OK\r\n", true, true),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.0 200 OK\r\n", true, false),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n",
            true,
            true,
        ),
    ] {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send(request).await;
        let mut backend = stage.accept().await;
        let head = backend.head().await;
        assert!(head.starts_with("GET / HTTP/1.1\r\n") && field(&head, "connection").is_none());
        backend.send(format!("{response}Content-Length: 2\r\n\r\nhi")).await;
        let answer = client.until("hi").await;
        let says_close = field(&answer, "connection") == Some("close");
        assert_eq!(!says_close, client_lives, "{request:?} {answer:?}");
        let is_old = request.contains("HTTP/1.0");
        let says_keep = field(&answer, "connection") == Some("keep-alive");
        assert_eq!(says_keep, is_old && client_lives, "{request:?}");
        if client_lives {
            client.send(get("/again")).await;
        } else {
            assert_eq!(client.orderly_end().await, "", "{request:?}");
            continue;
        }
        if !backend_lives {
            assert_eq!(backend.orderly_end().await, "", "{response:?}");
            backend = stage.accept().await;
        }
        assert!(backend.head().await.starts_with("GET /again "));
        assert!(stage.is_quiet().await);
    }
}

#[tokio::test]
async fn responses_without_a_body_end_with_their_head() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let mut backend = None;
    for (method, response, expected) in [
        ("HEAD", "200 OK\r\nContent-Length: 5", "200 OK\r\nContent-Length: 5\r\ndate"),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked", "200 OK\r\ndate"),
        ("GET", "204 No Content", "204 No Content\r\ndate"),
        (
            "GET",
            "304 Not Modified\r\nContent-Length: 5",
            "304 Not Modified\r\nContent-Length: 5\r\ndate",
        ),
        ("GET", "200 OK\r\nContent-Length: 0", "200 OK\r\ndate"),
    ] {
        client.send(format!("{method} / HTTP/1.1\r\nHost: a.test\r\n\r\n")).await;
        let mut peer = match backend.take() {
            Some(peer) => peer,
            None => stage.accept().await,
        };
        assert!(peer.head().await.starts_with(method));
        peer.send(format!("HTTP/1.1 {response}\r\n\r\n")).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected}: ")), "{head}");
        backend = Some(peer);
    }
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_backend_that_says_too_much_is_not_asked_again_on_that_connection() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(get("/1")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send(format!("{}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", ok("good"))).await;
    assert_eq!(client.until("good").await, got("good"));
    client.send(get("/2")).await;
    let mut other = stage.accept().await;
    assert!(other.head().await.starts_with("GET /2 "));
    other.send(ok("fine")).await;
    assert_eq!(client.until("fine").await, got("fine"));
}

#[tokio::test]
async fn what_concerns_one_connection_goes_no_further() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send(
            "GET / HTTP/1.1\r\nHost: a.test\r\n\
             Connection: keep-alive, X-Secret, x-forwarded-for\r\nX-Secret: 1\r\n\
             X-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-Host: evil\r\nX-Request-Id: mine\r\nKeep-Alive: 5\r\n\
             Proxy-Connection: x\r\nProxy-Authorization: y\r\nTE: gzip, trailers;q=1, trailers\r\n\
             HTTP2-Settings: AAA\r\nUpgrade: h2c\r\nX-Kept: 2\r\n\r\n",
        )
        .await;
    let mut backend = stage.accept().await;
    let head = backend.head().await;
    let id = field(&head, "x-request-id").unwrap().to_string();
    assert_ne!(id, "mine");
    let expected = format!(
        "GET / HTTP/1.1\r\nhost: a.test\r\nX-Kept: 2\r\nte: trailers\r\n\
         x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: a.test\r\n\
         x-request-id: {id}\r\nconnection: te\r\n\r\n"
    );
    assert_eq!(head, expected);
    backend
        .send(
            "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\n\
             Upgrade: h2c\r\nProxy-Authenticate: x\r\nX-Kept: 2\r\nContent-Length: 2\r\n\r\nhi",
        )
        .await;
    let expected = "HTTP/1.1 200 OK\r\nDate: d\r\nX-Kept: 2\r\ncontent-length: 2\r\n\r\nhi";
    assert_eq!(client.until("hi").await, expected);
}

#[tokio::test]
async fn the_chain_of_clients_grows_at_its_end() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send(
            "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 10.1.1.1, 10.2.2.2\r\n\
             x-forwarded-for: 10.3.3.3\r\n\r\n",
        )
        .await;
    let head = stage.accept().await.head().await;
    let chain = "10.1.1.1, 10.2.2.2,10.3.3.3,127.0.0.1";
    assert_eq!(field(&head, "x-forwarded-for"), Some(chain));
}
