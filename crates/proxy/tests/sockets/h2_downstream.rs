//! HTTP/2 from clients: what arrives at a backend, what comes back, and how connections end.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use h2::Reason;
use http::Request;
use tokio::io::AsyncWriteExt;

use crate::harness::{
    Authority, Echo, Port, Rig, authority, backend, bind,
    h2::{H2Client, before_h1, chunk, get, post, reply, room, send},
    in_time, listener,
    raw::{Raw, read_to},
    remove, route,
    stage::Stage,
    until,
};

#[tokio::test]
async fn a_request_arrives_at_an_http1_backend_as_http1() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let request = Request::get("http://Any.test:8080/a/./b?q=1")
        .header("cookie", "a=1")
        .header("x-own", "mine")
        .header("cookie", "b=2")
        .body(())
        .unwrap();
    let (response, _) = client.open(request, true).await.unwrap();
    let reply = reply(response).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.headers.contains_key("date"));
    let text = String::from_utf8(reply.body).unwrap().to_lowercase();
    for line in [
        "get /a/b?q=1 http/1.1",
        "host: any.test:8080",
        "cookie: a=1; b=2",
        "x-own: mine",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    for absent in ["transfer-encoding", "content-length", "connection", ":authority"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
}

#[tokio::test]
async fn trailers_cannot_say_what_only_a_head_may() {
    let stage = Stage::new().await;
    let mut client = H2Client::plain(stage.port.address()).await;
    let (_response, mut to) = client.open(post("/"), false).await.unwrap();
    to.send_data(Bytes::from_static(b"12"), false).unwrap();
    let mut trailers = http::HeaderMap::new();
    for name in ["host", "content-length", "x-forwarded-for", "authorization", "cookie", "x-sum"] {
        trailers.insert(name, "1".parse().unwrap());
    }
    to.send_trailers(trailers).unwrap();
    let mut backend = stage.accept().await;
    backend.head().await;
    assert_eq!(backend.head().await, "2\r\n12\r\n0\r\nx-sum: 1\r\n\r\n");
}

#[tokio::test]
async fn bodies_of_known_and_unknown_length_keep_their_framing_and_trailers() {
    let seen = Arc::new(parking_lot::Mutex::new(String::new()));
    let inside = seen.clone();
    let raw = Raw::start(move |mut stream| {
        let seen = inside.clone();
        async move {
            let head = read_to(&mut stream, "\r\n\r\n").await.to_lowercase();
            let body = match head.contains("transfer-encoding: chunked") {
                true => read_to(&mut stream, "0\r\nx-sum: 12\r\n\r\n").await,
                false => read_to(&mut stream, "hello").await,
            };
            *seen.lock() = head + &body;
            let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n\
                2\r\nok\r\n0\r\nX-End: yes\r\nContent-Length: 9\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h1(&port, &[raw.address]).await;
    let mut client = H2Client::plain(port.address()).await;

    let (response, mut to) = client.open(post("/"), false).await.unwrap();
    to.send_data("hello".into(), false).unwrap();
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", "12".parse().unwrap());
    to.send_trailers(trailers).unwrap();
    let streamed = reply(response).await.unwrap();
    assert_eq!((streamed.status, streamed.body), (200, b"ok".to_vec()));
    let trailers = streamed.trailers.unwrap();
    assert_eq!(trailers.get("x-end").unwrap(), "yes");
    assert!(!trailers.contains_key("content-length"), "trailers do not frame");
    assert!(!streamed.headers.contains_key("transfer-encoding"));
    assert!(seen.lock().contains("5\r\nhello\r\n0\r\n"), "{}", seen.lock());

    let request = Request::put("http://any.test/").header("content-length", "5").body(()).unwrap();
    let (response, to) = client.open(request, false).await.unwrap();
    send(to, b"hello".to_vec()).await.unwrap();
    assert_eq!(reply(response).await.unwrap().status, 200);
    assert!(seen.lock().contains("content-length: 5\r\n"), "{}", seen.lock());
}

#[tokio::test]
async fn a_hundred_streams_are_served_at_the_same_time() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(client.open(get("/held"), true).await.unwrap().0);
    }
    until("all arrive", || async { echo.requests() == 100 }).await;
    (0..100).for_each(|_| echo.release());
    for response in held {
        assert_eq!(reply(response).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    let raw = Raw::start(|mut stream| async move {
        read_to(&mut stream, "\r\n\r\n").await;
        let mut body = vec![0; LARGE];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body).await.unwrap();
        assert!(body == content(), "the upload arrived as it was sent");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h1(&port, &[raw.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let length = LARGE.to_string();
    let request =
        Request::put("http://any.test/").header("content-length", length).body(()).unwrap();
    let (response, to) = client.open(request, false).await.unwrap();
    let sending = tokio::spawn(send(to, content()));
    let reply = reply(response).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.body == content(), "the download arrived as it was sent");
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_its_backend_and_nobody_else() {
    let sent = Arc::new(AtomicUsize::new(0));
    let inside = sent.clone();
    let raw = Raw::start(move |mut stream| {
        let sent = inside.clone();
        async move {
            let head = read_to(&mut stream, "\r\n\r\n").await;
            if head.starts_with("GET /small") {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                return stream.write_all(answer).await.unwrap();
            }
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
            stream.write_all(head).await.unwrap();
            let piece = [b'x'; 16 * 1024];
            while let Ok(n) = stream.write(&piece).await {
                sent.fetch_add(n, Ordering::SeqCst);
            }
        }
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h1(&port, &[raw.address]).await;
    let mut builder = h2::client::Builder::new();
    // Room for others beside the stream that is not read.
    builder.initial_connection_window_size(1024 * 1024);
    let mut client = H2Client::with(&mut builder, port.address()).await;
    let (endless, _) = client.open(get("/endless"), true).await.unwrap();
    let mut endless = in_time("a head", endless).await.unwrap().into_body();
    still("the backend", &sent).await;
    let stalled = sent.load(Ordering::SeqCst);
    // The window of the stream, our buffers, and what two sockets of the kernel hold.
    assert!(stalled < 16 * 1024 * 1024, "{stalled} bytes were read ahead of the client");

    // Others on the same connection go on, and so does this one when it is read again.
    assert_eq!(client.get("/small").await.unwrap().status, 200);
    let mut taken = 0;
    while taken < stalled + 1024 * 1024 {
        taken += in_time("more", chunk(&mut endless)).await.unwrap().unwrap().len();
    }
    assert!(sent.load(Ordering::SeqCst) > stalled);
}

#[tokio::test]
async fn a_backend_that_does_not_read_stops_its_client() {
    let raw = Raw::start(|mut stream| async move {
        let head = read_to(&mut stream, "\r\n\r\n").await;
        if head.starts_with("GET /small") {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            return stream.write_all(answer).await.unwrap();
        }
        // Keeps the connection open and reads nothing.
        std::future::pending().await
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h1(&port, &[raw.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let (_response, mut to) = client.open(post("/"), false).await.unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let sending = tokio::spawn(async move {
        while let Ok(room) = room(&mut to, 16 * 1024).await {
            to.send_data(Bytes::from(vec![0; room]), false).unwrap();
            counted.fetch_add(room, Ordering::SeqCst);
        }
    });
    still("the client", &sent).await;
    let stalled = sent.load(Ordering::SeqCst);
    assert!(stalled < 16 * 1024 * 1024, "{stalled} bytes were taken ahead of the backend");
    assert_eq!(client.get("/small").await.unwrap().status, 200);
    sending.abort();
}

#[tokio::test]
async fn a_drain_says_goaway_and_lets_streams_end() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let rig = before_h1(&port, &[echo.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let (held, _) = client.open(get("/held"), true).await.unwrap();
    until("the request arrives", || async { echo.requests() == 1 }).await;
    let drain = tokio::spawn(rig.proxy.drain());
    until("the client is told", || {
        let mut requests = client.requests.clone();
        async move { poll_fn(|cx| requests.poll_ready(cx)).await.is_err() }
    })
    .await;
    assert!(!drain.is_finished());
    echo.release();
    assert_eq!(reply(held).await.unwrap().status, 200);
    assert!(in_time("the drain", drain).await.unwrap(), "every stream came to its end");
    client.ended().await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_ends_with_its_bind() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let mut rig = before_h1(&port, &[echo.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    assert_eq!(client.get("/").await.unwrap().status, 200);
    rig.serve(|to| remove(to, "bind")).await;
    client.ended().await.unwrap();
}

#[tokio::test]
async fn what_the_client_cancels_is_cancelled_at_the_backend() {
    let (port, gone) = (Port::reserve(), Arc::new(AtomicUsize::new(0)));
    let inside = gone.clone();
    let raw = Raw::start(move |mut stream| {
        let gone = inside.clone();
        async move {
            read_to(&mut stream, "\r\n\r\n").await;
            gone.fetch_add(1, Ordering::SeqCst);
            read_to(&mut stream, "never comes").await;
            gone.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let _rig = before_h1(&port, &[raw.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let (_response, mut to) = client.open(get("/"), true).await.unwrap();
    until("the request arrives", || async { gone.load(Ordering::SeqCst) == 1 }).await;
    to.send_reset(Reason::CANCEL);
    until("the backend is left alone", || async { gone.load(Ordering::SeqCst) == 2 }).await;
}

#[tokio::test]
async fn a_backend_that_breaks_off_resets_the_stream() {
    let raw = Raw::start(|mut stream| async move {
        read_to(&mut stream, "\r\n\r\n").await;
        let part = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
        stream.write_all(part).await.unwrap();
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h1(&port, &[raw.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let (response, _) = client.open(get("/"), true).await.unwrap();
    // What was queued may be thrown away with the stream, the head too.
    let error = reply(response).await.unwrap_err();
    assert!(error.is_reset() && error.is_remote(), "{error}");
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_over() {
    let raw = Raw::start(|mut stream| async move {
        read_to(&mut stream, "\r\n\r\n").await;
        let answer = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!";
        stream.write_all(answer).await.unwrap();
        read_to(&mut stream, "never comes").await;
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h1(&port, &[raw.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let (response, mut to) = client.open(post("/"), false).await.unwrap();
    to.send_data("begun".into(), false).unwrap();
    let refusal = reply(response).await.unwrap();
    assert_eq!((refusal.status, &refusal.body[..]), (413, &b"no!"[..]));
    // RFC 9113 §8.1: the rest is not wanted, and that is no error.
    let reason = in_time("a reset", poll_fn(|cx| to.poll_reset(cx))).await.unwrap();
    assert_eq!(reason, Reason::NO_ERROR);
}

#[tokio::test]
async fn interim_responses_come_first() {
    let raw = Raw::start(|mut stream| async move {
        read_to(&mut stream, "\r\n\r\n").await;
        let answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
            HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        read_to(&mut stream, "never comes").await;
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h1(&port, &[raw.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let (mut response, _) = client.open(get("/"), true).await.unwrap();
    let early = poll_fn(|cx| response.poll_informational(cx));
    let early = in_time("hints", early).await.unwrap().unwrap();
    assert_eq!((early.status().as_u16(), early.headers()["link"].as_bytes()), (103, &b"</a>"[..]));
    let last = reply(response).await.unwrap();
    assert_eq!((last.status, last.body.len()), (204, 0));
}

#[tokio::test]
async fn answers_to_head_keep_their_length_and_have_no_body() {
    let raw = Raw::start(|mut stream| async move {
        read_to(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").await.unwrap();
        read_to(&mut stream, "never comes").await;
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h1(&port, &[raw.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let request = Request::head("http://any.test/").body(()).unwrap();
    let (response, _) = client.open(request, true).await.unwrap();
    let reply = reply(response).await.unwrap();
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert_eq!(reply.headers["content-length"], "10");
}

#[tokio::test]
async fn a_connection_serves_the_hosts_of_its_own_listener_only() {
    let (authority, port) = (Authority::new(), Port::reserve());
    let echo = Echo::start("echo").await;
    let mut rig = Rig::start();
    rig.serve(|to| {
        let identity = authority.issue(&["a.test", "b.test"]);
        authority::certificate(to, "cert", &identity);
        bind(to, "bind", &port);
        backend(to, "echo", &[echo.address]);
        for name in ["a", "b"] {
            let host = format!("{name}.test");
            listener(to, name, "bind", &host, authority::https(&["cert"]));
            route(to, &format!("route-{name}"), name, "echo");
        }
    })
    .await;
    let config = authority.client(None, &[b"h2"]);
    let mut client = H2Client::tls(port.address(), "a.test", &config).await.unwrap();
    for (host, status) in [("a.test", 200), ("b.test", 421), ("a.test", 200)] {
        let request = Request::get(format!("https://{host}/")).body(()).unwrap();
        let (response, _) = client.open(request, true).await.unwrap();
        assert_eq!(reply(response).await.unwrap().status, status, "{host}");
    }
}

/// Waits until a count has stopped to grow.
async fn still(who: &str, count: &AtomicUsize) {
    let mut last = usize::MAX;
    let mut same = 0;
    in_time(who, async {
        while same < 20 {
            let now = count.load(Ordering::SeqCst);
            same = if now > 0 && now == last { same + 1 } else { 0 };
            last = now;
            // tidy: allow sleep: the pause between two looks
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

fn content() -> Vec<u8> {
    (0..LARGE).map(|at| (at / 7 % 251) as u8).collect()
}

const LARGE: usize = 5 * 1024 * 1024 + 3;
