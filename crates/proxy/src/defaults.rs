//! What holds when nobody says otherwise, each with its reason. Bounds that are not for users to
//! move are in `limits.rs`.

use std::time::Duration;

/// Connections of the whole proxy: well below the descriptors that a container may open (2^20),
/// each proxied request needing two.
pub(crate) const CONNECTIONS_MAX: usize = 100_000;

/// From accept to the end of the TLS handshake, or to the first byte without TLS: Envoy Gateway's
/// time for inspecting a connection, so that a silent client holds a socket no longer.
pub(crate) const PREAMBLE_TIME: Duration = Duration::from_secs(15);

/// A keep-alive connection without a request (Envoy Gateway's default).
pub(crate) const DOWNSTREAM_IDLE_TIME: Duration = Duration::from_secs(3600);

/// From the first byte of a request's head to its last: slow writers hold a buffer.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(15);

/// An answer that waits for a client that takes none of it: nginx's `send_timeout`. It is noticed
/// after one to two times as long.
pub(crate) const STALL_TIME: Duration = Duration::from_secs(60);

/// A stream on which no byte moves in either direction (Envoy Gateway's default).
pub(crate) const STREAM_IDLE_TIME: Duration = Duration::from_secs(300);

/// How long a TCP connection to an endpoint may take (Envoy Gateway's default).
pub(crate) const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Requests that wait for a connection to one backend, on one worker: Envoy's default for
/// `maxPendingRequests`. Those that are answered over a connection that is there do not count.
pub(crate) const PENDING_MAX: usize = 1024;

/// A pooled connection to an endpoint without a request; below the 60 s and more that servers
/// commonly wait, so that we close before they do.
pub(crate) const UPSTREAM_IDLE_TIME: Duration = Duration::from_secs(50);

/// Time for load balancers to see that readiness failed, during which nothing changes for clients.
pub(crate) const DRAIN_MIN: Duration = Duration::from_secs(10);

/// Time for streams to end before they are cut (Envoy Gateway's default).
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(60);

/// How long a line of the access log may wait for more: short enough to watch a log by eye.
pub(crate) const LOG_DELAY: Duration = Duration::from_millis(100);

/// How often the peer of an HTTP/2 connection with open streams is asked whether it is there.
pub(crate) const H2_PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long it may take to answer: a slow line has full buffers before the question.
pub(crate) const H2_PING_TIME: Duration = Duration::from_secs(60);

/// From its start to the end of its answer, a mirrored request: Envoy's route time-out, which it
/// would have there.
pub(crate) const MIRROR_TIME: Duration = Duration::from_secs(15);

/// A connection that changed its protocol (WebSocket) and on which no byte moves: as long as an
/// idle TCP connection in Envoy Gateway.
pub(crate) const TUNNEL_IDLE_TIME: Duration = Duration::from_secs(3600);

/// Further tries where the rule has no `retry`, for failures before the backend can have begun:
/// Envoy Gateway's number.
pub(crate) const RETRIES: u32 = 2;

/// Base of the wait between tries (Envoy's and Envoy Gateway's default).
pub(crate) const BACKOFF: Duration = Duration::from_millis(25);

#[cfg(test)]
mod tests;
