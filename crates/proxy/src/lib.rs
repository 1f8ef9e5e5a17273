//! Workshop 2, the data path: sockets, TLS, HTTP, upstreams.
//!
//! This file is the door: start a proxy, apply deltas to it, drain it. It knows `ir` and `router`,
//! and nothing of Kubernetes.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

mod accept;
mod admin;
mod bind;
mod closing;
mod config;
mod defaults;
mod dns;
mod drain;
mod h1;
mod h2;
mod http;
mod io;
mod limits;
mod live;
mod local;
mod telemetry;
mod tls;
mod upstream;
mod worker;

/// What a proxy is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that serve traffic; none means one for each processor that this process may use.
    pub workers: Option<NonZeroUsize>,
    /// Added to the port of each bind, at the socket only.
    pub port_offset: u16,
    /// Where metrics and readiness are served.
    pub admin: Option<SocketAddr>,
    /// Where the access log goes.
    pub access_log: AccessLogTarget,
    /// The DNS server to ask; none means those of the machine.
    pub resolver: Option<SocketAddr>,
    /// Connections of the whole proxy; more are closed as they come.
    pub connections_max: usize,
    /// How long a drain goes on accepting as if nothing happened.
    pub drain_min: Duration,
    /// How long it then waits for streams to end.
    pub drain_max: Duration,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogTarget {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// Appended to a file.
    File(PathBuf),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: None,
            port_offset: 0,
            admin: None,
            access_log: AccessLogTarget::Off,
            resolver: None,
            connections_max: defaults::CONNECTIONS_MAX,
            drain_min: defaults::DRAIN_MIN,
            drain_max: defaults::DRAIN_MAX,
        }
    }
}

/// What all threads of one proxy share. Counters here are touched once per connection at most.
pub(crate) struct Shared {
    /// What it was started with.
    pub(crate) options: Options,
    /// Counters and access log of all workers.
    pub(crate) telemetry: Arc<telemetry::Telemetry>,
    /// Downstream connections that are open.
    pub(crate) connections: AtomicUsize,
}
