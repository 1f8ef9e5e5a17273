//! `cargo xtask`: the one door to every check, test and generator of the repository.
//!
//! It reads its arguments and calls one function. What a check means is written in its own module.
//! The checks need the pinned toolchain and nothing else; a cluster needs Go, root and packages.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to the person who started it"
)]

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};

mod bench;
mod bless;
mod cargo;
mod chart;
mod check;
mod cluster;
mod conformance;
mod debian;
mod fix;
mod fuzz;
mod graph;
mod h2spec;
mod image;
mod soak;
mod source;
mod tidy;
mod tree;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs one command and says whether what it looked at is in order.
fn run(args: &[&str]) -> Result<bool> {
    match args {
        ["check"] => check::run(check::Scope::Full),
        ["check", "--quick"] => check::run(check::Scope::Quick),
        ["tidy"] => tidy::run(),
        ["bless"] => bless::run(),
        ["fix"] => fix::run(),
        ["conformance", rest @ ..] => conformance::run(rest),
        ["bench", rest @ ..] => bench::run(rest),
        ["strict", rest @ ..] => bench::run(&[&["strict"], rest].concat()),
        ["floods", rest @ ..] => bench::run(&[&["floods"], rest].concat()),
        ["h2spec", rest @ ..] => h2spec::run(rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["soak", rest @ ..] => soak::run(rest),
        ["cluster", rest @ ..] => cluster::run(rest),
        ["image", rest @ ..] => image::run(rest),
        ["chart", rest @ ..] => chart::run(rest),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(true)
        }
        [] => {
            print!("{HELP}");
            Ok(false)
        }
        unknown => bail!("`{}` is not a command; see `cargo xtask help`", unknown.join(" ")),
    }
}

const HELP: &str = "\
cargo xtask: everything a change must pass, and the tools to get it there

usage: cargo xtask <command>

commands:
  check           everything that needs no cluster, as it runs before a merge:
                  format, tidy, clippy, docs, golden, tests
  check --quick   the part to run while writing: format, tidy, clippy, golden, unit tests
  tidy            the rules of the house alone: layers, sizes, names, licences, documents, fixtures
  bless           rewrite the machine-owned files (expected IR, status, generated reference);
                  read the difference before you commit it
  fix             apply rustfmt and what clippy can repair by itself
  image           the container image of a static binary, without a container daemon;
                  --profile <cargo profile>, by default release
  chart           render the Helm chart into charts/portcullis/install.yaml;
                  --check: is it what helm renders?
  chart helm <argument>…        helm itself, as the tests use it; needs Go once
  cluster up      a real Kubernetes of one node, in namespaces of its own, with cluster DNS and
                  the Gateway API; needs root, Go and Debian packages, which it installs
  cluster down, cluster status
  cluster load <image.tar>…     give images to the node
  cluster kubectl <argument>…   kubectl as its administrator
  cluster run <program>…        anything in its network, with KUBECONFIG set
  cluster stop|start|restart <component>     for instance kube-apiserver
  cluster judge   does its API server refuse what we refuse, and nothing else?
  cluster test [<scenario>…]    what only a cluster can show, with traffic: faults, upgrades, edits;
                  --build <cargo profile> of the image, by default release; takes 15 minutes
  conformance     the upstream Gateway API suite, unmodified, against Portcullis in the cluster:
                  --profile <GATEWAY-HTTP>, --run <test,test>, --report <file>,
                  --build <cargo profile>, --keep (leave it installed and the cluster up)
  bench           what Portcullis costs beside nginx, HAProxy and Envoy, which it installs: needs
                  Debian, Python and two cores, and writes docs/performance.md;
                  --quick, --only <h1,h1tls,h2,grpc,handshakes,bodies,memory,scale,skew>,
                  --rounds <n>, --peers <portcullis,nginx>; only a complete run is written down
  bench --only skew --beside <binary>    how workers share connections, beside another build
  bench --hold portcullis --only h1 --seconds 30    keep one under load, for a profiler
  strict          who refuses the malformed requests of fixtures/wire, and who lets them through;
                  --peers: nginx, HAProxy and Envoy too; --page docs/hardening.md: writes it
  floods          what each known flood costs in memory, beside its bound;
                  --seconds <n>, --page docs/hardening.md: writes it
  h2spec          all of h2spec, unmodified and strict, against `portcullis run` on loopback, in the
                  clear and over TLS; needs Go once; --build <cargo profile>, by default release
  fuzz            each fuzz target under libFuzzer for a minute, two at a time; needs a C++
                  compiler; --seconds <n>, then <target>…: requests, responses, routes, manifests,
                  preambles, frames
  soak            everything at once against `portcullis run` on loopback, for ten minutes: traffic,
                  edits, rotations, backends that fail, slow and greedy clients; nothing may fail or
                  grow; --seconds <n>, --build <cargo profile>, by default release
  help            this text

Every command works from any folder of the repository. Exit code: 0 in order, 1 a check failed,
2 the command itself could not run.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_named() {
        for args in [&["chekc"][..], &["check", "--fast"], &["tidy", "now"]] {
            let error = run(args).unwrap_err().to_string();
            assert!(error.contains(&args.join(" ")), "{error}");
        }
    }

    #[test]
    fn help_names_every_command() {
        let words = [
            "check",
            "tidy",
            "bless",
            "fix",
            "image",
            "chart",
            "cluster up",
            "bench",
            "strict",
            "floods",
            "h2spec",
            "fuzz",
            "soak",
        ];
        for command in words.iter().chain(&["check --quick"]) {
            assert!(HELP.contains(&format!("\n  {command} ")), "{command} is missing");
        }
    }
}
