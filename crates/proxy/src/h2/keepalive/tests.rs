//! The clock under a clock that jumps: peers that answer, peers that do not, and nobody at all.

use std::future::poll_fn;

use h2::server;
use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    time::timeout,
};

use super::*;

const IDLE: Duration = Duration::from_secs(300);

/// The server's end of a connection, and what its clock says within an hour, if anything.
async fn verdict(end: DuplexStream, busy: bool) -> Option<(Verdict, Duration)> {
    let mut connection = server::handshake(end).await.unwrap();
    let mut keepalive = Keepalive::new(connection.ping_pong(), Some(IDLE));
    let start = Instant::now();
    let said = poll_fn(|cx| {
        let _ = connection.poll_closed(cx);
        keepalive.poll(cx, busy)
    });
    let said = timeout(Duration::from_secs(3600), said).await.ok()?;
    Some((said, start.elapsed()))
}

/// A client that says what it must and then nothing.
async fn mute() -> (DuplexStream, DuplexStream) {
    let (mut client, server) = duplex(64 * 1024);
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    (client, server)
}

/// A client that answers as it should.
async fn polite() -> (tokio::task::JoinHandle<()>, DuplexStream) {
    let (client, server) = duplex(64 * 1024);
    let task = tokio::spawn(async move {
        let (requests, connection) = h2::client::handshake(client).await.unwrap();
        connection.await.unwrap();
        drop(requests);
    });
    (task, server)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_while_streams_are_open_is_dead() {
    let (_client, server) = mute().await;
    let (verdict, after) = verdict(server, true).await.unwrap();
    assert_eq!(verdict, Verdict::Dead);
    let expected = defaults::H2_PING_INTERVAL + defaults::H2_PING_TIME;
    assert!(after >= expected && after < expected + Duration::from_secs(1), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_may_be_busy_for_as_long_as_it_likes() {
    let (_client, server) = polite().await;
    assert_eq!(verdict(server, true).await, None);
}

#[tokio::test(start_paused = true)]
async fn without_streams_nobody_is_asked_and_the_connection_ends() {
    let (_client, server) = mute().await;
    let (verdict, after) = verdict(server, false).await.unwrap();
    assert_eq!(verdict, Verdict::Idle);
    assert!(after >= IDLE && after < IDLE + Duration::from_secs(1), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_parked_clock_wakes_up_for_a_stream() {
    let (_client, server) = mute().await;
    let mut connection = server::handshake(server).await.unwrap();
    let mut keepalive = Keepalive::new(connection.ping_pong(), Some(IDLE));
    let mut drive = async |busy: bool, time: Duration| {
        let said = poll_fn(|cx| {
            let _ = connection.poll_closed(cx);
            keepalive.poll(cx, busy)
        });
        timeout(time, said).await.ok()
    };
    // Idle for long enough to be parked, then busy: the PING does not wait for the idle time.
    assert_eq!(drive(false, defaults::H2_PING_INTERVAL * 2).await, None);
    let bound = defaults::H2_PING_INTERVAL + defaults::H2_PING_TIME + Duration::from_secs(1);
    assert_eq!(drive(true, bound).await, Some(Verdict::Dead));
}
