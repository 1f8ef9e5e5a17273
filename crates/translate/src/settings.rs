//! What an operator decides about the translation as a whole.

use std::net::{IpAddr, Ipv4Addr};

use api::names::CONTROLLER_NAME;
use ipnet::IpNet;

/// Settings of a translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Classes of this controller are ours.
    pub controller_name: String,
    /// What stands behind `<service>.<namespace>.svc.` in the DNS name of a Service.
    pub cluster_domain: String,
    /// Where the proxies run.
    pub mode: Mode,
}

/// Where the proxies run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// On this machine: one proxy for all Gateways, on addresses of the machine. Without any class
    /// every Gateway is ours.
    Standalone {
        /// Gateways that ask for no address each get one of their own from here. Without a pool
        /// they take all interfaces.
        address_pool: Option<IpNet>,
        /// Where a Gateway on all interfaces is reached, for its status.
        default_addresses: Vec<IpAddr>,
    },
    /// In pods of each Gateway's own, behind a Service. Only Gateways of our classes are ours.
    Cluster,
}

impl Settings {
    /// Of a machine; see [`Mode::Standalone`].
    pub fn standalone(address_pool: Option<IpNet>) -> Self {
        let default_addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        Self {
            controller_name: CONTROLLER_NAME.to_owned(),
            cluster_domain: "cluster.local".to_owned(),
            mode: Mode::Standalone { address_pool, default_addresses },
        }
    }

    /// Of a cluster.
    pub fn cluster() -> Self {
        Self { mode: Mode::Cluster, ..Self::default() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::standalone(None)
    }
}
