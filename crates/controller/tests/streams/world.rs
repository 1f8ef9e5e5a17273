//! What proxies are told in these tests: Gateways with some routes each.

use std::{collections::BTreeSet, sync::Arc};

use api::meta::NamespacedName;
use ir::{
    Backend, BackendChoice, Bind, Endpoint, Endpoints, Hostname, Id, Key, Listener, Match,
    PathMatch, Protocol, Resource, Route, Rule, Snapshot, Target, Timeouts, UpstreamProtocol,
    WeightedBackend,
};
use portcullis_controller::publish::hub::Hub;

/// The state of all Gateways, and where it is published.
pub(crate) struct World {
    hub: Hub,
    snapshot: Snapshot,
}

/// The n-th Gateway.
pub(crate) fn gateway(index: usize) -> NamespacedName {
    NamespacedName::new("edge", format!("gateway-{index}"))
}

/// The ServiceAccount of its proxies.
pub(crate) fn account(index: usize) -> NamespacedName {
    NamespacedName::new("edge", format!("gateway-{index}-portcullis"))
}

impl World {
    pub(crate) fn new(hub: Hub) -> Self {
        Self { hub, snapshot: Snapshot::default() }
    }

    /// Makes Gateways with so many routes each, and publishes them.
    pub(crate) fn build(&mut self, gateways: usize, routes: usize) {
        let mut changed = BTreeSet::new();
        for index in 0..gateways {
            for (key, resource) in resources(index, routes) {
                self.snapshot.insert(&*key.name, resource);
                changed.insert(key);
            }
        }
        self.hub.publish(&changed, &self.snapshot);
    }

    /// Points a route of a Gateway elsewhere: one resource changes. Gives its key.
    pub(crate) fn edit(&mut self, index: usize, route: usize, port: u16) -> Key {
        let (key, resource) = endpoints(&name(index, route), port);
        self.snapshot.insert(&*key.name, resource);
        self.hub.publish(&[key.clone()].into(), &self.snapshot);
        key
    }

    /// Takes a Gateway's bind away, and with it all that it leads to.
    pub(crate) fn close(&mut self, index: usize) {
        let key = bind(index).0;
        self.snapshot.binds.remove(&Id::new(&*key.name));
        self.hub.publish(&[key].into(), &self.snapshot);
    }

    /// Everything that a Gateway's proxies must hold.
    pub(crate) fn keys(index: usize, routes: usize) -> BTreeSet<Key> {
        resources(index, routes).map(|(key, _)| key).collect()
    }
}

fn resources(index: usize, routes: usize) -> impl Iterator<Item = (Key, Resource)> {
    let listener = Listener {
        bind: Id::new(&*bind(index).0.name),
        hostname: Hostname::Any,
        protocol: Protocol::Http,
    };
    let listener = entry(gateway(index).to_string(), Resource::Listener(Arc::new(listener)));
    [bind(index), listener].into_iter().chain((0..routes).flat_map(move |route| {
        let name = name(index, route);
        let attached = Route {
            listeners: vec![Id::new(gateway(index).to_string())],
            hostnames: Vec::new(),
            created: 0,
            namespace: "edge".into(),
            name: name.as_str().into(),
        };
        let backend = Backend {
            protocol: UpstreamProtocol::Http1,
            target: Target::Endpoints(Id::new(name.as_str())),
        };
        [
            entry(name.clone(), Resource::Route(Arc::new(attached))),
            entry(name.clone(), Resource::Rule(Arc::new(rule(&name)))),
            entry(name.clone(), Resource::Backend(Arc::new(backend))),
            endpoints(&name, 80),
        ]
    }))
}

fn bind(index: usize) -> (Key, Resource) {
    let gateway = gateway(index).to_string();
    let bind = Bind { gateway: gateway.as_str().into(), address: None, port: 80 };
    entry(format!("{gateway}/80"), Resource::Bind(Arc::new(bind)))
}

fn rule(name: &str) -> Rule {
    Rule {
        route: Id::new(name),
        index: 0,
        name: None,
        matches: vec![Match {
            path: PathMatch::Prefix(format!("/{name}").into()),
            method: None,
            headers: Vec::new(),
            query: Vec::new(),
        }],
        filters: Vec::new(),
        backends: vec![WeightedBackend {
            backend: BackendChoice::Valid(Id::new(name)),
            weight: 1,
            filters: Vec::new(),
        }],
        timeouts: Timeouts::default(),
        retry: None,
    }
}

fn endpoints(name: &str, port: u16) -> (Key, Resource) {
    let endpoint = |host| Endpoint { address: [10, 0, 0, host].into(), port };
    let endpoints = Endpoints { endpoints: vec![endpoint(1), endpoint(2)] };
    entry(name.to_owned(), Resource::Endpoints(Arc::new(endpoints)))
}

fn name(index: usize, route: usize) -> String {
    format!("edge/gateway-{index}-route-{route}")
}

fn entry(name: String, resource: Resource) -> (Key, Resource) {
    (Key { kind: resource.kind(), name: name.into() }, resource)
}
