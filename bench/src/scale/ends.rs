//! The last route against the first, end to end: CPU of the proxy for each request, in turns, so
//! that whatever else the machine does falls on both.

use std::fmt::Write as _;

use anyhow::ensure;

use super::{
    Gate,
    server::{Client, Server},
    town::{self, Shape},
};
use crate::{
    args::{Args, Programs},
    backend::Backends,
    figures::Figure,
};

pub(super) async fn measure(args: &Args, gates: &mut Vec<Gate>) -> anyhow::Result<String> {
    eprintln!("bench: the last of {ROUTES} routes against the first");
    let backends = Backends::start()?;
    let port = backends.h1.port();
    let programs = args.programs.clone();
    let requests = if args.quick { 1_000 } else { 5_000 };
    // The backend answers on this thread.
    let measured = tokio::task::spawn_blocking(move || of(&programs, port, requests)).await;
    let [first, last] = measured??;
    let more = 100.0 * (last.median / first.median - 1.0);
    let what = "CPU for a request to the last of 10,000 routes, over the first";
    gates.push(Gate { what, limit: 2.0, found: more, unit: "%" });
    let mut text = String::from(
        "\n### The last of 10,000 routes on one host against the first\n\n| | µs of CPU for each \
         request |\n|---|---|\n",
    );
    for (which, figure) in [("first", first), ("last", last)] {
        let _ = writeln!(text, "| {which} | {:.2} ±{:.0} % |", figure.median, figure.spread());
    }
    Ok(text)
}

fn of(programs: &Programs, port: u16, requests: u32) -> anyhow::Result<[Figure; 2]> {
    let shape = Shape::OneHost;
    let server = Server::start(programs, &[], town::files(shape, ROUTES, port))?;
    let mut client = Client::connect(server.address)?;
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (which, route) in [(0, 0), (1, ROUTES - 1)] {
            let (host, path) = (shape.host(route), shape.path(route));
            let before = server.process.usage()?;
            for _ in 0..requests {
                ensure!(client.get(&host, &path)?.contains(" 200 "), "it is not answered");
            }
            let (used, _) = server.process.usage()?.since(&before);
            // The first round warms both up.
            if round > 0 {
                times[which].push(1e6 * used.as_secs_f64() / f64::from(requests));
            }
        }
    }
    let figure = |times: &[f64]| Figure::of(times).ok_or_else(|| anyhow::anyhow!("no round"));
    Ok([figure(&times[0])?, figure(&times[1])?])
}

const ROUTES: usize = 10_000;
const ROUNDS: usize = 12;
