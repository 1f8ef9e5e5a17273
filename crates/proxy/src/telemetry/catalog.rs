//! Every metric that the proxy has: name, kind, labels, and what it says.
//!
//! `docs/reference/metrics.md` has the same list in the same order, held equal by a test, and
//! nothing is exposed that is not in it. Label values come from closed sets or from names in the
//! configuration that is served now, so that no client can grow our memory.

/// A metric as operators see it.
#[derive(Debug)]
pub(crate) struct Metric {
    /// `portcullis_<noun>_<unit>[_total]`.
    pub(crate) name: &'static str,
    /// How its values move.
    pub(crate) kind: Kind,
    /// Names of its labels, in the order in which values are given.
    pub(crate) labels: &'static [&'static str],
    /// One sentence.
    pub(crate) help: &'static str,
}

/// How the values of a metric move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Up only.
    Counter,
    /// Up and down.
    Gauge,
    /// Durations in buckets.
    Histogram,
}

impl Kind {
    /// Its word in the exposition.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// All of them, in the order in which they are exposed.
#[cfg(test)]
pub(crate) const ALL: [&Metric; 27] = [
    &REQUESTS,
    &REQUEST_DURATION,
    &REQUEST_BYTES,
    &RESPONSE_BYTES,
    &RETRIES,
    &FAILURES,
    &REQUESTS_ACTIVE,
    &MIRRORS,
    &CONNECTIONS,
    &CONNECTIONS_ACTIVE,
    &WORKER_CONNECTIONS_ACTIVE,
    &CONNECTIONS_HANDED_OVER,
    &CONNECTIONS_REFUSED,
    &CONNECTIONS_ENDED,
    &TLS_HANDSHAKES,
    &UPSTREAM_CONNECTS,
    &UPSTREAM_CONNECTIONS_ACTIVE,
    &ACCESS_LOG_LINES,
    &CONFIG_REVISION,
    &CONFIG_REJECTED,
    &STREAM_CONNECTED,
    &STREAM_CONNECTS,
    &STREAM_REJECTED,
    &BINDS,
    &TASK_PANICS,
    &WORKERS,
    &BUILD,
];

pub(crate) const REQUESTS: Metric = Metric {
    name: "portcullis_requests_total",
    kind: Kind::Counter,
    labels: &["route", "backend", "code"],
    help: "Finished requests by the class of the status that the client got; `none` is none.",
};

pub(crate) const REQUEST_DURATION: Metric = Metric {
    name: "portcullis_request_duration_seconds",
    kind: Kind::Histogram,
    labels: &["route", "backend"],
    help: "Time from the head of a request to the end of its response.",
};

pub(crate) const REQUEST_BYTES: Metric = Metric {
    name: "portcullis_request_body_bytes_total",
    kind: Kind::Counter,
    labels: &["route", "backend"],
    help: "Body bytes that came from clients.",
};

pub(crate) const RESPONSE_BYTES: Metric = Metric {
    name: "portcullis_response_body_bytes_total",
    kind: Kind::Counter,
    labels: &["route", "backend"],
    help: "Body bytes that went to clients.",
};

pub(crate) const RETRIES: Metric = Metric {
    name: "portcullis_retries_total",
    kind: Kind::Counter,
    labels: &["route", "backend"],
    help: "Tries beyond the first of each request.",
};

pub(crate) const FAILURES: Metric = Metric {
    name: "portcullis_request_failures_total",
    kind: Kind::Counter,
    labels: &["reason"],
    help: "Requests that did not get all of a backend's answer, by the reason in the access log.",
};

pub(crate) const REQUESTS_ACTIVE: Metric = Metric {
    name: "portcullis_requests_active",
    kind: Kind::Gauge,
    labels: &[],
    help: "Requests in flight.",
};

pub(crate) const MIRRORS: Metric = Metric {
    name: "portcullis_mirrors_total",
    kind: Kind::Counter,
    labels: &["result"],
    help: "Copies of requests: `sent` in full, or `dropped` because they could not keep up.",
};

pub(crate) const CONNECTIONS: Metric = Metric {
    name: "portcullis_connections_total",
    kind: Kind::Counter,
    labels: &["transport"],
    help: "Connections of clients that were taken.",
};

pub(crate) const CONNECTIONS_ACTIVE: Metric = Metric {
    name: "portcullis_connections_active",
    kind: Kind::Gauge,
    labels: &[],
    help: "Connections of clients that are open.",
};

pub(crate) const WORKER_CONNECTIONS_ACTIVE: Metric = Metric {
    name: "portcullis_worker_connections_active",
    kind: Kind::Gauge,
    labels: &["worker"],
    help: "Connections of clients that are open, by the worker that serves them.",
};

pub(crate) const CONNECTIONS_HANDED_OVER: Metric = Metric {
    name: "portcullis_connections_handed_over_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Connections of clients that went from the worker that accepted them to one with fewer.",
};

pub(crate) const CONNECTIONS_REFUSED: Metric = Metric {
    name: "portcullis_connections_refused_total",
    kind: Kind::Counter,
    labels: &["reason"],
    help: "Connections of clients that were closed before a request could be read.",
};

pub(crate) const CONNECTIONS_ENDED: Metric = Metric {
    name: "portcullis_connections_ended_total",
    kind: Kind::Counter,
    labels: &["reason"],
    help: "HTTP/2 connections of clients that were ended for what the client did.",
};

pub(crate) const TLS_HANDSHAKES: Metric = Metric {
    name: "portcullis_tls_handshakes_total",
    kind: Kind::Counter,
    labels: &["result"],
    help: "TLS handshakes with clients.",
};

pub(crate) const UPSTREAM_CONNECTS: Metric = Metric {
    name: "portcullis_upstream_connects_total",
    kind: Kind::Counter,
    labels: &["backend", "result"],
    help: "Attempts to connect to endpoints.",
};

pub(crate) const UPSTREAM_CONNECTIONS_ACTIVE: Metric = Metric {
    name: "portcullis_upstream_connections_active",
    kind: Kind::Gauge,
    labels: &["backend"],
    help: "Connections to endpoints that are open, idle ones included.",
};

pub(crate) const ACCESS_LOG_LINES: Metric = Metric {
    name: "portcullis_access_log_lines_total",
    kind: Kind::Counter,
    labels: &["result"],
    help: "Lines `written`, `dropped` because the writer was behind, or `failed` to be written.",
};

pub(crate) const CONFIG_REVISION: Metric = Metric {
    name: "portcullis_config_revision",
    kind: Kind::Gauge,
    labels: &[],
    help: "The revision of the configuration that is served.",
};

pub(crate) const CONFIG_REJECTED: Metric = Metric {
    name: "portcullis_config_rejected_resources",
    kind: Kind::Gauge,
    labels: &[],
    help: "Resources of that revision that cannot be used.",
};

pub(crate) const STREAM_CONNECTED: Metric = Metric {
    name: "portcullis_stream_connected",
    kind: Kind::Gauge,
    labels: &[],
    help: "1 while a controller tells this proxy what to serve, else 0.",
};

pub(crate) const STREAM_CONNECTS: Metric = Metric {
    name: "portcullis_stream_connects_total",
    kind: Kind::Counter,
    labels: &["result"],
    help: "Attempts to reach a controller: `connected`, `redirected` to another, or `failed`.",
};

pub(crate) const STREAM_REJECTED: Metric = Metric {
    name: "portcullis_stream_rejected_resources",
    kind: Kind::Gauge,
    labels: &[],
    help: "Resources that a controller sent and this version cannot read.",
};

pub(crate) const BINDS: Metric = Metric {
    name: "portcullis_binds",
    kind: Kind::Gauge,
    labels: &["state"],
    help: "Addresses and ports that should be served, by whether they are.",
};

pub(crate) const TASK_PANICS: Metric = Metric {
    name: "portcullis_task_panics_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Tasks that ended by a bug of the proxy; each took only its connection along.",
};

pub(crate) const WORKERS: Metric = Metric {
    name: "portcullis_workers",
    kind: Kind::Gauge,
    labels: &[],
    help: "Threads that serve traffic.",
};

pub(crate) const BUILD: Metric = Metric {
    name: "portcullis_build_info",
    kind: Kind::Gauge,
    labels: &["version"],
    help: "Always 1; the label says what runs.",
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_reference_lists_every_metric_and_no_other() {
        let document = include_str!("../../../../docs/reference/metrics.md");
        let rows: Vec<&str> =
            document.lines().filter(|line| line.starts_with("| `portcullis_")).collect();
        let expected: Vec<String> = ALL
            .iter()
            .map(|metric| {
                let labels: Vec<_> = metric.labels.iter().map(|l| format!("`{l}`")).collect();
                let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
                let (name, kind, help) = (metric.name, metric.kind.as_str(), metric.help);
                format!("| `{name}` | {kind} | {labels} | {help} |")
            })
            .collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn names_are_as_prometheus_wants_them() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let total = metric.name.ends_with("_total");
            assert_eq!(total, metric.kind == Kind::Counter, "{}", metric.name);
            let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(plain(metric.name) && metric.labels.iter().all(|l| plain(l)));
            assert!(!metric.help.contains(['\\', '\n']), "would need an escape");
        }
    }
}
