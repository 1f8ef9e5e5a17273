//! Envoy, by static configuration: no control plane, no admin page.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use super::text;
use crate::site::{HOST, Ports, Site};

pub(super) fn command(site: &Site, ports: &Ports, folder: &Path) -> anyhow::Result<Command> {
    let (chain, key) = site.write_certificate(folder)?;
    let (chain, key) = (text(chain)?, text(key)?);
    let secure = format!(
        "
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          \"@type\": {TYPES}.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates:
            - certificate_chain: {{filename: \"{chain}\"}}
              private_key: {{filename: \"{key}\"}}"
    );
    let configuration = format!(
        "static_resources:
  listeners:
{}{}{}  clusters:
{}{}",
        listener("plain", ports.plain, "web", ""),
        listener("tls", ports.tls, "web", &secure),
        listener("grpc", ports.grpc, "rpc", &secure),
        cluster("web", site.backends.h1, "http_protocol_options"),
        cluster("rpc", site.backends.h2, "http2_protocol_options"),
    );
    let file = folder.join("envoy.yaml");
    fs::write(&file, configuration)?;
    let mut command = Command::new(&site.programs.envoy);
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c"]);
    command.arg(file);
    Ok(command)
}

fn listener(name: &str, address: SocketAddr, cluster: &str, secure: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!(
        "  - name: {name}
    address: {{socket_address: {{address: {ip}, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": {TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {name}
          use_remote_address: true
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{\"@type\": {TYPES}.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - name: bench
              domains: [{HOST}, \"{HOST}:*\"]
              routes:
              - {{match: {{prefix: /}}, route: {{cluster: {cluster}}}}}{secure}
"
    )
}

fn cluster(name: &str, address: SocketAddr, protocol: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!(
        "  - name: {name}
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        \"@type\": {TYPES}.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{{protocol}: {{}}}}
    load_assignment:
      cluster_name: {name}
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: {ip}, port_value: {port}}}}}}}
"
    )
}

const TYPES: &str = "type.googleapis.com/envoy.extensions";

/// From `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
pub(super) fn version(text: &str) -> Option<String> {
    let mut parts = text.split_once("version: ")?.1.split_whitespace().next()?.split('/');
    let (_, version, library) = (parts.next()?, parts.next()?, parts.next_back()?);
    Some(format!("{version}, {library}"))
}
