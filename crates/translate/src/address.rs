//! Which addresses each Gateway has, and who has a port first.
//!
//! Gateways never share a socket (DESIGN §7). A Gateway that asks for no address takes all
//! interfaces, or, with a pool, one address of its own: the place in the pool is a hash of its
//! namespace and name, and the next free one if that is taken, so that it stays the same across
//! restarts and edits of others. Older Gateways choose first.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use api::{
    gateway::{AddressType, Gateway, GatewaySpecAddress},
    listener::ProtocolType,
    meta::NamespacedName,
};
use ipnet::IpNet;

use crate::order;

/// The addresses of one Gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) slots: Vec<Slot>,
    /// Wanted addresses that no implementation of ours can ever give, by field.
    pub(crate) refused: Vec<(String, String)>,
    /// Wanted addresses that could not be given, by field.
    pub(crate) unassigned: Vec<(String, String)>,
    /// Sockets that another Gateway has.
    pub(crate) taken: BTreeMap<(Option<IpAddr>, u16), NamespacedName>,
    /// Wanted addresses, where a cluster gives them.
    pub(crate) wanted: Vec<IpAddr>,
    /// Whether the spec asks for addresses of a scope (GEP-5093).
    pub(crate) scoped: bool,
}

/// One address of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// None is all interfaces.
    pub(crate) address: Option<IpAddr>,
    /// The scope that was asked for and is given.
    pub(crate) routability: Option<String>,
}

/// The addresses of all Gateways that are ours.
pub(crate) fn place<'a>(
    gateways: impl Iterator<Item = &'a Arc<Gateway>>,
    pool: Option<IpNet>,
) -> BTreeMap<NamespacedName, Arc<Placement>> {
    let mut gateways: Vec<&Arc<Gateway>> = gateways.collect();
    gateways.sort_by_cached_key(|gateway| order::age(&gateway.metadata));
    let mut used: BTreeSet<IpAddr> = gateways
        .iter()
        .flat_map(|gateway| gateway.spec.addresses.iter().filter_map(wanted_ip))
        .collect();
    let mut claims: BTreeMap<(Option<IpAddr>, u16), NamespacedName> = BTreeMap::new();
    let mut placements = BTreeMap::new();
    for gateway in gateways {
        let name = gateway.metadata.namespaced_name();
        let mut placement = assign(gateway, &name, pool, &mut used);
        for slot in &placement.slots {
            for port in ports(gateway) {
                let socket = (slot.address, port);
                let owner = claims.entry(socket).or_insert_with(|| name.clone());
                if *owner != name {
                    placement.taken.insert(socket, owner.clone());
                }
            }
        }
        placements.insert(name, Arc::new(placement));
    }
    placements
}

/// What a Gateway wants of a cluster. Its proxies have pods of their own, so that each takes all of
/// their interfaces; where that is reached is the Service's to say.
pub(crate) fn in_cluster(gateway: &Gateway) -> Placement {
    let name = gateway.metadata.namespaced_name();
    let mut placement = assign(gateway, &name, None, &mut BTreeSet::new());
    let routability = placement.slots.first().and_then(|slot| slot.routability.clone());
    placement.wanted = placement.slots.iter().filter_map(|slot| slot.address).collect();
    placement.slots = vec![Slot { address: None, routability }];
    placement
}

fn assign(
    gateway: &Gateway,
    name: &NamespacedName,
    pool: Option<IpNet>,
    used: &mut BTreeSet<IpAddr>,
) -> Placement {
    let mut placement = Placement::default();
    let mut any = |entry: usize| match pool {
        None => Ok(None),
        Some(pool) => match from_pool(pool, name, entry, used) {
            Some(address) => {
                used.insert(address);
                Ok(Some(address))
            }
            None => Err(format!("the address pool {pool} has no free address: widen it")),
        },
    };
    if gateway.spec.addresses.is_empty() {
        match any(0) {
            Ok(address) => placement.slots.push(Slot { address, routability: None }),
            Err(message) => placement.unassigned.push(("spec.addresses".into(), message)),
        }
    }
    for (index, entry) in gateway.spec.addresses.iter().enumerate() {
        let field = format!("spec.addresses[{index}]");
        placement.scoped |= entry.routability.is_some();
        let address = match (&entry.type_, wanted(entry)) {
            (AddressType::IPAddress, None) => any(index),
            (AddressType::IPAddress, Some(text)) => match text.parse() {
                Ok(address) => Ok(socket(address)),
                Err(_) => {
                    let message = format!("{text:?} is no IP address");
                    placement.refused.push((format!("{field}.value"), message));
                    continue;
                }
            },
            (other, _) => {
                let message = format!(
                    "addresses of type {} are not supported: use IPAddress",
                    type_name(other)
                );
                placement.refused.push((format!("{field}.type"), message));
                continue;
            }
        };
        let scope = entry.routability.as_deref().filter(|scope| !scope.is_empty());
        match (address, scope) {
            (Err(message), _) => placement.unassigned.push((field, message)),
            (Ok(_), Some(scope)) if scope != SENTINEL_SCOPE => {
                let message = format!("addresses of routability {scope:?} cannot be given here");
                placement.unassigned.push((format!("{field}.routability"), message));
            }
            (Ok(address), _) => {
                let slot = Slot { address, routability: entry.routability.clone() };
                if placement.slots.iter().all(|other| other.address != slot.address) {
                    placement.slots.push(slot);
                }
            }
        }
    }
    placement
}

/// The ports on which something is served.
fn ports(gateway: &Gateway) -> BTreeSet<u16> {
    let listeners = gateway.spec.listeners.iter();
    listeners
        .filter(|listener| matches!(listener.protocol, ProtocolType::HTTP | ProtocolType::HTTPS))
        .map(|listener| listener.port)
        .collect()
}

fn wanted(entry: &GatewaySpecAddress) -> Option<&str> {
    entry.value.as_deref().filter(|value| !value.is_empty())
}

fn wanted_ip(entry: &GatewaySpecAddress) -> Option<IpAddr> {
    match entry.type_ {
        AddressType::IPAddress => socket(wanted(entry)?.parse().ok()?),
        _ => None,
    }
}

/// What an address means to a socket: an unspecified one is all interfaces, and one of IPv4 in the
/// clothes of IPv6 is that one. Spelt differently, two Gateways would share their connections.
fn socket(address: IpAddr) -> Option<IpAddr> {
    Some(address.to_canonical()).filter(|address| !address.is_unspecified())
}

pub(crate) fn type_name(type_: &AddressType) -> &str {
    match type_ {
        AddressType::IPAddress => "IPAddress",
        AddressType::Hostname => "Hostname",
        AddressType::NamedAddress => "NamedAddress",
        AddressType::Other(name) => name,
    }
}

/// The first free address at or behind the one that the name hashes to.
fn from_pool(
    pool: IpNet,
    name: &NamespacedName,
    entry: usize,
    used: &BTreeSet<IpAddr>,
) -> Option<IpAddr> {
    let (first, count) = usable(pool);
    let start = u128::from(hash(&format!("{name}#{entry}")));
    let tries = count.min(used.len() as u128 + 1);
    (0..tries)
        .map(|step| first + (start + step) % count)
        .map(|bits| match pool {
            // Within a network of 32 bits, the value fits.
            IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
            IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        })
        .find(|address| !used.contains(address))
}

/// The first address for a host and how many there are: without the network's own address and, for
/// IPv4, without the broadcast address, where the network is large enough to have them.
fn usable(pool: IpNet) -> (u128, u128) {
    let (network, bits, reserved) = match pool {
        IpNet::V4(net) => {
            let reserved = if net.prefix_len() < 31 { (1, 1) } else { (0, 0) };
            (u128::from(net.network().to_bits()), 32 - net.prefix_len(), reserved)
        }
        IpNet::V6(net) => {
            let reserved = if net.prefix_len() < 127 { (1, 0) } else { (0, 0) };
            (net.network().to_bits(), 128 - net.prefix_len(), reserved)
        }
    };
    let size = 1_u128.checked_shl(u32::from(bits)).unwrap_or(u128::MAX);
    (network + reserved.0, size - reserved.0 - reserved.1)
}

/// FNV-1a: the same in every release and on every machine.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The one scope that every implementation has to know (GEP-5093).
const SENTINEL_SCOPE: &str = "testing.x-k8s.io/sentinel";

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(pool: &str, name: &str, used: &[&str]) -> Option<String> {
        let used = used.iter().map(|text| text.parse().unwrap()).collect();
        let name = NamespacedName::new("ns", name);
        from_pool(pool.parse().unwrap(), &name, 0, &used).map(|address| address.to_string())
    }

    #[test]
    fn the_place_in_a_pool_is_the_name_s_unless_it_is_taken() {
        let first = pick("127.1.0.0/16", "a", &[]).unwrap();
        assert_eq!(pick("127.1.0.0/16", "a", &["127.1.0.9"]), Some(first.clone()));
        let second = pick("127.1.0.0/16", "a", &[&first]).unwrap();
        assert_ne!(first, second);
        assert_ne!(pick("127.1.0.0/16", "b", &[]), Some(first));
    }

    #[test]
    fn a_pool_gives_every_usable_address_and_no_other() {
        for (pool, all) in [
            ("10.0.0.0/30", vec!["10.0.0.1", "10.0.0.2"]),
            ("10.0.0.4/31", vec!["10.0.0.4", "10.0.0.5"]),
            ("10.0.0.4/32", vec!["10.0.0.4"]),
            ("fd00::/126", vec!["fd00::1", "fd00::2", "fd00::3"]),
        ] {
            let mut used: Vec<String> = Vec::new();
            loop {
                let names: Vec<&str> = used.iter().map(String::as_str).collect();
                let Some(next) = pick(pool, "x", &names) else { break };
                used.push(next);
            }
            used.sort();
            assert_eq!(used, all, "{pool}");
        }
    }
}
