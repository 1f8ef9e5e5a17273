//! Whether a try that failed is followed by another, and when.

use std::{num::NonZeroU16, time::Duration};

use ir::Retry;

use crate::{defaults, http::Failure, limits};

/// What a rule says about further tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy<'p> {
    attempts: u32,
    codes: &'p [NonZeroU16],
    backoff: Duration,
    /// The rule asks for them; otherwise only what no backend can have seen is sent again.
    asked: bool,
}

impl<'p> Policy<'p> {
    /// The policy of a rule.
    pub(crate) fn of(retry: Option<&'p Retry>) -> Self {
        match retry {
            Some(retry) => Self {
                attempts: retry.attempts.min(limits::RETRIES_MAX),
                codes: &retry.codes,
                backoff: retry.backoff.unwrap_or(defaults::BACKOFF),
                asked: true,
            },
            None => Self {
                attempts: defaults::RETRIES,
                codes: &[],
                backoff: defaults::BACKOFF,
                asked: false,
            },
        }
    }

    /// Whether bodies are to be kept for it.
    pub(crate) fn keeps_bodies(&self) -> bool {
        self.asked && self.attempts > 0
    }

    /// Whether there may be one more try after so many.
    pub(crate) fn allows(&self, retries: u32) -> bool {
        retries < self.attempts
    }

    /// Whether a response counts as a failure.
    pub(crate) fn refuses(&self, status: u16) -> bool {
        self.codes.iter().any(|code| code.get() == status)
    }

    /// Whether a failure is worth another try.
    pub(crate) fn forgives(&self, failure: Failure) -> bool {
        if self.asked { failure.retryable() } else { failure.before_processing() }
    }

    /// The wait before the next try: doubled each time, bounded, and drawn from the upper half, so
    /// that requests that failed together do not come again together.
    pub(crate) fn wait(&self, retries: u32) -> Duration {
        let whole = self.backoff.saturating_mul(1 << retries.min(16)).min(limits::BACKOFF_MAX);
        whole.max(self.backoff).mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Whether a request may be sent again although it may have been seen (RFC 9110 §9.2.2).
pub(crate) fn is_idempotent(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(attempts: u32, codes: &[u16]) -> Retry {
        let codes = codes.iter().filter_map(|code| NonZeroU16::new(*code)).collect();
        Retry { attempts, codes, backoff: None }
    }

    #[test]
    fn by_default_only_what_no_backend_saw_is_sent_again() {
        let default = Policy::of(None);
        let forgiven: Vec<_> =
            Failure::ALL.into_iter().filter(|failure| default.forgives(*failure)).collect();
        let unseen = [Failure::ConnectFailed, Failure::ConnectTimeout, Failure::UpstreamRefused];
        assert_eq!(forgiven, unseen);
        assert!(!default.refuses(503) && !default.keeps_bodies());
    }

    #[test]
    fn a_rule_names_codes_and_how_often() {
        let retry = policy(2, &[500, 503]);
        let asked = Policy::of(Some(&retry));
        assert!(asked.refuses(503) && !asked.refuses(502));
        assert!(asked.forgives(Failure::UpstreamReset) && !asked.forgives(Failure::ClientGone));
        assert!(asked.allows(1) && !asked.allows(2));
        let off = policy(0, &[500]);
        assert!(!Policy::of(Some(&off)).allows(0));
        let many = policy(u32::MAX, &[]);
        assert!(!Policy::of(Some(&many)).allows(limits::RETRIES_MAX));
    }

    #[test]
    fn waits_grow_and_are_bounded() {
        let default = Policy::of(None);
        for (retries, least, most) in [(0, 12, 26), (1, 25, 51), (10, 500, 1001), (99, 500, 1001)] {
            let wait = default.wait(retries).as_millis();
            assert!((least..most).contains(&wait), "{retries}: {wait}");
        }
        let slow = Retry { backoff: Some(Duration::from_secs(5)), ..policy(1, &[]) };
        assert!(Policy::of(Some(&slow)).wait(0) >= Duration::from_millis(2500));
    }
}
