//! The clock of everything that is written into the cluster.

use api::meta::Timestamp;

/// Now in whole seconds, as Kubernetes prints times.
pub(crate) fn seconds() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Now in microseconds, as events and leases print times.
pub(crate) fn micros() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_and_as_long_as_kubernetes_prints_them() {
        assert_eq!(seconds().len(), "2026-11-23T00:00:00Z".len());
        assert_eq!(micros().len(), "2026-11-23T00:00:00.000000Z".len());
        assert!(seconds().parse::<Timestamp>().is_ok() && micros().parse::<Timestamp>().is_ok());
    }
}
