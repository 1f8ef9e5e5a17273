//! What a Gateway's infrastructure is without an EnvoyProxy that says otherwise.

use std::time::Duration;

use serde_json::{Value, json};

/// What a proxy asks of its node; the figures are in `docs/operations.md`.
pub(super) fn proxy_resources() -> Value {
    json!({ "requests": { "cpu": "10m", "memory": "32Mi" } })
}

/// Less than the controller says, since there are many of them.
pub(super) const PROXY_LOG_LEVEL: &str = "info";

/// How long a proxy takes to end at most.
pub(super) const DRAIN: Duration = Duration::from_secs(60);

/// How long of that it takes new connections: load balancers must have seen that it goes.
pub(super) const DRAIN_MIN: Duration = Duration::from_secs(10);

/// The most that a state may take; a thousand routes are some hundred kilobytes.
pub(super) const STATE_SIZE_MAX: &str = "64Mi";
