//! HTTP/1 on both sides: bodies, in all framings and at all speeds.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::harness::{
    in_time,
    stage::{Stage, field, get, got, ok},
};

#[tokio::test]
async fn a_request_body_keeps_its_length() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234").await;
    let mut backend = stage.accept().await;
    assert_eq!(field(&backend.head().await, "content-length"), Some("10"));
    // What came is passed on before the rest comes.
    assert_eq!(backend.exactly(5).await, "01234");
    client.send("56789").await;
    assert_eq!(backend.exactly(5).await, "56789");
    backend.send(ok("done")).await;
    assert_eq!(client.until("done").await, got("done"));
}

#[tokio::test]
async fn chunks_and_trailers_pass_in_both_directions() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
             5;ext=1\r\nhello\r\n",
        )
        .await;
    let mut backend = stage.accept().await;
    let head = backend.head().await;
    assert_eq!(field(&head, "transfer-encoding"), Some("chunked"));
    assert_eq!(field(&head, "content-length"), None);
    assert_eq!(backend.until("hello\r\n").await, "5\r\nhello\r\n");
    client
        .send("0\r\nX-Sum: 7\r\nContent-Length: 9\r\nHost: evil\r\nAuthorization: evil\r\n\r\n")
        .await;
    assert_eq!(backend.head().await, "0\r\nX-Sum: 7\r\n\r\n");
    backend
        .send("HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .await;
    let head = client.head().await;
    assert_eq!(head, "HTTP/1.1 200 OK\r\nDate: d\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_eq!(client.until("abc\r\n").await, "3\r\nabc\r\n");
    backend.send("0\r\nX-End: 1\r\nTransfer-Encoding: evil\r\n\r\n").await;
    assert_eq!(client.head().await, "0\r\nX-End: 1\r\n\r\n");
    // Both connections are still in order.
    client.send(get("/next")).await;
    assert!(backend.head().await.starts_with("GET /next "));
}

#[tokio::test]
async fn a_response_that_ends_with_its_connection_is_told_in_chunks() {
    let stage = Stage::new().await;
    for (version, framing, body) in [
        ("1.1", "transfer-encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"),
        ("1.0", "connection: close\r\n", "abc"),
    ] {
        let mut client = stage.client().await;
        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n")).await;
        let mut backend = stage.accept().await;
        backend.head().await;
        backend.send("HTTP/1.1 200 OK\r\nDate: d\r\n\r\nabc").await;
        let head = client.head().await;
        assert_eq!(head, format!("HTTP/1.1 200 OK\r\nDate: d\r\n{framing}\r\n"));
        backend.finish().await;
        assert_eq!(client.exactly(body.len()).await, body);
        if version == "1.0" {
            assert_eq!(client.orderly_end().await, "");
        }
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_not_taken_for_a_whole_one() {
    for (version, framing, part) in [
        ("1.1", "Content-Length: 10\r\n", "abc"),
        ("1.1", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
        ("1.1", "Transfer-Encoding: chunked\r\n", "9\r\nabc"),
        ("1.0", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
    ] {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n")).await;
        let mut backend = stage.accept().await;
        backend.head().await;
        backend.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n{part}")).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        client.until("abc").await;
        backend.finish().await;
        let mut rest = Vec::new();
        let end = in_time("the end", client.stream.read_to_end(&mut rest)).await;
        assert!(!String::from_utf8_lossy(&rest).contains("0\r\n"), "{framing}");
        // An HTTP/1.0 client could not tell the orderly end of a part from that of the whole.
        assert_eq!(end.is_err(), version == "1.0", "{framing}");
    }
}

#[tokio::test]
async fn large_bodies_pass_whole_in_both_directions() {
    let pattern: Vec<u8> = (0..=250).cycle().take(5_000_011).collect();
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let length = pattern.len();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.head().await;
    let (mut from_client, mut to_client) = client.stream.split();
    let (mut from_proxy, mut to_proxy) = backend.stream.split();
    // The backend sends back what it gets, in chunks of its own.
    let echo = async {
        let (mut buffer, mut left) = (vec![0; 70_000], length);
        while left > 0 {
            let n = from_proxy.read(&mut buffer).await.unwrap();
            left -= n;
            to_proxy.write_all(format!("{n:x}\r\n").as_bytes()).await.unwrap();
            to_proxy.write_all(&buffer[..n]).await.unwrap();
            to_proxy.write_all(b"\r\n").await.unwrap();
        }
        to_proxy.write_all(b"0\r\n\r\n").await.unwrap();
    };
    let upload = async { to_client.write_all(&pattern).await.unwrap() };
    let download = async {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(from_client.read_u8().await.unwrap());
            }
            let line = String::from_utf8(line).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            from_client.read_exact(&mut chunk).await.unwrap();
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return body;
            }
        }
    };
    let (_, _, body) = in_time("the bodies", async { tokio::join!(echo, upload, download) }).await;
    assert!(body == pattern, "{} of {length} bytes", body.len());
}

/// Far above what the kernel's socket buffers hold, far below what would come without a bound.
const STALL_BYTES_MAX: usize = 64 << 20;

/// Writes until the other side takes no more, which ends the wait of a test and not its truth: on a
/// slow machine it only ends too early. Returns how much was taken.
async fn fill(stream: &mut tokio::net::TcpStream) -> usize {
    let block = [b'x'; 1 << 16];
    let mut taken = 0;
    while taken < STALL_BYTES_MAX {
        match timeout(Duration::from_millis(500), stream.write(&block)).await {
            Ok(written) => taken += written.unwrap(),
            Err(_) => return taken,
        }
    }
    taken
}

#[tokio::test]
async fn a_slow_reader_slows_the_sender() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(get("/")).await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send("HTTP/1.1 200 OK\r\n\r\n").await;
    let taken = fill(&mut backend.stream).await;
    assert!(taken < STALL_BYTES_MAX, "the proxy took {taken} bytes that nobody read");
    // All that was taken arrives once it is read.
    backend.finish().await;
    client.head().await;
    let mut body = 0;
    let mut buffer = vec![0; 1 << 16];
    while body < taken {
        let n = in_time("bytes", client.stream.read(&mut buffer)).await.unwrap();
        assert_ne!(n, 0);
        body += buffer[..n].iter().filter(|byte| **byte == b'x').count();
    }
    assert_eq!(body, taken);
}

#[tokio::test]
async fn a_slow_backend_slows_the_client() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n").await;
    let mut backend = stage.accept().await;
    backend.head().await;
    let taken = fill(&mut client.stream).await;
    assert!(taken < STALL_BYTES_MAX, "the proxy took {taken} bytes that nobody read");
    backend.exactly(taken).await;
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_ends_the_upload() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\nbegin").await;
    let mut backend = stage.accept().await;
    backend.until("begin").await;
    backend.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!").await;
    let answer = client.until("no!").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(field(&answer, "connection"), Some("close"));
    // The backend's connection is in the middle of a request: nobody may use it again.
    assert_eq!(backend.orderly_end().await, "");
    assert_eq!(client.orderly_end().await, "");
}

#[tokio::test]
async fn what_little_is_left_of_an_unwanted_body_is_read_and_the_connection_kept() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234").await;
    let mut backend = stage.accept().await;
    backend.until("01234").await;
    backend.send(ok("early")).await;
    assert_eq!(client.until("early").await, got("early"));
    client.send(format!("56789{}", get("/next"))).await;
    let mut other = stage.accept().await;
    assert!(other.head().await.starts_with("GET /next "));
}

#[tokio::test]
async fn a_backend_that_stops_reading_is_still_heard() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    drop(backend);
    let answer = client.until("no").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[tokio::test]
async fn a_client_may_end_its_sending_and_still_be_answered() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(get("/")).await;
    client.finish().await;
    let mut backend = stage.accept().await;
    backend.head().await;
    backend.send(ok("late")).await;
    assert_eq!(client.orderly_end().await, got("late"));
}

#[tokio::test]
async fn a_client_that_is_gone_ends_its_request() {
    for body in ["", "Content-Length: 100\r\n"] {
        let stage = Stage::new().await;
        let mut client = stage.client().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{body}\r\n")).await;
        let mut backend = stage.accept().await;
        backend.head().await;
        client.reset();
        assert_eq!(backend.end().await, "", "the proxy lets the backend go");
    }
}

#[tokio::test]
async fn a_chunked_body_that_is_malformed_ends_the_request() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let mut backend = stage.accept().await;
    backend.head().await;
    client.send("3\r\nabc\r\nzz\r\n").await;
    let answer = client.orderly_end().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(field(&answer, "connection"), Some("close"));
    let sent = backend.end().await;
    assert!(!sent.contains("0\r\n\r\n"), "the body looks whole: {sent:?}");
}
