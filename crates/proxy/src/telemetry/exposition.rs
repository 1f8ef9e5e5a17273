//! The text format of Prometheus, version 0.0.4. It knows how lines look, not what is in them.

use std::fmt::{Display, Write};

use crate::telemetry::{
    catalog::{Kind, Metric},
    cell::{BOUNDS_MICROS, HistogramSum},
};

/// What the text is, for the field `content-type`.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Text that grows metric by metric.
#[derive(Default)]
pub(crate) struct Exposition {
    text: String,
}

/// One metric of it; its samples follow each other.
pub(crate) struct Samples<'e> {
    text: &'e mut String,
    metric: &'static Metric,
}

impl Exposition {
    /// Begins a metric.
    pub(crate) fn metric(&mut self, metric: &'static Metric) -> Samples<'_> {
        let Metric { name, kind, help, .. } = metric;
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
        Samples { text: &mut self.text, metric }
    }

    /// The whole text.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

impl Samples<'_> {
    /// One value with the values of the metric's labels.
    pub(crate) fn sample(&mut self, labels: &[&str], value: u64) {
        debug_assert!(self.metric.kind != Kind::Histogram, "{} is one", self.metric.name);
        self.line("", labels, None, &value);
    }

    /// One histogram with the values of the metric's labels.
    pub(crate) fn histogram(&mut self, labels: &[&str], sum: &HistogramSum) {
        let mut count = 0;
        for (at, bucket) in sum.buckets.iter().enumerate() {
            count += bucket;
            match BOUNDS_MICROS.get(at) {
                Some(bound) => {
                    let seconds = *bound as f64 / 1e6;
                    self.line("_bucket", labels, Some(&seconds), &count);
                }
                None => self.line("_bucket", labels, Some(&"+Inf"), &count),
            }
        }
        let seconds = sum.nanoseconds as f64 / 1e9;
        self.line("_sum", labels, None, &seconds);
        self.line("_count", labels, None, &count);
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: &[&str],
        bound: Option<&dyn Display>,
        value: &dyn Display,
    ) {
        debug_assert_eq!(self.metric.labels.len(), labels.len(), "{}", self.metric.name);
        self.text.push_str(self.metric.name);
        self.text.push_str(suffix);
        let mut before = '{';
        for (name, value) in self.metric.labels.iter().zip(labels) {
            self.text.push(before);
            before = ',';
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(self.text, value);
            self.text.push('"');
        }
        if let Some(bound) = bound {
            let _ = write!(self.text, "{before}le=\"{bound}\"");
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

fn escape(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::{catalog, cell::Histogram};

    #[test]
    fn samples_carry_their_labels_escaped() {
        let mut text = Exposition::default();
        text.metric(&catalog::REQUESTS).sample(&["a\"\\\nb", "", "2xx"], 7);
        text.metric(&catalog::WORKERS).sample(&[], 4);
        let help = (catalog::REQUESTS.help, catalog::WORKERS.help);
        let expected = format!(
            "# HELP portcullis_requests_total {}\n\
             # TYPE portcullis_requests_total counter\n\
             portcullis_requests_total{{route=\"a\\\"\\\\\\nb\",backend=\"\",code=\"2xx\"}} 7\n\
             # HELP portcullis_workers {}\n\
             # TYPE portcullis_workers gauge\n\
             portcullis_workers 4\n",
            help.0, help.1
        );
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn buckets_of_a_histogram_add_up() {
        let histogram = Histogram::default();
        for millis in [0, 2, 2, 70_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut sum = HistogramSum::default();
        histogram.add_to(&mut sum);
        let mut text = Exposition::default();
        text.metric(&catalog::REQUEST_DURATION).histogram(&["r", "b"], &sum);
        let text = text.finish();
        let line = |suffix: &str, le: &str, value: &str| {
            let name = catalog::REQUEST_DURATION.name;
            let line = format!("{name}{suffix}{{route=\"r\",backend=\"b\"{le}}} {value}\n");
            assert!(text.contains(&line), "{line} in {text}");
        };
        line("_bucket", ",le=\"0.0005\"", "1");
        line("_bucket", ",le=\"0.001\"", "1");
        line("_bucket", ",le=\"0.0025\"", "3");
        line("_bucket", ",le=\"60\"", "3");
        line("_bucket", ",le=\"+Inf\"", "4");
        line("_sum", "", "70.004");
        line("_count", "", "4");
    }
}
