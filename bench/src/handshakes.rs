//! What a TLS handshake costs a proxy, from accepting the connection to closing it.
//!
//! Each connection carries one small request: Envoy keeps its ticket until then, and without it
//! there is nothing to resume. So the cost of a request is part of the figures of all.

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use anyhow::{Context as _, ensure};
use rustls::{ClientConfig, HandshakeKind, client::Resumption};

use crate::{
    args::Args,
    load::h1::{REQUEST, exchange},
    look::Edge,
    peer::Running,
    repeat::{Tally, repeat},
    series::{Samples, Series, What},
    site::Site,
    tls, wire,
};

/// Full ones, then resumed ones.
pub(crate) async fn measure(
    args: &Args,
    site: &Site,
    peers: &[Running],
) -> anyhow::Result<Vec<Series>> {
    let mut all = Vec::new();
    for resumed in [false, true] {
        let mut samples = Samples::new(What::Handshake { resumed });
        for round in 1..=args.rounds {
            for peer in peers {
                let micros = window(args, site, peer, resumed).await;
                let micros = micros.with_context(|| {
                    format!("{}, handshakes, resumed: {resumed}, round {round}", peer.peer)
                })?;
                samples.add(peer.peer, micros);
            }
        }
        all.push(samples.series());
    }
    Ok(all)
}

/// CPU for one, in microseconds.
async fn window(args: &Args, site: &Site, peer: &Running, resumed: bool) -> anyhow::Result<f64> {
    let address = peer.ports.tls;
    let store =
        if resumed { Resumption::in_memory_sessions(SESSIONS) } else { Resumption::disabled() };
    let config = tls::config("http/1.1", store)?;
    let mut expected = HandshakeKind::Full;
    if resumed {
        // One ticket for each of those who begin; from then on each handshake brings the next. All
        // connect before the first ticket comes, or they would use up each other's.
        let mut first = Vec::new();
        for _ in 0..PARALLEL {
            first.push(wire::connect(address, Some(&config)).await?);
        }
        for (wire, reader) in &mut first {
            exchange(wire, reader, REQUEST, 0).await?;
        }
        expected = HandshakeKind::Resumed;
    }
    let work = |tally| clients(address, config.clone(), expected, tally);
    let look = || Edge::look(site, peer);
    let window = repeat(args.times().short, PARALLEL, work, look).await?;
    let (used, _) = window.used();
    Ok(used.as_secs_f64() * 1e6 / window.answered as f64)
}

async fn clients(
    address: SocketAddr,
    config: Arc<ClientConfig>,
    expected: HandshakeKind,
    tally: Rc<Tally>,
) -> anyhow::Result<()> {
    loop {
        shake(address, &config, expected).await?;
        if !tally.count() {
            return Ok(());
        }
    }
}

async fn shake(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    expected: HandshakeKind,
) -> anyhow::Result<()> {
    let (wire, mut reader) = wire::connect(address, Some(config)).await?;
    exchange(&wire, &mut reader, REQUEST, 0).await?;
    ensure!(wire.borrow().tickets() > 0, "no ticket came with the answer");
    let made = wire.borrow().handshake();
    ensure!(made == Some(expected), "the handshake was {made:?}, not {expected:?}");
    Ok(wire.borrow_mut().close()?)
}

/// Clients at once. The store keeps eight tickets for each server.
const PARALLEL: usize = 6;
const SESSIONS: usize = 64;
