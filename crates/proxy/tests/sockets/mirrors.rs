//! Copies of requests: what they hold, and that they cannot disturb.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ir::{
    BackendChoice, Filter, Fraction, HeaderEdits, HeaderField, HeaderName, HeaderValue, Id, Mirror,
    Resource, Rule,
};
use tokio::net::TcpListener;

use crate::harness::{
    backend,
    stage::{Stage, accept, address, field, get, got, ok},
    until,
};

fn mirror(numerator: u32, denominator: u32) -> Filter {
    let backend = BackendChoice::Valid(Id::new("mirror"));
    Filter::Mirror(Mirror { backend, share: Fraction { numerator, denominator } })
}

/// A stage whose rule copies to another backend.
async fn stage(filters: Vec<Filter>) -> (Stage, TcpListener) {
    let mut stage = Stage::new().await;
    let mirror = stage.listen().await;
    let at = [address(&mirror)];
    stage
        .rig
        .serve(|to| {
            backend(to, "mirror", &at);
            let mut rule = to.rules[&Id::<Rule>::new("route/0")].as_ref().clone();
            rule.filters = filters;
            to.insert("route/0", Resource::Rule(Arc::new(rule)));
        })
        .await;
    (stage, mirror)
}

#[tokio::test]
async fn a_mirror_is_not_asked_for_another_protocol() {
    let (stage, mirror) = stage(vec![mirror(1, 1)]).await;
    let mut client = stage.client().await;
    let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.send(ask).await;
    let head = stage.accept().await.head().await;
    assert_eq!(field(&head, "upgrade"), Some("websocket"));
    let copy = accept(&mirror).await.head().await;
    assert_eq!((field(&copy, "upgrade"), field(&copy, "connection")), (None, None));
}

#[tokio::test]
async fn a_mirror_gets_the_edited_request_and_its_answer_is_ignored() {
    let edits = HeaderEdits {
        set: vec![HeaderField {
            name: HeaderName::parse("X-Set").unwrap(),
            value: HeaderValue::parse("1").unwrap(),
        }],
        ..HeaderEdits::default()
    };
    let (stage, mirror) = stage(vec![mirror(1, 1), Filter::RequestHeaders(edits)]).await;
    let mut client = stage.client().await;
    client.send("POST /a?b HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbo").await;
    let mut backend = stage.accept().await;
    let head = backend.head().await;
    let mut copy = accept(&mirror).await;
    assert_eq!(copy.head().await, head);
    assert!(head.starts_with("POST /a?b HTTP/1.1\r\nhost: a.test\r\n"), "{head}");
    assert_eq!(field(&head, "x-set"), Some("1"));
    client.send("dy").await;
    assert_eq!(backend.exactly(4).await, "body");
    assert_eq!(copy.exactly(4).await, "body");
    copy.send("HTTP/1.1 500 Evil\r\nContent-Length: 4\r\n\r\nevil").await;
    backend.send(ok("good")).await;
    assert_eq!(client.until("good").await, got("good"));
    // Its connection is used again.
    client.send(get("/next")).await;
    assert!(copy.head().await.starts_with("GET /next "));
}

#[tokio::test]
async fn a_mirror_that_is_away_or_silent_or_slow_disturbs_nobody() {
    let (stage, mirror) = stage(vec![mirror(1, 1)]).await;
    let body = "x".repeat(1 << 20);
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut silent = None;
    let mut away = Some(mirror);
    for round in 0..3 {
        let mut client = stage.client().await;
        let relayed = async {
            let mut backend = stage.accept().await;
            backend.head().await;
            assert!(backend.exactly(body.len()).await == body, "round {round}");
            let close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
            backend.send(close).await;
        };
        let answered = async {
            client.send(format!("{head}{body}")).await;
            client.until("ok").await
        };
        let (answer, ()) = tokio::join!(answered, relayed);
        assert!(answer.starts_with("HTTP/1.1 200 "), "round {round}");
        // First it takes a connection and reads nothing, then it is gone.
        if let Some(mirror) = away.take() {
            silent = Some(accept(&mirror).await);
        }
    }
    // It got a part at most, and was dropped.
    let got = silent.unwrap().end().await;
    assert!(!got.ends_with(&body), "{} bytes", got.len());
}

#[tokio::test]
async fn a_mirror_gets_its_share() {
    let (stage, mirror) = stage(vec![mirror(1, 4)]).await;
    let mut client = stage.client().await;
    client.send(get("/0")).await;
    let mut backend = stage.accept().await;
    for round in 1..=40 {
        backend.head().await;
        backend.send(ok("ok")).await;
        client.until("ok").await;
        client.send(get(&format!("/{round}"))).await;
    }
    let copies = Arc::new(AtomicUsize::new(0));
    let counted = copies.clone();
    tokio::spawn(async move {
        loop {
            let (mut copy, counted) = (accept(&mirror).await, counted.clone());
            tokio::spawn(async move {
                while copy.head().await.starts_with("GET /") {
                    counted.fetch_add(1, Ordering::SeqCst);
                    copy.send("HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            });
        }
    });
    until("ten copies", || async { copies.load(Ordering::SeqCst) >= 10 }).await;
    let copies = copies.load(Ordering::SeqCst);
    assert!(copies <= 11, "{copies} of 41");
}
