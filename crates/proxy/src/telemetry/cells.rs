//! What one worker counts, apart from the single numbers: its fixed cells, and those per route and
//! backend that come and go with the configuration.

use std::sync::Arc;

use ir::{Backend, Id, Route};
use parking_lot::Mutex;

use crate::{
    http::Failure,
    telemetry::cell::{Cell, Histogram},
};

/// All cells of one worker. It alone writes them; the lists are locked only where one grows or
/// shrinks, and by the scrape.
#[derive(Default)]
pub(crate) struct Cells {
    /// Whose they are.
    pub(crate) worker: usize,
    pub(crate) connections_plain: Cell,
    pub(crate) connections_tls: Cell,
    pub(crate) connections_active: Cell,
    pub(crate) handed_over: Cell,
    pub(crate) refused: [Cell; Refusal::ALL.len()],
    pub(crate) ended: [Cell; Misconduct::ALL.len()],
    pub(crate) handshakes: [Cell; Handshake::ALL.len()],
    pub(crate) requests_active: Cell,
    pub(crate) failures: [Cell; Failure::ALL.len()],
    pub(crate) mirrors_sent: Cell,
    pub(crate) mirrors_dropped: Cell,
    pub(crate) task_panics: Cell,
    /// Lines of the access log that the writer did not take.
    pub(crate) lines_dropped: Cell,
    /// One for each pair of route and backend that a request had.
    pub(crate) requests: Mutex<Vec<Arc<RequestCells>>>,
    /// One for each backend that was connected to.
    pub(crate) upstreams: Mutex<Vec<Arc<UpstreamCells>>>,
}

/// What is counted of requests with one route and backend.
pub(crate) struct RequestCells {
    /// None: no route took them.
    pub(crate) route: Option<Id<Route>>,
    /// None: they never came to a backend.
    pub(crate) backend: Option<Id<Backend>>,
    pub(crate) codes: [Cell; CODES.len()],
    pub(crate) duration: Histogram,
    pub(crate) bytes_in: Cell,
    pub(crate) bytes_out: Cell,
    pub(crate) retries: Cell,
}

impl RequestCells {
    /// At zero.
    pub(crate) fn new(route: Option<Id<Route>>, backend: Option<Id<Backend>>) -> Self {
        Self {
            route,
            backend,
            codes: Default::default(),
            duration: Histogram::default(),
            bytes_in: Cell::default(),
            bytes_out: Cell::default(),
            retries: Cell::default(),
        }
    }

    /// The cell of a status.
    pub(crate) fn code(&self, status: u16) -> Option<&Cell> {
        let class = match status {
            100..600 => usize::from(status / 100) - 1,
            _ => CODES.len() - 1,
        };
        self.codes.get(class)
    }
}

/// What is counted of connections to one backend.
pub(crate) struct UpstreamCells {
    pub(crate) backend: Id<Backend>,
    connects: [Cell; Connect::ALL.len()],
    active: Cell,
}

impl UpstreamCells {
    /// At zero.
    pub(crate) fn new(backend: Id<Backend>) -> Self {
        Self { backend, connects: Default::default(), active: Cell::default() }
    }

    /// Counts an attempt to connect. One that came about is open until [`Self::closed`].
    pub(crate) fn connected(&self, outcome: Connect) {
        self.connects[outcome as usize].up();
        if outcome == Connect::Connected {
            self.active.up();
        }
    }

    /// A connection that came about is gone.
    pub(crate) fn closed(&self) {
        self.active.down();
    }

    /// How many attempts ended in a way.
    pub(crate) fn connects(&self, outcome: Connect) -> u64 {
        self.connects[outcome as usize].get()
    }

    /// Connections that are open.
    pub(crate) fn active(&self) -> u64 {
        self.active.get()
    }
}

/// How an attempt to connect to an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connect {
    /// The connection is there.
    Connected,
    /// It was refused or broke.
    Failed,
    /// Nothing came in time.
    TimedOut,
}

impl Connect {
    pub(crate) const ALL: [Self; 3] = [Self::Connected, Self::Failed, Self::TimedOut];

    /// Its label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// How a TLS handshake with a client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// Anew, with certificate and signature.
    Full,
    /// From a session of before.
    Resumed,
    /// Not at all.
    Failed,
    /// Not in time.
    TimedOut,
}

impl Handshake {
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::Resumed, Self::Failed, Self::TimedOut];

    /// Its label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// Why a client's connection was closed before a request could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The proxy has as many as it may have.
    Limit,
    /// It did not say in time what it wants.
    Silent,
    /// It closed, or its first bytes are no TLS where TLS was expected.
    Preamble,
    /// No listener has the name that it asked for.
    NoListener,
    /// The listener has no usable certificate.
    NoCertificate,
}

impl Refusal {
    pub(crate) const ALL: [Self; 5] =
        [Self::Limit, Self::Silent, Self::Preamble, Self::NoListener, Self::NoCertificate];

    /// Its label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Silent => "silent",
            Self::Preamble => "preamble",
            Self::NoListener => "no_listener",
            Self::NoCertificate => "no_certificate",
        }
    }
}

/// Why a client's HTTP/2 connection was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misconduct {
    /// Resets, or frames that bring nothing, beyond our bounds.
    Flood,
    /// An error of the whole connection (RFC 9113 §5.4.1).
    Protocol,
    /// It did not answer a PING.
    Unresponsive,
}

impl Misconduct {
    pub(crate) const ALL: [Self; 3] = [Self::Flood, Self::Protocol, Self::Unresponsive];

    /// Its label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::Protocol => "protocol",
            Self::Unresponsive => "unresponsive",
        }
    }
}

/// Classes of status codes; the last is for those that have none.
pub(crate) const CODES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_at_the_place_of_their_cell() {
        for (place, value) in Connect::ALL.iter().enumerate() {
            assert_eq!(*value as usize, place);
        }
        for (place, value) in Handshake::ALL.iter().enumerate() {
            assert_eq!(*value as usize, place);
        }
        for (place, value) in Misconduct::ALL.iter().enumerate() {
            assert_eq!(*value as usize, place);
        }
        for (place, value) in Refusal::ALL.iter().enumerate() {
            assert_eq!(*value as usize, place);
        }
    }

    #[test]
    fn every_status_has_a_class() {
        for (status, class) in
            [(101, "1xx"), (200, "2xx"), (599, "5xx"), (0, "none"), (600, "none")]
        {
            let cells = RequestCells::new(None, None);
            cells.code(status).unwrap().up();
            let counted: Vec<_> =
                CODES.iter().zip(&cells.codes).filter(|(_, cell)| cell.get() == 1).collect();
            assert_eq!(counted.len(), 1);
            assert_eq!(*counted[0].0, class, "{status}");
        }
    }
}
