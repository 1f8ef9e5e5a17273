//! The job that every proxy gets: where its backends are, its certificate, a folder for its files.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::{args::Programs, backend::Backends, cores::Cores};

/// What all have in common.
pub(crate) struct Site {
    pub(crate) programs: Programs,
    pub(crate) cores: Cores,
    pub(crate) backends: Backends,
    pub(crate) certificate: Certificate,
    folder: TempDir,
}

/// ECDSA on P-256, signed by itself.
pub(crate) struct Certificate {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

/// Where one proxy listens.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    /// HTTP/1.1.
    pub(crate) plain: SocketAddr,
    /// HTTP/1.1 and HTTP/2 over TLS; the backend speaks HTTP/1.1.
    pub(crate) tls: SocketAddr,
    /// HTTP/2 over TLS; the backend speaks HTTP/2.
    pub(crate) grpc: SocketAddr,
}

/// The name that requests and the certificate carry.
pub(crate) const HOST: &str = "bench.example";

impl Site {
    /// Divides the cores and starts the backends.
    pub(crate) fn open(programs: Programs) -> anyhow::Result<Self> {
        let cores = Cores::divide()?;
        let backends = Backends::start().context("the backends cannot start")?;
        let folder = tempfile::tempdir()?;
        let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()])?;
        let certificate =
            Certificate { chain_pem: made.cert.pem(), key_pem: made.signing_key.serialize_pem() };
        Ok(Self { programs, cores, backends, certificate, folder })
    }

    /// A folder for the files of one proxy.
    pub(crate) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Writes the certificate the way that most want it.
    pub(crate) fn write_certificate(&self, folder: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        fs::write(&chain, &self.certificate.chain_pem)?;
        fs::write(&key, &self.certificate.key_pem)?;
        Ok((chain, key))
    }
}

impl Ports {
    /// Three that nobody listens on now.
    pub(crate) fn free() -> anyhow::Result<Self> {
        let open = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        // Open together, or the second could be the first again.
        let (plain, tls, grpc) = (open()?, open()?, open()?);
        Ok(Self { plain: plain.local_addr()?, tls: tls.local_addr()?, grpc: grpc.local_addr()? })
    }

    pub(crate) fn all(&self) -> [SocketAddr; 3] {
        [self.plain, self.tls, self.grpc]
    }
}
