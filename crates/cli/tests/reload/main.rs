//! A minute of traffic under edits: nothing fails, no stream breaks, no connection is dropped.
//!
//! `load.rs` asks and never asks twice, `town.rs` is what is served, and `edits.rs` changes it. How
//! long an edit takes is printed and not asserted: a busy machine is not a broken program.

// So that clippy sees what it is: panics are how a test fails.
#![cfg(test)]

use crate::{
    edits::{EDITS_PER_LISTENER, EDITS_PER_ROTATION, Guests, Times, edit},
    load::{Idle, Load},
    town::Town,
};

mod edits;
#[allow(dead_code, reason = "the soak test uses more of it")]
mod load;
#[allow(dead_code, reason = "each program of tests uses a part of the stage")]
#[path = "../stage/stage.rs"]
mod stage;
#[allow(dead_code, reason = "the soak test uses more of it")]
mod town;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_of_edits_fails_no_request_and_breaks_no_stream() {
    let mut town = Town::open().await;
    let idle = Idle::open(&town).await;
    let load = Load::start(&town);
    let mut times = Times::default();
    let guests = Guests::expected();
    edit(&mut town, EDITS, &mut times, &guests).await;

    let mut tallies = load.end().await;
    tallies.extend([guests.listener, guests.port]);
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
    assert_eq!((times.edits.len(), times.rotations.len()), (EDITS, EDITS / EDITS_PER_ROTATION));
    assert_eq!((times.added.len(), times.removed), (LISTENERS, LISTENERS));
}

/// A minute of them.
const EDITS: usize = 200;
const LISTENERS: usize = EDITS / EDITS_PER_LISTENER;
