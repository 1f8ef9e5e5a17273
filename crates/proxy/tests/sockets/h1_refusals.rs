//! HTTP/1 requests that are never served, as they look on the wire. The codec's own tables say
//! which rule each breaks; here is what becomes of the connection.

use crate::harness::stage::{Peer, Stage, field, get, got, ok};

/// What stands behind a refused request is not to be read as another one.
async fn refused(client: &mut Peer, request: &str) -> String {
    client.send(format!("{request}{}", get("/smuggled"))).await;
    let answer = client.orderly_end().await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{request:?} {answer:?}");
    assert_eq!(field(&answer, "connection"), Some("close"), "{request:?}");
    answer
}

#[tokio::test]
async fn a_malformed_request_is_answered_once_and_ends_its_connection() {
    let stage = Stage::new().await;
    let post = "POST / HTTP/1.1\r\nHost: a\r\n";
    let (long, many) = ("a".repeat(70_000), "a: b\r\n".repeat(101));
    for (request, status) in [
        ("GET / HTTP/1.1\nHost: a\n\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400),
        ("\u{16}\u{3}\u{1}".into(), 400),
        (format!("{post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400),
        (format!("{post}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"), 400),
        (format!("{post}Transfer-Encoding: x\r\n\r\n"), 400),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), 400),
        (format!("{post}Transfer-Encoding: gzip, chunked\r\n\r\n"), 501),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n".into(), 405),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".into(), 505),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431),
    ] {
        let request: String = request;
        let mut client = stage.client().await;
        let start = &request[..request.len().min(80)];
        let answer = refused(&mut client, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{start:?} {answer}");
    }
    assert!(stage.is_quiet().await, "the backend heard of none");
}

#[tokio::test]
async fn a_request_that_is_well_formed_but_not_served_keeps_its_connection() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let options = format!("Connection: {}\r\n", "a,".repeat(101));
    for (target, host, field_line, status) in [
        ("/", "a", "X_Forwarded_For: 1\r\n", 400),
        ("/", "a", "Expect: something\r\n", 417),
        ("/", "a", options.as_str(), 431),
        ("/", "a@b", "", 400),
        ("/%zz", "a", "", 400),
        ("/%00", "a", "", 400),
        ("/#x", "a", "", 400),
        ("ftp://a/", "a", "", 400),
        ("*", "a", "", 400),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{field_line}\r\n");
        client.send(request).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(field(&head, "content-length"), Some("0"));
    }
    client.send(get("/")).await;
    let mut backend = stage.accept().await;
    assert!(backend.head().await.starts_with("GET / "));
    backend.send(ok("fine")).await;
    assert_eq!(client.until("fine").await, got("fine"));
}

#[tokio::test]
async fn a_head_may_come_in_any_pieces() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let (request, mut backend) = (format!("\r\n{}", get("/slow")), None);
    for byte in request.as_bytes() {
        client.send([*byte]).await;
    }
    let backend = backend.get_or_insert(stage.accept().await);
    assert!(backend.head().await.starts_with("GET /slow "));
}

#[tokio::test]
async fn a_client_that_leaves_within_a_head_is_let_go() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("GET / HTTP/1.1\r\nHost").await;
    client.finish().await;
    assert_eq!(client.orderly_end().await, "");
}
