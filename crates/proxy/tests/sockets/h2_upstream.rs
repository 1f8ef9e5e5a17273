//! HTTP/2 to backends, from clients of both versions.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Request, Response};

use crate::harness::{
    Client, Port,
    h2::{Asked, H2Client, H2Server, before_h2c, chunk, get, post, read, reply, send},
    in_time, until,
};

/// Says what arrived, and sends the body back with a trailer.
async fn mirror(mut asked: Asked) -> Result<(), h2::Error> {
    let mut response = Response::builder().status(200);
    for (name, value) in asked.request.headers() {
        response = response.header(format!("seen-{name}"), value);
    }
    let seen = format!("{} {}", asked.request.method(), asked.request.uri());
    let response = response.header("seen", seen).body(()).unwrap();
    let mut to = asked.respond.send_response(response, false)?;
    let body = asked.request.body_mut();
    let content = read(body).await?;
    let sum = body.trailers().await?.and_then(|trailers| trailers.get("x-sum").cloned());
    let mut rest = Bytes::from(content);
    while !rest.is_empty() {
        let room = crate::harness::h2::room(&mut to, rest.len()).await?;
        to.send_data(rest.split_to(room.min(rest.len())), false)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", sum.unwrap_or_else(|| "none".parse().unwrap()));
    to.send_trailers(trailers)
}

#[tokio::test]
async fn a_request_passes_from_http2_to_http2_with_trailers_both_ways() {
    let (port, server) = (Port::reserve(), H2Server::start(mirror).await);
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let request = Request::put("http://any.test/a?b=c")
        .header("x-own", "mine")
        .header("te", "trailers")
        .header("content-length", "5")
        .body(())
        .unwrap();
    let (response, mut to) = client.open(request, false).await.unwrap();
    to.send_data("hello".into(), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "12".parse().unwrap());
    to.send_trailers(trailers).unwrap();
    let reply = reply(response).await.unwrap();
    let field = |name: &str| reply.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(field("seen"), Some("PUT http://any.test/a?b=c"));
    assert_eq!(field("seen-x-own"), Some("mine"));
    assert_eq!(field("seen-te"), Some("trailers"));
    assert_eq!(field("seen-content-length"), Some("5"));
    assert_eq!(field("seen-host"), None);
    assert_eq!(reply.body, b"hello");
    assert_eq!(reply.trailers.unwrap()["x-sum"], "12");
}

#[tokio::test]
async fn http1_clients_reach_an_http2_backend_trailers_included() {
    let (port, server) = (Port::reserve(), H2Server::start(mirror).await);
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = Client::plain(port.address()).await.unwrap();
    client
        .send(
            b"POST /x HTTP/1.1\r\nHost: any.test\r\nConnection: x-hop, te\r\nX-Hop: 1\r\n\
            TE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n\
            3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
        )
        .await
        .unwrap();
    let head = client.until("\r\n\r\n").await.to_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    assert!(head.contains("seen: post http://any.test/x\r\n"), "{head}");
    assert!(!head.contains("seen-x-hop") && !head.contains("seen-connection"), "{head}");
    let body = client.until("\r\n\r\n").await.to_lowercase();
    assert_eq!(body, "3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n");
    // The connection is in order afterwards.
    assert_eq!(client.get("any.test", "/y").await.unwrap().status, 200);
}

#[tokio::test]
async fn streams_share_connections_up_to_what_the_backend_allows() {
    let release = Arc::new(tokio::sync::Semaphore::new(0));
    let inside = release.clone();
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(10);
    let server = H2Server::with(builder, move |asked: Asked| {
        let release = inside.clone();
        async move {
            release.acquire().await.unwrap().forget();
            asked.answer(200, "ok").await
        }
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    // The first one opens a connection and learns what is allowed.
    release.add_permits(1);
    assert_eq!(client.get("/").await.unwrap().status, 200);
    let mut held = Vec::new();
    for n in 1..=30 {
        held.push(client.open(get("/"), true).await.unwrap().0);
        until("it arrives", || async { server.requests() == 1 + n }).await;
    }
    assert_eq!(server.connections(), 3, "ten streams on each");
    release.add_permits(30);
    for response in held {
        assert_eq!(reply(response).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn what_a_backend_has_not_looked_at_is_sent_again() {
    let refusals = Arc::new(AtomicUsize::new(0));
    let inside = refusals.clone();
    let server = H2Server::start(move |mut asked: Asked| {
        let refusals = inside.clone();
        async move {
            if refusals.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                asked.respond.send_reset(Reason::REFUSED_STREAM);
                return Ok(());
            }
            asked.answer(200, "second").await
        }
    })
    .await;
    let port = Port::reserve();
    let mut rig = before_h2c(&port, &[server.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    // Also for a method that may not be repeated otherwise.
    let (response, _) = client.open(post("/"), true).await.unwrap();
    let again = reply(response).await.unwrap();
    assert_eq!((again.status, &again.body[..]), (200, &b"second"[..]));
    assert_eq!(refusals.load(Ordering::SeqCst), 2);
    // A body is kept for that where the rule says so.
    rig.serve(|to| {
        let key = ir::Id::<ir::Rule>::new("route/0");
        let mut rule = ir::Rule::clone(&to.rules[&key]);
        rule.retry = Some(ir::Retry { attempts: 1, codes: vec![], backoff: None });
        to.insert("route/0", ir::Resource::Rule(Arc::new(rule)));
    })
    .await;
    let again = client.post("/", b"body".to_vec()).await.unwrap();
    assert_eq!((again.status, &again.body[..]), (200, &b"second"[..]));
    assert_eq!(refusals.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn what_a_backend_may_have_done_is_not_sent_again() {
    let server = H2Server::start(|mut asked: Asked| async move {
        asked.respond.send_reset(Reason::INTERNAL_ERROR);
        Ok(())
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    assert_eq!(client.post("/", b"body".to_vec()).await.unwrap().status, 502);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_backend_that_goes_away_is_left_without_a_failed_request() {
    let server = H2Server::start(|asked: Asked| asked.answer(200, "ok")).await;
    let port = Port::reserve();
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    for round in 1..=20 {
        for _ in 0..5 {
            assert_eq!(client.get("/").await.unwrap().status, 200, "round {round}");
        }
        server.go_away();
    }
    assert!(server.connections() > 1);
}

#[tokio::test]
async fn a_backend_that_breaks_off_resets_the_stream_and_a_cancel_travels_up() {
    let cancelled = Arc::new(AtomicUsize::new(0));
    let inside = cancelled.clone();
    let server = H2Server::start(move |mut asked: Asked| {
        let cancelled = inside.clone();
        async move {
            let breaks = asked.request.uri().path() == "/breaks";
            let mut to = asked.respond.send_response(Response::new(()), false)?;
            to.send_data("part".into(), false)?;
            if !breaks {
                let reason = std::future::poll_fn(|cx| to.poll_reset(cx)).await?;
                assert_eq!(reason, Reason::CANCEL);
                cancelled.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
            // Only once the part is on its way.
            read(asked.request.body_mut()).await?;
            to.send_reset(Reason::INTERNAL_ERROR);
            Ok(())
        }
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = H2Client::plain(port.address()).await;

    let (response, mut to) = client.open(post("/breaks"), false).await.unwrap();
    let mut body = in_time("a head", response).await.unwrap().into_body();
    assert_eq!(in_time("a part", chunk(&mut body)).await.unwrap().unwrap(), "part");
    to.send_data(Bytes::new(), true).unwrap();
    let error = in_time("an end", read(&mut body)).await.unwrap_err();
    assert_eq!((error.is_remote(), error.reason()), (true, Some(Reason::INTERNAL_ERROR)));

    let (response, mut to) = client.open(post("/waits"), false).await.unwrap();
    let mut body = in_time("a head", response).await.unwrap().into_body();
    assert_eq!(in_time("a part", chunk(&mut body)).await.unwrap().unwrap(), "part");
    to.send_reset(Reason::CANCEL);
    until("the backend hears of it", || async { cancelled.load(Ordering::SeqCst) == 1 }).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_no_other_client() {
    let server = H2Server::start(|mut asked: Asked| async move {
        if asked.request.uri().path() == "/small" {
            return asked.answer(200, "ok").await;
        }
        let to = asked.respond.send_response(Response::new(()), false)?;
        send(to, vec![b'x'; 64 * 1024 * 1024]).await
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h2c(&port, &[server.address]).await;
    // Ten on each worker's one connection to the backend, more or less.
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let mut client = H2Client::plain(port.address()).await;
        let (response, _) = client.open(get("/endless"), true).await.unwrap();
        stalled.push((in_time("a head", response).await.unwrap(), client));
    }
    let mut client = H2Client::plain(port.address()).await;
    for _ in 0..20 {
        assert_eq!(client.get("/small").await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_response_without_an_end_of_its_length_is_not_taken_for_whole() {
    let server = H2Server::start(|mut asked: Asked| async move {
        let response = Response::builder().header("content-length", "10").body(()).unwrap();
        let mut to = asked.respond.send_response(response, false)?;
        to.send_data("half".into(), true)
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h2c(&port, &[server.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    match client.get("/").await {
        Ok(reply) => assert_eq!(reply.status, 502),
        Err(error) => assert!(error.is_reset() && error.is_remote(), "{error}"),
    }
}
