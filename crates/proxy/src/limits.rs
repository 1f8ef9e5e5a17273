//! Every bound of the proxy, in one place. A number that keeps memory or time finite lives here and
//! nowhere else; what a user would want to change is in `defaults.rs` instead.

use std::time::Duration;

// Accept.

/// Largest ClientHello that is read before a listener is chosen (DESIGN §4).
pub(crate) const CLIENT_HELLO_BYTES_MAX: usize = 16 * 1024;
/// Connections that the kernel queues for one worker's socket.
pub(crate) const BACKLOG: i32 = 4096;
/// Connections that a worker takes in one go before its other tasks run.
pub(crate) const ACCEPTS_PER_TURN: usize = 32;
/// Wait after the machine had no file descriptor or memory left for a connection.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

// Workers and configuration.

/// Most workers that are ever started.
pub(crate) const WORKERS_MAX: usize = 256;
/// How long `apply` waits for a worker to bring itself in line.
pub(crate) const ADOPT_TIME_MAX: Duration = Duration::from_secs(10);
/// How often a bind that could not be opened is tried again.
pub(crate) const BIND_RETRY: Duration = Duration::from_secs(2);
/// How often values that no worker holds any longer are looked for.
pub(crate) const SWEEP: Duration = Duration::from_secs(1);
/// Rules whose place in the weighted order a worker remembers.
pub(crate) const CURSORS_MAX: usize = 16 * 1024;

// Names.

/// Shortest time for which an answer is believed, whatever its time to live.
pub(crate) const DNS_TTL_MIN: Duration = Duration::from_secs(1);
/// Longest time for which an answer is believed.
pub(crate) const DNS_TTL_MAX: Duration = Duration::from_secs(300);
/// Longest wait for one look-up.
pub(crate) const DNS_TIME_MAX: Duration = Duration::from_secs(5);
/// First wait after a look-up failed; it doubles up to [`DNS_RETRY_MAX`].
pub(crate) const DNS_RETRY_MIN: Duration = Duration::from_secs(1);
/// Longest wait after a look-up failed.
pub(crate) const DNS_RETRY_MAX: Duration = Duration::from_secs(30);
/// Addresses of one name that are used.
pub(crate) const DNS_ADDRESSES_MAX: usize = 256;
/// Names that are looked up at the same time.
pub(crate) const DNS_PARALLEL_MAX: usize = 64;

// Heads.

/// Largest head of a request or response, start line and fields together.
pub(crate) const HEAD_BYTES_MAX: usize = 60 * 1024;
/// Most fields in a head; HTTP/2 cookie crumbs count one by one.
pub(crate) const FIELDS_MAX: usize = 100;
/// Most interim responses (1xx) that one request may get.
pub(crate) const INTERIM_MAX: usize = 16;

// HTTP/2.

/// Streams that a client may have open on one connection.
pub(crate) const H2_STREAMS_MAX: u32 = 100;
/// Streams reset by the peer and not yet reaped (CVE-2023-44487).
pub(crate) const H2_PENDING_RESETS_MAX: usize = 20;
/// Streams that we had to reset for the peer's mistakes before it is told to go (CVE-2025-8671).
pub(crate) const H2_LOCAL_RESETS_MAX: usize = 100;

// Bodies.

/// Bytes of a body that are kept for a retry or a mirror (DESIGN §4).
pub(crate) const TEE_BYTES_MAX: usize = 64 * 1024;
