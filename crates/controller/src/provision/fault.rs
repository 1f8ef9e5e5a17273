//! Why a Gateway's infrastructure is not as it should be, and how long to wait before the next try.

use std::{fmt, time::Duration};

use kube::core::Status;
use tokio::time::Instant;

use super::render::RenderError;

/// Something that somebody must mend, or that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    text: String,
    kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
    /// It stays until somebody mends it.
    Lasting,
    /// The API server is away, or slow.
    Passing,
    /// Somebody else wrote first: the next look decides.
    Race,
    /// The namespace goes, and everything in it.
    Ending,
}

impl Fault {
    /// What stays until somebody mends it.
    pub(super) fn lasting(text: String) -> Self {
        Self { text, kind: FaultKind::Lasting }
    }

    /// What the API server answered to a request about `object`.
    pub(super) fn of_request(object: &str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_answer(object, status),
            other => Self { text: format!("{object}: {other}"), kind: FaultKind::Passing },
        }
    }

    fn of_answer(object: &str, status: &Status) -> Self {
        let causes = status.details.iter().flat_map(|details| &details.causes);
        let ending = causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating");
        let (kind, remedy) = match status.code {
            403 if ending => (FaultKind::Ending, ""),
            403 if status.message.contains("exceeded quota") => {
                (FaultKind::Lasting, "; raise the quota of the namespace")
            }
            403 => {
                (FaultKind::Lasting, "; the controller's ClusterRole, or an admission, forbids it")
            }
            // The namespace is gone, or was never there.
            404 => (FaultKind::Ending, ""),
            409 => (FaultKind::Race, ""),
            400 | 405 | 413 | 415 | 422 => {
                (FaultKind::Lasting, "; mend the EnvoyProxy or the Gateway")
            }
            _ => (FaultKind::Passing, ""),
        };
        Self { text: format!("{object}: {}{remedy}", status.message), kind }
    }
}

impl From<RenderError> for Fault {
    fn from(error: RenderError) -> Self {
        Self::lasting(error.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How often a Gateway was tried in vain, and when it is tried again.
#[derive(Debug, Default)]
pub(super) struct Patience {
    pub(super) tries: u32,
    /// Nothing is tried before; none when the time has come.
    pub(super) until: Option<Instant>,
}

impl Patience {
    /// Waits longer each time, and never as long as another does.
    pub(super) fn wait(&mut self, fault: &Fault) {
        let first = match fault.kind {
            FaultKind::Race => RACE,
            _ => FIRST,
        };
        let doubled = first.saturating_mul(1 << self.tries.min(16)).min(LAST);
        self.tries = self.tries.saturating_add(1);
        self.until = Some(Instant::now() + doubled.mul_f64(0.5 + fastrand::f64() / 2.0));
    }

    /// Lets go for a while of a Gateway that somebody else changes again and again.
    pub(super) fn pause(&mut self) {
        self.until = Some(Instant::now() + PAUSE);
    }

    /// Whether the time has come; it does once.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }

    /// What to tell of it: at once what stays, later what was to pass and did not.
    pub(super) fn tell(&self, fault: &Fault) -> Option<String> {
        let told = match fault.kind {
            FaultKind::Lasting => true,
            FaultKind::Passing | FaultKind::Race => self.tries >= TRIES_UNTOLD,
            FaultKind::Ending => false,
        };
        told.then(|| fault.text.clone())
    }
}

const FIRST: Duration = Duration::from_millis(500);
const RACE: Duration = Duration::from_millis(50);
const LAST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(10);
const TRIES_UNTOLD: u32 = 4;

#[cfg(test)]
mod tests {
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    fn answer(code: u16, message: &str, cause: &str) -> Fault {
        let mut status = Status::failure(message, "");
        status.code = code;
        let cause =
            StatusCause { reason: cause.into(), message: String::new(), field: String::new() };
        status.details = Some(StatusDetails { causes: vec![cause], ..no_details() });
        Fault::of_request("Service ns/a", &kube::Error::Api(status.boxed()))
    }

    fn no_details() -> StatusDetails {
        serde_json::from_str("{}").unwrap()
    }

    #[test]
    fn what_stays_is_told_at_once_and_what_passes_when_it_did_not() {
        let cases = [
            (answer(422, "spec.ports: Required value", ""), 1),
            (answer(403, "exceeded quota: pods", ""), 1),
            (answer(500, "etcd is away", ""), TRIES_UNTOLD),
            (answer(409, "the object has been modified", ""), TRIES_UNTOLD),
            (answer(403, "it is being terminated", "NamespaceTerminating"), u32::MAX),
            (answer(404, "namespaces \"ns\" not found", ""), u32::MAX),
        ];
        for (fault, first) in cases {
            let mut patience = Patience::default();
            for tries in 1..=TRIES_UNTOLD + 1 {
                patience.wait(&fault);
                assert_eq!(patience.tell(&fault).is_some(), tries >= first, "{fault}, {tries}");
            }
        }
    }

    #[test]
    fn waiting_has_an_end() {
        let mut patience = Patience::default();
        let fault = answer(500, "away", "");
        for _ in 0..100 {
            patience.wait(&fault);
        }
        assert!(patience.until.unwrap() <= Instant::now() + LAST);
    }
}
