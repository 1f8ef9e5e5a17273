//! The command line as typed, and the lengths of time that follow from it.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

use crate::{load::Protocol, peer::Peer};

/// Measures Portcullis beside nginx, HAProxy and Envoy.
#[derive(Parser)]
#[command(name = "portcullis-bench")]
pub(crate) struct Args {
    /// Short windows: less than two minutes in all, and a wider spread.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these, for instance `h1,h2`.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Part>,
    /// Only these proxies.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) peers: Vec<Peer>,
    /// How often everything is measured; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=15))]
    pub(crate) rounds: u8,
    /// Keep this one under load instead of measuring, for a profiler.
    #[arg(long, value_enum, value_name = "PEER")]
    pub(crate) hold: Option<Peer>,
    /// How long it is held.
    #[arg(long, default_value_t = 30, requires = "hold")]
    pub(crate) seconds: u16,
    /// Requests per second while it is held; as many as it can unless given.
    #[arg(long, requires = "hold")]
    pub(crate) rate: Option<u32>,
    /// Another build of Portcullis, which takes turns with this one in `skew`.
    #[arg(long, value_name = "FILE")]
    pub(crate) beside: Option<PathBuf>,
    /// Where a complete run writes its tables and its picture.
    #[arg(long, value_name = "FOLDER", default_value = "docs")]
    pub(crate) docs: PathBuf,
    #[command(flatten)]
    pub(crate) programs: Programs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What is looked at instead of speed.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Who refuses malformed requests, and who lets them through.
    Strict {
        /// The others too.
        #[arg(long)]
        peers: bool,
        /// The page whose generated part is written.
        #[arg(long, value_name = "FILE")]
        page: Option<PathBuf>,
    },
    /// What floods cost Portcullis in memory.
    Floods {
        /// How long each lasts.
        #[arg(long, default_value_t = 1)]
        seconds: u8,
        /// The page whose generated part is written.
        #[arg(long, value_name = "FILE")]
        page: Option<PathBuf>,
    },
}

/// Where the programs are.
#[derive(Clone, clap::Args)]
pub(crate) struct Programs {
    /// The binary of Portcullis.
    #[arg(long, value_name = "FILE", default_value = "portcullis")]
    pub(crate) portcullis: PathBuf,
    /// The binary of nginx.
    #[arg(long, value_name = "FILE", default_value = "nginx")]
    pub(crate) nginx: PathBuf,
    /// The binary of HAProxy.
    #[arg(long, value_name = "FILE", default_value = "haproxy")]
    pub(crate) haproxy: PathBuf,
    /// The binary of Envoy.
    #[arg(long, value_name = "FILE", default_value = "envoy")]
    pub(crate) envoy: PathBuf,
}

/// One part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// HTTP/1.1 without TLS.
    H1,
    /// HTTP/1.1 over TLS.
    H1tls,
    /// HTTP/2 over TLS.
    H2,
    /// gRPC over TLS, and HTTP/2 without TLS to the backend.
    Grpc,
    /// Full and resumed handshakes of TLS.
    Handshakes,
    /// Bodies of 1 MiB, both ways.
    Bodies,
    /// At rest, and with idle connections.
    Memory,
    /// Many routes. Portcullis alone.
    Scale,
    /// Connections on several workers. Portcullis alone, and not in a complete run.
    Skew,
}

impl Part {
    fn protocol(self) -> Option<Protocol> {
        match self {
            Self::H1 => Some(Protocol::H1),
            Self::H1tls => Some(Protocol::H1Tls),
            Self::H2 => Some(Protocol::H2),
            Self::Grpc => Some(Protocol::Grpc),
            Self::Handshakes | Self::Bodies | Self::Memory | Self::Scale | Self::Skew => None,
        }
    }
}

impl Args {
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    pub(crate) fn protocols(&self) -> Vec<Protocol> {
        let parts = Part::value_variants().iter().filter(|part| self.wants(**part));
        parts.filter_map(|part| part.protocol()).collect()
    }

    /// The proxies in the order in which they take turns.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let all = Peer::ALL.iter().copied();
        all.filter(|peer| self.peers.is_empty() || self.peers.contains(peer)).collect()
    }

    /// Whether what it measures is all there is, with windows that are worth to be written down.
    pub(crate) fn is_complete(&self) -> bool {
        !self.quick && self.only.is_empty() && self.peers.is_empty()
    }

    pub(crate) fn times(&self) -> Times {
        let [calibrate, warm, rate, saturation, short_warm, short] = if self.quick {
            [250, 250, 600, 300, 50, 300]
        } else {
            [1_000, 1_000, 4_000, 2_000, 250, 2_000]
        };
        Times {
            calibrate: Duration::from_millis(calibrate),
            warm: Duration::from_millis(warm),
            rate: Duration::from_millis(rate),
            saturation: Duration::from_millis(saturation),
            short: [Duration::from_millis(short_warm), Duration::from_millis(short)],
        }
    }
}

/// How long each window is.
pub(crate) struct Times {
    /// The look at what a proxy and the generator can do, before the rounds.
    pub(crate) calibrate: Duration,
    /// Load before each window, which counts for nothing.
    pub(crate) warm: Duration,
    /// At the fixed rate.
    pub(crate) rate: Duration,
    /// As much as can be.
    pub(crate) saturation: Duration,
    /// Handshakes and bodies: the load before, and the window.
    pub(crate) short: [Duration; 2],
}
