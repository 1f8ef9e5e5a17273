//! The status of a Gateway: what was found about it, how many routes it has, and what proxies say.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use api::{
    condition::{Condition, ConditionStatus, ConditionType, Reason},
    gateway::{AddressType, GatewayStatus, GatewayStatusAddress},
    kind::Kind,
    listener::{ListenerStatus, RouteGroupKind},
    meta::NamespacedName,
};
use ir::{BindFailure, BindFault, Id};

use crate::{
    Mode, Observations, Settings,
    address::Slot,
    diagnostics::{Diagnostic, Diagnostics},
    finding::Finding,
    gateway::GatewayView,
    listener::ListenerView,
    observations::BindState,
};

/// How many routes each listener has.
pub(crate) type Attached = BTreeMap<Arc<str>, i32>;

/// The whole status, and what a proxy complains about.
pub(crate) fn gateway(
    name: &NamespacedName,
    view: &GatewayView,
    attached: Option<&Attached>,
    observations: &Observations,
    settings: &Settings,
) -> (GatewayStatus, Vec<Diagnostic>) {
    let mut diagnostics = Diagnostics::of(Kind::Gateway, name);
    let listeners: Vec<(&ListenerView, Programming)> = view
        .listeners
        .iter()
        .map(|listener| (listener, programming(name, view, listener, observations)))
        .collect();
    for (index, (listener, programming)) in listeners.iter().enumerate() {
        if let (Programming::Unusable(message), true) = (programming, listener.taken.is_empty()) {
            let field = format!("spec.listeners[{index}].port");
            diagnostics.error(field, Reason::PortUnavailable, message.as_str());
        }
    }
    let mut conditions = vec![
        view.accepted.clone().condition(ConditionType::Accepted, view.generation),
        programmed(view, &listeners, observations.fault(name))
            .condition(ConditionType::Programmed, view.generation),
        view.resolved.clone().condition(ConditionType::ResolvedRefs, view.generation),
    ];
    if view.insecure {
        let message = "clients without a valid certificate are let in";
        let finding = Finding::yes(Reason::ConfigurationChanged, message);
        let type_ = ConditionType::InsecureFrontendValidationMode;
        conditions.push(finding.condition(type_, view.generation));
    }
    if let Some(finding) = assigned(view) {
        conditions.push(finding.condition(ConditionType::AddressesAssigned, view.generation));
    }
    let addresses = addresses(name, view, observations, settings);
    let listeners = listeners
        .into_iter()
        .map(|(listener, programming)| {
            let count = attached.and_then(|counts| counts.get(&listener.name));
            status(listener, programming, count.copied().unwrap_or(0), view.generation)
        })
        .collect();
    let status = GatewayStatus { addresses, attached_listener_sets: None, conditions, listeners };
    (status, diagnostics.into_list())
}

/// How far a listener is on its way to answering requests.
enum Programming {
    Done,
    /// A proxy has still to say something.
    Pending,
    /// Its address or port cannot be had.
    Unusable(String),
    /// It is itself at fault.
    Invalid(String),
}

fn programming(
    name: &NamespacedName,
    view: &GatewayView,
    listener: &ListenerView,
    observations: &Observations,
) -> Programming {
    let whole = view.accepted.holds() || view.accepted.reason == Reason::ListenersNotValid;
    if !listener.accepted.holds() {
        return Programming::Invalid("the listener is not accepted".to_owned());
    }
    if !whole {
        return Programming::Invalid("the Gateway is not accepted".to_owned());
    }
    match (&listener.fault, listener.taken.first()) {
        (Some(fault), None) => return Programming::Invalid(fault.clone()),
        (Some(fault), Some(taken)) => return Programming::Invalid(format!("{fault}; and {taken}")),
        (None, Some(taken)) => return Programming::Unusable(taken.clone()),
        (None, None) => {}
    }
    if let Some(reason) = observations.refused(name, &Id::new(format!("{name}/{}", listener.name)))
    {
        return Programming::Invalid(format!("the proxy refused it: {reason}"));
    }
    let acked = observations.has(name, view.generation);
    let states: Vec<BindState<'_>> =
        listener.binds.iter().map(|bind| observations.bind(name, bind)).collect();
    let closed = states.iter().find_map(|state| match state {
        BindState::Closed(failure) => Some(failed(failure)),
        _ => None,
    });
    match closed {
        Some(message) => Programming::Unusable(message),
        None if listener.binds.is_empty() => {
            Programming::Unusable("the Gateway has no address".to_owned())
        }
        None if acked && states.iter().all(|state| *state == BindState::Open) => Programming::Done,
        None => Programming::Pending,
    }
}

fn failed(failure: &BindFailure) -> String {
    let BindFailure { bind, fault, message } = failure;
    match (message.is_empty(), fault) {
        (false, _) => format!("{bind}: {message}"),
        (true, BindFault::InUse) => format!("{bind}: the port is in use: stop its other user"),
        (true, BindFault::Forbidden) => {
            format!("{bind}: no right to the port: use --port-offset, or give the right to it")
        }
        (true, BindFault::NoSuchAddress) => format!("{bind}: this machine lacks the address"),
        (true, BindFault::Other) => format!("{bind}: the port cannot be opened"),
    }
}

fn programmed(
    view: &GatewayView,
    listeners: &[(&ListenerView, Programming)],
    fault: Option<&str>,
) -> Finding {
    if !view.accepted.holds() {
        return Finding::no(Reason::Invalid, "the Gateway is not accepted");
    }
    if let Some(fault) = fault {
        return Finding::no(Reason::NoResources, fault);
    }
    if let Some((field, message)) = view.placement.unassigned.first() {
        return Finding::no(Reason::AddressNotAssigned, format!("{field}: {message}"));
    }
    let unusable = listeners.iter().find_map(|(listener, programming)| match programming {
        Programming::Unusable(message) => Some((listener, message)),
        _ => None,
    });
    if let Some((listener, message)) = unusable {
        let message = format!("listener {}: {message}", listener.name);
        return Finding::no(Reason::AddressNotUsable, message);
    }
    if let Some(missing) = view.provided.as_ref().and_then(|provided| provided.missing.as_ref()) {
        return missing.clone();
    }
    if listeners.iter().any(|(_, programming)| matches!(programming, Programming::Pending)) {
        return Finding::no(Reason::Pending, "waiting for the proxy");
    }
    let faults: Vec<String> = listeners
        .iter()
        .filter_map(|(listener, programming)| match programming {
            Programming::Invalid(message) => Some(format!("listener {}: {message}", listener.name)),
            _ => None,
        })
        .collect();
    if listeners.is_empty() {
        return Finding::no(Reason::Invalid, "there is no listener");
    }
    if faults.len() == listeners.len() {
        return Finding::no(Reason::Invalid, faults.join("; "));
    }
    let note = view.provided.as_ref().and_then(|provided| provided.note.as_ref());
    let message = match note {
        Some(note) => format!("the proxy serves it; {note}"),
        None => "the proxy serves it".to_owned(),
    };
    Finding::yes(Reason::Programmed, message)
}

/// Whether the wanted addresses are there; said only to those who ask for a scope (GEP-5093).
fn assigned(view: &GatewayView) -> Option<Finding> {
    if !view.placement.scoped {
        return None;
    }
    let missing: Vec<String> = view
        .placement
        .unassigned
        .iter()
        .map(|(field, message)| format!("{field}: {message}"))
        .collect();
    Some(if missing.is_empty() {
        Finding::yes(Reason::AddressesAssigned, "every wanted address is there")
    } else if view.placement.slots.is_empty() {
        Finding::no(Reason::NotAssigned, missing.join("; "))
    } else {
        Finding::no(Reason::PartiallyAssigned, missing.join("; "))
    })
}

/// Where the Gateway is reached: on a machine nothing that does not work, in a cluster what its
/// Service has.
fn addresses(
    name: &NamespacedName,
    view: &GatewayView,
    observations: &Observations,
    settings: &Settings,
) -> Vec<GatewayStatusAddress> {
    if let Some(provided) = &view.provided {
        // They stay while a proxy is away, or parameters are refused and what is there serves on:
        // who follows them must not lose the Gateway over it.
        let reached = match view.accepted.reason {
            Reason::InvalidParameters => view.placement.refused.is_empty(),
            _ => view.accepted.holds(),
        };
        return provided
            .addresses
            .iter()
            .filter(|_| reached)
            .map(|(type_, value)| {
                let routability = view.placement.scoped.then(|| {
                    let slot = view.placement.slots.first();
                    slot.and_then(|slot| slot.routability.clone()).unwrap_or_default()
                });
                GatewayStatusAddress { routability, type_: type_.clone(), value: value.clone() }
            })
            .collect();
    }
    let works = |slot: &&Slot| {
        view.listeners.iter().any(|listener| {
            let placement = &view.placement;
            let slots = placement.slots.iter();
            let own = slots.filter(|s| !placement.taken.contains_key(&(s.address, listener.port)));
            own.zip(&listener.binds)
                .any(|(own, bind)| own == *slot && observations.bind(name, bind) == BindState::Open)
        })
    };
    let mut addresses: Vec<GatewayStatusAddress> = Vec::new();
    let mut add = |ip: IpAddr, routability: &Option<String>| {
        let value = ip.to_string();
        if addresses.iter().all(|address| address.value != value) {
            let routability = match view.placement.scoped {
                true => Some(routability.clone().unwrap_or_default()),
                false => None,
            };
            let type_ = AddressType::IPAddress;
            addresses.push(GatewayStatusAddress { routability, type_, value });
        }
    };
    let default: &[IpAddr] = match &settings.mode {
        Mode::Standalone { default_addresses, .. } => default_addresses,
        Mode::Cluster => &[],
    };
    for slot in view.placement.slots.iter().filter(works) {
        match slot.address {
            Some(address) => add(address, &slot.routability),
            None => default.iter().for_each(|ip| add(*ip, &slot.routability)),
        }
    }
    addresses
}

fn status(
    listener: &ListenerView,
    programming: Programming,
    attached_routes: i32,
    generation: i64,
) -> ListenerStatus {
    let programmed = match programming {
        Programming::Done => Finding::yes(Reason::Programmed, "the proxy serves it"),
        Programming::Pending => Finding::no(Reason::Pending, "waiting for the proxy"),
        Programming::Unusable(message) => Finding::no(Reason::PortUnavailable, message),
        Programming::Invalid(message) => Finding::no(Reason::Invalid, message),
    };
    let mut conditions: Vec<Condition> = vec![
        listener.accepted.clone().condition(ConditionType::Accepted, generation),
        listener.conflicted.clone().condition(ConditionType::Conflicted, generation),
        programmed.condition(ConditionType::Programmed, generation),
        listener.resolved.clone().condition(ConditionType::ResolvedRefs, generation),
    ];
    if let Some(others) = &listener.overlap {
        conditions.push(Condition::new(
            ConditionType::OverlappingTLSConfig,
            ConditionStatus::True,
            Reason::OverlappingHostnames,
            format!(
                "hostnames of listeners {others} overlap with this one: a request on a connection \
                 that was opened for another listener is answered with 421"
            ),
            generation,
        ));
    }
    let kinds = listener.kinds.iter();
    let supported_kinds = kinds
        .map(|kind| RouteGroupKind {
            group: kind.group().to_owned(),
            kind: kind.as_str().to_owned(),
        })
        .collect();
    ListenerStatus { attached_routes, conditions, name: listener.name.to_string(), supported_kinds }
}
