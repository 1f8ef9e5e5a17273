//! A steady beat for requests at a fixed rate.
//!
//! They come in small heaps, a thousand times in a second: with one at a time, nearly all that is
//! measured is what it costs to wake a core that has gone to sleep, which is the same for all
//! proxies and, on a virtual machine, several times what a request costs.

use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::{Interest, unix::AsyncFd};

/// Says what is due.
pub(super) struct Pace {
    timer: AsyncFd<std::os::fd::OwnedFd>,
    began: Instant,
    ticks: u64,
    issued: u64,
    rate: f64,
}

impl Pace {
    pub(super) fn start(rate: f64) -> anyhow::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let tick = Timespec { tv_sec: 0, tv_nsec: TICK.as_nanos() as i64 };
        let spec = Itimerspec { it_interval: tick, it_value: tick };
        let began = Instant::now();
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec)?;
        #[expect(
            deprecated,
            reason = "an OwnedFd is open as long as it lives; that is all it asks"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Self { timer, began, ticks: 0, issued: 0, rate })
    }

    /// Waits for the next tick: how many requests are due, and since when. After a pause of ours
    /// all of them are due since the first tick that was missed.
    pub(super) async fn next(&mut self) -> anyhow::Result<(Instant, usize)> {
        let mut count = [0; 8];
        self.timer
            .async_io(Interest::READABLE, |timer| Ok(rustix::io::read(timer, &mut count)?))
            .await?;
        let due = self.began + TICK * u32::try_from(self.ticks + 1)?;
        self.ticks += u64::from_ne_bytes(count);
        let wanted = (self.ticks as f64 * TICK.as_secs_f64() * self.rate) as u64;
        let requests = wanted - self.issued;
        self.issued = wanted;
        Ok((due, usize::try_from(requests)?))
    }
}

const TICK: Duration = Duration::from_millis(1);
