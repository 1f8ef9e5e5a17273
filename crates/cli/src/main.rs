//! The doorbell: the one binary. It parses flags, calls one function, and renders what comes back.

use std::process::ExitCode;

use clap::Parser as _;

mod args;
mod cmd;
mod render;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // mimalloc asks for huge pages wherever it can have them, and a heap of some tens of MB then
    // holds a third more than it uses (ADR 0006). A kernel without them has nothing to switch off.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    match cmd::run(args::Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            render::error(&error);
            ExitCode::FAILURE
        }
    }
}
