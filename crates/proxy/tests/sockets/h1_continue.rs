//! `Expect: 100-continue` and other interim responses: they are the backend's to give.

use crate::harness::stage::{Stage, field, get, got, ok};

const EXPECTING: &str =
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

#[tokio::test]
async fn the_backend_says_when_to_go_on() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(EXPECTING).await;
    let mut backend = stage.accept().await;
    assert_eq!(field(&backend.head().await, "expect"), Some("100-continue"));
    backend.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body").await;
    assert_eq!(backend.exactly(4).await, "body");
    backend.send(ok("done")).await;
    assert_eq!(client.until("done").await, got("done"));
    client.send(get("/next")).await;
    assert!(backend.head().await.starts_with("GET /next "));
}

#[tokio::test]
async fn a_refusal_saves_the_upload_and_ends_the_connection() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(EXPECTING).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno").await;
    let answer = client.until("no").await;
    assert!(answer.starts_with("HTTP/1.1 417 "), "{answer}");
    // Nobody can tell whether the body will come: what follows may not be read as a request.
    assert_eq!(field(&answer, "connection"), Some("close"));
    client.send(get("/smuggled")).await;
    client.finish().await;
    assert_eq!(client.end().await, "");
    assert_eq!(backend.end().await, "");
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_client_that_does_not_wait_is_served_all_the_same() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(format!("{EXPECTING}body")).await;
    let mut backend = stage.accept().await;
    backend.until("body").await;
    backend.send(ok("done")).await;
    let answer = client.until("done").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn early_hints_pass_and_old_clients_are_spared_them() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    for (version, seen) in [("1.1", interim), ("1.0", "")] {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        let keep = "Connection: keep-alive";
        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\n{keep}\r\n\r\n")).await;
        let mut backend = stage.accept().await;
        backend.head().await;
        backend.send(interim.repeat(2)).await;
        backend.send(ok("done")).await;
        let all = client.until("done").await;
        assert!(all.starts_with(&format!("{}HTTP/1.1 200 OK", seen.repeat(2))), "{all}");
    }
}

#[tokio::test]
async fn interim_responses_without_end_are_no_answer() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(get("/")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send("HTTP/1.1 102 Processing\r\n\r\n".repeat(17)).await;
    let all = client.until("HTTP/1.1 502 Bad Gateway\r\n").await;
    assert_eq!(all.matches(" 102 ").count(), 16);
}
