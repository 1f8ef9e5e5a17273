//! The stage for tests of the whole program: the real binary as a process, backends and clients in
//! the test.
//!
//! Everything waits for a condition with a deadline, and every port is free when it is chosen. A
//! client never tries again: what a user would have seen fail, fails.

pub(crate) mod admin;
pub(crate) mod answer;
pub(crate) mod backend;
pub(crate) mod certificate;
pub(crate) mod frames;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod manifests;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod site;
pub(crate) mod tls;
pub(crate) mod wait;
pub(crate) mod websocket;
