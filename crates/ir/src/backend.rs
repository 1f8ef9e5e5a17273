//! Backends and their endpoints.

use std::{net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Id, Keyed, Kind};

/// What a rule points to: one port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// What is spoken to it.
    pub protocol: UpstreamProtocol,
    /// Where it is.
    pub target: Target,
}

impl Keyed for Backend {
    const KIND: Kind = Kind::Backend;
}

/// What is spoken to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UpstreamProtocol {
    /// HTTP/1.1, with upgrades.
    Http1,
    /// HTTP/2 by prior knowledge, without TLS.
    H2c,
}

/// Where a backend is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Target {
    /// At these endpoints. They are a resource of their own, so that their changes touch no rule.
    Endpoints(Id<Endpoints>),
    /// At every address of a DNS name, looked up anew when its time to live ends.
    Dns {
        /// The name.
        host: Arc<str>,
        /// The port.
        port: u16,
    },
}

/// The endpoints of one port of a Service that may take traffic now. None: the answer is 503.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// Sorted, without repetition.
    pub endpoints: Vec<Endpoint>,
}

impl Keyed for Endpoints {
    const KIND: Kind = Kind::Endpoints;
}

/// One address and port behind a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}
