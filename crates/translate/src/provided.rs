//! What a cluster has provided for a Gateway: the Service in front of its proxies, and the
//! addresses where that is reached.

use std::net::IpAddr;

use api::{
    condition::Reason,
    core::service::{Service, ServiceType},
    gateway::AddressType,
    meta::NamespacedName,
};

use crate::{Infra, finding::Finding, reader::Reader};

/// What is there, as far as the Gateway's status is about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Provided {
    /// Where clients reach the Gateway.
    pub(crate) addresses: Vec<(AddressType, String)>,
    /// Why they cannot yet.
    pub(crate) missing: Option<Finding>,
    /// What else is good to know.
    pub(crate) note: Option<String>,
}

/// Looks at the Service of a Gateway that wants these addresses.
pub(crate) fn provided(reader: &mut Reader<'_>, infra: &Infra, wanted: &[IpAddr]) -> Provided {
    let name = NamespacedName::new(infra.gateway.namespace.clone(), infra.service_name());
    let missing = |reason, message| Provided {
        missing: Some(Finding::no(reason, message)),
        ..Provided::default()
    };
    let Some(service) = reader.service(&name) else {
        return missing(Reason::Pending, format!("waiting for the Service {name}"));
    };
    let owners = &service.metadata.owner_references;
    if !infra.uid.is_empty() && owners.iter().all(|owner| owner.uid != infra.uid) {
        let message = format!(
            "the Service {name} is there already and is not this Gateway's: remove it, or name \
             the Gateway otherwise"
        );
        return missing(Reason::NoResources, message);
    }
    let addresses = addresses(service);
    let missing = lacks(service, infra).or_else(|| unusable(&name, service, &addresses, wanted));
    let note = (service.spec.type_ == ServiceType::NodePort).then(|| {
        format!("from outside it is reached on the node ports of the Service {name} on every node")
    });
    Provided { addresses, missing, note }
}

fn addresses(service: &Service) -> Vec<(AddressType, String)> {
    let ip = |ip: &String| (AddressType::IPAddress, ip.clone());
    if service.spec.type_ != ServiceType::LoadBalancer {
        let all = service.spec.external_ips.iter().chain(&service.spec.cluster_ips);
        let first = service.spec.cluster_ip.iter().filter(|_| service.spec.cluster_ips.is_empty());
        return all.chain(first).filter(|ip| ip.parse::<IpAddr>().is_ok()).map(ip).collect();
    }
    let ingress = service.status.iter().flat_map(|status| &status.load_balancer.ingress);
    let address = |place: &api::core::service::LoadBalancerIngress| {
        let name = || place.hostname.as_ref().filter(|name| !name.is_empty());
        let hostname = || name().map(|name| (AddressType::Hostname, name.clone()));
        place.ip.as_ref().filter(|ip| !ip.is_empty()).map(ip).or_else(hostname)
    };
    ingress.filter_map(address).take(ADDRESSES_MAX).collect()
}

/// Whether the Service still has other ports than it should.
fn lacks(service: &Service, infra: &Infra) -> Option<Finding> {
    let there = |port: u16| service.spec.ports.iter().any(|own| own.port == port);
    let lacks = infra.ports.iter().find(|wanted| !there(wanted.port))?;
    let message =
        format!("waiting for port {} of the Service {}", lacks.port, infra.service_name());
    Some(Finding::no(Reason::Pending, message))
}

/// Why the addresses are not those that are wanted.
fn unusable(
    name: &NamespacedName,
    service: &Service,
    addresses: &[(AddressType, String)],
    wanted: &[IpAddr],
) -> Option<Finding> {
    let given = |wanted: &IpAddr| {
        let ips = addresses.iter().filter_map(|(_, value)| value.parse::<IpAddr>().ok());
        ips.into_iter().any(|ip| ip == *wanted)
    };
    let lacking: Vec<String> =
        wanted.iter().filter(|ip| !given(ip)).map(ToString::to_string).collect();
    let type_ = match &service.spec.type_ {
        ServiceType::LoadBalancer => "its load balancer",
        _ => "the cluster",
    };
    if !lacking.is_empty() {
        let message = format!(
            "the Service {name} did not get the wanted address {} from {type_}: see its events, or \
             name another one",
            lacking.join(", ")
        );
        return Some(Finding::no(Reason::AddressNotUsable, message));
    }
    addresses.is_empty().then(|| {
        let message = format!(
            "waiting for an address of the Service {name} from {type_}: see its events, and \
             whether something in the cluster serves Services of type LoadBalancer"
        );
        Finding::no(Reason::AddressNotAssigned, message)
    })
}

/// As many as the status of a Gateway may have.
const ADDRESSES_MAX: usize = 16;
