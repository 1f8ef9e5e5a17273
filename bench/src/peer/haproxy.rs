//! HAProxy, as one process without a master.

use std::{fs, path::Path, process::Command};

use super::text;
use crate::site::{Ports, Site};

pub(super) fn command(site: &Site, ports: &Ports, folder: &Path) -> anyhow::Result<Command> {
    let both = folder.join("bench.pem");
    fs::write(&both, format!("{}{}", site.certificate.chain_pem, site.certificate.key_pem))?;
    let pem = text(both)?;
    let Ports { plain, tls, grpc } = ports;
    let (h1, h2) = (site.backends.h1, site.backends.h2);
    let configuration = format!(
        "global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 3600s
  timeout server 3600s
  timeout http-keep-alive 3600s
  http-reuse always
  option forwardfor
frontend web
  bind {plain}
  bind {tls} ssl crt {pem} alpn h2,http/1.1
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http unless {{ ssl_fc }}
  default_backend web
frontend rpc
  bind {grpc} ssl crt {pem} alpn h2
  http-request set-header X-Forwarded-Proto https
  default_backend rpc
backend web
  server one {h1}
backend rpc
  server one {h2} proto h2
"
    );
    let file = folder.join("haproxy.cfg");
    fs::write(&file, configuration)?;
    let mut command = Command::new(&site.programs.haproxy);
    command.arg("-db").arg("-f").arg(file);
    Ok(command)
}

/// From `HAProxy version 2.6.12-1+deb12u4 2026/10/17` and `Running on OpenSSL version : OpenSSL …`.
pub(super) fn version(text: &str) -> Option<String> {
    let version = text.split_once("HAProxy version ")?.1.split_whitespace().next()?;
    let library = text.split_once("Running on OpenSSL version : ")?.1;
    let library: Vec<&str> = library.split_whitespace().take(2).collect();
    Some(format!("{version}, {}", library.join(" ")))
}
