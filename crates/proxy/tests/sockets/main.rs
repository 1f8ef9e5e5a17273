//! The data plane against real sockets on loopback: one program, so that it is linked once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test fails, and its harness"
)]

mod admin;
mod binds;
mod cancels;
mod dns;
mod drain;
mod failures;
mod grpc;
mod h1_bodies;
mod h1_connections;
mod h1_continue;
mod h1_refusals;
mod h2_abuse;
mod h2_downstream;
mod h2_floods;
mod h2_upstream;
mod harness;
mod limits;
mod mirrors;
mod pools;
mod reload;
mod retries;
mod skew;
mod slow;
mod subscribe;
mod telemetry;
mod tls;
mod upgrades;
mod wire_requests;
mod wire_responses;
