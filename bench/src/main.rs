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
    args::{Args, Command},
    peer::Peer,
    site::Site,
};

mod args;
mod backend;
mod cores;
mod figures;
mod floods;
mod frames;
mod hold;
mod load;
mod peer;
mod process;
mod site;
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
    let site = Site::open(args.programs.clone())?;
    if let Some(peer) = args.hold {
        hold::run(args, &site, peer).await?;
        return Ok(true);
    }
    for peer in args.peers() {
        println!("{peer} {}", peer.version(&site.programs)?);
    }
    let traffic = traffic::measure(args, &site).await?;
    for protocol in &traffic {
        print!("{protocol}");
    }
    Ok(true)
}
