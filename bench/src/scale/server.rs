//! Portcullis by `run` on a folder of many files, and a client of it that waits for its answers.

use std::{
    fs,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::town;
use crate::{args::Programs, process::Process};

pub(super) struct Server {
    pub(super) process: Process,
    pub(super) folder: TempDir,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts on a Gateway and these files, and waits until it answers.
    pub(super) fn start(
        programs: &Programs,
        listeners: &[String],
        files: impl Iterator<Item = String>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        fs::write(folder.path().join("gateway.yaml"), town::gateway(address.port(), listeners))?;
        for (n, text) in files.enumerate() {
            fs::write(folder.path().join(format!("file-{n}.yaml")), text)?;
        }
        let mut command = Command::new(&programs.portcullis);
        command.arg("run").arg(folder.path()).args(["--workers", "1", "--admin", "off"]);
        command.env("PORTCULLIS_LOG", "error");
        let log = folder.path().join("log");
        let mut server = Self { process: Process::start(command, &log)?, folder, address };
        let began = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            server.process.ensure_alive()?;
            if began.elapsed() > START_TIME_MAX {
                bail!("it does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Replaces a file as editors do.
    pub(super) fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        let new = self.folder.path().join(".new");
        fs::write(&new, text)?;
        Ok(fs::rename(new, Path::new(self.folder.path()).join(file))?)
    }
}

/// One connection.
pub(super) struct Client(BufReader<TcpStream>);

impl Client {
    pub(super) fn connect(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks, and gives the status line.
    pub(super) fn get(&mut self, host: &str, path: &str) -> anyhow::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut line, mut body) = (String::new(), String::new(), 0);
        self.0.read_line(&mut status)?;
        loop {
            line.clear();
            self.0.read_line(&mut line).context("the answer breaks off")?;
            match line.trim_end().split_once(':') {
                None if line == "\r\n" => break,
                None => bail!("no line of a head: {line:?}"),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    body = value.trim().parse()?;
                }
                Some(_) => {}
            }
        }
        let mut rest = vec![0; body];
        self.0.read_exact(&mut rest)?;
        Ok(status)
    }
}

const START_TIME_MAX: Duration = Duration::from_secs(120);
