//! Requests with small bodies: CPU for each and its latency at one fixed rate, and how many there
//! are when a proxy has all of its core. The proxies take turns in every round.

use std::{fmt, time::Duration};

use anyhow::Context as _;

use crate::{
    args::Args,
    cores,
    figures::{Figure, quantile},
    load::{Load, Mode, Protocol, Window},
    peer::{Peer, Running},
    process::{Usage, own_usage},
    site::Site,
};

/// The figures of one protocol.
pub(crate) struct Traffic {
    pub(crate) protocol: Protocol,
    /// Requests per second of the fixed rate.
    pub(crate) rate: f64,
    /// Of what the generator could do, by the proxy with which it has the most to do.
    pub(crate) of_generator: f64,
    pub(crate) rows: Vec<Row>,
}

/// What one proxy showed.
pub(crate) struct Row {
    pub(crate) peer: Peer,
    /// Microseconds for one request.
    pub(crate) cpu: Figure,
    /// The part of that which was spent in user mode.
    pub(crate) user: Figure,
    /// Microseconds.
    pub(crate) p50: Figure,
    pub(crate) p99: Figure,
    /// Requests per second, where the generator was not what held it up.
    pub(crate) saturation: Option<Figure>,
    /// What others used of the proxy's core, in per cent, in the worst round.
    pub(crate) foreign: f64,
}

/// Measures every protocol that was asked for.
pub(crate) async fn measure(args: &Args, site: &Site) -> anyhow::Result<Vec<Traffic>> {
    let mut all = Vec::new();
    let protocols = args.protocols();
    if protocols.is_empty() {
        return Ok(all);
    }
    let mut peers = Vec::new();
    for peer in args.peers() {
        peers.push(peer.start(site).await?);
    }
    for protocol in protocols {
        all.push(of_protocol(args, site, &peers, protocol).await?);
    }
    Ok(all)
}

async fn of_protocol(
    args: &Args,
    site: &Site,
    peers: &[Running],
    protocol: Protocol,
) -> anyhow::Result<Traffic> {
    let times = args.times();
    let (rate, of_generator) = calibrate(site, peers, protocol, times.calibrate).await?;
    let mut samples: Vec<Samples> = peers.iter().map(|_| Samples::default()).collect();
    for round in 1..=args.rounds {
        for (peer, samples) in peers.iter().zip(&mut samples) {
            let who = || format!("{} over {protocol}, round {round}", peer.peer);
            let look = || Edge::look(site, peer);
            let load = Load::connect(protocol, &peer.ports).await.with_context(who)?;
            let window = load.run(Mode::Rate(rate), [times.warm, times.rate], look).await;
            samples.at_rate(window.with_context(who)?);
            let window = load.run(Mode::Saturate, [times.warm, times.saturation], look).await;
            samples.at_saturation(&window.with_context(who)?);
        }
    }
    let rows = peers.iter().zip(samples).map(|(peer, samples)| samples.row(peer.peer));
    let rows = rows.collect::<Option<Vec<Row>>>().context("a window without a request")?;
    Ok(Traffic { protocol, rate, of_generator, rows })
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

/// What is looked at when a window begins and ends.
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

    /// What the proxy used since `earlier`, and its share of user mode.
    pub(crate) fn proxy_since(&self, earlier: &Self) -> (Duration, f64) {
        self.proxy.since(&earlier.proxy)
    }
}

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
fn foreign(window: &Window<Edge>) -> f64 {
    let [first, last] = &window.edges;
    let (used, _) = last.proxy_since(first);
    let others = last.core.saturating_sub(first.core).saturating_sub(used);
    100.0 * others.as_secs_f64() / window.lasted.as_secs_f64()
}

#[derive(Default)]
struct Samples {
    cpu: Vec<f64>,
    user: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    saturation: Vec<f64>,
    foreign: f64,
}

impl Samples {
    fn at_rate(&mut self, mut window: Window<Edge>) {
        let [first, last] = &window.edges;
        let (used, share) = last.proxy_since(first);
        let cpu = used.as_secs_f64() * 1e6 / window.answered as f64;
        self.cpu.push(cpu);
        self.user.push(cpu * share);
        self.foreign = self.foreign.max(foreign(&window));
        window.latencies.sort_unstable();
        for (share, to) in [(0.5, &mut self.p50), (0.99, &mut self.p99)] {
            to.extend(quantile(&window.latencies, share).map(|time| time.as_secs_f64() * 1e6));
        }
    }

    fn at_saturation(&mut self, window: &Window<Edge>) {
        if generator_busy(window) < GENERATOR_BUSY_MAX {
            self.saturation.push(per_second(window));
        }
    }

    fn row(self, peer: Peer) -> Option<Row> {
        Some(Row {
            peer,
            cpu: Figure::of(&self.cpu)?,
            user: Figure::of(&self.user)?,
            p50: Figure::of(&self.p50)?,
            p99: Figure::of(&self.p99)?,
            saturation: Figure::of(&self.saturation),
            foreign: self.foreign,
        })
    }
}

/// Busier than that, and it is the generator that is measured.
const GENERATOR_BUSY_MAX: f64 = 0.9;

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rate, share) = (self.rate, 100.0 * self.of_generator);
        writeln!(f, "{} at {rate:.0} requests/s ({share:.0} % of the generator)", self.protocol)?;
        for row in &self.rows {
            let Row { peer, cpu, user, p50, p99, .. } = row;
            write!(f, "  {peer:<11} {:6.2} µs ±{:.0} % ", cpu.median, cpu.spread())?;
            write!(
                f,
                "(user {:.2})  p50 {:.0}  p99 {:.0} µs  ",
                user.median, p50.median, p99.median
            )?;
            match row.saturation {
                Some(most) => write!(f, "{:.0}/s at most", most.median)?,
                None => write!(f, "more than the generator at most")?,
            }
            writeln!(f, "  others {:.0} %", row.foreign)?;
        }
        Ok(())
    }
}
