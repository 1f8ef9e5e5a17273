//! What is remembered of one object between writes: what our last write made of it, until the watch
//! tells the same; when it may be written next; whether somebody else undoes what we write.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::Instant;
use translate::ObjectStatus;

use crate::provider::kubernetes::Live;

/// The memory of one object.
#[derive(Debug, Default)]
pub(crate) struct Track {
    uid: String,
    pub(crate) in_flight: bool,
    /// Whether foreign entries leave no room for all of ours.
    pub(crate) is_full: bool,
    /// Versions that are known to be past, though the watch may still show them.
    past: Vec<String>,
    /// What our last write left there; none when another write came first.
    ahead: Option<(String, Value)>,
    /// What our last write said.
    wrote: Option<Arc<ObjectStatus>>,
    /// What the server made of our last write where it is not what we wrote: fields that its
    /// release of the CRDs does not know.
    pub(crate) altered: Option<Value>,
    /// Not before this time, after a failure.
    pub(crate) rests_until: Option<Instant>,
    failures: u32,
    undone: Undone,
    counts: Counts,
    /// When the last wish came.
    wished: Option<Instant>,
}

/// How often somebody else undid what we had written.
#[derive(Debug, Default)]
struct Undone {
    times: u32,
    last: Option<Instant>,
}

/// The pace of writes that are about numbers of attached routes alone.
#[derive(Debug, Default)]
struct Counts {
    writes: u32,
    last: Option<Instant>,
}

impl Track {
    /// The version and status to start from; none while only the past is known.
    pub(crate) fn ground(&mut self, live: &Live) -> Option<(String, Value)> {
        if self.uid != live.uid {
            *self = Self { uid: live.uid.clone(), in_flight: self.in_flight, ..Self::default() };
        }
        if !self.past.contains(&live.resource_version) {
            self.past.clear();
            self.ahead = None;
            return Some((live.resource_version.clone(), live.status()));
        }
        self.ahead.clone()
    }

    /// Our write on `ground` went through and left `version` and `status` there.
    pub(crate) fn written(
        &mut self,
        ground: String,
        (version, status): (String, Value),
        wanted: Option<Arc<ObjectStatus>>,
    ) {
        if ground != version {
            self.past.push(ground);
            // The watch is never that far behind; and an old one only costs a write that conflicts.
            if self.past.len() > PAST_MAX {
                self.past.remove(0);
            }
            self.ahead = Some((version, status));
        }
        self.wrote = wanted;
        self.failures = 0;
        self.rests_until = None;
    }

    /// Another write came first: whatever we know is past.
    pub(crate) fn conflicted(&mut self, ground: String) {
        self.past.push(ground);
        self.ahead = None;
    }

    /// The past may be the present after all: the watch brought nothing else for long.
    pub(crate) fn forget_past(&mut self) {
        self.past.clear();
        self.ahead = None;
    }

    /// Whether only the past is known.
    pub(crate) fn is_behind(&self) -> bool {
        !self.past.is_empty() && self.ahead.is_none()
    }

    /// Counts a failure in a row; the time until the next try.
    pub(crate) fn failed(&mut self) -> Duration {
        let rest = REST_MIN.saturating_mul(1 << self.failures.min(10)).min(REST_MAX);
        self.failures += 1;
        rest
    }

    /// To be asked when there is a difference to `wanted`: whether we had written just that, so
    /// that somebody undid it. Then it is counted once.
    pub(crate) fn was_undone(&mut self, wanted: Option<&Arc<ObjectStatus>>, now: Instant) -> bool {
        let same = match (&self.wrote, wanted) {
            (Some(wrote), Some(wanted)) => Arc::ptr_eq(wrote, wanted),
            _ => false,
        };
        if same {
            self.wrote = None;
            if self.undone.last.is_some_and(|last| now - last > UNDONE_FORGOTTEN) {
                self.undone = Undone::default();
            }
            self.undone = Undone { times: self.undone.times + 1, last: Some(now) };
        }
        same
    }

    /// How long to let somebody else have their way: not at all for one slip, ever longer for a
    /// controller that takes our entries for its own.
    pub(crate) fn yields(&self) -> Duration {
        match self.undone.times {
            0 | 1 => Duration::ZERO,
            times => YIELD_MIN.saturating_mul(1 << (times - 2).min(10)).min(YIELD_MAX),
        }
    }

    /// Whether it is time to tell somebody.
    pub(crate) fn is_contested(&self) -> bool {
        self.undone.times >= UNDONE_TOLD
    }

    /// There is a new wish: what failed, was refused or was not kept is worth another try.
    pub(crate) fn wish(&mut self, now: Instant) {
        self.rests_until = None;
        self.altered = None;
        self.wished = Some(now);
    }

    /// When a write that is about counts alone may go: the later, the more of them there were, but
    /// soon after they have stopped to change.
    pub(crate) fn counts_due(&self, now: Instant) -> Instant {
        let Some(last) = self.counts.last.filter(|last| now - *last < COUNTS_QUIET) else {
            return now;
        };
        let exponent = self.counts.writes.saturating_sub(1).min(10);
        let paced = last + COUNTS_MIN.saturating_mul(1 << exponent).min(COUNTS_MAX);
        self.wished.map_or(paced, |wished| paced.min(wished + COUNTS_SETTLED))
    }

    /// Such a write goes.
    pub(crate) fn counts_go(&mut self, now: Instant) {
        if self.counts.last.is_none_or(|last| now - last >= COUNTS_QUIET) {
            self.counts = Counts::default();
        }
        self.counts = Counts { writes: self.counts.writes + 1, last: Some(now) };
    }
}

const PAST_MAX: usize = 16;
const REST_MIN: Duration = Duration::from_millis(200);
const REST_MAX: Duration = Duration::from_secs(10);
const YIELD_MIN: Duration = Duration::from_secs(1);
const YIELD_MAX: Duration = Duration::from_secs(300);
const UNDONE_FORGOTTEN: Duration = Duration::from_secs(900);
const UNDONE_TOLD: u32 = 3;
/// Counts that keep changing wait 0, 100, 200, 400 … ms: 500 routes that come within half a minute
/// cost ten writes.
const COUNTS_MIN: Duration = Duration::from_millis(100);
const COUNTS_MAX: Duration = Duration::from_secs(10);
/// So long after the last of them, what they came to is written.
const COUNTS_SETTLED: Duration = Duration::from_secs(2);
/// After so long without such a write the next one goes at once.
const COUNTS_QUIET: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_keep_changing_are_written_ever_more_rarely() {
        let mut track = Track::default();
        let start = Instant::now();
        let (mut now, mut writes) = (start, 0);
        while now - start < Duration::from_secs(32) {
            track.wish(now);
            let due = track.counts_due(now);
            if due <= now {
                track.counts_go(now);
                writes += 1;
            }
            now += Duration::from_millis(5);
        }
        assert_eq!(writes, 9);
        let soon = track.counts_due(now);
        assert!(soon <= now + COUNTS_SETTLED, "they have stopped to change");
        assert_eq!(track.counts_due(now + COUNTS_QUIET), now + COUNTS_QUIET, "at once again");
    }

    #[test]
    fn whoever_undoes_our_writes_is_given_way_to() {
        let mut track = Track::default();
        let wanted = Arc::new(ObjectStatus::Route(Default::default()));
        let now = Instant::now();
        let mut yields = Vec::new();
        for _ in 0..5 {
            track.written("1".into(), ("2".into(), Value::Null), Some(wanted.clone()));
            assert!(track.was_undone(Some(&wanted), now));
            assert!(!track.was_undone(Some(&wanted), now), "counted once");
            yields.push(track.yields().as_secs());
        }
        assert_eq!(yields, [0, 1, 2, 4, 8]);
        assert!(track.is_contested());
    }
}
