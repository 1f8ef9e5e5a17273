//! Sockets: one address and port of one Gateway.

use std::{net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Id, Keyed, Kind};

/// An address and TCP port on which the listeners of one Gateway are served.
///
/// Belongs to a Gateway, never to a Listener: edits of hostnames, TLS or routes do not touch it, so
/// its sockets live on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// `namespace/name` of the Gateway.
    pub gateway: Arc<str>,
    /// The address; none means all interfaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The port that users wrote. A proxy may open another one on the machine (`--port-offset`).
    pub port: u16,
}

impl Keyed for Bind {
    const KIND: Kind = Kind::Bind;
}

/// A bind that a proxy could not open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindFailure {
    /// Which.
    pub bind: Id<Bind>,
    /// Why.
    pub fault: BindFault,
    /// One sentence for the operator that says what to do.
    pub message: String,
}

/// Why an address and port could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BindFault {
    /// Another program (or Gateway) has it.
    InUse,
    /// A port below 1024 without the right to it.
    Forbidden,
    /// The machine does not have the address.
    NoSuchAddress,
    /// Anything else; the message says what.
    Other,
}

impl BindFault {
    /// Its name, as sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InUse => "InUse",
            Self::Forbidden => "Forbidden",
            Self::NoSuchAddress => "NoSuchAddress",
            Self::Other => "Other",
        }
    }

    /// The fault of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::InUse, Self::Forbidden, Self::NoSuchAddress, Self::Other]
            .into_iter()
            .find(|fault| fault.as_str() == name)
    }
}
