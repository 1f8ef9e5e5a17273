//! What it costs to move a body of 1 MiB to the backend or to the client.

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use anyhow::Context as _;
use rustls::{ClientConfig, client::Resumption};

use crate::{
    args::Args,
    load::h1::{LARGE_BYTES, exchange},
    look::Edge,
    peer::Running,
    repeat::{Tally, repeat},
    series::{Samples, Series, What},
    site::{HOST, Site},
    tls, wire,
};

/// Both ways, plain and over TLS.
pub(crate) async fn measure(
    args: &Args,
    site: &Site,
    peers: &[Running],
) -> anyhow::Result<Vec<Series>> {
    let mut all = Vec::new();
    for (upload, secure) in [(false, false), (true, false), (false, true), (true, true)] {
        let config =
            if secure { Some(tls::config("http/1.1", Resumption::disabled())?) } else { None };
        let what = What::Body { upload, tls: secure };
        let mut samples = Samples::new(what);
        for round in 1..=args.rounds {
            for peer in peers {
                let address = if secure { peer.ports.tls } else { peer.ports.plain };
                let work = |tally| clients(address, config.clone(), upload, tally);
                let look = || Edge::look(site, peer);
                let window = repeat(args.times().short, PARALLEL, work, look).await;
                let window = window
                    .with_context(|| format!("{}, {}, round {round}", peer.peer, what.label()))?;
                let (used, _) = window.used();
                samples.add(peer.peer, used.as_secs_f64() * 1e6 / window.answered as f64);
            }
        }
        all.push(samples.series());
    }
    Ok(all)
}

async fn clients(
    address: SocketAddr,
    config: Option<Arc<ClientConfig>>,
    upload: bool,
    tally: Rc<Tally>,
) -> anyhow::Result<()> {
    let (wire, mut reader) = wire::connect(address, config.as_ref()).await?;
    let (head, body_bytes) = if upload {
        let head = format!("POST /up HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {LARGE_BYTES}");
        (head, LARGE_BYTES)
    } else {
        (format!("GET /large HTTP/1.1\r\nHost: {HOST}"), 0)
    };
    let head = format!("{head}\r\n\r\n");
    loop {
        exchange(&wire, &mut reader, head.as_bytes(), body_bytes).await?;
        if !tally.count() {
            return Ok(());
        }
    }
}

/// Connections at once.
const PARALLEL: usize = 4;
