//! The whole program with real sockets: what a user does, and what they see.
//!
//! Each file is one subject. Traffic that must survive a minute of edits is a test of its own
//! (`tests/reload`), so that nothing else runs beside it.

// So that clippy sees what it is: panics are how a test fails.
#![cfg(test)]

#[allow(dead_code, reason = "each of the two programs of tests uses a part of the stage")]
#[path = "../stage/stage.rs"]
mod stage;

mod admin;
mod bad_input;
mod commands;
mod drain;
mod edits;
mod follow;
mod gateways;
mod paths;
mod quickstart;
mod scale;
mod seeds;
