//! Portcullis, by `run` on manifests: controller and proxy in one process.

use std::{fs, path::Path, process::Command};

use crate::site::{HOST, Ports, Site};

pub(super) fn command(
    site: &Site,
    program: &Path,
    ports: &Ports,
    folder: &Path,
    args: &[&str],
) -> anyhow::Result<Command> {
    let manifest = folder.join("bench.yaml");
    fs::write(&manifest, text(site, ports))?;
    let mut command = Command::new(program);
    command.arg("run").arg(manifest).args(["--access-log", "off"]).args(args);
    command.env("PORTCULLIS_LOG", "warn");
    Ok(command)
}

fn text(site: &Site, ports: &Ports) -> String {
    let chain = indented(&site.certificate.chain_pem);
    let key = indented(&site.certificate.key_pem);
    let (plain, tls, grpc) = (ports.plain.port(), ports.tls.port(), ports.grpc.port());
    let (h1, h2) = (site.backends.h1.port(), site.backends.h2.port());
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: bench}}
spec:
  gatewayClassName: portcullis
  addresses: [{{type: IPAddress, value: 127.0.0.1}}]
  listeners:
    - {{name: plain, port: {plain}, protocol: HTTP}}
    - {{name: tls, port: {tls}, protocol: HTTPS, tls: {{certificateRefs: [{{name: bench}}]}}}}
    - {{name: grpc, port: {grpc}, protocol: HTTPS, tls: {{certificateRefs: [{{name: bench}}]}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: bench}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{chain}
  tls.key: |
{key}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web}}
spec:
  parentRefs: [{{name: bench, sectionName: plain}}, {{name: bench, sectionName: tls}}]
  hostnames: [{HOST}]
  rules: [{{backendRefs: [{{name: web, port: 80}}]}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: grpc}}
spec:
  parentRefs: [{{name: bench, sectionName: grpc}}]
  hostnames: [{HOST}]
  rules: [{{backendRefs: [{{name: grpc, port: 80}}]}}]
---
{web}---
{rpc}",
        web = backend("web", h1, ""),
        rpc = backend("grpc", h2, ", appProtocol: kubernetes.io/h2c"),
    )
}

/// A Service with one endpoint on this machine.
fn backend(name: &str, port: u16, protocol: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{ports: [{{name: main, port: 80, targetPort: {port}{protocol}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-1, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
endpoints: [{{addresses: [127.0.0.1]}}]
ports: [{{name: main, port: {port}}}]
"
    )
}

fn indented(pem: &str) -> String {
    let lines = pem.lines().filter(|line| !line.is_empty());
    lines.map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
