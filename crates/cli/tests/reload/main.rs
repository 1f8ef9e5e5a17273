//! A minute of traffic under edits: nothing fails, no stream breaks, no connection is dropped.
//!
//! `load.rs` asks and never asks twice, `town.rs` is what is served, and this file edits it. How
//! long an edit takes is printed and not asserted: a busy machine is not a broken program.

// So that clippy sees what it is: panics are how a test fails.
#![cfg(test)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};

use crate::{
    load::{Guest, Load, Tally},
    stage::{answer::find, certificate::Certificate, http1::Http1, tls::Secured, wait},
    town::{Extra, STEADY, Town},
};

mod load;
#[allow(dead_code, reason = "each of the two programs of tests uses a part of the stage")]
#[path = "../stage/stage.rs"]
mod stage;
mod town;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_of_edits_fails_no_request_and_breaks_no_stream() {
    let mut town = Town::open().await;
    let idle = Idle::open(&town).await;
    let load = Load::start(&town);
    let mut times = Times::default();
    let listeners = edit(&mut town, &mut times).await;

    let mut tallies = load.end().await;
    tallies.extend(listeners);
    tallies.push(idle.still_open().await);
    println!("{:<22} {:>9} {:>9} {:>11}", "traffic", "requests", "failures", "reconnects");
    for tally in &tallies {
        println!("{tally}");
    }
    println!("{times}");
    for tally in &tallies {
        assert_eq!(tally.failures(), [""; 0], "{}", tally.name);
        assert_eq!(tally.reconnects(), 0, "{}: nothing asked its connections to go", tally.name);
        assert!(tally.requests() > 0, "{} has run", tally.name);
    }
    assert_eq!((times.edits.len(), times.rotations.len()), (EDITS, ROTATIONS));
    assert_eq!((times.added.len(), times.removed), (LISTENERS, LISTENERS));
}

/// Edits until all edits are made, evenly over a minute; waits for each before the next. Returns
/// what the guests at the new listeners met.
async fn edit(town: &mut Town, times: &mut Times) -> Vec<Arc<Tally>> {
    let mut pace = interval(Duration::from_secs(60) / EDITS as u32);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut probe = Http1::connect(town.http.address()).await.expect("open");
    let tallies = [Tally::new("a listener more"), Tally::new("a port more")];
    let mut guests: Vec<(Guest, Extra)> = Vec::new();
    for number in 1..=EDITS {
        pace.tick().await;
        times.edits.push(edit_route(town, &mut probe, number).await);
        if number.is_multiple_of(EDITS / ROTATIONS) {
            times.rotations.push(rotate(town).await);
        }
        if number.is_multiple_of(EDITS / LISTENERS) {
            let at_loaded_port = times.added.len().is_multiple_of(2);
            if guests.len() == GUESTS_MAX {
                let (guest, extra) = guests.remove(0);
                leave(town, guest, extra).await;
                times.removed += 1;
            }
            let extra = town.extra(at_loaded_port);
            let edited = Instant::now();
            town.add(&extra);
            programmed(town, &extra).await;
            times.added.push(edited.elapsed());
            let tally = &tallies[usize::from(!at_loaded_port)];
            guests.push((Guest::enter(town, &extra, tally.clone()), extra));
        }
    }
    for (guest, extra) in guests {
        leave(town, guest, extra).await;
        times.removed += 1;
    }
    tallies.into()
}

/// Changes the route that everybody uses, each time in another way, and waits until the change is
/// served. The connection that looks is never replaced.
async fn edit_route(town: &Town, probe: &mut Http1, number: usize) -> Duration {
    let (host, wanted) = town.edit(number);
    let edited = Instant::now();
    loop {
        let answer = probe.get(&host, "/").await.expect("the probe is answered");
        let found = match answer.status {
            200 => find(&answer.headers, "x-edit").map(str::to_owned),
            404 => None,
            _ => panic!("{answer:?}"),
        };
        if found == wanted {
            return edited.elapsed();
        }
        assert!(edited.elapsed() < wait::PATIENCE, "edit {number} of {host} is not served");
        tokio::task::yield_now().await;
    }
}

/// Replaces the certificate and waits until a new handshake shows it.
async fn rotate(town: &Town) -> Duration {
    let next = Certificate::of(&[STEADY]);
    town.rotate(&next);
    let edited = Instant::now();
    wait::until("the new certificate", async || {
        let secured = Secured::connect(town.https.address(), STEADY, &["h2", "http/1.1"]).await;
        (secured.expect("every handshake succeeds").certificate() == next.der).then_some(())
    })
    .await;
    edited.elapsed()
}

async fn programmed(town: &Town, extra: &Extra) {
    wait::until(&format!("Programmed=True of {}", extra.name), async || {
        let found = town.running.admin.listener(Town::GATEWAY, &extra.name, "Programmed").await?;
        (found.status == "True").then_some(())
    })
    .await;
}

/// Removes a listener while its guest asks on.
async fn leave(town: &mut Town, guest: Guest, extra: Extra) {
    guest.last_orders();
    town.remove(&extra);
    wait::until(&format!("the end of {}", extra.name), async || {
        let found = town.running.admin.listener(Town::GATEWAY, &extra.name, "Programmed").await;
        found.is_none().then_some(())
    })
    .await;
    guest.gone().await;
}

/// Connections that are used once before all edits and once after.
struct Idle {
    plain: Vec<Http1>,
    secured: Vec<Http1>,
}

impl Idle {
    async fn open(town: &Town) -> Self {
        let (mut plain, mut secured) = (Vec::new(), Vec::new());
        for _ in 0..IDLE {
            plain.push(town.plain().await.expect("open"));
            secured.push(town.secured().await.expect("open"));
        }
        for client in plain.iter_mut().chain(&mut secured) {
            assert_eq!(client.get(STEADY, "/").await.expect("an answer").status, 200);
        }
        Self { plain, secured }
    }

    async fn still_open(self) -> Arc<Tally> {
        let tally = Tally::new("idle connections");
        for mut client in self.plain.into_iter().chain(self.secured) {
            tally.take(client.get(STEADY, "/").await);
        }
        tally
    }
}

/// How long things took.
#[derive(Default)]
struct Times {
    edits: Vec<Duration>,
    rotations: Vec<Duration>,
    added: Vec<Duration>,
    removed: usize,
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:<22} {:>9} {:>9} {:>11}", "until served", "median", "worst", "count")?;
        let rows = [
            ("route edits", &self.edits),
            ("certificates", &self.rotations),
            ("listeners programmed", &self.added),
        ];
        for (name, times) in rows {
            let mut sorted = times.clone();
            sorted.sort();
            let at = |place: usize| {
                let time = sorted.get(place).copied().unwrap_or_default();
                format!("{:.1} ms", time.as_secs_f64() * 1000.0)
            };
            let (median, worst) = (at(sorted.len() / 2), at(sorted.len().saturating_sub(1)));
            writeln!(f, "{name:<22} {median:>9} {worst:>9} {:>11}", sorted.len())?;
        }
        write!(f, "listeners removed: {}", self.removed)
    }
}

const EDITS: usize = 200;
const ROTATIONS: usize = 20;
const LISTENERS: usize = 40;
/// Listeners that are there at the same time, beside the steady ones.
const GUESTS_MAX: usize = 4;
/// Idle connections of each kind.
const IDLE: usize = 4;
