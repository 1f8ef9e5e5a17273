//! Requests with small bodies: CPU for each and its latency at one fixed rate, and how many there
//! are when a proxy has all of its core. The proxies take turns in every round.

use std::time::Duration;

use anyhow::Context as _;

use crate::{
    args::Args,
    figures::quantile,
    load::{Load, Mode, Protocol, Window},
    look::{Edge, foreign, generator_busy, per_second},
    peer::Running,
    series::{Samples, Series, What},
    site::Site,
};

/// How one protocol was measured.
pub(crate) struct Conditions {
    pub(crate) protocol: Protocol,
    /// Requests per second of the fixed rate.
    pub(crate) rate: f64,
    /// Of what the generator could do, by the proxy with which it has the most to do.
    pub(crate) of_generator: f64,
    /// What others used of the proxies' core, in per cent, in the worst window.
    pub(crate) foreign: f64,
}

/// Measures one protocol.
pub(crate) async fn measure(
    args: &Args,
    site: &Site,
    peers: &[Running],
    protocol: Protocol,
) -> anyhow::Result<(Conditions, Vec<Series>)> {
    let times = args.times();
    let (rate, of_generator) = calibrate(site, peers, protocol, times.calibrate).await?;
    let mut samples = All::new(protocol);
    for round in 1..=args.rounds {
        for peer in peers {
            let who = || format!("{} over {protocol}, round {round}", peer.peer);
            let look = || Edge::look(site, peer);
            let load = Load::connect(protocol, &peer.ports).await.with_context(who)?;
            let window = load.run(Mode::Rate(rate), [times.warm, times.rate], look).await;
            samples.at_rate(peer, window.with_context(who)?);
            let window = load.run(Mode::Saturate, [times.warm / 4, times.saturation], look).await;
            samples.at_saturation(peer, &window.with_context(who)?);
        }
    }
    let conditions = Conditions { protocol, rate, of_generator, foreign: samples.foreign };
    Ok((conditions, samples.each.iter().map(Samples::series).collect()))
}

/// The rate that all can hold: at most 60 % of what the generator could do, and 70 % of what the
/// slowest of the proxies can.
async fn calibrate(
    site: &Site,
    peers: &[Running],
    protocol: Protocol,
    time: Duration,
) -> anyhow::Result<(f64, f64)> {
    let (mut generator, mut slowest) = (f64::MAX, f64::MAX);
    for peer in peers {
        let load = Load::connect(protocol, &peer.ports).await?;
        let look = || Edge::look(site, peer);
        let window = load.run(Mode::Saturate, [time / 4, time], look).await;
        let window = window.with_context(|| format!("{} over {protocol}", peer.peer))?;
        let rate = per_second(&window);
        generator = generator.min(rate / generator_busy(&window));
        slowest = slowest.min(rate);
    }
    let rate = f64::min(0.6 * generator, 0.7 * slowest);
    let rate = (rate / 100.0).floor() * 100.0;
    Ok((rate, rate / generator))
}

/// The samples of every series of one protocol.
struct All {
    each: [Samples; 6],
    foreign: f64,
}

impl All {
    fn new(protocol: Protocol) -> Self {
        let whats =
            [What::Cpu, What::User, What::CpuSaturated, What::Saturation, What::P50, What::P99];
        Self { each: whats.map(|what| Samples::new(what(protocol))), foreign: 0.0 }
    }

    fn at_rate(&mut self, peer: &Running, mut window: Window<Edge>) {
        let [cpu, user, _, _, p50, p99] = &mut self.each;
        let peer = peer.peer;
        let (used, share) = window.used();
        let micros = used.as_secs_f64() * 1e6 / window.answered as f64;
        cpu.add(peer, micros);
        user.add(peer, micros * share);
        self.foreign = self.foreign.max(foreign(&window));
        window.latencies.sort_unstable();
        for (share, to) in [(0.5, p50), (0.99, p99)] {
            if let Some(time) = quantile(&window.latencies, share) {
                to.add(peer, time.as_secs_f64() * 1e6);
            }
        }
    }

    fn at_saturation(&mut self, peer: &Running, window: &Window<Edge>) {
        let [_, _, cpu, saturation, _, _] = &mut self.each;
        let (used, _) = window.used();
        cpu.add(peer.peer, used.as_secs_f64() * 1e6 / window.answered as f64);
        if generator_busy(window) < GENERATOR_BUSY_MAX {
            saturation.add(peer.peer, per_second(window));
        }
    }
}

/// Busier than that, and it is the generator that is measured.
const GENERATOR_BUSY_MAX: f64 = 0.9;
