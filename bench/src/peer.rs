//! The proxies that are compared, each with the configuration that makes it do the same job.
//!
//! One worker, one route to one backend whose connections are kept, the certificate and session
//! tickets, no access log, `X-Forwarded-For` and `X-Forwarded-Proto`; all else is as it comes. A
//! module for each writes its files; what is measured is not decided here.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use tokio::{net::TcpStream, time::sleep};

use crate::{
    args::Programs,
    process::Process,
    site::{Ports, Site},
};

mod envoy;
mod haproxy;
mod nginx;
mod portcullis;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Peer {
    /// This project.
    Portcullis,
    /// nginx.
    Nginx,
    /// HAProxy.
    Haproxy,
    /// Envoy.
    Envoy,
}

impl Peer {
    pub(crate) const ALL: [Self; 4] = [Self::Portcullis, Self::Nginx, Self::Haproxy, Self::Envoy];

    /// What it calls itself, with the libraries that matter.
    pub(crate) fn version(self, programs: &Programs) -> anyhow::Result<String> {
        let (program, flag) = match self {
            Self::Portcullis => (&programs.portcullis, "--version"),
            Self::Nginx => (&programs.nginx, "-V"),
            Self::Haproxy => (&programs.haproxy, "-vv"),
            Self::Envoy => (&programs.envoy, "--version"),
        };
        let output = Command::new(program).arg(flag).output();
        let output = output.with_context(|| format!("cannot run {}", program.display()))?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        let version = match self {
            Self::Portcullis => text.trim().strip_prefix("portcullis ").map(str::to_owned),
            Self::Nginx => nginx::version(&text),
            Self::Haproxy => haproxy::version(&text),
            Self::Envoy => envoy::version(&text),
        };
        version.with_context(|| format!("{self} does not say its version:\n{text}"))
    }

    /// Starts it on the proxies' core and waits until it listens.
    pub(crate) async fn start(self, site: &Site) -> anyhow::Result<Running> {
        let (program, args) = (&site.programs.portcullis, ["--workers", "1", "--admin", "off"]);
        let command = |ports: &Ports, folder: &Path| match self {
            Self::Portcullis => portcullis::command(site, program, ports, folder, &args),
            Self::Nginx => nginx::command(site, ports, folder),
            Self::Haproxy => haproxy::command(site, ports, folder),
            Self::Envoy => envoy::command(site, ports, folder),
        };
        self.start_by(site, command).await
    }

    async fn start_by(
        self,
        site: &Site,
        command: impl FnOnce(&Ports, &Path) -> anyhow::Result<Command>,
    ) -> anyhow::Result<Running> {
        let ports = Ports::free()?;
        let folder = site.folder(&format!("{self}-{}", ports.plain.port()))?;
        let command = command(&ports, &folder)?;
        let log = folder.join("output.log");
        let process = site.cores.on_proxys(|| Process::start(command, &log))??;
        let mut running = Running { peer: self, ports, process };
        running.wait().await.with_context(|| format!("{self} does not start"))?;
        Ok(running)
    }
}

/// Starts a build of Portcullis with these arguments, as [`Peer::start`] does.
pub(crate) async fn portcullis_with(
    site: &Site,
    program: &Path,
    args: &[&str],
) -> anyhow::Result<Running> {
    let command =
        |ports: &Ports, folder: &Path| portcullis::command(site, program, ports, folder, args);
    Peer::Portcullis.start_by(site, command).await
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Portcullis => "Portcullis",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
        })
    }
}

/// One that serves. It ends when this is dropped.
pub(crate) struct Running {
    pub(crate) peer: Peer,
    pub(crate) ports: Ports,
    pub(crate) process: Process,
}

impl Running {
    async fn wait(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIME_MAX;
        for address in self.ports.all() {
            while TcpStream::connect(address).await.is_err() {
                self.process.ensure_alive()?;
                ensure!(Instant::now() < deadline, "it does not listen on {address}");
                sleep(Duration::from_millis(20)).await;
            }
        }
        // One that was there before could have answered in its place.
        self.process.ensure_alive()
    }
}

const START_TIME_MAX: Duration = Duration::from_secs(20);

/// A path in a configuration file.
fn text(path: PathBuf) -> anyhow::Result<String> {
    path.into_os_string().into_string().ok().context("the folder's path is not UTF-8")
}
