//! Every bound of the proxy, in one place. A number that keeps memory or time finite lives here and
//! nowhere else; what a user would want to change is in `defaults.rs` instead.

use std::time::Duration;

// Accept.

/// Largest ClientHello that is read before a listener is chosen (DESIGN §4).
pub(crate) const CLIENT_HELLO_BYTES_MAX: usize = 16 * 1024;
/// Connections that the kernel queues for one worker's socket.
pub(crate) const BACKLOG: i32 = 4096;
/// Wait after the machine had no file descriptor or memory left for a connection.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// File descriptors that are kept for everything but traffic: listening sockets, logs, files.
pub(crate) const DESCRIPTORS_KEPT: u64 = 256;

// Workers and configuration.

/// Connections that were handed over to a worker and that it has not seen yet.
pub(crate) const NEWCOMERS_MAX: usize = 64;
/// Most workers that are ever started.
pub(crate) const WORKERS_MAX: usize = 256;
/// Requests to the control task that wait for their turn.
pub(crate) const COMMANDS_MAX: usize = 64;
/// How long `apply` waits for a worker to bring itself in line.
pub(crate) const ADOPT_TIME_MAX: Duration = Duration::from_secs(10);
/// How often it is looked for what has become possible or superfluous: a bind that could not be
/// opened, sockets whose drain is over, states that no worker holds.
pub(crate) const CHORES: Duration = Duration::from_millis(250);
/// States of the past that may wait for the next chores.
pub(crate) const RETIRED_MAX: usize = 4;
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
/// Answers that wait to be published together.
pub(crate) const DNS_ANSWERS_MAX: usize = 256;

// Drain.

/// How long clients are asked to go before idle connections are closed; half of the maximum drain
/// where that is less.
pub(crate) const DRAIN_NOTICE_TIME: Duration = Duration::from_secs(1);

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
/// Streams that we had to reset for the peer's mistakes before it is told to go (CVE-2025-8671).
pub(crate) const H2_LOCAL_RESETS_MAX: usize = 100;
/// Requests that a client may take back before their response began, or send with a head that is
/// refused; from here on it may be no more than half of all of its connection's requests
/// (CVE-2023-44487, CVE-2026-47774).
pub(crate) const H2_ABANDONED_MAX: u32 = 200;
/// What is read from one connection before others have their turn.
pub(crate) const H2_TURN_BYTES: usize = 128 * 1024;
/// What each frame counts for there, besides its bytes.
pub(crate) const H2_FRAME_COST_BYTES: usize = 64;
/// Frames of a client that bring nothing (PING, SETTINGS, WINDOW_UPDATE, PRIORITY, empty DATA,
/// unknown ones) in [`H2_IDLE_FRAMES_TIME`], before it is told to go.
pub(crate) const H2_IDLE_FRAMES_MAX: u32 = 10_000;
/// The time in which they are counted.
pub(crate) const H2_IDLE_FRAMES_TIME: Duration = Duration::from_secs(100);
/// How many of them each frame of an answer pays for: a client gives room for each piece, twice,
/// and may measure the way.
pub(crate) const H2_IDLE_FRAMES_PER_ANSWER: u32 = 4;
/// Decoded fields of a head, 32 bytes for each counted in (RFC 9113 §6.5.2).
pub(crate) const H2_HEADER_LIST_BYTES_MAX: u32 = 64 * 1024;
/// What a client may send on one stream before we have passed it on.
pub(crate) const H2_WINDOW_BYTES: u32 = 256 * 1024;
/// The same on all streams of its connection: four that stall do not hold the fifth up.
pub(crate) const H2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Streams on one connection to an endpoint.
pub(crate) const H2_UPSTREAM_STREAMS_MAX: usize = 100;
/// What an endpoint may send on one stream before we have passed it on.
pub(crate) const H2_UPSTREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// The same on all streams of its connection: as much as all streams together, because they belong
/// to different clients, and one that does not read must not hold another up.
pub(crate) const H2_UPSTREAM_CONNECTION_WINDOW_BYTES: u32 =
    H2_UPSTREAM_WINDOW_BYTES * H2_UPSTREAM_STREAMS_MAX as u32;
/// What one connection has queued to be written before streams wait for room and nothing more is
/// read. Heads and answers to frames that were read come on top.
pub(crate) const H2_OUT_BYTES: usize = 64 * 1024;
/// What one connection reads ahead: the largest frame, and the beginning of the next.
pub(crate) const H2_INPUT_BYTES: usize = 32 * 1024;
/// A field block that comes in pieces, before it is decoded.
pub(crate) const H2_BLOCK_BYTES_MAX: usize = 2 * H2_HEADER_LIST_BYTES_MAX as usize;
/// The pieces of one (CVE-2024-27316).
pub(crate) const H2_CONTINUATIONS_MAX: usize = 32;
/// Streams of which is remembered that they are over: frames that were on their way are told from
/// such that never should have been sent.
pub(crate) const H2_OVER_MAX: usize = 256;
/// How long a peer may take for our last words.
pub(crate) const H2_GOODBYE_TIME: Duration = Duration::from_secs(1);
/// Timers that a connection keeps for requests to come.
pub(crate) const H2_SPARE_TIMERS_MAX: usize = 8;

// Bodies.

/// Bytes of a body that are kept for a retry or a mirror (DESIGN §4).
pub(crate) const TEE_BYTES_MAX: usize = 64 * 1024;

// Telemetry.

/// Size at which lines of the access log are handed to the writer.
pub(crate) const LOG_BLOCK_BYTES: usize = 32 * 1024;
/// Blocks that wait for the writer; together at most 8 MiB and a line each.
pub(crate) const LOG_BLOCKS_MAX: usize = 256;
/// Longest wait for the writer when the proxy ends.
pub(crate) const LOG_END_TIME: Duration = Duration::from_secs(5);
/// How much of one untrusted string a line shows.
pub(crate) const LOG_STRING_BYTES_MAX: usize = 4096;
/// Series of routes and backends that a worker keeps without looking for those that are gone.
pub(crate) const SERIES_KEPT: usize = 256;

// HTTP/1.

/// Longest method; the longest that is registered has 17 bytes.
pub(crate) const METHOD_BYTES_MAX: usize = 32;
/// Longest request target.
pub(crate) const TARGET_BYTES_MAX: usize = 32 * 1024;
/// Longest chunk-size line, its extensions and its end included.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 256;
/// Bytes of chunk extensions in one body, all together.
pub(crate) const CHUNK_EXTENSION_BYTES_MAX: usize = 16 * 1024;
/// Largest trailer section.
pub(crate) const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Most fields in a trailer section.
pub(crate) const TRAILER_FIELDS_MAX: usize = 32;
/// What a connection reads at once, and buffers of a body.
pub(crate) const BUFFER_BYTES: usize = 16 * 1024;
/// What a connection has queued to be written, at most.
pub(crate) const OUTPUT_BYTES_MAX: usize = 32 * 1024;
/// From this size on, a piece of a body is written without being copied.
pub(crate) const WRITE_THROUGH_BYTES: usize = 4 * 1024;
/// Buffers that a worker keeps for requests to come: four for each that is in flight.
pub(crate) const SPARE_BUFFERS_MAX: usize = 256;
/// What is read of a request body that nobody wants, to keep the connection.
pub(crate) const DRAIN_BYTES_MAX: u64 = 64 * 1024;
/// What is read from a client after its connection's last response.
pub(crate) const LINGER_BYTES_MAX: usize = 256 * 1024;
/// How long a client may take for either.
pub(crate) const LINGER_TIME_MAX: Duration = Duration::from_secs(5);

// Upstreams.

/// Idle connections that a worker keeps to one endpoint.
pub(crate) const POOL_IDLE_MAX: usize = 256;
/// How often a worker looks through its idle connections.
pub(crate) const POOL_SWEEP: Duration = Duration::from_secs(5);

// Admin.

/// Connections to the admin server at the same time.
pub(crate) const ADMIN_CONNECTIONS_MAX: usize = 64;
/// Longest wait for the head of a request to it.
pub(crate) const ADMIN_HEAD_TIME: Duration = Duration::from_secs(10);
/// Longest life of a connection to it: a scrape is done by then.
pub(crate) const ADMIN_CONNECTION_TIME: Duration = Duration::from_secs(300);
/// What a connection to it buffers; bounds the head, too.
pub(crate) const ADMIN_BUFFER_BYTES: usize = 64 * 1024;
/// Mirrored requests that a worker has under way.
pub(crate) const MIRRORS_MAX: usize = 1024;
/// Retries that one request may get, whatever its rule says.
pub(crate) const RETRIES_MAX: u32 = 10;
/// Longest wait between two tries.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Longest wait for a controller to take a connection: one whose machine has gone says nothing, and
/// another may be there by then.
pub(crate) const STREAM_CONNECT_TIME: Duration = Duration::from_secs(3);
/// Longest wait for it to open a stream, and for its first word. It asks its API server who we are,
/// and a thousand others may ask in the same moment.
pub(crate) const STREAM_OPEN_TIME: Duration = Duration::from_secs(30);
/// A controller that is asked whether it is alive, as often as this, and does not answer for as
/// long, is gone.
pub(crate) const STREAM_KEEPALIVE: Duration = Duration::from_secs(5);
/// Between two times that the state for a restart is written.
pub(crate) const STATE_PAUSE: Duration = Duration::from_secs(1);
