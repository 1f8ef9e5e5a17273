//! The clock under a clock that jumps: peers that answer, peers that do not, and nobody at all.

use std::{future::poll_fn, rc::Rc};

use tokio::time::timeout;

use super::*;
use crate::h2::frame::{self, Frame};

const IDLE: Duration = Duration::from_secs(300);

/// A connection whose peer answers its PINGs, or does not, and its clock.
struct Stage {
    mux: Rc<Mux>,
    keepalive: Keepalive,
    polite: bool,
}

impl Stage {
    fn new(polite: bool) -> Self {
        let mux = Mux::server();
        let settings = Frame { len: 0, kind: frame::SETTINGS, flags: 0, stream: 0 };
        mux.receive(&settings.header()).unwrap();
        Self { mux, keepalive: Keepalive::new(Some(IDLE)), polite }
    }

    fn poll(&mut self, cx: &mut Context<'_>, busy: bool) -> Poll<Verdict> {
        let said = self.keepalive.poll(cx, busy, &self.mux);
        if self.polite && !self.mux.is_answered() {
            self.answer(cx);
            return self.keepalive.poll(cx, busy, &self.mux);
        }
        said
    }

    /// Sends back what was sent, as an answer.
    fn answer(&mut self, cx: &mut Context<'_>) {
        let mut sent = Vec::new();
        let written = self.mux.poll_write(cx, |_, bytes| {
            sent.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        });
        assert!(written.is_ready());
        let mut ping = sent[sent.len() - 17..].to_vec();
        assert_eq!(ping[3], frame::PING);
        ping[4] = frame::ACK;
        self.mux.receive(&ping).unwrap();
    }

    /// What the clock says within some time, if anything, and when.
    async fn verdict(&mut self, busy: bool, time: Duration) -> Option<(Verdict, Duration)> {
        let start = Instant::now();
        let said = timeout(time, poll_fn(|cx| self.poll(cx, busy))).await.ok()?;
        Some((said, start.elapsed()))
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_while_streams_are_open_is_dead() {
    let (verdict, after) = Stage::new(false).verdict(true, HOUR).await.unwrap();
    assert_eq!(verdict, Verdict::Dead);
    let expected = defaults::H2_PING_INTERVAL + defaults::H2_PING_TIME;
    assert!(after >= expected && after < expected + Duration::from_secs(1), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_may_be_busy_for_as_long_as_it_likes() {
    assert_eq!(Stage::new(true).verdict(true, HOUR).await, None);
}

#[tokio::test(start_paused = true)]
async fn without_streams_nobody_is_asked_and_the_connection_ends() {
    let (verdict, after) = Stage::new(false).verdict(false, HOUR).await.unwrap();
    assert_eq!(verdict, Verdict::Idle);
    assert!(after >= IDLE && after < IDLE + Duration::from_secs(1), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_parked_clock_wakes_up_for_a_stream() {
    let mut stage = Stage::new(false);
    // Idle for long enough to be parked, then busy: the PING does not wait for the idle time.
    assert_eq!(stage.verdict(false, defaults::H2_PING_INTERVAL * 2).await, None);
    let bound = defaults::H2_PING_INTERVAL + defaults::H2_PING_TIME + Duration::from_secs(1);
    let said = stage.verdict(true, bound).await.map(|(verdict, _)| verdict);
    assert_eq!(said, Some(Verdict::Dead));
}
