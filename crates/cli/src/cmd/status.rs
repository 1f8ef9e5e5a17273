//! `status`: how classes, Gateways and routes of a cluster are doing, as their status tells.
//!
//! Nothing is translated here: what controllers wrote is what is shown. What should be there and is
//! not is shown too.

use std::process::ExitCode;

use api::{
    condition::{Condition, ConditionStatus, ConditionType},
    gateway::{Gateway, GatewayStatus},
    gateway_class::GatewayClassStatus,
    kind::{Kind, ObjectKey},
    meta::{NamespacedName, ObjectMeta},
    object::{Object, Resource as _},
    reference::ParentReference,
    route::RouteStatus,
};
use controller::{provider::kubernetes::Cluster, report::Problem};
use serde::{Serialize, de::DeserializeOwned};

use super::cluster;
use crate::{
    args::{Output, Status},
    render,
};

/// Everything that is shown.
#[derive(Serialize)]
pub(crate) struct Overview {
    pub(crate) classes: Vec<Class>,
    pub(crate) gateways: Vec<GatewayLine>,
    pub(crate) routes: Vec<RouteLine>,
    /// What could not be read, or cannot be used.
    pub(crate) problems: Vec<Problem>,
}

/// Whether something works, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct State {
    pub(crate) ready: bool,
    /// A word for machines; empty when it is ready.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    /// A sentence for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
}

/// A GatewayClass.
#[derive(Serialize)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) controller: String,
    pub(crate) state: State,
}

/// A Gateway.
#[derive(Serialize)]
pub(crate) struct GatewayLine {
    #[serde(flatten)]
    pub(crate) name: NamespacedName,
    pub(crate) class: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) programmed: bool,
    pub(crate) state: State,
    pub(crate) listeners: Vec<ListenerLine>,
}

/// A listener of a Gateway.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListenerLine {
    pub(crate) name: String,
    pub(crate) protocol: String,
    pub(crate) port: u16,
    pub(crate) hostname: String,
    pub(crate) attached_routes: i32,
    pub(crate) state: State,
}

/// A route.
#[derive(Serialize)]
pub(crate) struct RouteLine {
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    pub(crate) name: NamespacedName,
    pub(crate) hostnames: Vec<String>,
    pub(crate) parents: Vec<ParentLine>,
}

/// What became of a route on one parent.
#[derive(Serialize)]
pub(crate) struct ParentLine {
    /// `namespace/name`, and `/section` where the route names one.
    pub(crate) parent: String,
    pub(crate) accepted: bool,
    pub(crate) state: State,
}

/// Reads and prints.
pub(super) fn status(args: &Status) -> anyhow::Result<ExitCode> {
    let cluster =
        cluster::block_on(cluster::read(args.context.as_deref(), &[&BASE[..], &ROUTES].concat()))?;
    let overview = overview(&cluster, args.namespace.as_deref());
    match args.output {
        Output::Table => render::text(&render::status::text(&overview))?,
        Output::Json => render::text(&(serde_json::to_string_pretty(&overview)? + "\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What there is to show, of one namespace or of all.
fn overview(cluster: &Cluster, namespace: Option<&str>) -> Overview {
    let shown = |name: &NamespacedName| namespace.is_none_or(|only| *name.namespace == *only);
    let resources = &cluster.resources;
    let classes = resources.gateway_classes.iter().map(|(name, class)| {
        let status: GatewayClassStatus = written(cluster, &class.key());
        Class {
            name: name.name.to_string(),
            controller: class.spec.controller_name.clone(),
            state: state(&status.conditions, &[ConditionType::Accepted], &class.metadata),
        }
    });
    let gateways = resources.gateways.iter().filter(|(name, _)| shown(name));
    let routes = ROUTES.into_iter().flat_map(|kind| resources.of_kind(kind));
    Overview {
        classes: classes.collect(),
        gateways: gateways.map(|(_, gateway)| gateway_line(cluster, gateway)).collect(),
        routes: routes
            .filter(|route| shown(&route.key().name))
            .filter_map(|route| route_line(cluster, &route))
            .collect(),
        problems: cluster.problems.clone(),
    }
}

fn gateway_line(cluster: &Cluster, gateway: &Gateway) -> GatewayLine {
    let status: GatewayStatus = written(cluster, &gateway.key());
    let whole = state(
        &status.conditions,
        &[ConditionType::Accepted, ConditionType::Programmed],
        &gateway.metadata,
    );
    let listeners = gateway.spec.listeners.iter().map(|listener| {
        let told = status.listeners.iter().find(|told| told.name == listener.name);
        let state = match told {
            None if !whole.ready => whole.clone(),
            None => State::missing("no controller has looked at this listener"),
            Some(told) => state(&told.conditions, LISTENER, &gateway.metadata),
        };
        ListenerLine {
            name: listener.name.clone(),
            protocol: listener.protocol.to_string(),
            port: listener.port,
            hostname: listener.hostname.clone().unwrap_or_else(|| "*".to_owned()),
            attached_routes: told.map_or(0, |told| told.attached_routes),
            state,
        }
    });
    GatewayLine {
        name: gateway.metadata.namespaced_name(),
        class: gateway.spec.gateway_class_name.clone(),
        addresses: status.addresses.iter().map(|address| address.value.clone()).collect(),
        programmed: holds(&status.conditions, ConditionType::Programmed),
        listeners: listeners.collect(),
        state: whole,
    }
}

fn route_line(cluster: &Cluster, route: &Object) -> Option<RouteLine> {
    let (hostnames, parents): (&[String], _) = match route {
        Object::HTTPRoute(route) => (&route.spec.hostnames, &route.spec.parent_refs),
        Object::GRPCRoute(route) => (&route.spec.hostnames, &route.spec.parent_refs),
        Object::TLSRoute(route) => (&route.spec.hostnames, &route.spec.parent_refs),
        Object::TCPRoute(route) => (&[], &route.spec.parent_refs),
        Object::UDPRoute(route) => (&[], &route.spec.parent_refs),
        _ => return None,
    };
    let (key, metadata) = (route.key(), route.metadata());
    let status: RouteStatus = written(cluster, &key);
    let parents = parents.iter().map(|parent| {
        let told = status.parents.iter().find(|told| same(&told.parent_ref, parent, metadata));
        let (accepted, state) = match told {
            None => (false, State::missing("no controller has answered: is the Gateway there?")),
            Some(told) => (
                holds(&told.conditions, ConditionType::Accepted),
                state(&told.conditions, ROUTE, metadata),
            ),
        };
        ParentLine { parent: spelt(parent, metadata), accepted, state }
    });
    Some(RouteLine {
        kind: key.kind.as_str(),
        hostnames: hostnames.to_vec(),
        parents: parents.collect(),
        name: key.name,
    })
}

/// The status as somebody wrote it; an empty one where nobody did, or nothing that can be read.
fn written<T: DeserializeOwned + Default>(cluster: &Cluster, key: &ObjectKey) -> T {
    let live = cluster.live.get(key);
    live.and_then(|live| serde_json::from_value(live.status()).ok()).unwrap_or_default()
}

/// What stands in the way, by the conditions that matter, in order.
fn state(conditions: &[Condition], matter: &[ConditionType], of: &ObjectMeta) -> State {
    for type_ in matter {
        let Some(condition) = find(conditions, *type_) else {
            return State::missing(&format!("nobody says whether it is {}", type_.as_str()));
        };
        if condition.status != ConditionStatus::True {
            let Condition { reason, message, .. } = condition.clone();
            return State { ready: false, reason, message };
        }
        let observed = condition.observed_generation.unwrap_or_default();
        if observed < of.generation() {
            let message = format!(
                "{} is of generation {observed}, and this is generation {}",
                type_.as_str(),
                of.generation()
            );
            return State { ready: false, reason: "Outdated".to_owned(), message };
        }
    }
    State { ready: true, reason: String::new(), message: String::new() }
}

impl State {
    fn missing(message: &str) -> Self {
        Self { ready: false, reason: "Unknown".to_owned(), message: message.to_owned() }
    }
}

fn holds(conditions: &[Condition], type_: ConditionType) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == ConditionStatus::True)
}

fn find(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

/// Whether both name the same parent; the namespace may be left out in either.
fn same(a: &ParentReference, b: &ParentReference, of: &ObjectMeta) -> bool {
    let whole = |parent: &ParentReference| ParentReference {
        namespace: Some(parent.namespace.as_deref().unwrap_or(&of.namespace).to_owned()),
        ..parent.clone()
    };
    whole(a) == whole(b)
}

fn spelt(parent: &ParentReference, of: &ObjectMeta) -> String {
    let namespace = parent.namespace.as_deref().unwrap_or(&of.namespace);
    let kind = match parent.kind.as_str() {
        "Gateway" => String::new(),
        kind => format!("{kind} "),
    };
    let port = parent.port.map(|port| format!(":{port}")).unwrap_or_default();
    let section = parent.section_name.as_deref().map(|name| format!("/{name}"));
    format!("{kind}{namespace}/{}{}{port}", parent.name, section.unwrap_or_default())
}

const BASE: [Kind; 2] = [Kind::GatewayClass, Kind::Gateway];
const ROUTES: [Kind; 5] =
    [Kind::HTTPRoute, Kind::GRPCRoute, Kind::TLSRoute, Kind::TCPRoute, Kind::UDPRoute];
const LISTENER: &[ConditionType] =
    &[ConditionType::Accepted, ConditionType::ResolvedRefs, ConditionType::Programmed];
const ROUTE: &[ConditionType] = &[ConditionType::Accepted, ConditionType::ResolvedRefs];
