//! What a proxy holds: fresh from its start, and for each connection that only stays open.
//!
//! The kernel's share of a connection is the same for all and left out. Connections have carried
//! one request, as those of clients have that keep them. Each proxy is started anew.

use std::time::Duration;

use anyhow::Context as _;
use rustls::client::Resumption;
use tokio::time::sleep;

use crate::{
    args::Args,
    load::h1::{REQUEST, exchange},
    peer::Running,
    series::{Samples, Series, What},
    site::Site,
    tls, wire,
};

/// Once for each proxy: it hardly changes from one time to the next.
pub(crate) async fn measure(args: &Args, site: &Site) -> anyhow::Result<Vec<Series>> {
    let mut rest = Samples::new(What::Rest);
    let mut connection = Samples::new(What::Connection);
    for peer in args.peers() {
        let running = peer.start(site).await?;
        let [at_rest, each] = of(&running).await.with_context(|| format!("{peer}, memory"))?;
        rest.add(peer, at_rest / f64::from(1 << 20));
        connection.add(peer, each / f64::from(1 << 10));
    }
    Ok(vec![rest.series(), connection.series()])
}

async fn of(running: &Running) -> anyhow::Result<[f64; 2]> {
    let config = tls::config("http/1.1", Resumption::disabled())?;
    sleep(SETTLE_TIME).await;
    let rest = running.process.memory()?;
    let mut idle = Vec::new();
    let mut held = Vec::new();
    for count in [FEW, MANY] {
        while idle.len() < count {
            let (wire, mut reader) = wire::connect(running.ports.tls, Some(&config)).await?;
            exchange(&wire, &mut reader, REQUEST, 0).await?;
            idle.push((wire, reader));
        }
        // Buffers may be given back a moment later.
        sleep(SETTLE_TIME).await;
        held.push(running.process.memory()?);
    }
    // The first few pay for what is made once.
    let more = held[1] as f64 - held[0] as f64;
    Ok([rest as f64, more / (MANY - FEW) as f64])
}

const FEW: usize = 100;
const MANY: usize = 1_100;
const SETTLE_TIME: Duration = Duration::from_millis(600);
