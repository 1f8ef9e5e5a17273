//! Every bound of the door for proxies.

use std::time::Duration;

/// How much, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more are closed as they come.
    pub connections_max: usize,
    /// For the TLS handshake, and again for the stream to be opened.
    pub handshake: Duration,
    /// For all of a proxy's greeting.
    pub hello: Duration,
    /// For a proxy to take in one message.
    pub part: Duration,
    /// For a proxy to answer a step that it was sent.
    pub answer: Duration,
    /// How often a silent connection is asked whether it is alive.
    pub keepalive: Duration,
    /// For the answer to that.
    pub keepalive_answer: Duration,
    /// For a connection to end after its stream has.
    pub farewell: Duration,
    /// For file descriptors to be given back.
    pub accept_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 8192,
            handshake: Duration::from_secs(10),
            hello: Duration::from_secs(30),
            part: Duration::from_secs(60),
            answer: Duration::from_secs(60),
            keepalive: Duration::from_secs(15),
            keepalive_answer: Duration::from_secs(20),
            farewell: Duration::from_secs(5),
            accept_pause: Duration::from_millis(50),
        }
    }
}

/// Bytes that wait in one connection for the network.
pub(super) const SEND_BYTES_MAX: usize = 64 << 10;
/// Header fields of a request: a token of some kilobytes, and little else.
pub(super) const HEADER_BYTES_MAX: u32 = 32 << 10;
/// Streams of a connection; one is enough, and another is told so.
pub(super) const STREAMS_MAX: u32 = 4;
/// Entries that are encoded without a pause for other streams.
pub(super) const ENCODED_AT_ONCE: usize = 256;
