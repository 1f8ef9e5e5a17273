//! The access log: one line of JSON for each request. `docs/reference/access-log.md` says what the
//! members mean, and a test holds it equal.
//!
//! Lines gather in a buffer of the worker and are handed to the writer in blocks. A line is never
//! cut, and a request never waits for one.

use std::{
    cell::{Cell as Flag, RefCell},
    io::Write,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    defaults,
    http::Record,
    limits,
    telemetry::{
        cells::Cells,
        clock::Clock,
        json::Object,
        log_writer::{Block, LogQueue},
    },
};

/// The lines of one worker on their way to the writer.
pub(crate) struct Lines {
    queue: LogQueue,
    cells: Arc<Cells>,
    waiting: RefCell<Waiting>,
    /// Whether a task will flush before long.
    timed: Flag<bool>,
}

#[derive(Default)]
struct Waiting {
    clock: Clock,
    bytes: Vec<u8>,
    lines: u64,
}

impl Lines {
    /// None yet.
    pub(crate) fn new(queue: LogQueue, cells: Arc<Cells>) -> Self {
        Self { queue, cells, waiting: RefCell::default(), timed: Flag::new(false) }
    }

    /// Writes the line of a request that ended at `now`. Runs on a worker.
    pub(crate) fn push(self: &Rc<Self>, record: &Record<'_>, now: SystemTime) {
        let full = {
            let Waiting { clock, bytes, lines } = &mut *self.waiting.borrow_mut();
            write_line(bytes, clock, record, now);
            *lines += 1;
            bytes.len() >= limits::LOG_BLOCK_BYTES
        };
        if full {
            self.flush();
        } else if !self.timed.replace(true) {
            let lines = self.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(defaults::LOG_DELAY).await;
                lines.timed.set(false);
                lines.flush();
            });
        }
    }

    /// Hands over what waits.
    pub(crate) fn flush(&self) {
        let mut waiting = self.waiting.borrow_mut();
        let lines = std::mem::take(&mut waiting.lines);
        if lines == 0 {
            return;
        }
        let room = Vec::with_capacity(limits::LOG_BLOCK_BYTES);
        let bytes = std::mem::replace(&mut waiting.bytes, room);
        if let Err(Block { lines, .. }) = self.queue.offer(Block { bytes, lines }) {
            self.cells.lines_dropped.add(lines);
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Appends one line. A request's time is that of its beginning, its duration before `now`.
fn write_line(out: &mut Vec<u8>, clock: &mut Clock, record: &Record<'_>, now: SystemTime) {
    let began = now.checked_sub(record.duration).unwrap_or(now);
    let mut line = Object::open(out);
    line.quoted("time", |out| clock.write(out, began));
    line.text_or_null("method", some(record.method));
    line.text_or_null("authority", some(record.authority));
    line.text_or_null("path", some(record.path));
    line.text("protocol", record.protocol.as_str().as_bytes());
    line.number("status", u64::from(record.status));
    line.text_or_null("reason", record.failure.map(|failure| failure.reason().as_bytes()));
    line.text("bind", record.bind.as_str().as_bytes());
    line.text_or_null("listener", record.listener.map(|id| id.as_str().as_bytes()));
    line.text_or_null("route", record.route.map(|id| id.as_str().as_bytes()));
    line.text_or_null("rule", record.rule.map(|id| id.as_str().as_bytes()));
    line.text_or_null("backend", record.backend.map(|id| id.as_str().as_bytes()));
    match record.endpoint {
        // Writing to a vector cannot fail, here and below.
        Some(endpoint) => line.quoted("endpoint", |out| drop(write!(out, "{endpoint}"))),
        None => line.null("endpoint"),
    }
    line.number("bytes_in", record.bytes_in);
    line.number("bytes_out", record.bytes_out);
    line.thousandths("duration_ms", micros(record.duration));
    match record.upstream {
        Some(upstream) => line.thousandths("upstream_ms", micros(upstream)),
        None => line.null("upstream_ms"),
    }
    line.number("retries", u64::from(record.retries));
    line.text_or_null("request_id", some(record.request_id));
    line.quoted("client", |out| drop(write!(out, "{}", record.peer)));
    line.text_or_null("sni", record.sni.map(str::as_bytes));
    line.text_or_null("user_agent", some(record.user_agent));
    line.close();
    out.push(b'\n');
}

/// What a request did not have is null, not empty.
fn some(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
