//! Which core is whose, and how busy each is. Pinning is inherited by what a thread starts.

use std::{fs, time::Duration};

use anyhow::{Context as _, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// One core for the proxy under test, one for the generator and the backend.
#[derive(Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) generator: usize,
    pub(crate) proxy: usize,
}

impl Cores {
    /// Takes the first and the last core that this process may use, and stays on the first.
    pub(crate) fn divide() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let generator = cores.next().context("this process may use no core")?;
        let proxy = cores.next_back();
        ensure!(proxy.is_some(), "a proxy under test needs a core of its own: two in all");
        let cores = Self { generator, proxy: proxy.unwrap_or_default() };
        pin(cores.generator)?;
        Ok(cores)
    }

    /// Runs `start` so that the processes which it starts live on the proxy's core.
    pub(crate) fn on_proxys<T>(&self, start: impl FnOnce() -> T) -> anyhow::Result<T> {
        pin(self.proxy)?;
        let started = start();
        pin(self.generator)?;
        Ok(started)
    }
}

fn pin(core: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("cannot pin to core {core}"))
}

/// What anybody used of a core since the machine started.
pub(crate) fn busy(core: usize) -> anyhow::Result<Duration> {
    let text = fs::read_to_string("/proc/stat")?;
    let name = format!("cpu{core}");
    let line = text.lines().find(|line| line.split(' ').next() == Some(&name));
    let line = line.with_context(|| format!("/proc/stat has no {name}"))?;
    let fields: Vec<u64> = line.split(' ').skip(1).filter_map(|field| field.parse().ok()).collect();
    ensure!(fields.len() >= 8, "/proc/stat is not as expected: {line}");
    // user, nice, system, idle, iowait, irq, softirq, steal
    let ticks = fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7];
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}
