//! Where one worker's events go: into its own cells, and its own buffer of access log lines.
//!
//! Not `Send`: that is what makes it the single writer of its cells.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc, time::SystemTime};

use foldhash::fast::RandomState;
use ir::{Backend, Id, Route, Snapshot};

use crate::{
    http::Record,
    limits,
    telemetry::{
        access_log::Lines,
        cell::Cell,
        cells::{Cells, Handshake, Misconduct, Refusal, RequestCells, UpstreamCells},
        log_writer::LogQueue,
    },
};

/// The telemetry of one worker.
pub(crate) struct Sink {
    cells: Arc<Cells>,
    unrouted: Arc<RequestCells>,
    series: RefCell<Series>,
    lines: Option<Rc<Lines>>,
}

/// Cells that come and go with the configuration.
#[derive(Default)]
struct Series {
    requests: HashMap<Id<Route>, Vec<Arc<RequestCells>>, RandomState>,
    requests_len: usize,
    upstreams: HashMap<Id<Backend>, Arc<UpstreamCells>>,
    /// How many there may be before the next change of configuration clears them up.
    sweep_at: usize,
}

impl Sink {
    /// The sink over cells that nobody else writes.
    pub(crate) fn new(cells: Arc<Cells>, queue: Option<LogQueue>) -> Self {
        let unrouted = Arc::new(RequestCells::new(None, None));
        cells.requests.lock().push(unrouted.clone());
        let lines = queue.map(|queue| Rc::new(Lines::new(queue, cells.clone())));
        Self { cells, unrouted, series: RefCell::default(), lines }
    }

    /// A connection of a client was taken; it is open until the guard is dropped.
    pub(crate) fn connection_opened(&self, secure: bool) -> Active<'_> {
        let total =
            if secure { &self.cells.connections_tls } else { &self.cells.connections_plain };
        total.up();
        Active::new(&self.cells.connections_active)
    }

    /// A connection of a client was accepted here and goes to another worker.
    pub(crate) fn connection_handed_over(&self) {
        self.cells.handed_over.up();
    }

    /// A connection of a client was closed before a request could be read.
    pub(crate) fn connection_refused(&self, refusal: Refusal) {
        self.cells.refused[refusal as usize].up();
    }

    /// A client's HTTP/2 connection was ended for what the client did.
    pub(crate) fn connection_ended(&self, misconduct: Misconduct) {
        self.cells.ended[misconduct as usize].up();
    }

    /// A TLS handshake with a client is over.
    pub(crate) fn handshake(&self, outcome: Handshake) {
        self.cells.handshakes[outcome as usize].up();
    }

    /// A request is in flight until the guard is dropped.
    pub(crate) fn request_started(&self) -> Active<'_> {
        Active::new(&self.cells.requests_active)
    }

    /// A mirror got the whole request.
    pub(crate) fn mirror_sent(&self) {
        self.cells.mirrors_sent.up();
    }

    /// A mirror could not keep up, or could not be reached.
    pub(crate) fn mirror_dropped(&self) {
        self.cells.mirrors_dropped.up();
    }

    /// A task of this worker panicked.
    pub(crate) fn task_panicked(&self) {
        self.cells.task_panics.up();
    }

    /// A request is over: counts it and writes its line.
    pub(crate) fn record(&self, record: &Record<'_>) {
        if let Some(failure) = record.failure {
            self.cells.failures[failure as usize].up();
        }
        match record.route {
            None => count(&self.unrouted, record),
            Some(route) => self.series.borrow_mut().request(&self.cells, route, record),
        }
        if let Some(lines) = &self.lines {
            lines.push(record, SystemTime::now());
        }
    }

    /// The cells of a backend's connections. To be kept by who connects: looking them up costs.
    pub(crate) fn upstream(&self, backend: &Id<Backend>) -> Arc<UpstreamCells> {
        let mut series = self.series.borrow_mut();
        if let Some(cells) = series.upstreams.get(backend) {
            return cells.clone();
        }
        let new = Arc::new(UpstreamCells::new(backend.clone()));
        self.cells.upstreams.lock().push(new.clone());
        series.upstreams.insert(backend.clone(), new.clone());
        new
    }

    /// The configuration changed: forgets what is gone from it, when so much has come together that
    /// looking for it pays. The scrape shows none of it in the meantime.
    pub(crate) fn adopt(&self, snapshot: impl FnOnce() -> Arc<Snapshot>) {
        let mut series = self.series.borrow_mut();
        if series.requests_len + series.upstreams.len() <= series.sweep_at {
            return;
        }
        series.sweep(&self.cells, &snapshot());
        let left = series.requests_len + series.upstreams.len();
        series.sweep_at = left.saturating_mul(2).max(limits::SERIES_KEPT);
    }
}

impl Series {
    fn request(&mut self, cells: &Cells, route: &Id<Route>, record: &Record<'_>) {
        let known = self.requests.get(route).and_then(|of_route| {
            of_route.iter().find(|known| known.backend.as_ref() == record.backend)
        });
        if let Some(known) = known {
            return count(known, record);
        }
        let new = Arc::new(RequestCells::new(Some(route.clone()), record.backend.cloned()));
        count(&new, record);
        cells.requests.lock().push(new.clone());
        self.requests.entry(route.clone()).or_default().push(new);
        self.requests_len += 1;
    }

    fn sweep(&mut self, cells: &Cells, snapshot: &Snapshot) {
        let live = |of: &RequestCells| is_live(of, snapshot);
        self.requests.retain(|_, of_route| {
            of_route.retain(|of| live(of));
            !of_route.is_empty()
        });
        self.requests_len = self.requests.values().map(Vec::len).sum();
        cells.requests.lock().retain(|of| live(of));
        // Connections to a backend may outlive it; their gauge must reach zero on the same cells.
        let open =
            |of: &UpstreamCells| snapshot.backends.contains_key(&of.backend) || of.active() > 0;
        self.upstreams.retain(|_, of| open(of));
        cells.upstreams.lock().retain(|of| open(of));
    }
}

/// Whether a route and its backend are still configured.
pub(crate) fn is_live(of: &RequestCells, snapshot: &Snapshot) -> bool {
    of.route.as_ref().is_none_or(|route| snapshot.routes.contains_key(route))
        && of.backend.as_ref().is_none_or(|backend| snapshot.backends.contains_key(backend))
}

fn count(cells: &RequestCells, record: &Record<'_>) {
    if let Some(code) = cells.code(record.status) {
        code.up();
    }
    cells.duration.observe(record.duration);
    cells.bytes_in.add(record.bytes_in);
    cells.bytes_out.add(record.bytes_out);
    cells.retries.add(u64::from(record.retries));
}

/// Something that counts as active until this is dropped, by a panic too.
pub(crate) struct Active<'s>(&'s Cell);

impl<'s> Active<'s> {
    fn new(gauge: &'s Cell) -> Self {
        gauge.up();
        Self(gauge)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.down();
    }
}
