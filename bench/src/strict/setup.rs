//! Each proxy with one listener, one backend and nothing else said: as it comes.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::ensure;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::{args::Programs, peer::Peer, process::Process};

/// One that serves. It ends when this is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// Where Portcullis tells its metrics; nobody listens there for the others.
    pub(crate) admin: SocketAddr,
    pub(crate) process: Process,
    _folder: TempDir,
}

impl Proxy {
    /// Starts it in front of a backend and waits until it listens.
    pub(crate) async fn start(
        programs: &Programs,
        peer: Peer,
        backend: SocketAddr,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let [address, admin] = free_ports()?;
        let mut command = match peer {
            Peer::Portcullis => {
                let mut command = Command::new(&programs.portcullis);
                command.args(["run", "--workers", "1", "--admin", &admin.to_string()]);
                command.env("PORTCULLIS_LOG", "error");
                command.arg(file(&folder, "site.yaml", &portcullis(address, backend))?);
                command
            }
            Peer::Nginx => {
                let mut command = Command::new(&programs.nginx);
                let place = folder.path().display().to_string();
                command.arg("-e").arg(folder.path().join("error.log")).arg("-c");
                command.arg(file(&folder, "nginx.conf", &nginx(&place, address, backend))?);
                command
            }
            Peer::Haproxy => {
                let mut command = Command::new(&programs.haproxy);
                command.args(["-db", "-f"]);
                command.arg(file(&folder, "haproxy.cfg", &haproxy(address, backend))?);
                command
            }
            Peer::Envoy => {
                let mut command = Command::new(&programs.envoy);
                command.args(["--concurrency", "1", "--disable-hot-restart"]);
                command.args(["--log-level", "error", "-c"]);
                command.arg(file(&folder, "envoy.yaml", &envoy(address, backend))?);
                command
            }
        };
        command.current_dir(folder.path());
        let process = Process::start(command, &folder.path().join("output.log"))?;
        let mut proxy = Self { address, admin, process, _folder: folder };
        proxy.wait().await?;
        Ok(proxy)
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIME_MAX;
        while TcpStream::connect(self.address).await.is_err() {
            self.process.ensure_alive()?;
            ensure!(Instant::now() < deadline, "it does not listen on {}", self.address);
            sleep(Duration::from_millis(20)).await;
        }
        self.process.ensure_alive()
    }
}

const START_TIME_MAX: Duration = Duration::from_secs(20);

/// Ports that nobody listens on now; open together, or one could be another again.
fn free_ports<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let mut held = Vec::with_capacity(N);
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for address in &mut addresses {
        let socket = TcpListener::bind(*address)?;
        *address = socket.local_addr()?;
        held.push(socket);
    }
    Ok(addresses)
}

fn file(folder: &TempDir, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = folder.path().join(name);
    fs::write(&path, text)?;
    Ok(path)
}

fn portcullis(address: SocketAddr, backend: SocketAddr) -> String {
    let (port, to) = (address.port(), backend.port());
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: strict}}
spec:
  gatewayClassName: portcullis
  addresses: [{{type: IPAddress, value: 127.0.0.1}}]
  listeners: [{{name: plain, port: {port}, protocol: HTTP}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: all}}
spec:
  parentRefs: [{{name: strict}}]
  rules: [{{backendRefs: [{{name: backend, port: 80}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: backend}}
spec: {{ports: [{{name: main, port: 80, targetPort: {to}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: backend-1, labels: {{kubernetes.io/service-name: backend}}}}
addressType: IPv4
endpoints: [{{addresses: [127.0.0.1]}}]
ports: [{{name: main, port: {to}}}]
"
    )
}

fn nginx(place: &str, address: SocketAddr, backend: SocketAddr) -> String {
    format!(
        "worker_processes 1;
daemon off;
pid {place}/nginx.pid;
error_log {place}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  upstream backend {{ server {backend}; keepalive 16; }}
  server {{
    listen {address};
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Host $http_host;
    }}
  }}
}}
"
    )
}

fn haproxy(address: SocketAddr, backend: SocketAddr) -> String {
    format!(
        "global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend all
  bind {address}
  default_backend all
backend all
  server one {backend}
"
    )
}

fn envoy(address: SocketAddr, backend: SocketAddr) -> String {
    let (port, to) = (address.port(), backend.port());
    format!(
        "static_resources:
  listeners:
  - name: all
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": {TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: all
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{\"@type\": {TYPES}.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - name: all
              domains: [\"*\"]
              routes:
              - {{match: {{prefix: /}}, route: {{cluster: backend}}}}
  clusters:
  - name: backend
    type: STATIC
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {to}}}}}}}
"
    )
}

const TYPES: &str = "type.googleapis.com/envoy.extensions";
