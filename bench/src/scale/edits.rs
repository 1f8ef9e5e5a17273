//! From the edit of a file to the first answer that follows it, with everything in between: the
//! system's word of the edit, the parser, the translation, the proxy's workers.

use std::{
    fmt::Write as _,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::ensure;

use super::{
    Gate,
    server::{Client, Server},
    town::{self, Shape},
};
use crate::{args::Args, figures::quantile};

/// At several numbers of routes, a file for each.
pub(super) fn measure(args: &Args, gates: &mut Vec<Gate>) -> anyhow::Result<String> {
    let edits = if args.quick { 20 } else { 200 };
    let mut text = String::from(
        "\n### From an edit to the first answer that follows it\n\n| routes | edits | mean, ms | \
         p50, ms | p99, ms |\n|---|---|---|---|---|\n",
    );
    for routes in [1_000, 5_000, 20_000] {
        eprintln!("bench: edits among {routes} routes");
        let mut times = of(args, routes, edits)?;
        times.sort();
        let mean = times.iter().sum::<Duration>().div_f64(times.len() as f64);
        let at = |share| quantile(&times, share).unwrap_or_default();
        let ms = |time: Duration| 1e3 * time.as_secs_f64();
        let [mean, half, most] = [mean, at(0.5), at(0.99)].map(ms);
        let _ = writeln!(text, "| {routes} | {edits} | {mean:.1} | {half:.1} | {most:.1} |");
        if routes == 5_000 {
            let what = "edit to serving at 5,000 routes, mean";
            gates.push(Gate { what, limit: 20.0, found: mean, unit: "ms" });
            let what = "edit to serving at 5,000 routes, p99";
            gates.push(Gate { what, limit: 60.0, found: most, unit: "ms" });
        }
    }
    Ok(text)
}

fn of(args: &Args, routes: usize, edits: usize) -> anyhow::Result<Vec<Duration>> {
    let shape = Shape::ManyHosts;
    let server = Server::start(&args.programs, &[], town::files(shape, routes, 1))?;
    let mut client = Client::connect(server.address)?;
    let mut times = Vec::new();
    for edit in 0..edits {
        // None that brings its Service along.
        let route = (1 + edit * 7919) % routes;
        let route = if route.is_multiple_of(10) { route + 1 } else { route };
        let (host, path) = (shape.host(route), format!("/edit-{edit}"));
        ensure!(client.get(&host, &path)?.contains(" 404 "), "it is served before it is written");
        // Answered by the proxy itself: a backend that refuses is tried again before it is told.
        let service = town::service_of(route);
        let text = shape.route(route, &service).replace(&format!("/route-{route}"), &path);
        let text = text.replace(&format!("backendRefs: [{{name: {service}, port: 80}}]"), ANSWER);
        let began = Instant::now();
        server.write(&format!("file-{route}.yaml"), &text)?;
        while client.get(&host, &path)?.contains(" 404 ") {
            ensure!(began.elapsed() < Duration::from_secs(30), "the edit is never served");
            // Who asks without a break takes the cores from those who bring the edit.
            sleep(PAUSE);
        }
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Between two looks; an edit is told at most so much too late.
const PAUSE: Duration = Duration::from_micros(500);

const ANSWER: &str =
    "filters: [{type: RequestRedirect, requestRedirect: {hostname: moved.example}}]";
