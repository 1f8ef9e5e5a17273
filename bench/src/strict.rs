//! The table of malformed requests against real proxies: who refuses, who lets them through, and
//! what then arrives at the backend.
//!
//! Portcullis has to do all that `fixtures/wire/requests.yaml` says; its tests hold it to that in
//! more ways. Of the others this says only what they do, as they come.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{args::Programs, peer::Peer};

pub(crate) mod page;
pub(crate) mod setup;
#[expect(dead_code, reason = "shared with the proxy's tests, which use more of it")]
#[expect(clippy::unwrap_used, reason = "a table that cannot be read is a fault of ours")]
#[path = "../../crates/proxy/tests/sockets/harness/wire.rs"]
mod wire;
#[expect(clippy::unwrap_used, reason = "without a backend there is nothing to measure")]
#[path = "../../crates/proxy/tests/sockets/harness/witness.rs"]
mod witness;

use wire::{RequestEntry, RequestExpect};
use witness::{Request, Witness};

/// Plays the table and prints what became of it; with `page`, writes that too. Whether Portcullis
/// did all that it should.
pub(crate) async fn run(
    programs: &Programs,
    peers: &[Peer],
    page: Option<&Path>,
) -> anyhow::Result<bool> {
    let entries: Vec<RequestEntry> = wire::table("requests.yaml");
    let mut columns = Vec::new();
    for peer in peers {
        columns.push(play(programs, *peer, &entries).await.with_context(|| peer.to_string())?);
    }
    print!("{}", page::table(&entries, &columns));
    print!("\n{}", page::totals(&entries, &columns));
    if let Some(page) = page {
        page::write(page, &entries, &columns)?;
    }
    let ours = columns.iter().find(|column| column.peer == Peer::Portcullis);
    Ok(ours.is_none_or(|ours| ours.verdicts.iter().all(|verdict| verdict.is_right())))
}

/// What one proxy did with each entry.
struct Column {
    peer: Peer,
    version: String,
    verdicts: Vec<Verdict>,
}

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing of it arrived whole.
    Refused,
    /// It is legal, and arrived as it should, with what followed it.
    Served,
    /// It is malformed, and arrived whole, mended or as it was.
    Forwarded,
    /// The same, and what followed it did not arrive as it was sent: proxy and sender disagree
    /// about where it ends.
    Shifted,
    /// What arrived breaks the rules in the eyes of a strict backend.
    Garbled,
    /// It is legal, and was refused.
    Declined,
    /// It is legal, and arrived as something else.
    Altered,
}

impl Verdict {
    fn is_right(self) -> bool {
        matches!(self, Self::Refused | Self::Served)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refuses",
            Self::Served => "serves",
            Self::Forwarded => "FORWARDS",
            Self::Shifted => "SHIFTS",
            Self::Garbled => "GARBLES",
            Self::Declined => "declines",
            Self::Altered => "alters",
        }
    }

    fn of(expect: &RequestExpect, marker: &str, seen: &[Request]) -> Self {
        let is_marker = |request: &&Request| request.target == marker;
        let others: Vec<&Request> = seen.iter().filter(|request| !is_marker(request)).collect();
        if others.iter().any(|request| request.fault.is_some()) {
            return Self::Garbled;
        }
        match (expect, others.as_slice()) {
            (RequestExpect::Served(_), []) => Self::Declined,
            (RequestExpect::Served(wanted), [one]) => {
                match wanted.is_met_by(one).is_ok() && seen.len() == 2 {
                    true => Self::Served,
                    false => Self::Altered,
                }
            }
            (RequestExpect::Served(_), _) => Self::Altered,
            (_, []) => Self::Refused,
            (_, [_]) if seen.last().is_some_and(|last| is_marker(&last)) => Self::Forwarded,
            // It may have said that the connection ends.
            (_, [_]) if seen.len() == 1 => Self::Forwarded,
            (_, _) => Self::Shifted,
        }
    }
}

async fn play(programs: &Programs, peer: Peer, entries: &[RequestEntry]) -> anyhow::Result<Column> {
    let witness = Witness::start().await;
    let mut proxy = setup::Proxy::start(programs, peer, witness.address).await?;
    let mut verdicts = Vec::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        let marker = format!("/marker-{place}");
        let behind = format!("GET {marker} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
        let bytes = [&entry.bytes(), behind.as_bytes()].concat();
        exchange(&proxy, &bytes).await?;
        let deadline = Instant::now() + SILENCE;
        while !witness.at_rest() && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
        verdicts.push(Verdict::of(&entry.expect, &marker, &witness.take()));
        proxy.process.ensure_alive()?;
    }
    ensure!(verdicts.contains(&Verdict::Served), "it serves nothing at all");
    Ok(Column { peer, version: peer.version(programs)?, verdicts })
}

/// Sends bytes, and reads until the connection ends or nothing comes any more.
async fn exchange(proxy: &setup::Proxy, bytes: &[u8]) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(proxy.address).await?;
    stream.set_nodelay(true)?;
    // It may end the connection before it has all of them, and hold back its answer.
    let _ = timeout(SILENCE, stream.write_all(bytes)).await;
    let mut piece = vec![0; 16 * 1024];
    while let Ok(Ok(1..)) = timeout(SILENCE, stream.read(&mut piece)).await {}
    Ok(())
}

/// Who says nothing for so long waits for more.
const SILENCE: Duration = Duration::from_millis(250);
