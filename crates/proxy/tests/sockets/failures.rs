//! What a client gets when there is nothing to relay, and why: each failure by its status.

use std::time::Duration;

use ir::{BackendChoice, InvalidBackend, Protocol, Rule, Timeouts};

use crate::harness::{
    Authority, BOUND, Client, Echo, Port, Rig, authority, backend, bind,
    full::Full,
    listener, route,
    stage::{Stage, field, get, got, ok},
};

/// A client's view of the whole answer to a GET.
async fn answer(stage: &Stage) -> String {
    let mut client = stage.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
    client.orderly_end().await
}

#[tokio::test]
async fn a_rule_without_a_backend_that_can_be_used_answers_500() {
    let invalid = |reason| {
        move |rule: &mut Rule| {
            rule.backends[0].backend = BackendChoice::Invalid(reason);
        }
    };
    for stage in [
        Stage::with(1, invalid(InvalidBackend::NotFound)).await,
        Stage::with(1, invalid(InvalidBackend::NotPermitted)).await,
        Stage::with(1, |rule| rule.backends.clear()).await,
        Stage::with(1, |rule| rule.backends[0].weight = 0).await,
        Stage::with(1, |rule| rule.filters.push(ir::Filter::Fail(ir::Failure::FilterNotBuilt)))
            .await,
    ] {
        assert!(answer(&stage).await.starts_with("HTTP/1.1 500 "));
        assert!(stage.is_quiet().await);
    }
}

#[tokio::test]
async fn no_route_is_404_and_no_endpoint_is_503() {
    let stage = Stage::with(0, |_| {}).await;
    assert!(answer(&stage).await.starts_with("HTTP/1.1 503 "));
    let stage = Stage::with(1, |rule| {
        rule.matches[0].path = ir::PathMatch::Exact("/only".into());
    })
    .await;
    assert!(answer(&stage).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn what_a_backend_does_wrong_is_502() {
    for said in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 1",
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ] {
        let stage = Stage::new().await;
        let backend = async {
            let mut backend = stage.accept().await;
            backend.head().await;
            backend.send(said).await;
        };
        let (answer, ()) = tokio::join!(answer(&stage), backend);
        assert!(answer.starts_with("HTTP/1.1 502 "), "{said:?} {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_502() {
    let mut stage = Stage::new().await;
    stage.endpoints.clear();
    assert!(answer(&stage).await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn a_backend_that_is_too_slow_is_504() {
    let short = Some(Duration::from_millis(20));
    let long = Some(Duration::from_secs(3600));
    for timeouts in [
        Timeouts { request: short, backend_request: None },
        Timeouts { request: None, backend_request: short },
        Timeouts { request: long, backend_request: short },
        Timeouts { request: short, backend_request: long },
    ] {
        let stage = Stage::with(1, |rule| rule.timeouts = timeouts).await;
        let mut client = stage.client().await;
        client.send(get("/slow")).await;
        let mut backend = stage.accept().await;
        backend.head().await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 504 "), "{timeouts:?} {head}");
        assert_eq!(backend.end().await, "", "the backend is let go");
        // The client's connection lives on.
        client.send(get("/next")).await;
        let mut backend = stage.accept().await;
        assert!(backend.head().await.starts_with("GET /next "));
    }
}

/// Gateway API, `HTTPRouteTimeouts`: up to the full response, not only to its head.
#[tokio::test]
async fn a_response_that_takes_too_long_is_cut() {
    let bound = Some(BOUND);
    for timeouts in [
        Timeouts { request: bound, backend_request: None },
        Timeouts { request: None, backend_request: bound },
    ] {
        let stage = Stage::with(1, |rule| rule.timeouts = timeouts).await;
        let mut client = stage.client().await;
        client.send(get("/")).await;
        let mut backend = stage.accept().await;
        backend.head().await;
        backend.send("HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 4\r\n\r\nha").await;
        assert!(client.end().await.ends_with("\r\n\r\nha"), "{timeouts:?}");
        assert_eq!(backend.end().await, "", "the backend is let go");
    }
}

#[tokio::test]
async fn a_connection_that_changed_its_protocol_has_no_time_bound() {
    let bound = Some(BOUND);
    let timeouts = Timeouts { request: bound, backend_request: bound };
    let stage = Stage::with(1, |rule| rule.timeouts = timeouts).await;
    let mut client = stage.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
    client.head().await;
    // tidy: allow sleep: it is the bound that must pass
    tokio::time::sleep(BOUND + Duration::from_millis(300)).await;
    backend.send("late").await;
    assert_eq!(client.exactly(4).await, "late");
}

#[tokio::test]
async fn grpc_clients_are_told_in_their_own_words() {
    let stage = Stage::with(0, |_| {}).await;
    let mut client = stage.client().await;
    client
        .send("POST /a.B/C HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc+proto\r\n\r\n")
        .await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(field(&head, "content-type"), Some("application/grpc"));
    assert_eq!(field(&head, "grpc-status"), Some("14"));
    assert_eq!(field(&head, "grpc-message"), Some("no_endpoint"));
}

#[tokio::test]
async fn an_authority_of_another_listener_is_misdirected() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let authority = Authority::new();
    let identity = authority.issue(&["a.test", "b.test"]);
    let mut rig = Rig::start();
    rig.serve(|to| {
        authority::certificate(to, "cert", &identity);
        backend(to, "echo", &[echo.address]);
        bind(to, "bind", &port);
        for host in ["a.test", "b.test"] {
            let protocol: Protocol = authority::https(&["cert"]);
            listener(to, host, "bind", host, protocol);
            route(to, &format!("route-{host}"), host, "echo");
        }
    })
    .await;
    let config = authority.client(None, &[]);
    let mut client = Client::tls(port.address(), "a.test", &config).await.unwrap();
    for (host, status) in [("a.test", 200), ("b.test", 421), ("c.test", 421), ("A.TEST.", 200)] {
        assert_eq!(client.get(host, "/").await.unwrap().status, status, "{host}");
    }
    assert_eq!(echo.requests(), 2);
}

#[tokio::test]
async fn a_path_with_an_escaped_slash_is_sent_back_unescaped() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("GET /a%2Fb?c=%2F HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 307 "), "{head}");
    assert_eq!(field(&head, "location"), Some("/a/b?c=%2F"), "{head}");
    client.send("GET /a/./b/../c//d HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let mut backend = stage.accept().await;
    assert!(backend.head().await.starts_with("GET /a/c/d HTTP/1.1\r\n"));
    backend.send(ok("fine")).await;
    assert_eq!(client.until("fine").await, got("fine"));
}

#[tokio::test]
async fn a_connection_that_is_never_taken_is_bounded_in_time() {
    let full = Full::new().await;
    let mut stage = Stage::with(1, |rule| {
        rule.timeouts.request = Some(Duration::from_millis(50));
    })
    .await;
    let at = [full.address];
    stage.rig.serve(|to| crate::harness::endpoints(to, "backend", &at)).await;
    assert!(answer(&stage).await.starts_with("HTTP/1.1 504 "));
}
