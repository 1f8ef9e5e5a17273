//! Whether the peer is still there: a PING while streams are open, and the end of connections that
//! are idle or whose peer is gone.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::{defaults, h2::mux::Mux};

/// The clock of one connection.
pub(super) struct Keepalive {
    timer: Pin<Box<Sleep>>,
    /// None: somebody else ends the connection when it is idle.
    idle_time: Option<Duration>,
    /// Since when there is no stream.
    idle_since: Option<Instant>,
    state: State,
}

/// What the timer is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next look.
    Watching,
    /// The answer to a PING.
    Waiting,
    /// The end of an idle connection: it is not looked at in between.
    Parked,
}

/// What a connection should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// End in order: it was idle for too long.
    Idle,
    /// End: the peer does not answer.
    Dead,
}

impl Keepalive {
    /// Starts the clock.
    pub(super) fn new(idle_time: Option<Duration>) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + look(idle_time)));
        Self { timer, idle_time, idle_since: None, state: State::Watching }
    }

    /// Looks at the clock. `busy` says whether streams are open.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, busy: bool, mux: &Mux) -> Poll<Verdict> {
        if busy {
            self.idle_since = None;
            if self.state == State::Parked {
                self.watch();
            }
        } else if self.idle_since.is_none() {
            self.idle_since = Some(Instant::now());
        }
        if self.state == State::Waiting && mux.is_answered() {
            self.watch();
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.state == State::Waiting {
                return Poll::Ready(Verdict::Dead);
            }
            match (self.idle_since, self.idle_time) {
                (Some(since), Some(time)) if since.elapsed() >= time => {
                    self.watch();
                    return Poll::Ready(Verdict::Idle);
                }
                (Some(since), Some(time)) => self.set(State::Parked, since + time),
                (Some(_), None) => self.watch(),
                (None, _) => {
                    mux.ping();
                    self.set(State::Waiting, Instant::now() + defaults::H2_PING_TIME);
                }
            }
        }
        Poll::Pending
    }

    fn watch(&mut self) {
        self.set(State::Watching, Instant::now() + look(self.idle_time));
    }

    fn set(&mut self, state: State, at: Instant) {
        self.state = state;
        self.timer.as_mut().reset(at);
    }
}

/// The time to the next look.
fn look(idle_time: Option<Duration>) -> Duration {
    idle_time.map_or(defaults::H2_PING_INTERVAL, |time| time.min(defaults::H2_PING_INTERVAL))
}

#[cfg(test)]
mod tests;
