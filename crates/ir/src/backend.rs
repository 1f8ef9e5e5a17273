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

/// Whether an address means the machine itself that uses it, or its own link: loopback, link-local
/// (where clouds tell a node its secrets) or unspecified. In a pod that is the proxy with its own
/// pages, and the node; no backend is there.
pub fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            // All of 0.0.0.0/8 is "this network" (RFC 1122 §3.2.1.3).
            address.is_loopback() || address.is_link_local() || address.octets()[0] == 0
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_known_in_every_spelling() {
        let local = [
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "::1",
            "::",
            "fe80::1",
            "febf::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
        ];
        for (addresses, expected) in [
            (&local[..], true),
            (&["10.0.0.1", "192.168.0.1", "fd00::1", "::ffff:10.0.0.1"], false),
        ] {
            for address in addresses {
                assert_eq!(is_local(address.parse().unwrap()), expected, "{address}");
            }
        }
    }
}
