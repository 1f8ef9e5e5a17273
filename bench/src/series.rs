//! What is measured, and what each proxy showed.

use crate::{figures::Figure, load::Protocol, peer::Peer};

/// One figure of all proxies.
pub(crate) struct Series {
    pub(crate) what: What,
    /// Those for which there is one, in their order.
    pub(crate) figures: Vec<(Peer, Figure)>,
}

/// What a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// CPU for one request at the fixed rate.
    Cpu(Protocol),
    /// The part of that which was spent in user mode.
    User(Protocol),
    /// CPU for one request when there is no pause between them.
    CpuSaturated(Protocol),
    /// Requests per second.
    Saturation(Protocol),
    /// Latency at the fixed rate.
    P50(Protocol),
    P99(Protocol),
    /// CPU for one handshake.
    Handshake {
        resumed: bool,
    },
    /// CPU for a body of 1 MiB.
    Body {
        upload: bool,
        tls: bool,
    },
    /// Memory before the first request.
    Rest,
    /// Memory of one more idle connection over TLS.
    Connection,
}

impl What {
    pub(crate) fn label(self) -> String {
        match self {
            Self::Cpu(protocol) => format!("{protocol}: CPU for each"),
            Self::User(protocol) => format!("{protocol}: of that in user mode"),
            Self::CpuSaturated(protocol) => format!("{protocol}: CPU for each at saturation"),
            Self::Saturation(protocol) => format!("{protocol}: at saturation"),
            Self::P50(protocol) => format!("{protocol}: p50"),
            Self::P99(protocol) => format!("{protocol}: p99"),
            Self::Handshake { resumed: false } => "full handshake and a request".to_owned(),
            Self::Handshake { resumed: true } => "resumed handshake and a request".to_owned(),
            Self::Body { upload, tls } => {
                let way = if upload { "to the backend" } else { "to the client" };
                format!("1 MiB {way}, {}", if tls { "TLS" } else { "plain" })
            }
            Self::Rest => "at rest".to_owned(),
            Self::Connection => "one idle TLS connection".to_owned(),
        }
    }

    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Saturation(_) => "/s",
            Self::Rest => "MiB",
            Self::Connection => "KiB",
            _ => "µs",
        }
    }
}

impl Series {
    pub(crate) fn of(&self, peer: Peer) -> Option<&Figure> {
        self.figures.iter().find(|(of, _)| *of == peer).map(|(_, figure)| figure)
    }

    /// Ours by theirs.
    pub(crate) fn ratio(&self, peer: Peer) -> Option<f64> {
        let (ours, theirs) = (self.of(Peer::Portcullis)?.median, self.of(peer)?.median);
        (theirs > 0.0).then(|| ours / theirs)
    }
}

/// Collects what the rounds give, proxy by proxy.
pub(crate) struct Samples {
    what: What,
    values: Vec<(Peer, Vec<f64>)>,
}

impl Samples {
    pub(crate) fn new(what: What) -> Self {
        Self { what, values: Vec::new() }
    }

    pub(crate) fn add(&mut self, peer: Peer, value: f64) {
        match self.values.iter_mut().find(|(of, _)| *of == peer) {
            Some((_, values)) => values.push(value),
            None => self.values.push((peer, vec![value])),
        }
    }

    pub(crate) fn series(&self) -> Series {
        let figures = self.values.iter().filter_map(|(peer, v)| Some((*peer, Figure::of(v)?)));
        Series { what: self.what, figures: figures.collect() }
    }
}
