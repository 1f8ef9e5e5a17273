//! What `run`, controller and proxy together, holds a while after its start.

use std::{fmt::Write as _, thread::sleep, time::Duration};

use super::{
    Gate,
    server::Server,
    town::{self, Shape},
};
use crate::args::Args;

/// By the number of routes, and with certificates.
pub(super) fn measure(args: &Args, gates: &mut Vec<Gate>) -> anyhow::Result<String> {
    let mut text =
        String::from("\n### Memory of `run`\n\n| routes | certificates | MiB |\n|---|---|---|\n");
    for (routes, certificates) in
        [(0, 0), (1_000, 0), (5_000, 0), (20_000, 0), (1_000, 1_000), (5_000, 1_000)]
    {
        eprintln!("bench: memory of {routes} routes and {certificates} certificates");
        let held = of(args, routes, certificates)? as f64 / f64::from(1 << 20);
        let _ = writeln!(text, "| {routes} | {certificates} | {held:.1} |");
        if (routes, certificates) == (5_000, 0) {
            let what = "memory of `run` at 5,000 routes";
            gates.push(Gate { what, limit: 60.0, found: held, unit: "MiB" });
        }
    }
    Ok(text)
}

fn of(args: &Args, routes: usize, certificates: usize) -> anyhow::Result<u64> {
    let port = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let mut listeners = Vec::new();
    for (zone, first) in (0..certificates).step_by(PER_LISTENER).enumerate() {
        let last = (first + PER_LISTENER).min(certificates);
        let refs: Vec<String> = (first..last).map(|n| format!("{{name: cert-{n}}}")).collect();
        listeners.push(format!(
            "{{name: https-{zone}, port: {}, protocol: HTTPS, hostname: '*.zone-{zone}.example', \
             tls: {{certificateRefs: [{}]}}}}",
            port.port(),
            refs.join(", ")
        ));
    }
    let secrets = (0..certificates).map(secret).collect::<anyhow::Result<Vec<String>>>()?;
    let files = town::files(Shape::ManyHosts, routes, 1).chain(secrets);
    let server = Server::start(&args.programs, &listeners, files)?;
    sleep(SETTLE_TIME);
    server.process.memory()
}

fn secret(n: usize) -> anyhow::Result<String> {
    let name = format!("app-{n}.zone-{}.example", n / PER_LISTENER);
    let made = rcgen::generate_simple_self_signed(vec![name])?;
    let indented = |pem: String| pem.trim_end().replace('\n', "\n    ");
    let (chain, key) = (indented(made.cert.pem()), indented(made.signing_key.serialize_pem()));
    Ok(format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: cert-{n}}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
    {chain}
  tls.key: |
    {key}
---
"
    ))
}

/// As many as a listener may name.
const PER_LISTENER: usize = 64;
const SETTLE_TIME: Duration = Duration::from_secs(2);
