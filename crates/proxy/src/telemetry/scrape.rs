//! The scrape: reads the cells of all workers, sums them up, and writes them as text.

use std::{collections::BTreeMap, sync::Arc};

use ir::{Backend, Id, Route, Snapshot};

use crate::{
    http::Failure,
    telemetry::{
        Connect, Handshake, Misconduct, Refusal, Telemetry,
        catalog::{self, Metric},
        cell::{Cell, HistogramSum},
        cells::{CODES, Cells, RequestCells, UpstreamCells},
        exposition::Exposition,
        sink,
    },
};

/// Route and backend, in the order in which they are exposed.
type Pair = (Option<Id<Route>>, Option<Id<Backend>>);

#[derive(Default)]
struct RequestSum {
    codes: [u64; CODES.len()],
    duration: HistogramSum,
    bytes_in: u64,
    bytes_out: u64,
    retries: u64,
}

#[derive(Default)]
struct UpstreamSum {
    connects: [u64; Connect::ALL.len()],
    active: u64,
}

impl Telemetry {
    /// All metrics as text. Only routes and backends of `snapshot` appear.
    pub(crate) fn exposition(&self, snapshot: &Snapshot) -> String {
        let mut workers: Vec<Arc<Cells>> = self.workers.lock().clone();
        // They start at the same time, in any order.
        workers.sort_by_key(|cells| cells.worker);
        let mut text = Exposition::default();
        requests(&mut text, &workers, snapshot);
        workers_own(&mut text, &workers);
        upstreams(&mut text, &workers, snapshot);
        self.proxys_own(&mut text, &workers);
        text.finish()
    }

    fn proxys_own(&self, text: &mut Exposition, workers: &[Arc<Cells>]) {
        let mut lines = text.metric(&catalog::ACCESS_LOG_LINES);
        lines.sample(&["written"], self.log_counts.written.get());
        lines.sample(&["dropped"], sum(workers, |cells| &cells.lines_dropped));
        lines.sample(&["failed"], self.log_counts.failed.get());
        text.metric(&catalog::CONFIG_REVISION).sample(&[], self.config.revision.get());
        text.metric(&catalog::CONFIG_REJECTED).sample(&[], self.config.rejected.get());
        let stream = &self.stream;
        text.metric(&catalog::STREAM_CONNECTED).sample(&[], stream.connected.get());
        let mut connects = text.metric(&catalog::STREAM_CONNECTS);
        connects.sample(&["connected"], stream.connects.get());
        connects.sample(&["redirected"], stream.redirects.get());
        connects.sample(&["failed"], stream.failures.get());
        text.metric(&catalog::STREAM_REJECTED).sample(&[], stream.rejected.get());
        let mut binds = text.metric(&catalog::BINDS);
        binds.sample(&["open"], self.config.binds_open.get());
        binds.sample(&["closed"], self.config.binds_closed.get());
        let panics = sum(workers, |cells| &cells.task_panics);
        text.metric(&catalog::TASK_PANICS).sample(&[], panics);
        text.metric(&catalog::WORKERS).sample(&[], workers.len() as u64);
        text.metric(&catalog::BUILD).sample(&[env!("CARGO_PKG_VERSION")], 1);
    }
}

fn requests(text: &mut Exposition, workers: &[Arc<Cells>], snapshot: &Snapshot) {
    let mut sums: BTreeMap<Pair, RequestSum> = BTreeMap::new();
    for cells in workers {
        let series: Vec<Arc<RequestCells>> = cells.requests.lock().clone();
        for of in series.iter().filter(|of| sink::is_live(of, snapshot)) {
            sums.entry((of.route.clone(), of.backend.clone())).or_default().add(of);
        }
    }
    let mut samples = text.metric(&catalog::REQUESTS);
    for (pair, sum) in &sums {
        for (class, n) in CODES.iter().zip(sum.codes).filter(|(_, n)| *n > 0) {
            let [route, backend] = labels(pair);
            samples.sample(&[route, backend, class], n);
        }
    }
    let mut samples = text.metric(&catalog::REQUEST_DURATION);
    sums.iter().for_each(|(pair, sum)| samples.histogram(&labels(pair), &sum.duration));
    let mut each = |metric: &'static Metric, value: fn(&RequestSum) -> u64| {
        let mut samples = text.metric(metric);
        sums.iter().for_each(|(pair, sum)| samples.sample(&labels(pair), value(sum)));
    };
    each(&catalog::REQUEST_BYTES, |sum| sum.bytes_in);
    each(&catalog::RESPONSE_BYTES, |sum| sum.bytes_out);
    each(&catalog::RETRIES, |sum| sum.retries);
}

impl RequestSum {
    fn add(&mut self, of: &RequestCells) {
        for (total, cell) in self.codes.iter_mut().zip(&of.codes) {
            *total += cell.get();
        }
        of.duration.add_to(&mut self.duration);
        self.bytes_in += of.bytes_in.get();
        self.bytes_out += of.bytes_out.get();
        self.retries += of.retries.get();
    }
}

fn workers_own(text: &mut Exposition, workers: &[Arc<Cells>]) {
    let mut failures = text.metric(&catalog::FAILURES);
    for failure in Failure::ALL {
        let n = sum(workers, |cells| &cells.failures[failure as usize]);
        failures.sample(&[failure.reason()], n);
    }
    let active = sum(workers, |cells| &cells.requests_active);
    text.metric(&catalog::REQUESTS_ACTIVE).sample(&[], active);
    let mut mirrors = text.metric(&catalog::MIRRORS);
    mirrors.sample(&["sent"], sum(workers, |cells| &cells.mirrors_sent));
    mirrors.sample(&["dropped"], sum(workers, |cells| &cells.mirrors_dropped));
    let mut connections = text.metric(&catalog::CONNECTIONS);
    connections.sample(&["plain"], sum(workers, |cells| &cells.connections_plain));
    connections.sample(&["tls"], sum(workers, |cells| &cells.connections_tls));
    let active = sum(workers, |cells| &cells.connections_active);
    text.metric(&catalog::CONNECTIONS_ACTIVE).sample(&[], active);
    let mut each = text.metric(&catalog::WORKER_CONNECTIONS_ACTIVE);
    for cells in workers {
        each.sample(&[&cells.worker.to_string()], cells.connections_active.get());
    }
    let handed_over = sum(workers, |cells| &cells.handed_over);
    text.metric(&catalog::CONNECTIONS_HANDED_OVER).sample(&[], handed_over);
    let mut refused = text.metric(&catalog::CONNECTIONS_REFUSED);
    for refusal in Refusal::ALL {
        let n = sum(workers, |cells| &cells.refused[refusal as usize]);
        refused.sample(&[refusal.as_str()], n);
    }
    let mut ended = text.metric(&catalog::CONNECTIONS_ENDED);
    for misconduct in Misconduct::ALL {
        let n = sum(workers, |cells| &cells.ended[misconduct as usize]);
        ended.sample(&[misconduct.as_str()], n);
    }
    let mut handshakes = text.metric(&catalog::TLS_HANDSHAKES);
    for outcome in Handshake::ALL {
        let n = sum(workers, |cells| &cells.handshakes[outcome as usize]);
        handshakes.sample(&[outcome.as_str()], n);
    }
}

fn upstreams(text: &mut Exposition, workers: &[Arc<Cells>], snapshot: &Snapshot) {
    let mut sums: BTreeMap<Id<Backend>, UpstreamSum> = BTreeMap::new();
    for cells in workers {
        let series: Vec<Arc<UpstreamCells>> = cells.upstreams.lock().clone();
        for of in series.iter().filter(|of| snapshot.backends.contains_key(&of.backend)) {
            let sum = sums.entry(of.backend.clone()).or_default();
            for (total, outcome) in sum.connects.iter_mut().zip(Connect::ALL) {
                *total += of.connects(outcome);
            }
            sum.active += of.active();
        }
    }
    let mut samples = text.metric(&catalog::UPSTREAM_CONNECTS);
    for (backend, sum) in &sums {
        for (outcome, n) in Connect::ALL.iter().zip(sum.connects) {
            samples.sample(&[backend.as_str(), outcome.as_str()], n);
        }
    }
    let mut samples = text.metric(&catalog::UPSTREAM_CONNECTIONS_ACTIVE);
    sums.iter().for_each(|(backend, sum)| samples.sample(&[backend.as_str()], sum.active));
}

fn labels((route, backend): &Pair) -> [&str; 2] {
    [route.as_ref().map_or("", Id::as_str), backend.as_ref().map_or("", Id::as_str)]
}

fn sum(workers: &[Arc<Cells>], of: impl Fn(&Cells) -> &Cell) -> u64 {
    workers.iter().map(|cells| of(cells).get()).sum()
}
