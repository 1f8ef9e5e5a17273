//! `portcullis-bench`: what Portcullis costs beside nginx, HAProxy and Envoy, measured in one run.
//!
//! It reads its arguments, starts the proxies and calls one function for each kind of figure.
//! `cargo xtask bench` builds it, installs the others, and starts it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to the person who started it"
)]

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use tokio::{
    runtime::{Builder, LocalOptions},
    signal::unix::{SignalKind, signal},
};

use crate::{args::Args, site::Site};

mod args;
mod backend;
mod cores;
mod figures;
mod frames;
mod hold;
mod load;
mod peer;
mod process;
mod site;
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
    let site = Site::open(args.programs.clone())?;
    if let Some(peer) = args.hold {
        hold::run(args, &site, peer).await?;
        return Ok(true);
    }
    for peer in args.peers() {
        println!("{peer} {}", peer.version(&site)?);
    }
    let traffic = traffic::measure(args, &site).await?;
    for protocol in &traffic {
        print!("{protocol}");
    }
    Ok(true)
}
