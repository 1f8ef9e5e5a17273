//! What is looked at when a window begins and ends, and what follows from it.

use std::time::Duration;

use crate::{
    cores,
    load::Window,
    peer::Running,
    process::{Usage, own_usage},
    site::Site,
};

/// Usage up to a moment.
pub(crate) struct Edge {
    proxy: Usage,
    generator: Usage,
    /// Of the proxies' core, used by anybody.
    core: Duration,
}

impl Edge {
    pub(crate) fn look(site: &Site, peer: &Running) -> anyhow::Result<Self> {
        Ok(Self {
            proxy: peer.process.usage()?,
            generator: own_usage()?,
            core: cores::busy(site.cores.proxy)?,
        })
    }
}

impl Window<Edge> {
    /// What the proxy used, and the share of it that was spent in user mode.
    pub(crate) fn used(&self) -> (Duration, f64) {
        let [first, last] = &self.edges;
        last.proxy.since(&first.proxy)
    }
}

/// Requests, or whatever was counted.
pub(crate) fn per_second(window: &Window<Edge>) -> f64 {
    window.answered as f64 / window.lasted.as_secs_f64()
}

/// The share of its core that the generator used.
pub(crate) fn generator_busy(window: &Window<Edge>) -> f64 {
    let [first, last] = &window.edges;
    let (used, _) = last.generator.since(&first.generator);
    used.as_secs_f64() / window.lasted.as_secs_f64()
}

/// What others used of the proxy's core, in per cent.
pub(crate) fn foreign(window: &Window<Edge>) -> f64 {
    let [first, last] = &window.edges;
    let (used, _) = window.used();
    let others = last.core.saturating_sub(first.core).saturating_sub(used);
    100.0 * others.as_secs_f64() / window.lasted.as_secs_f64()
}
