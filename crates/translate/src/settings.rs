//! What an operator decides about the translation as a whole.

use std::net::{IpAddr, Ipv4Addr};

use api::names::CONTROLLER_NAME;
use ipnet::IpNet;

/// Settings of a translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Classes of this controller are ours.
    pub controller_name: String,
    /// Gateways that ask for no address each get one of their own from here. Without a pool they
    /// take all interfaces.
    pub address_pool: Option<IpNet>,
    /// Where a Gateway on all interfaces is reached, for its status.
    pub default_addresses: Vec<IpAddr>,
    /// What stands behind `<service>.<namespace>.svc.` in the DNS name of a Service.
    pub cluster_domain: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            controller_name: CONTROLLER_NAME.to_owned(),
            address_pool: None,
            default_addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            cluster_domain: "cluster.local".to_owned(),
        }
    }
}
