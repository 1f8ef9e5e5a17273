//! What is counted at the door for proxies.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::publish::admission::Refusals;

/// Numbers of one server since it started.
#[derive(Debug, Default)]
pub struct Figures {
    /// Connections that are open.
    pub connections: Number,
    /// Proxies that are told what to do.
    pub streams: Number,
    /// Steps that were sent whole.
    pub steps: Number,
    /// Steps that a proxy did not answer in time.
    pub unanswered: Number,
    /// Streams that were sent to the leader.
    pub redirects: Number,
    /// Connections for which there was no place.
    pub turned_away: Number,
    /// Connections that did not come as far as a stream.
    pub broken: Number,
    /// Proxies that were not admitted.
    pub refusals: Refusals,
}

/// One number.
#[derive(Debug, Default)]
pub struct Number(AtomicU64);

impl Number {
    /// Its value.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one more as long as the guard lives.
    pub(super) fn present(&self) -> Present<'_> {
        self.count();
        Present(self)
    }
}

pub(super) struct Present<'n>(&'n Number);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Figures {
    /// In the text format of Prometheus.
    pub fn exposition(&self) -> String {
        let mut text = String::new();
        for (name, kind, help, number) in [
            ("connections", "gauge", "Connections of proxies.", &self.connections),
            ("proxies", "gauge", "Proxies that are streamed to.", &self.streams),
            ("steps_total", "counter", "Steps that were sent.", &self.steps),
            ("unanswered_steps_total", "counter", "Steps without an answer.", &self.unanswered),
            ("redirects_total", "counter", "Proxies sent to the leader.", &self.redirects),
            ("turned_away_total", "counter", "Connections without a place.", &self.turned_away),
            ("broken_total", "counter", "Connections without a stream.", &self.broken),
        ] {
            let name = format!("portcullis_stream_{name}");
            // Writing to a text does not fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} ");
            let _ = writeln!(text, "{}", number.value());
        }
        let name = "portcullis_stream_refusals_total";
        let _ = writeln!(text, "# HELP {name} Proxies that were not admitted.");
        let _ = writeln!(text, "# TYPE {name} counter");
        for (reason, count) in self.refusals.iter() {
            let _ = writeln!(text, "{name}{{reason=\"{reason}\"}} {count}");
        }
        text
    }
}
