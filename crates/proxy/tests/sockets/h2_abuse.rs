//! What a client may not do to us over HTTP/2, and what it costs it.

use std::{
    future::ready,
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use h2::Reason;
use http::Request;

use crate::harness::{
    Echo, Port,
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, RESET, block,
        code, with,
    },
    h2::{H2Client, before_h1, get, reply},
    in_time,
    raw::{Raw, read_to},
    until,
};

#[tokio::test]
async fn malformed_requests_are_stream_errors_and_harm_no_other_stream() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut frames = Frames::open(&port).await;
    let bad = [
        with(&[("connection", "close")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("upgrade", "websocket")]),
        with(&[("keep-alive", "1")]),
        with(&[("proxy-connection", "x")]),
        with(&[("te", "gzip")]),
        with(&[("content-length", "5")]),
        with(&[("content-length", "0"), ("content-length", "1")]),
        with(&[("content-length", "+0")]),
        with(&[(":path", "/twice")]),
        block(&[(":method", "GET"), (":scheme", "http"), (":authority", "any.test")]),
        block(&[(":method", "GET"), (":authority", "any.test"), (":path", "/")]),
        block(&[("x", "y"), (":method", "GET"), (":scheme", "http"), (":path", "/")]),
        with(&[(":protocol", "websocket")]),
    ];
    let mut id = 1;
    for fields in bad {
        frames.send(HEADERS, END_STREAM | END_HEADERS, id, &fields).await.unwrap();
        let (kind, on, body) = frames.next(&[HEADERS, RESET, GOAWAY]).await.unwrap();
        let text = String::from_utf8_lossy(&fields).into_owned();
        assert_eq!((kind, on, code(&body)), (RESET, id, 1), "PROTOCOL_ERROR for {text:?}");
        id += 2;
    }
    frames.send(HEADERS, END_STREAM | END_HEADERS, id, &with(&[])).await.unwrap();
    assert_eq!(frames.next(&[HEADERS, RESET, GOAWAY]).await.unwrap().0, HEADERS);
    assert_eq!(echo.requests(), 1);
}

#[tokio::test]
async fn fields_that_are_none_end_the_connection() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    for field in [("X-Upper", "a"), ("x", "a\0b"), ("x", "a\r\nhost: b"), ("x a", "b"), ("", "a")] {
        let mut frames = Frames::open(&port).await;
        let fields = with(&[field]);
        frames.send(HEADERS, END_STREAM | END_HEADERS, 1, &fields).await.unwrap();
        let (kind, _, body) = frames.next(&[HEADERS, RESET, GOAWAY]).await.unwrap();
        assert_eq!(kind, GOAWAY, "{field:?}");
        assert_ne!(body[4..8], [0; 4], "a code that says so");
    }
    assert_eq!(echo.requests(), 0);
}

#[tokio::test]
async fn a_body_must_be_as_long_as_it_says() {
    let (told, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let raw = Raw::start(move |mut stream| {
        let told = told.clone();
        async move {
            told.send(read_to(&mut stream, "\r\n\r\n").await).unwrap();
            // Until the proxy closes: the request must not look whole.
            told.send(read_to(&mut stream, "never comes").await).unwrap();
        }
    })
    .await;
    let port = Port::reserve();
    let _rig = before_h1(&port, &[raw.address]).await;
    for body in ["half", "longer than ten"] {
        let mut frames = Frames::open(&port).await;
        let head = with(&[("content-length", "10")]);
        frames.send(HEADERS, END_HEADERS, 1, &head).await.unwrap();
        assert!(in_time("a head", ends.recv()).await.unwrap().contains("length: 10"));
        frames.send(DATA, END_STREAM, 1, body.as_bytes()).await.unwrap();
        let (kind, _, _) = frames.next(&[HEADERS, RESET, GOAWAY]).await.unwrap();
        assert_eq!(kind, RESET, "{body}");
        let arrived = in_time("the end of the request", ends.recv()).await.unwrap();
        assert!(arrived.len() < 10, "{arrived:?}");
    }
}

#[tokio::test]
async fn requests_that_we_refuse_ourselves_are_answered() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let request = |method: &str, uri: &str| Request::builder().method(method).uri(uri);
    let crumbs = (0..101).fold(request("GET", "http://any.test/"), |request, n| {
        request.header("cookie", format!("c{n}=1"))
    });
    let table = [
        (request("CONNECT", "any.test:443"), 405),
        (request("GET", "http://any.test/").header("host", "other.test"), 400),
        (request("GET", "http://any.test/").header("x", " white space "), 400),
        (crumbs, 431),
        (request("GET", "http://any.test/").header("expect", "miracles"), 417),
        (request("GET", "http://any.test/").header("cookie", "a=1"), 200),
    ];
    for (request, status) in table {
        let request = request.body(()).unwrap();
        let told = format!("{request:?}");
        let (response, _) = client.open(request, true).await.unwrap();
        assert_eq!(reply(response).await.unwrap().status, status, "{told}");
    }
    assert_eq!(echo.requests(), 1);
}

#[tokio::test]
async fn a_head_beyond_the_bound_is_refused_without_being_kept() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let long = Request::get("http://any.test/").header("x", "v".repeat(80_000)).body(()).unwrap();
    let (response, _) = client.open(long, true).await.unwrap();
    assert_eq!(reply(response).await.unwrap().status, 431);
    assert_eq!(client.get("/").await.unwrap().status, 200);

    // Without an end: the connection is over long before that is a lot of memory.
    let mut frames = Frames::open(&port).await;
    frames.send(HEADERS, END_STREAM, 1, &with(&[])).await.unwrap();
    let value = "v".repeat(100);
    let piece = block(&[("x", value.as_str()); 100]);
    let mut sent = 0;
    in_time("an end", async {
        while frames.send(CONTINUATION, 0, 1, &piece).await.is_ok() {
            sent += piece.len();
            assert!(sent < 64 * 1024 * 1024, "took {sent} bytes of one head");
        }
    })
    .await;
    assert_eq!(client.get("/").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_head_of_tiny_references_does_not_become_a_large_one() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut frames = Frames::open(&port).await;
    // A literal with a long value that is indexed (0x40), then references to it (0xbe), one byte
    // each.
    let value = "v".repeat(100);
    let mut fields = with(&[]);
    fields.extend([0x40, 6]);
    fields.extend(b"cookie");
    fields.push(value.len() as u8);
    fields.extend(value.as_bytes());
    fields.extend([0xbe; 10_000]);
    frames.send(HEADERS, END_STREAM | END_HEADERS, 1, &fields).await.unwrap();
    // Either a 431 or the end of the connection, but no request.
    let _ = frames.next(&[HEADERS, RESET, GOAWAY]).await;
    assert_eq!(echo.requests(), 0);
}

#[tokio::test]
async fn a_client_that_resets_what_it_opens_is_sent_away() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let mut opened = 0;
    let end = loop {
        match client.open(get("/held"), true).await {
            Ok((_, mut to)) => to.send_reset(Reason::CANCEL),
            Err(error) => break error,
        }
        opened += 1;
        assert!(opened < 20_000, "may go on for ever");
        tokio::task::yield_now().await;
    };
    // The connection is cut with frames unread, so the reason may be lost on its way.
    let told = end.is_go_away() && end.reason() == Some(Reason::ENHANCE_YOUR_CALM);
    assert!(told || end.is_io(), "{end}");

    // Others do not notice, and few requests came through.
    let mut other = H2Client::plain(port.address()).await;
    assert_eq!(other.get("/").await.unwrap().status, 200);
    assert!(echo.requests() < 2_000, "{} came through", echo.requests());
}

#[tokio::test]
async fn resets_count_however_far_their_requests_have_come() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    let mut opened = 0;
    while let Ok((_, mut to)) = client.open(get("/held"), true).await {
        opened += 1;
        assert!(opened < 1000, "may go on for ever");
        until("the backend has it", || {
            let ended = to.poll_reset(&mut Context::from_waker(Waker::noop())).is_ready();
            ready(ended || echo.requests() >= opened)
        })
        .await;
        to.send_reset(Reason::CANCEL);
    }
}

#[tokio::test]
async fn a_client_may_cancel_a_few_of_many() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut client = H2Client::plain(port.address()).await;
    for _ in 0..300 {
        assert_eq!(client.get("/").await.unwrap().status, 200);
        let (_, mut to) = client.open(get("/held"), true).await.unwrap();
        to.send_reset(Reason::CANCEL);
    }
    assert_eq!(client.get("/").await.unwrap().status, 200);
}

#[tokio::test]
async fn floods_of_empty_frames_end_the_connection() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut frames = Frames::open(&port).await;
    frames.send(HEADERS, END_HEADERS, 1, &with(&[])).await.unwrap();
    let mut sent = 0;
    let (kind, _, body) = in_time("an end", async {
        loop {
            if frames.send(DATA, 0, 1, b"").await.is_err() {
                break (GOAWAY, 0, vec![]);
            }
            sent += 1;
            assert!(sent < 1_000_000, "may go on for ever");
            if sent % 1000 == 0
                && let Ok(frame) =
                    tokio::time::timeout(Duration::from_millis(1), frames.next(&[GOAWAY])).await
            {
                break frame.unwrap_or((GOAWAY, 0, vec![]));
            }
        }
    })
    .await;
    assert_eq!(kind, GOAWAY);
    assert!(body.is_empty() || body[4..8] == 11u32.to_be_bytes(), "ENHANCE_YOUR_CALM");
    let mut other = H2Client::plain(port.address()).await;
    assert_eq!(other.get("/").await.unwrap().status, 200);
}

#[tokio::test]
async fn pings_are_answered_one_by_one() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut frames = Frames::open(&port).await;
    for round in 0u64..100 {
        frames.send(PING, 0, 0, &round.to_be_bytes()).await.unwrap();
        let (_, _, body) = frames.next(&[PING]).await.unwrap();
        assert_eq!(body, round.to_be_bytes());
    }
}

#[tokio::test]
async fn a_client_that_takes_no_answers_holds_nobody_up() {
    let (port, echo) = (Port::reserve(), Echo::start("echo").await);
    let _rig = before_h1(&port, &[echo.address]).await;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(0);
    let mut mute = H2Client::with(&mut builder, port.address()).await;
    let mut heads = Vec::new();
    for _ in 0..100 {
        let (response, _) = mute.open(get("/"), true).await.unwrap();
        heads.push(in_time("a head", response).await.unwrap());
    }
    let mut other = H2Client::plain(port.address()).await;
    let (response, mut to) = other.open(crate::harness::h2::post("/"), false).await.unwrap();
    to.send_data(Bytes::from_static(b""), true).unwrap();
    assert_eq!(reply(response).await.unwrap().status, 200);
}
