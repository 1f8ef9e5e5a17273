//! What the controller counts about itself, and the page that tells it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use api::kind::Kind;
use parking_lot::Mutex;

/// All figures. One task writes each of them; whoever asks reads.
#[derive(Default)]
pub struct Metrics {
    objects: Mutex<BTreeMap<Kind, u64>>,
    translations: AtomicU64,
    translation_nanoseconds: AtomicU64,
    revision: AtomicU64,
    status_writes: AtomicU64,
    status_conflicts: AtomicU64,
    status_failures: AtomicU64,
}

impl Metrics {
    /// A translation took so long, and there are so many objects now.
    pub(crate) fn translated(&self, took: Duration, objects: &BTreeMap<Kind, u64>) {
        self.translations.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.translation_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        self.objects.lock().clone_from(objects);
    }

    /// The revision now.
    pub(crate) fn published(&self, revision: u64) {
        self.revision.store(revision, Ordering::Relaxed);
    }

    /// A status was written.
    pub(crate) fn status_written(&self) {
        self.status_writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Another write to the same object came first.
    pub(crate) fn status_conflicted(&self) {
        self.status_conflicts.fetch_add(1, Ordering::Relaxed);
    }

    /// The API server did not take a status.
    pub(crate) fn status_failed(&self) {
        self.status_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// The page, in Prometheus' text format.
    pub fn page(&self, gauges: &[Figure<'_>]) -> String {
        let mut page = Page::default();
        page.head("portcullis_objects", "gauge", "Objects that are known, by kind.");
        for (kind, count) in &*self.objects.lock() {
            page.line(format_args!("portcullis_objects{{kind=\"{}\"}} {count}", kind.as_str()));
        }
        let load = |cell: &AtomicU64| cell.load(Ordering::Relaxed) as f64;
        let seconds = load(&self.translation_nanoseconds) / 1e9;
        for (name, kind, help, value) in [
            ("translations_total", "counter", "Translations.", load(&self.translations)),
            ("translation_seconds_total", "counter", "Time that these took.", seconds),
            ("revision", "gauge", "The last that was published.", load(&self.revision)),
            ("status_writes_total", "counter", "Written statuses.", load(&self.status_writes)),
            (
                "status_conflicts_total",
                "counter",
                "Statuses that another write came before.",
                load(&self.status_conflicts),
            ),
            (
                "status_failures_total",
                "counter",
                "Statuses that the API server did not take.",
                load(&self.status_failures),
            ),
        ] {
            let name = &format!("portcullis_{name}");
            page.figure(&Figure { name, kind, help, value });
        }
        gauges.iter().for_each(|figure| page.figure(figure));
        page.0
    }
}

/// One number of the page.
#[derive(Clone, Copy, Debug)]
pub struct Figure<'a> {
    /// Its name, with unit.
    pub name: &'a str,
    /// `gauge` or `counter`.
    pub kind: &'a str,
    /// What it is.
    pub help: &'a str,
    /// How much.
    pub value: f64,
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn figure(&mut self, figure: &Figure<'_>) {
        self.head(figure.name, figure.kind, figure.help);
        self.line(format_args!("{} {}", figure.name, figure.value));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_was_counted() {
        let metrics = Metrics::default();
        metrics.translated(Duration::from_millis(1500), &BTreeMap::from([(Kind::Gateway, 2)]));
        metrics.published(7);
        let proxies =
            Figure { name: "portcullis_proxies", kind: "gauge", help: "Proxies.", value: 3.0 };
        let page = metrics.page(&[proxies]);
        for line in [
            "portcullis_objects{kind=\"Gateway\"} 2",
            "# TYPE portcullis_translation_seconds_total counter",
            "portcullis_translation_seconds_total 1.5",
            "portcullis_revision 7",
            "portcullis_proxies 3",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }
}
