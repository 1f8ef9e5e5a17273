//! Everything at once, for as long as `SOAK_SECONDS` says (`cargo xtask soak`): steady traffic
//! under edits, as in the reload test, beside backends that fail and clients that are slow or
//! greedy.
//!
//! Nothing may fail that is not a backend's own fault, and what the process holds in its last
//! minute may not be more than in its first. A short run, as any test, looks at the failures alone.

// So that clippy sees what it is: panics are how a test fails.
#![cfg(test)]

use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    edits::{Guests, PACE, Times, edit},
    faults::Faults,
    held::{Held, Watch},
    load::{Idle, Load, Tally},
    town::Town,
};

#[path = "../reload/edits.rs"]
mod edits;
mod faults;
mod greedy;
mod held;
#[path = "../reload/load.rs"]
mod load;
#[allow(dead_code, reason = "each program of tests uses a part of the stage")]
#[path = "../stage/stage.rs"]
mod stage;
#[path = "../reload/town.rs"]
mod town;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_fails_nothing_and_leaves_nothing_behind() {
    let seconds = env::var("SOAK_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number"));
    let rounds = (seconds / 60).max(ROUNDS_MIN);
    let edits = Duration::from_secs(seconds).div_duration_f64(PACE) as usize / rounds as usize;

    let mut town = Town::open().await;
    let idle = Idle::open(&town).await;
    let mut load = Load::start(&town);
    greedy::join(&mut load, town.http.address());
    let faults = Faults::start(&town).await;
    let guests = Guests::expected();
    let mut everybody: Vec<Arc<Tally>> = load.tallies().to_vec();
    everybody.extend(faults.tallies());
    everybody.extend([guests.listener.clone(), guests.port.clone()]);

    let mut watch = Watch::of(town.running.id());
    let mut times = Times::default();
    let started = Instant::now();
    println!("{:>8} {:>10} {:>9} {:>7}  {}", "until", "requests", "failures", "edits", Held::HEAD);
    for _ in 0..rounds {
        edit(&mut town, edits, &mut times, &guests).await;
        let requests: usize = everybody.iter().map(|tally| tally.requests()).sum();
        let failures: usize = everybody.iter().map(|tally| tally.failed()).sum();
        let (until, edits) = (started.elapsed().as_secs(), times.edits.len());
        println!("{until:>6} s {requests:>10} {failures:>9} {edits:>7}  {}", watch.round());
    }

    load.end().await;
    faults.end().await;
    everybody.push(idle.still_open().await);
    println!("{:<22} {:>9} {:>9} {:>11}", "traffic", "requests", "failures", "reconnects");
    for tally in &everybody {
        println!("{tally}");
    }
    println!("{times}");
    for tally in everybody.iter().filter(|tally| tally.failed() > 0) {
        println!("{}: {:#?}", tally.name, tally.failures());
    }
    for tally in &everybody {
        assert_eq!(tally.failures(), [""; 0], "{}", tally.name);
        assert_eq!(tally.reconnects(), 0, "{}: nothing asked its connections to go", tally.name);
        assert!(tally.requests() > 0, "{} has run", tally.name);
    }
    if seconds >= 60 * ROUNDS_MIN {
        watch.assert_flat();
    }
}

/// Without `SOAK_SECONDS`: long enough for each fault and each client to come by.
const SECONDS: u64 = 9;
/// A run is divided into minutes, but into no fewer parts than these.
const ROUNDS_MIN: u64 = 3;
