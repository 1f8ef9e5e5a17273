//! `portcullis-bench`: what Portcullis costs beside nginx, HAProxy and Envoy, measured in one run.
//!
//! It reads its arguments, starts the proxies and calls one function for each kind of figure.
//! `cargo xtask bench` builds it, installs the others, and starts it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to the person who started it"
)]

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::Parser as _;
use tokio::{
    runtime::{Builder, LocalOptions},
    signal::unix::{SignalKind, signal},
};

use crate::{
    args::{Args, Command, Part},
    peer::Peer,
    report::Report,
    site::Site,
};

mod args;
mod backend;
mod bodies;
mod chart;
mod cores;
mod figures;
mod floods;
mod frames;
mod gates;
mod handshakes;
mod hold;
mod load;
mod look;
mod memory;
mod peer;
mod process;
mod repeat;
mod report;
mod scale;
mod series;
mod site;
mod skew;
mod strict;
mod tls;
mod traffic;
mod wire;

fn main() -> ExitCode {
    let args = Args::parse();
    match block_on(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// One thread generates the load and answers it; the proxies have another core.
fn block_on(args: &Args) -> anyhow::Result<bool> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let runtime = runtime.context("the runtime cannot be started")?;
    runtime.block_on(async {
        let mut ended = signal(SignalKind::terminate())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        // Whichever branch ends, what was started is dropped with it, and that ends it.
        tokio::select! {
            held = run(args) => held,
            _ = ended.recv() => anyhow::bail!("ended by a signal"),
            _ = interrupted.recv() => anyhow::bail!("interrupted"),
        }
    })
}

async fn run(args: &Args) -> anyhow::Result<bool> {
    process::raise_descriptor_limit()?;
    let _precedence = process::Precedence::take();
    match &args.command {
        Some(Command::Strict { peers, page }) => {
            let peers = if *peers { &Peer::ALL[..] } else { &[Peer::Portcullis] };
            return strict::run(&args.programs, peers, page.as_deref()).await;
        }
        Some(Command::Floods { seconds, page }) => {
            let time = Duration::from_secs((*seconds).into());
            return floods::run(&args.programs, time, page.as_deref()).await;
        }
        None => {}
    }
    // First, while no core is set aside. A quick run is for the others.
    let mut held = true;
    if args.only.contains(&Part::Scale) || args.is_complete() {
        held = scale::run(args).await?;
        if args.only == [Part::Scale] {
            return Ok(held);
        }
    }
    if args.only.contains(&Part::Skew) {
        skew::run(args).await?;
        if args.only == [Part::Skew] {
            return Ok(true);
        }
    }
    let site = Site::open(args.programs.clone())?;
    if let Some(peer) = args.hold {
        hold::run(args, &site, peer).await?;
        return Ok(true);
    }
    let report = measure(args, &site).await?;
    let text = report.text();
    println!("{text}");
    if args.is_complete() {
        std::fs::write(args.docs.join(PICTURE), chart::draw(&report.series))?;
        let text = format!("![What each proxy costs]({PICTURE})\n\n{text}");
        report::replace(&args.docs.join(DOCUMENT), &text)?;
        println!("written to {}", args.docs.display());
    }
    Ok(held && report.verdicts.iter().all(gates::Verdict::holds))
}

/// Where figures are written.
pub(crate) const DOCUMENT: &str = "performance.md";
const PICTURE: &str = "performance.svg";

async fn measure(args: &Args, site: &Site) -> anyhow::Result<Report> {
    let versions = args.peers().into_iter().map(|peer| Ok((peer, peer.version(&site.programs)?)));
    let versions = versions.collect::<anyhow::Result<Vec<(Peer, String)>>>()?;
    let mut series = Vec::new();
    let mut conditions = Vec::new();
    if args.wants(Part::Memory) {
        eprintln!("bench: memory");
        series.append(&mut memory::measure(args, site).await?);
    }
    let mut peers = Vec::new();
    for peer in args.peers() {
        peers.push(peer.start(site).await?);
    }
    for protocol in args.protocols() {
        eprintln!("bench: {protocol}");
        let (condition, mut figures) = traffic::measure(args, site, &peers, protocol).await?;
        conditions.push(condition);
        series.append(&mut figures);
    }
    if args.wants(Part::Handshakes) {
        eprintln!("bench: handshakes");
        series.append(&mut handshakes::measure(args, site, &peers).await?);
    }
    if args.wants(Part::Bodies) {
        eprintln!("bench: bodies");
        series.append(&mut bodies::measure(args, site, &peers).await?);
    }
    let verdicts = gates::decide(&series);
    let machine = report::machine()?;
    Ok(Report { machine, versions, rounds: args.rounds, conditions, series, verdicts })
}
