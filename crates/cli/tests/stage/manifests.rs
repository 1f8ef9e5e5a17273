//! Manifests as text: what a user writes, with the addresses of a test in it.

use std::{fmt::Write as _, net::SocketAddr};

use super::certificate::Certificate;

/// A Service on port 80 with an EndpointSlice that leads to one address.
pub(crate) fn service(name: &str, address: SocketAddr) -> String {
    service_speaking(name, address, None)
}

/// The same, with an `appProtocol`.
pub(crate) fn service_speaking(name: &str, address: SocketAddr, protocol: Option<&str>) -> String {
    let (namespace, name) = split(name);
    let protocol = protocol.map(|it| format!(", appProtocol: {it}")).unwrap_or_default();
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{ports: [{{name: http, port: 80{protocol}}}]}}
---
{}",
        slice(&format!("{namespace}/{name}"), address)
    )
}

/// The address of a Service whose port is named `http`.
pub(crate) fn slice(service: &str, address: SocketAddr) -> String {
    let (namespace, name) = split(service);
    format!(
        "apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-slice
  namespace: {namespace}
  labels: {{kubernetes.io/service-name: {name}}}
addressType: IPv4
endpoints: [{{addresses: [\"{}\"]}}]
ports: [{{name: http, port: {}}}]
---
",
        address.ip(),
        address.port()
    )
}

/// A Gateway of no class in particular; each listener is one line of flow YAML.
pub(crate) fn gateway(name: &str, listeners: &[String]) -> String {
    let (namespace, name) = split(name);
    let mut text = format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  gatewayClassName: portcullis
  listeners:
"
    );
    for listener in listeners {
        let _ = writeln!(text, "    - {listener}");
    }
    text + "---\n"
}

/// A listener for HTTP.
pub(crate) fn http(name: &str, port: u16) -> String {
    format!("{{name: {name}, port: {port}, protocol: HTTP}}")
}

/// A listener for HTTPS with a Secret of the Gateway's namespace.
pub(crate) fn https(name: &str, port: u16, secret: &str) -> String {
    let tls = format!("{{certificateRefs: [{{name: {secret}}}]}}");
    format!("{{name: {name}, port: {port}, protocol: HTTPS, tls: {tls}}}")
}

/// An HTTPRoute of one rule: this prefix to that Service on port 80.
pub(crate) fn route(name: &str, gateway: &str, host: &str, prefix: &str, service: &str) -> String {
    let (namespace, name) = split(name);
    let (_, parent) = split(gateway);
    let (_, service) = split(service);
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  parentRefs: [{{name: {parent}}}]
  hostnames: [\"{host}\"]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: \"{prefix}\"}}}}]
      backendRefs: [{{name: {service}, port: 80}}]
---
"
    )
}

/// A Secret for HTTPS.
pub(crate) fn secret(name: &str, certificate: &Certificate) -> String {
    secret_of(name, &certificate.pem, &certificate.key)
}

/// The same, of parts that may not belong together.
pub(crate) fn secret_of(name: &str, pem: &str, key: &str) -> String {
    let (namespace, name) = split(name);
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: {namespace}}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{}
  tls.key: |
{}
---
",
        indented(pem),
        indented(key)
    )
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or(("default", name))
}
