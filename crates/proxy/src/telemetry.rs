//! What operators see of the traffic: metrics and the access log.
//!
//! Each worker counts in cells of its own ([`Sink`]); a scrape reads the cells of all workers and
//! sums them up. Tracing is not here, nor is what serves the text: that is [`crate::admin`].

use std::{io, sync::Arc};

use ir::Ack;
use parking_lot::Mutex;

use crate::{
    AccessLogTarget,
    telemetry::{
        cell::Cell,
        cells::Cells,
        log_writer::{LogCounts, LogQueue, LogWriter},
    },
};

mod access_log;
mod catalog;
mod cell;
mod cells;
mod clock;
mod exposition;
mod json;
mod log_writer;
mod scrape;
mod sink;

pub(crate) use cells::{Connect, Handshake, Misconduct, Refusal, UpstreamCells};
pub(crate) use clock::date;
pub(crate) use exposition::CONTENT_TYPE;
pub(crate) use sink::Sink;

/// The telemetry of one proxy.
pub(crate) struct Telemetry {
    /// Those of each worker. Locked where a worker starts and by the scrape.
    workers: Mutex<Vec<Arc<Cells>>>,
    config: ConfigCells,
    /// Written by the task that follows the controller.
    pub(crate) stream: StreamCells,
    log_counts: Arc<LogCounts>,
    /// None without an access log, and after its end.
    log: Mutex<Option<(LogQueue, LogWriter)>>,
}

/// What is known of the configuration. Written where it is applied, one delta after the other.
#[derive(Default)]
struct ConfigCells {
    revision: Cell,
    rejected: Cell,
    binds_open: Cell,
    binds_closed: Cell,
}

/// What is known of the controller.
#[derive(Default)]
pub(crate) struct StreamCells {
    pub(crate) connected: Cell,
    pub(crate) connects: Cell,
    pub(crate) redirects: Cell,
    pub(crate) failures: Cell,
    pub(crate) rejected: Cell,
}

impl Telemetry {
    /// Opens the access log.
    ///
    /// # Errors
    /// Its file cannot be opened.
    pub(crate) fn start(log: &AccessLogTarget) -> io::Result<Arc<Self>> {
        let log_counts = Arc::new(LogCounts::default());
        let log = log_writer::start(log, log_counts.clone())?;
        Ok(Arc::new(Self {
            workers: Mutex::default(),
            config: ConfigCells::default(),
            stream: StreamCells::default(),
            log_counts,
            log: Mutex::new(log),
        }))
    }

    /// The sink of one more worker. The worker makes it on its own thread.
    pub(crate) fn sink(&self, worker: usize) -> Sink {
        let cells = Arc::new(Cells { worker, ..Cells::default() });
        self.workers.lock().push(cells.clone());
        let queue = self.log.lock().as_ref().map(|(queue, _)| queue.clone());
        Sink::new(cells, queue)
    }

    /// A delta was applied: what came of it, and how many binds the configuration has now.
    pub(crate) fn applied(&self, ack: &Ack, binds: usize) {
        let (config, closed) = (&self.config, ack.closed.len());
        config.revision.set(ack.revision);
        config.rejected.set(ack.rejected.len() as u64);
        config.binds_open.set(binds.saturating_sub(closed) as u64);
        config.binds_closed.set(closed as u64);
    }

    /// Waits, for a bounded time, until all lines that workers handed over are written. All sinks
    /// must be gone.
    pub(crate) fn finish(&self) {
        if let Some((queue, writer)) = self.log.lock().take() {
            drop(queue);
            writer.wait();
        }
    }
}

#[cfg(test)]
mod tests;
