//! Deadlines without a timer for each request.
//!
//! A connection has one timer, set to the earliest moment that anyone asked for. When it fires too
//! early, because the request that wanted it is long over, it is set anew; so a busy keep-alive
//! connection touches the runtime's timer wheel once per time-out, not once per request.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// One task's timer.
#[derive(Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Ready once `deadline` has passed. To be polled last, when all else is pending.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

/// Tells a stream that stands still from one that moves, without asking for the time whenever it
/// moves: so it is noticed after one to two times the limit.
#[derive(Debug)]
pub(crate) struct Stillness {
    limit: Duration,
    deadline: Option<Instant>,
    moved: u64,
}

impl Stillness {
    /// Begins to watch when it is first polled.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, deadline: None, moved: 0 }
    }

    /// Begins anew: nobody is waited for now.
    pub(crate) fn restart(&mut self) {
        self.deadline = None;
    }

    /// Ready once nothing has moved for so long. `moved` is a number that changes when it does.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, timer: &mut Timer, moved: u64) -> Poll<()> {
        loop {
            let deadline = match self.deadline {
                Some(deadline) => deadline,
                None => *self.deadline.insert(Instant::now() + self.limit),
            };
            ready!(timer.poll(cx, deadline));
            if self.moved == moved {
                return Poll::Ready(());
            }
            self.moved = moved;
            self.deadline = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn waited(timer: &mut Timer, millis: u64) -> u128 {
        let start = Instant::now();
        let deadline = start + Duration::from_millis(millis);
        poll_fn(|cx| timer.poll(cx, deadline)).await;
        start.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_serves_deadlines_in_any_order() {
        let mut timer = Timer::default();
        let late = Instant::now() + Duration::from_secs(60);
        poll_fn(|cx| {
            assert!(timer.poll(cx, late).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(waited(&mut timer, 50).await, 50);
        assert_eq!(waited(&mut timer, 500).await, 500);
        assert_eq!(waited(&mut timer, 20).await, 20);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_stream_that_stands_still_is_noticed() {
        let mut timer = Timer::default();
        let mut still = Stillness::new(Duration::from_secs(1));
        let start = Instant::now();
        let mut moved = 0;
        poll_fn(|cx| {
            if start.elapsed() < Duration::from_secs(5) {
                moved += 1;
            }
            still.poll(cx, &mut timer, moved)
        })
        .await;
        let seconds = start.elapsed().as_secs();
        assert!((5..=6).contains(&seconds), "{seconds}");
    }
}
