//! Waiting: for a condition, never for a time.

use std::time::{Duration, Instant};

use super::answer::Broken;

/// Looks again and again until `look` finds something.
///
/// # Panics
/// It does not within [`PATIENCE`].
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        // tidy: allow sleep: the pause between two looks at a condition with a deadline
        tokio::time::sleep(PAUSE).await;
    }
}

/// The outcome of an exchange, or that it took too long.
pub(crate) async fn within<T>(
    exchange: impl Future<Output = Result<T, Broken>>,
) -> Result<T, Broken> {
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Broken::TooLate),
    }
}

/// Far more than anything takes on a machine that is not stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);
