//! Which requests are sent again, to whom, and what the client gets in the end.

use std::{num::NonZeroU16, time::Duration};

use ir::{Retry, Rule};
use tokio::net::TcpListener;

use crate::harness::{
    BOUND, endpoints,
    stage::{Peer, Stage, accept, address, field, get, got, ok},
};

/// Tries again so often, for these codes, without waiting long.
fn retry(attempts: u32, codes: &'static [u16]) -> impl Fn(&mut Rule) {
    move |rule| {
        rule.retry = Some(Retry {
            attempts,
            codes: codes.iter().map(|code| NonZeroU16::new(*code).unwrap()).collect(),
            backoff: Some(Duration::from_millis(1)),
        });
    }
}

/// The next connection to any endpoint, and which.
async fn whichever(endpoints: &[TcpListener]) -> (usize, Peer) {
    let accepting = endpoints
        .iter()
        .enumerate()
        .map(|(at, endpoint)| Box::pin(async move { (at, accept(endpoint).await) }));
    let mut accepting: Vec<_> = accepting.collect();
    std::future::poll_fn(|cx| {
        for one in &mut accepting {
            if let std::task::Poll::Ready(found) = one.as_mut().poll(cx) {
                return std::task::Poll::Ready(found);
            }
        }
        std::task::Poll::Pending
    })
    .await
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_passed_over_without_being_asked_for() {
    let mut stage = Stage::with(2, |_| {}).await;
    // Nobody listens there any more, but it stays an endpoint.
    drop(stage.endpoints.remove(0));
    let mut backend = None;
    for round in 0..6 {
        let mut client = stage.client().await;
        let body = format!("POST /{round} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        client.send(body).await;
        // Workers have pools of their own.
        let mut peer: Peer = stage.accept().await;
        assert!(peer.until("hi").await.starts_with(&format!("POST /{round} ")));
        let close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
        peer.send(close).await;
        assert!(client.until("ok").await.starts_with("HTTP/1.1 200 "));
        backend = Some(peer);
    }
    drop(backend);
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_costs_no_request() {
    for method in ["GET", "PUT"] {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send(get("/1")).await;
        let mut backend = stage.accept().await;
        backend.head().await;
        backend.send(ok("one")).await;
        client.until("one").await;
        // It takes the next request and then closes, as if it had timed out just then.
        client.send(format!("{method} /2 HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        backend.head().await;
        drop(backend);
        let mut other = stage.accept().await;
        assert!(other.head().await.starts_with(&format!("{method} /2 ")));
        other.send(ok("two")).await;
        assert_eq!(client.until("two").await, got("two"));
    }
}

#[tokio::test]
async fn a_request_that_may_have_been_done_is_not_done_twice() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(get("/1")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send(ok("one")).await;
    client.until("one").await;
    client.send("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    backend.until("hi").await;
    drop(backend);
    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_connection_that_the_backend_closed_in_time_is_not_used() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(get("/1")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send(ok("one")).await;
    client.until("one").await;
    backend.finish().await;
    // The proxy notices before it has a request for it, and closes its side.
    assert_eq!(backend.end().await, "");
    client.send("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    let mut other = stage.accept().await;
    assert!(other.until("hi").await.starts_with("POST /2 "));
}

#[tokio::test]
async fn a_code_of_the_rule_is_tried_again_at_another_endpoint_with_the_same_request() {
    let stage = Stage::with(3, retry(2, &[503])).await;
    let mut client = stage.client().await;
    let trailers = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                    3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n";
    client.send(trailers).await;
    let mut seen = Vec::new();
    for code in [503, 503, 200] {
        let (at, mut backend) = whichever(&stage.endpoints).await;
        seen.push(at);
        assert!(backend.head().await.starts_with("POST / "));
        let body = backend.until("0\r\nX-Sum: 1\r\n\r\n").await;
        assert_eq!(body, "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
        backend.send(format!("HTTP/1.1 {code} X\r\nContent-Length: 2\r\n\r\nhi")).await;
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
    assert!(client.until("hi").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn when_all_tries_are_used_up_the_last_answer_counts() {
    let stage = Stage::with(1, retry(1, &[500, 503])).await;
    let mut client = stage.client().await;
    client.send(get("/")).await;
    for (code, name) in [(503, "first"), (500, "final")] {
        let mut backend = stage.accept().await;
        backend.head().await;
        backend
            .send(format!("HTTP/1.1 {code} X\r\nX-Name: {name}\r\nContent-Length: 5\r\n\r\n{name}"))
            .await;
    }
    let answer = client.until("final\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert_eq!(field(&answer, "x-name"), Some("final"));
    assert!(client.until("final").await.ends_with("final"));
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_rule_that_asks_for_it_repeats_what_broke_off_and_what_took_too_long() {
    let stage = Stage::with(1, |rule| {
        retry(2, &[])(rule);
        rule.timeouts.backend_request = Some(BOUND);
    })
    .await;
    let mut client = stage.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    let mut broken = stage.accept().await;
    broken.until("hi").await;
    broken.reset();
    let mut slow = stage.accept().await;
    slow.until("hi").await;
    let mut fine = stage.accept().await;
    fine.until("hi").await;
    fine.send(ok("done")).await;
    assert_eq!(client.until("done").await, got("done"));
}

#[tokio::test]
async fn attempts_of_zero_switch_every_retry_off() {
    let mut stage = Stage::with(1, retry(0, &[503])).await;
    let mut client = stage.client().await;
    client.send(get("/")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send("HTTP/1.1 503 X\r\nContent-Length: 2\r\n\r\nno").await;
    assert!(client.until("no").await.starts_with("HTTP/1.1 503 "));
    // Its connection too, or the next request waits on that one if it comes to the same worker.
    drop(backend);
    stage.endpoints.clear();
    let mut client = stage.client().await;
    client.send(get("/")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn a_body_that_is_too_large_to_keep_is_sent_once() {
    let (small, large) = (64 * 1024, 64 * 1024 + 1);
    for (length, tries) in [(small, 2), (large, 1)] {
        let stage = Stage::with(1, retry(1, &[503])).await;
        let mut client = stage.client().await;
        let body = "x".repeat(length);
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        client.send(format!("{head}{body}")).await;
        for _ in 0..tries {
            let mut backend = stage.accept().await;
            backend.head().await;
            assert!(backend.exactly(length).await == body);
            backend.send("HTTP/1.1 503 X\r\nContent-Length: 2\r\n\r\nno").await;
        }
        assert!(client.until("no").await.starts_with("HTTP/1.1 503 "), "{length}");
        assert!(stage.is_quiet().await);
    }
}

#[tokio::test]
async fn nothing_is_repeated_once_a_response_began() {
    let stage = Stage::with(1, retry(3, &[503])).await;
    let mut client = stage.client().await;
    client.send(get("/")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await;
    client.until("abc").await;
    backend.reset();
    assert_eq!(client.end().await, "");
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn endpoints_that_come_in_place_of_others_are_tried_next() {
    let mut stage = Stage::new().await;
    let other = stage.listen().await;
    let mut client = stage.client().await;
    client.send(get("/1")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send(ok("one")).await;
    client.until("one").await;
    let at = [address(&other)];
    stage.rig.serve(|to| endpoints(to, "backend", &at)).await;
    assert_eq!(backend.end().await, "", "its idle connection is closed");
    client.send(get("/2")).await;
    assert!(accept(&other).await.head().await.starts_with("GET /2 "));
}
