//! Which listeners take a route: by name and port, by kind and namespace, by hostname.

use std::sync::Arc;

use api::{
    condition::Reason,
    gateway::FromNamespaces,
    kind::Kind,
    listener::RouteNamespaces,
    meta::{LabelSelector, NamespacedName},
    names::GATEWAY_GROUP,
    reference::ParentReference,
    route::GatewayDefaultScope,
};
use ir::{Hostname, Id};

use crate::{diagnostics::Diagnostics, reader::Reader};

/// What a Gateway offers to routes: all of a Gateway on which its routes depend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Whose it is, for all its routes to share.
    pub(crate) gateway: NamespacedName,
    pub(crate) points: Vec<Point>,
}

/// A listener, as routes see it. A listener that is not served counts its routes all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) listener: Arc<str>,
    pub(crate) port: u16,
    pub(crate) hostname: Hostname,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) from: From,
    /// What stands for it in the proxy; nothing while it is not served.
    pub(crate) served: Vec<Id<ir::Listener>>,
}

/// Namespaces that a listener lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum From {
    All,
    Same,
    Selector(LabelSelector),
    Nowhere,
}

impl From {
    /// None for a value that we do not know.
    pub(crate) fn new(namespaces: &RouteNamespaces) -> Option<Self> {
        Some(match &namespaces.from {
            FromNamespaces::All => Self::All,
            FromNamespaces::Same => Self::Same,
            FromNamespaces::None => Self::Nowhere,
            FromNamespaces::Selector => {
                namespaces.selector.clone().map_or(Self::Nowhere, Self::Selector)
            }
            FromNamespaces::Other(_) => return None,
        })
    }
}

/// What is asked for.
pub(crate) struct Wish<'a> {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'a str,
    pub(crate) parents: &'a [ParentReference],
    pub(crate) default_gateways: bool,
    pub(crate) hostnames: &'a [Hostname],
}

impl<'a> Wish<'a> {
    pub(crate) fn defaults(scope: Option<&GatewayDefaultScope>) -> bool {
        matches!(scope, Some(GatewayDefaultScope::All))
    }
}

/// One parent that is ours, and what became of the wish.
#[derive(Clone, Debug)]
pub(crate) struct Attachment<'a> {
    /// As the route spells it.
    pub(crate) reference: ParentReference,
    pub(crate) gateway: NamespacedName,
    /// The listeners that take the route, never empty, or why none does.
    pub(crate) outcome: Result<Vec<&'a Point>, (Reason, String)>,
}

/// Attaches a route to each of its parents that is ours. Parents of others are theirs to speak of;
/// parents that nobody has are worth a diagnostic.
pub(crate) fn attach<'a>(
    reader: &mut Reader<'a>,
    wish: &Wish<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Attachment<'a>> {
    let mut attachments: Vec<Attachment<'a>> = Vec::new();
    for (index, reference) in wish.parents.iter().enumerate() {
        let field = format!("spec.parentRefs[{index}]");
        let namespace = reference.namespace.as_deref().unwrap_or(wish.namespace);
        let name = NamespacedName::new(namespace, reference.name.as_str());
        if reference.group != GATEWAY_GROUP || reference.kind != Kind::Gateway.as_str() {
            let kind = &reference.kind;
            let message = format!("parents of kind {kind} are not served: name a Gateway");
            diagnostics.error(format!("{field}.kind"), Reason::InvalidKind, message);
            continue;
        }
        let Some(offer) = reader.offer(&name) else {
            if reader.object(|resources| &resources.gateways, &name).is_none() {
                let message = format!("there is no Gateway {name}: create it or name another one");
                diagnostics.error(field, Reason::NoMatchingParent, message);
            }
            continue;
        };
        let outcome = choose(reader, wish, reference, &name, offer);
        if let Err((reason, message)) = &outcome {
            diagnostics.error(field, *reason, message.as_str());
        }
        let gateway = offer.gateway.clone();
        attachments.push(Attachment { reference: reference.clone(), gateway, outcome });
    }
    if wish.default_gateways {
        attach_to_defaults(reader, wish, &mut attachments, diagnostics);
    }
    attachments
}

/// Default Gateways (GEP-3793): those that the route does not name itself.
fn attach_to_defaults<'a>(
    reader: &mut Reader<'a>,
    wish: &Wish<'_>,
    attachments: &mut Vec<Attachment<'a>>,
    diagnostics: &mut Diagnostics,
) {
    let field = "spec.useDefaultGateways";
    let gateways = reader.default_gateways();
    if gateways.is_empty() {
        let message = "there is no default Gateway: give one a defaultScope, or name a parent";
        diagnostics.warning(field, Reason::NoMatchingParent, message);
    }
    for gateway in gateways {
        if attachments.iter().any(|attachment| attachment.gateway == *gateway) {
            continue;
        }
        let Some(offer) = reader.offer(gateway) else { continue };
        let reference = parent(gateway);
        let outcome = choose(reader, wish, &reference, gateway, offer);
        if let Err((reason, message)) = &outcome {
            diagnostics.warning(field, *reason, message.as_str());
        }
        attachments.push(Attachment { reference, gateway: gateway.clone(), outcome });
    }
}

/// A Gateway as a status names it of its own accord.
pub(crate) fn parent(gateway: &NamespacedName) -> ParentReference {
    ParentReference {
        group: GATEWAY_GROUP.to_owned(),
        kind: Kind::Gateway.as_str().to_owned(),
        name: gateway.name.to_string(),
        namespace: Some(gateway.namespace.to_string()),
        port: None,
        section_name: None,
    }
}

fn choose<'a>(
    reader: &mut Reader<'_>,
    wish: &Wish<'_>,
    reference: &ParentReference,
    gateway: &NamespacedName,
    offer: &'a Offer,
) -> Result<Vec<&'a Point>, (Reason, String)> {
    let named = |point: &&Point| {
        reference.section_name.as_deref().is_none_or(|name| *name == *point.listener)
            && reference.port.is_none_or(|port| port == point.port)
    };
    let points: Vec<&Point> = offer.points.iter().filter(named).collect();
    if points.is_empty() {
        let message = match (&reference.section_name, reference.port) {
            (Some(name), Some(port)) => {
                format!("Gateway {gateway} has no listener {name} on port {port}")
            }
            (Some(name), None) => format!("Gateway {gateway} has no listener {name}"),
            (None, Some(port)) => format!("Gateway {gateway} has no listener on port {port}"),
            (None, None) => format!("Gateway {gateway} has no listener"),
        };
        return Err((Reason::NoMatchingParent, message));
    }
    let allowed: Vec<&Point> =
        points.into_iter().filter(|point| allows(reader, wish, gateway, point)).collect();
    if allowed.is_empty() {
        let message = format!(
            "no listener of Gateway {gateway} that the parentRef selects takes {}s from namespace \
             {}: see allowedRoutes there",
            wish.kind, wish.namespace
        );
        return Err((Reason::NotAllowedByListeners, message));
    }
    let reached: Vec<&Point> = allowed
        .iter()
        .filter(|point| {
            wish.hostnames.is_empty()
                || wish.hostnames.iter().any(|hostname| hostname.intersects(&point.hostname))
        })
        .copied()
        .collect();
    if reached.is_empty() {
        let own: Vec<String> = allowed.iter().map(|point| point.hostname.to_string()).collect();
        let message = format!(
            "none of the route's hostnames is served by Gateway {gateway}, whose listeners have {}",
            own.join(", ")
        );
        return Err((Reason::NoMatchingListenerHostname, message));
    }
    Ok(reached)
}

fn allows(
    reader: &mut Reader<'_>,
    wish: &Wish<'_>,
    gateway: &NamespacedName,
    point: &Point,
) -> bool {
    point.kinds.contains(&wish.kind)
        && match &point.from {
            From::All => true,
            From::Same => *wish.namespace == *gateway.namespace,
            From::Selector(selector) => selector.matches(&reader.namespace_labels(wish.namespace)),
            From::Nowhere => false,
        }
}
