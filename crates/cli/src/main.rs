//! The doorbell: the one binary. It parses flags, calls one function, and renders what comes back.

use std::process::ExitCode;

use clap::Parser as _;

mod args;
mod cmd;
mod render;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cmd::run(args::Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            render::error(&error);
            ExitCode::FAILURE
        }
    }
}
