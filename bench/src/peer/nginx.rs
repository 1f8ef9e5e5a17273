//! nginx. Bodies stream, as with all others: by default it would write large ones to files.

use std::{fs, path::Path, process::Command};

use super::text;
use crate::site::{HOST, Ports, Site};

pub(super) fn command(site: &Site, ports: &Ports, folder: &Path) -> anyhow::Result<Command> {
    let (chain, key) = site.write_certificate(folder)?;
    let (chain, key) = (text(chain)?, text(key)?);
    let place = text(folder.to_path_buf())?;
    let Ports { plain, tls, grpc } = ports;
    let (h1, h2) = (site.backends.h1, site.backends.h2);
    let configuration = format!(
        "worker_processes 1;
daemon off;
pid {place}/nginx.pid;
error_log {place}/error.log error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  client_max_body_size 0;
  upstream web {{
    server {h1};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }}
  upstream rpc {{
    server {h2};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }}
  ssl_certificate {chain};
  ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3;
  server {{
    listen {plain};
    listen {tls} ssl http2;
    server_name {HOST};
    location / {{
      proxy_pass http://web;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection \"\";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
  server {{
    listen {grpc} ssl http2;
    server_name {HOST};
    location / {{
      grpc_pass grpc://rpc;
      grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      grpc_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = Command::new(&site.programs.nginx);
    command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(file);
    Ok(command)
}

/// From `nginx version: nginx/1.22.1` and `built with OpenSSL 3.0.22 25 Aug 2026`.
pub(super) fn version(text: &str) -> Option<String> {
    let version = text.split_once("nginx/")?.1.split_whitespace().next()?;
    let library = text.split_once("built with ")?.1;
    let library: Vec<&str> = library.split_whitespace().take(2).collect();
    Some(format!("{version}, {}", library.join(" ")))
}
