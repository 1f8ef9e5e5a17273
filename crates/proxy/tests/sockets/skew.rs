//! Connections are shared out evenly, whichever worker's socket the kernel chose for them.

use std::{num::NonZeroUsize, ops::Range};

use portcullis_proxy::Options;

use crate::{
    harness::{Client, Echo, Port, Rig, backend, in_time, plain, remove, route, until},
    telemetry::scrape,
};

/// A proxy with so many workers, and whom it sends everything to.
struct Crew {
    rig: Rig,
    port: Port,
    echo: Echo,
    workers: usize,
}

impl Crew {
    async fn start(workers: usize, change: impl FnOnce(&mut Options)) -> Self {
        let (port, echo) = (Port::reserve(), Echo::start("echo").await);
        let mut rig = Rig::with(|options| {
            options.workers = NonZeroUsize::new(workers);
            options.admin = Some(([127, 0, 0, 1], 0).into());
            change(options);
        });
        rig.serve(|to| {
            backend(to, "echo", &[echo.address]);
            plain(to, "bind", &port);
            route(to, "route", "bind", "echo");
        })
        .await;
        Self { rig, port, echo, workers }
    }

    /// A connection that a worker serves by now.
    async fn client(&self) -> Client {
        let mut client = Client::plain(self.port.address()).await.unwrap();
        assert_eq!(client.get("any", "/").await.unwrap().status, 200);
        client
    }

    /// How many connections each worker serves.
    async fn counts(&self) -> Vec<usize> {
        let samples = scrape(&self.rig).await;
        let name = |worker| format!("portcullis_worker_connections_active{{worker=\"{worker}\"}}");
        (0..self.workers).map(|worker| samples[&name(worker)] as usize).collect()
    }

    /// Opens connections, and says for each which worker serves it.
    async fn fill(&self, range: Range<usize>) -> Vec<(Client, usize)> {
        let mut held = Vec::new();
        let mut before = self.counts().await;
        for n in range {
            let client = self.client().await;
            let counts = self.counts().await;
            assert_eq!(counts.iter().sum::<usize>(), n + 1, "{counts:?}");
            let server = (0..self.workers).find(|worker| counts[*worker] > before[*worker]);
            let server = server.unwrap();
            assert!(counts[server] <= (n + 1).div_ceil(self.workers), "{counts:?}");
            held.push((client, server));
            before = counts;
        }
        held
    }
}

#[tokio::test]
async fn connections_are_shared_out_and_gaps_are_filled() {
    for workers in [2, 3, 4] {
        let crew = Crew::start(workers, |_| {}).await;
        let mut held = crew.fill(0..16).await;
        // Whoever serves a connection gives its place back.
        for gap in 0..workers {
            held.retain(|(_, server)| *server != gap);
            until("its connections are gone", || async { crew.counts().await[gap] == 0 }).await;
            held.extend(crew.fill(held.len()..16).await);
        }
    }
}

#[tokio::test]
async fn a_connection_counts_once_whoever_serves_it() {
    let crew = Crew::start(2, |options| options.connections_max = 4).await;
    for _ in 0..16 {
        let inside = crew.fill(0..4).await;
        let mut outside = Client::plain(crew.port.address()).await.unwrap();
        assert_eq!(outside.closed().await, b"");
        drop(inside);
        until("all are gone", || async { crew.counts().await == [0, 0] }).await;
    }
}

/// Idle connections, and such that wait for an answer.
type Held = [Vec<(Client, usize)>; 2];

async fn hold(crew: &Crew) -> Held {
    let idle = crew.fill(0..8).await;
    let mut busy = crew.fill(8..16).await;
    for (client, _) in &mut busy {
        client.send(b"GET /held HTTP/1.1\r\nHost: any\r\n\r\n").await.unwrap();
    }
    until("the requests arrive", || async { crew.echo.requests() == 24 }).await;
    [idle, busy]
}

async fn all_end([mut idle, mut busy]: Held, echo: &Echo) {
    for (client, _) in &mut idle {
        assert_eq!(client.closed().await, b"");
    }
    busy.iter().for_each(|_| echo.release());
    for (client, _) in &mut busy {
        let response = client.response().await.unwrap();
        assert_eq!((response.status, response.closes()), (200, true));
    }
}

#[tokio::test]
async fn a_drain_waits_for_those_that_were_handed_over() {
    let crew = Crew::start(2, |_| {}).await;
    let held = hold(&crew).await;
    let drain = tokio::spawn(crew.rig.proxy.drain());
    all_end(held, &crew.echo).await;
    assert!(in_time("the drain", drain).await.unwrap(), "every stream came to its end");
}

#[tokio::test]
async fn a_bind_that_is_removed_asks_them_to_go() {
    let mut crew = Crew::start(2, |_| {}).await;
    let held = hold(&crew).await;
    crew.rig.serve(|to| remove(to, "bind")).await;
    all_end(held, &crew.echo).await;
    until("none is left", || async { crew.counts().await == [0, 0] }).await;
}
