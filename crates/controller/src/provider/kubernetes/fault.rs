//! Why the API server did not give what it was asked for, and how long to wait then.

use std::{error::Error, fmt::Display, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use super::Pace;

/// A request that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The state that was asked for is no longer, or not yet, known: only a new list helps.
    #[error("the state that was last seen is not known any more")]
    Expired,
    /// RBAC, or an unknown identity.
    #[error("{0}")]
    Refused(String),
    /// There is no such object, or no such kind.
    #[error("there is none")]
    Absent,
    /// The server has too much to do.
    #[error("{said}")]
    Busy { said: String, wait: Option<Duration> },
    /// It answered by an error of its own.
    #[error("{0}")]
    Failed(String),
    /// No connection, or one that broke.
    #[error("{0}")]
    Unreachable(String),
    /// It was connected and said nothing.
    #[error("it does not answer")]
    Silent,
    /// The answer makes no sense.
    #[error("its answer cannot be read: {0}")]
    Malformed(String),
}

impl Fault {
    pub(super) fn malformed(error: &dyn Display) -> Self {
        Self::Malformed(error.to_string())
    }

    /// The innermost cause says it best: the outer ones only name layers.
    pub(super) fn unreachable(error: &(dyn Error + 'static)) -> Self {
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self::Unreachable(innermost.to_string())
    }

    /// Reads a `Status` object, or what came in its place.
    pub(super) fn of_status(
        code: Option<StatusCode>,
        body: &Bytes,
        wait: Option<Duration>,
    ) -> Self {
        let status: Status = serde_json::from_slice(body).unwrap_or_default();
        let code = code.map_or(status.code, |code| code.as_u16());
        let said = match status.message.is_empty() {
            true => format!("it answers {code}"),
            false => status.message,
        };
        match code {
            401 | 403 => Self::Refused(said),
            404 => Self::Absent,
            410 => Self::Expired,
            // A server that was set back, or one of several that is behind.
            504 if said.contains("resource version") => Self::Expired,
            429 | 503 => Self::Busy { said, wait },
            _ => Self::Failed(said),
        }
    }
}

/// How long to wait after failures in a row.
#[derive(Debug)]
pub(crate) struct Backoff {
    pace: Pace,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, failures: 0 }
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure; how long to wait now. Half of it is left to chance, so that all clients of
    /// a server that comes back do not come at once.
    pub(crate) fn next(&mut self, fault: &Fault) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let (first, last) = self.pace.retry;
        let doubled = first.saturating_mul(1 << (self.failures - 1).min(16)).min(last);
        let some_of = |wait: Duration| wait.mul_f64(0.5 + fastrand::f64() / 2.0);
        match fault {
            Fault::Refused(_) if self.failures >= REFUSALS => some_of(self.pace.refused),
            Fault::Busy { wait: Some(wait), .. } => (*wait).min(WAIT_MAX) + some_of(doubled),
            _ => some_of(doubled),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
    message: String,
}

/// Refusals in a row until they are believed: rights take a moment to spread after an installation,
/// and a server that starts refuses everybody until it has read its roles.
pub(super) const REFUSALS: u32 = 6;
/// The longest wait that a server may ask for.
const WAIT_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_kubernetes_means_by_them() {
        let status = |code: u16, message: &str| {
            let body = format!(r#"{{"kind": "Status", "code": {code}, "message": "{message}"}}"#);
            Fault::of_status(None, &body.into(), None)
        };
        assert_eq!(status(410, "too old"), Fault::Expired);
        assert_eq!(status(504, "Too large resource version: 9, current: 3"), Fault::Expired);
        assert_eq!(status(504, "etcd is slow"), Fault::Failed("etcd is slow".to_owned()));
        assert_eq!(status(403, "no"), Fault::Refused("no".to_owned()));
        let plain = Fault::of_status(Some(StatusCode::BAD_GATEWAY), &"<html>".into(), None);
        assert_eq!(plain, Fault::Failed("it answers 502".to_owned()));
    }

    #[test]
    fn waits_grow_up_to_a_bound_and_servers_may_ask_for_more() {
        let pace = Pace::default();
        let mut backoff = Backoff::new(pace);
        let waits: Vec<_> = (0..20).map(|_| backoff.next(&Fault::Silent)).collect();
        assert!(waits[0] <= pace.retry.0 && waits[19] >= pace.retry.1 / 2, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= pace.retry.1), "{waits:?}");
        let busy = Fault::Busy { said: String::new(), wait: Some(Duration::from_secs(40)) };
        assert!(backoff.next(&busy) >= Duration::from_secs(40));
        let endless = Fault::Busy { said: String::new(), wait: Some(Duration::MAX) };
        assert!(backoff.next(&endless) <= WAIT_MAX + pace.retry.1);
        backoff.reset();
        let refused = Fault::Refused(String::new());
        assert!(backoff.next(&refused) < pace.retry.1, "rights may be on their way");
        assert!((0..5).map(|_| backoff.next(&refused)).any(|wait| wait >= pace.refused / 2));
    }
}
