//! Clients that are slow, greedy or rude. Those who are only slow get their answers; those who
//! never finish are sent away; the rude ones leave before that.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{MissedTickBehavior, interval},
};

use crate::{
    load::{LARGE_BYTES, Load, Tally},
    stage::{
        answer::{Answer, Broken},
        http1::{Http1, request},
        wait,
    },
    town::STEADY,
};

/// Lets them in beside the steady traffic.
pub(crate) fn join(load: &mut Load, address: SocketAddr) {
    load.run("heads without an end", 4, |tally, stop| {
        again(tally, stop, move || endless_head(address))
    });
    load.run("slow bodies", 4, |tally, stop| again(tally, stop, move || slow_body(address)));
    load.run("slow readers", 2, |tally, stop| again(tally, stop, move || slow_reader(address)));
    load.run("100 requests at once", 1, |tally, stop| {
        again(tally, stop, move || pipeline(address))
    });
    load.run("100 connections", 1, |tally, stop| again(tally, stop, move || crowd(address)));
    load.run("gone before the end", 2, |tally, stop| again(tally, stop, move || quitter(address)));
}

/// One visit after the other; one that is under way at the end is given up, unless none has come to
/// its end by then.
async fn again<F>(tally: Arc<Tally>, stop: Arc<AtomicBool>, visit: impl Fn() -> F)
where
    F: Future<Output = Result<(), Broken>>,
{
    let mut stopped = interval(BETWEEN);
    stopped.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut visit = std::pin::pin!(visit());
        loop {
            tokio::select! {
                outcome = &mut visit => {
                    tally.count(outcome);
                    break;
                }
                _ = stopped.tick() => {
                    if stop.load(Ordering::Relaxed) && tally.requests() > 0 {
                        return;
                    }
                }
            }
        }
        stopped.tick().await;
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// A byte now and then for ever: the proxy must make an end of it.
async fn endless_head(address: SocketAddr) -> Result<(), Broken> {
    let (mut read, mut write) = TcpStream::connect(address).await?.into_split();
    let mut text = b"GET / HTTP/1.1\r\nhost: ".iter().chain(std::iter::repeat(&b'a'));
    let mut pace = interval(BETWEEN);
    let mut said = Vec::new();
    wait::within(async {
        loop {
            tokio::select! {
                end = read.read_buf(&mut said) => match end {
                    Ok(1..) => {}
                    // A byte that was on its way may have met a closed socket.
                    Ok(0) | Err(_) => break,
                },
                // It may be closed; then reading says so.
                _ = pace.tick() => drop(write.write_all(&[*text.next().unwrap_or(&b'a')]).await),
            }
        }
        let said = String::from_utf8_lossy(&said);
        match said.is_empty() || said.starts_with("HTTP/1.1 408 ") {
            true => Ok(()),
            false => Err(Broken::Malformed(said.into_owned())),
        }
    })
    .await
}

async fn slow_body(address: SocketAddr) -> Result<(), Broken> {
    let mut client = Http1::connect(address).await?;
    let body = "slowly but surely";
    let text = request("POST", STEADY, "/slow", &[], body);
    let (head, _) = text.split_at(text.len() - body.len());
    client.send(head.as_bytes()).await?;
    let mut pace = interval(BETWEEN);
    for byte in body.as_bytes() {
        pace.tick().await;
        client.send(&[*byte]).await?;
    }
    let answer = wait::within(client.receive()).await?;
    expect(answer.status == 200 && answer.echo().body == body, &answer)
}

/// Takes its large answer in small pieces.
async fn slow_reader(address: SocketAddr) -> Result<(), Broken> {
    let mut client = Http1::connect(address).await?;
    let body = "x".repeat(LARGE_BYTES);
    let text = request("POST", STEADY, "/slow", &[], &body);
    wait::within(client.send(text.as_bytes())).await?;
    let head = wait::within(client.head()).await?;
    let length = head.header("content-length").and_then(|length| length.parse().ok());
    let mut left: usize = length.ok_or(Broken::Ended("before its length"))?;
    let mut pace = interval(BETWEEN);
    let mut xs = 0;
    while left > 0 {
        pace.tick().await;
        let piece = wait::within(client.bytes(left.min(LARGE_BYTES / 8))).await?;
        left -= piece.len();
        xs += piece.iter().filter(|byte| **byte == b'x').count();
    }
    expect(head.status == 200 && xs >= LARGE_BYTES, &head)
}

/// Asks for all before it reads any.
async fn pipeline(address: SocketAddr) -> Result<(), Broken> {
    let mut client = Http1::connect(address).await?;
    let text = request("GET", STEADY, "/pipelined", &[], "").repeat(GREED);
    wait::within(client.send(text.as_bytes())).await?;
    for _ in 0..GREED {
        let answer = wait::within(client.receive()).await?;
        expect(answer.status == 200, &answer)?;
    }
    Ok(())
}

/// Connections all at once, each with one request.
async fn crowd(address: SocketAddr) -> Result<(), Broken> {
    let mut clients = Vec::new();
    for _ in 0..GREED {
        let mut client = Http1::connect(address).await?;
        client.send(request("GET", STEADY, "/crowd", &[], "").as_bytes()).await?;
        clients.push(client);
    }
    for client in &mut clients {
        let answer = wait::within(client.receive()).await?;
        expect(answer.status == 200, &answer)?;
    }
    Ok(())
}

/// Says half of what it has to say, and is gone; or hears nothing of the answer.
async fn quitter(address: SocketAddr) -> Result<(), Broken> {
    let body = "x".repeat(LARGE_BYTES);
    let whole = request("POST", STEADY, "/quit", &[], &body);
    for bytes in [&whole.as_bytes()[..LARGE_BYTES / 2], whole.as_bytes()] {
        let mut stream = TcpStream::connect(address).await?;
        wait::within(async { Ok(stream.write_all(bytes).await?) }).await?;
        stream.set_zero_linger()?;
    }
    Ok(())
}

fn expect(holds: bool, answer: &Answer) -> Result<(), Broken> {
    let Answer { status, headers, .. } = answer;
    holds.then_some(()).ok_or_else(|| Broken::Malformed(format!("{status} {headers:?}")))
}

const BETWEEN: Duration = Duration::from_millis(250);
const GREED: usize = 100;
