//! `h2spec`: the tests of RFC 9113 and RFC 7541 that everybody runs, unmodified and in strict mode,
//! against the binary that ships, in the clear (prior knowledge) and over TLS (ALPN).
//!
//! The version is where Go keeps it: `conformance/h2spec/go.mod`.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cargo;
use crate::cluster::tools;
use crate::image;

/// Runs `cargo xtask h2spec`.
pub(crate) fn run(args: &[&str]) -> Result<bool> {
    let profile = match args {
        [] => "release",
        ["--build", profile] => *profile,
        unknown => bail!("`h2spec {}`: only --build <profile> is known", unknown.join(" ")),
    };
    let root = cargo::root()?;
    let tools = tools::h2spec(&root)?;
    let binary = image::binary(&root, profile)?;
    let folder = root.join("target/h2spec");
    fs::create_dir_all(&folder)?;
    let gateway = Gateway::start(&binary, &folder, &tools.secret)?;
    let mut in_order = true;
    for (way, port, flags) in [
        ("in the clear", gateway.http, &[][..]),
        ("over TLS", gateway.https, &["--tls", "--insecure"]),
    ] {
        let output = Command::new(&tools.program)
            .args(["--strict", "--host", "127.0.0.1", "--port", &port.to_string()])
            .args(flags)
            .output()
            .context("h2spec did not start")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let outcome = Outcome::of(&text).with_context(|| format!("h2spec said nothing: {text}"))?;
        println!("h2spec: {way}: {}", outcome.line);
        if !outcome.all_passed() {
            let failures = text.find("Failures:").map_or(&*text, |at| &text[at..]);
            println!("{}", failures.trim_end());
            in_order = false;
        }
    }
    Ok(in_order)
}

/// The line that h2spec ends with.
struct Outcome<'o> {
    line: &'o str,
}

impl<'o> Outcome<'o> {
    fn of(text: &'o str) -> Option<Self> {
        text.lines().rev().find(|line| line.contains(" tests, ")).map(|line| Self { line })
    }

    fn all_passed(&self) -> bool {
        let numbers = self.line.split(", ").map(|part| part.split(' ').next()?.parse().ok());
        let numbers: Option<Vec<u32>> = numbers.collect();
        let Some([tests, passed, 0, 0]) = numbers.as_deref() else { return false };
        tests == passed && *tests >= TESTS_MIN
    }
}

/// As many as the pinned version has: fewer would mean that some were not run.
const TESTS_MIN: u32 = 146;

/// `portcullis run` with two listeners on loopback, ended when this is dropped.
struct Gateway {
    child: Child,
    http: u16,
    https: u16,
}

impl Gateway {
    fn start(binary: &Path, folder: &Path, secret: &Path) -> Result<Self> {
        let [http, https, admin] = free_ports()?;
        let manifest = folder.join("gateway.yaml");
        let text = MANIFEST.replace("HTTP_PORT", &http.to_string());
        fs::write(&manifest, text.replace("TLS_PORT", &https.to_string()))?;
        let log = fs::File::create(folder.join("portcullis.log"))?;
        let child = Command::new(binary)
            .arg("run")
            .args([&manifest, secret])
            .args(["--echo", "--workers", "1", "--admin", &format!("127.0.0.1:{admin}")])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("portcullis did not start")?;
        let mut gateway = Self { child, http, https };
        let deadline = Instant::now() + START_TIME;
        for port in [http, https] {
            while let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                let ended = gateway.child.try_wait()?;
                let log = folder.join("portcullis.log");
                ensure!(
                    ended.is_none() && Instant::now() < deadline,
                    "portcullis does not listen on port {port} ({error}): see {}",
                    log.display()
                );
                thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(gateway)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports that nobody has now; held together, so that they differ.
fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let socket = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        *port = socket.local_addr()?.port();
        held.push(socket);
    }
    Ok(ports)
}

const START_TIME: Duration = Duration::from_secs(20);

const MANIFEST: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: portcullis}
spec: {controllerName: portcullis.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gateway, namespace: h2spec}
spec:
  gatewayClassName: portcullis
  addresses: [{type: IPAddress, value: 127.0.0.1}]
  listeners:
    - {name: http, port: HTTP_PORT, protocol: HTTP}
    - name: https
      port: TLS_PORT
      protocol: HTTPS
      tls: {certificateRefs: [{name: certificate}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: all, namespace: h2spec}
spec:
  parentRefs: [{name: gateway}]
  rules:
    - backendRefs: [{name: echo, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: h2spec}
spec: {ports: [{port: 80}]}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_run_without_a_failure_is_in_order() {
        for (line, in_order) in [
            ("146 tests, 146 passed, 0 skipped, 0 failed", true),
            ("147 tests, 147 passed, 0 skipped, 0 failed", true),
            ("146 tests, 145 passed, 0 skipped, 1 failed", false),
            ("146 tests, 145 passed, 1 skipped, 0 failed", false),
            ("40 tests, 40 passed, 0 skipped, 0 failed", false),
            ("no tests, all passed", false),
        ] {
            let text = format!("Finished in 0.1 seconds\n{line}\n");
            assert_eq!(Outcome::of(&text).unwrap().all_passed(), in_order, "{line}");
        }
        assert!(Outcome::of("Error: dial tcp\n").is_none());
    }
}
