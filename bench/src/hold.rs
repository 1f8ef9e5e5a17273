//! One proxy under load, and nothing measured but its CPU: for those who come with a profiler.

use std::time::Duration;

use anyhow::Context as _;

use crate::{
    args::Args,
    load::{Load, Mode},
    look::{Edge, generator_busy, per_second},
    peer::Peer,
    site::Site,
};

/// Holds it for the seconds that were asked for, with the first protocol that was.
pub(crate) async fn run(args: &Args, site: &Site, peer: Peer) -> anyhow::Result<()> {
    let protocols = args.protocols();
    let protocol = *protocols.first().context("`--hold` needs a protocol, as in `--only h1`")?;
    let running = peer.start(site).await?;
    let load = Load::connect(protocol, &running.ports).await?;
    println!("{peer} is process {}, on core {}", running.process.id(), site.cores.proxy);
    let mode = args.rate.map_or(Mode::Saturate, |rate| Mode::Rate(f64::from(rate)));
    let times = [Duration::from_secs(1), Duration::from_secs(args.seconds.into())];
    let window = load.run(mode, times, || Edge::look(site, &running)).await?;
    let (used, user) = window.used();
    println!(
        "{protocol}: {:.0} requests/s, {:.2} µs of CPU for each, {:.0} % of it user; the \
         generator used {:.0} % of its core",
        per_second(&window),
        used.as_secs_f64() * 1e6 / window.answered as f64,
        100.0 * user,
        100.0 * generator_busy(&window),
    );
    Ok(())
}
