//! How a peer behaves on one connection. What each frame costs in memory is bounded elsewhere, but
//! a client that sends PINGs, SETTINGS, WINDOW_UPDATEs and the like instead of requests, or opens
//! streams only to reset them, costs a core that others pay for (CVE-2019-9512, -9513, -9515,
//! -9517, -9518, CVE-2023-44487, CVE-2025-8671). And nobody may be read from without an end as long
//! as others wait.

use tokio::time::Instant;

use crate::{
    h2::frame::{CONTINUATION, DATA, Frame, HEADERS, RST_STREAM},
    limits,
};

/// What is counted of one connection.
pub(super) struct Tally {
    /// Frames for nothing, since when.
    idle: u32,
    since: Instant,
    opened: u32,
    abandoned: u32,
    local_resets: usize,
    /// What may still be read before others have their turn.
    turn_bytes: usize,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let (idle, opened, abandoned, local_resets) = (0, 0, 0, 0);
        let turn_bytes = limits::H2_TURN_BYTES;
        Self { idle, since: Instant::now(), opened, abandoned, local_resets, turn_bytes }
    }

    /// The connection may read again.
    pub(super) fn begin_turn(&mut self) {
        self.turn_bytes = limits::H2_TURN_BYTES;
    }

    /// Whether it may read on.
    pub(super) fn has_turn(&self) -> bool {
        self.turn_bytes > 0
    }

    /// So many bytes came.
    pub(super) fn read(&mut self, bytes: usize) {
        self.turn_bytes = self.turn_bytes.saturating_sub(bytes);
    }

    /// A frame came.
    pub(super) fn came(&mut self, frame: Frame) {
        // Small frames cost more than their bytes.
        self.turn_bytes = self.turn_bytes.saturating_sub(limits::H2_FRAME_COST_BYTES);
        // CONTINUATION and RST_STREAM are bounded by other means.
        let idle = match frame.kind {
            DATA => frame.len == 0,
            HEADERS | RST_STREAM | CONTINUATION => false,
            _ => true,
        };
        if idle {
            self.idle = self.idle.saturating_add(1);
        }
    }

    /// A frame of an answer goes out: who gets something has reason to say how much more, and to
    /// measure the way.
    pub(super) fn answered(&mut self) {
        self.idle = self.idle.saturating_sub(limits::H2_IDLE_FRAMES_PER_ANSWER);
    }

    /// The peer opened a stream.
    pub(super) fn opened(&mut self) {
        self.opened = self.opened.saturating_add(1);
    }

    /// A request was taken back before its response began, or was refused for what it is.
    pub(super) fn abandoned(&mut self) {
        self.abandoned = self.abandoned.saturating_add(1);
    }

    /// We had to reset a stream for a mistake of the peer's.
    pub(super) fn reset(&mut self) {
        self.local_resets += 1;
    }

    /// Whether it costs us far more than it.
    pub(super) fn is_flood(&mut self) -> bool {
        let abandoned = self.abandoned > limits::H2_ABANDONED_MAX;
        abandoned && self.abandoned > self.opened / 2
            || self.local_resets > limits::H2_LOCAL_RESETS_MAX
            || self.idle > limits::H2_IDLE_FRAMES_MAX && self.is_quick()
    }

    /// Whether so many frames came in less time than any peer needs for them.
    fn is_quick(&mut self) -> bool {
        let now = Instant::now();
        let quick = now.duration_since(self.since) < limits::H2_IDLE_FRAMES_TIME;
        if !quick {
            self.idle = 0;
            self.since = now;
        }
        quick
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h2::frame::PING;

    const IDLE: Frame = Frame { len: 8, kind: PING, flags: 0, stream: 0 };

    fn many(tally: &mut Tally) {
        (0..limits::H2_IDLE_FRAMES_MAX).for_each(|_| tally.came(IDLE));
    }

    #[tokio::test(start_paused = true)]
    async fn only_many_frames_for_nothing_in_a_short_time_are_a_flood() {
        let mut tally = Tally::new();
        many(&mut tally);
        assert!(!tally.is_flood());
        tally.came(IDLE);
        assert!(tally.is_flood());

        let mut slow = Tally::new();
        many(&mut slow);
        tokio::time::advance(limits::H2_IDLE_FRAMES_TIME).await;
        slow.came(IDLE);
        assert!(!slow.is_flood());

        let mut served = Tally::new();
        for _ in 0..limits::H2_IDLE_FRAMES_MAX {
            (0..limits::H2_IDLE_FRAMES_PER_ANSWER).for_each(|_| served.came(IDLE));
            served.answered();
        }
        served.came(IDLE);
        assert!(!served.is_flood());
    }

    #[test]
    fn only_many_resets_and_most_of_all_streams_are_abuse() {
        let most = limits::H2_ABANDONED_MAX;
        for (opened, abandoned, abusive) in [
            (most, most, false),
            (most + 1, most + 1, true),
            (2 * most + 2, most + 1, false),
            (2 * most + 1, most + 1, true),
            (u32::MAX, most + 1, false),
        ] {
            let mut tally = Tally { opened, abandoned, ..Tally::new() };
            assert_eq!(tally.is_flood(), abusive, "{abandoned} of {opened}");
        }
    }
}
