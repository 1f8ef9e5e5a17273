//! What only a real Kubernetes can show: the program `cargo xtask cluster test` runs it inside of
//! the cluster's network, against a Portcullis that the chart installed.
//!
//! Each scenario stands alone, prints its figures, and fails on the first thing that is not as it
//! should be. Traffic stays in the cluster's network and is bounded in count and time. Left out:
//! what a scripted API server can show (`crates/controller/tests`), and what the upstream suite
//! asks (`conformance/suite`).

// So that clippy sees what it is: panics are how a test fails.
#![cfg(test)]

use std::{pin::Pin, process::ExitCode, time::Instant};

use tokio::task::{LocalSet, spawn_local};

mod edits;
mod faults;
mod kubectl;
mod load;
mod place;
mod restarts;
mod seeds;
#[allow(dead_code, reason = "each program of tests uses a part of the stage")]
mod stage;
mod writes;

/// One thing to show.
struct Scenario {
    name: &'static str,
    shows: &'static str,
    run: fn() -> Running,
}

/// A scenario under way; it ends with its figures.
type Running = Pin<Box<dyn Future<Output = Vec<String>>>>;

/// In the order in which they disturb the cluster.
const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "seeds",
        shows: "each of the user's manifests, alone, beside a public and a private Gateway",
        run: || Box::pin(seeds::run()),
    },
    Scenario {
        name: "writes",
        shows: "500 routes cost one status patch each, a resync none",
        run: || Box::pin(writes::run()),
    },
    Scenario {
        name: "edits",
        shows: "200 route edits at 1,000 routes, under load",
        run: || Box::pin(edits::routes()),
    },
    Scenario {
        name: "rotation",
        shows: "certificate rotations, under load",
        run: || Box::pin(edits::certificates()),
    },
    Scenario {
        name: "backends",
        shows: "a backend of 20 pods rolled, under load",
        run: || Box::pin(faults::backends()),
    },
    Scenario {
        name: "rollout",
        shows: "a rolling restart of the proxies, under load",
        run: || Box::pin(faults::rollout()),
    },
    Scenario {
        name: "leader",
        shows: "the leading controller killed, under load",
        run: || Box::pin(faults::leader()),
    },
    Scenario {
        name: "outage",
        shows: "no controller for two minutes, under load; then a proxy that restarts without one",
        run: || Box::pin(restarts::outage()),
    },
    Scenario {
        name: "api-server",
        shows: "the API server restarted, under load",
        run: || Box::pin(restarts::api_server()),
    },
    Scenario {
        name: "upgrade",
        shows: "an upgrade of everything by the chart, under load",
        run: || Box::pin(faults::upgrade()),
    },
];

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| SCENARIOS.iter().all(|it| it.name != **name)) {
        let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        eprintln!("there is no scenario {unknown}: {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    let chosen = |it: &&Scenario| wanted.is_empty() || wanted.iter().any(|name| name == it.name);
    let mut failed = Vec::new();
    for scenario in SCENARIOS.iter().filter(chosen) {
        println!("== {}: {}", scenario.name, scenario.shows);
        let started = Instant::now();
        // A task of its own, so that its panic ends this scenario only.
        let local = LocalSet::new();
        match local.run_until(async { spawn_local((scenario.run)()).await }).await {
            Ok(figures) => figures.iter().for_each(|figure| println!("   {figure}")),
            // The panic has said why.
            Err(_) => failed.push(scenario.name),
        }
        println!("   {:.0} s", started.elapsed().as_secs_f64());
    }
    match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("failed: {}", failed.join(", "));
            ExitCode::FAILURE
        }
    }
}
