//! A set of resources: all that one proxy, or all proxies together, must do.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use crate::{
    Backend, Bind, Certificate, Endpoints, Id, Key, Keyed, Kind, Listener, Route, Rule, TrustBundle,
};

/// One resource of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Resource {
    /// A socket.
    Bind(Arc<Bind>),
    /// A listener.
    Listener(Arc<Listener>),
    /// A route.
    Route(Arc<Route>),
    /// A rule of a route.
    Rule(Arc<Rule>),
    /// A backend.
    Backend(Arc<Backend>),
    /// Endpoints of a backend.
    Endpoints(Arc<Endpoints>),
    /// A certificate with its key.
    Certificate(Arc<Certificate>),
    /// Authorities that clients are checked against.
    TrustBundle(Arc<TrustBundle>),
}

impl Resource {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Bind(_) => Kind::Bind,
            Self::Listener(_) => Kind::Listener,
            Self::Route(_) => Kind::Route,
            Self::Rule(_) => Kind::Rule,
            Self::Backend(_) => Kind::Backend,
            Self::Endpoints(_) => Kind::Endpoints,
            Self::Certificate(_) => Kind::Certificate,
            Self::TrustBundle(_) => Kind::TrustBundle,
        }
    }
}

/// A flat set of resources, ordered by name within each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Sockets.
    pub binds: BTreeMap<Id<Bind>, Arc<Bind>>,
    /// Listeners on them.
    pub listeners: BTreeMap<Id<Listener>, Arc<Listener>>,
    /// Routes attached to those.
    pub routes: BTreeMap<Id<Route>, Arc<Route>>,
    /// Their rules.
    pub rules: BTreeMap<Id<Rule>, Arc<Rule>>,
    /// What the rules point to.
    pub backends: BTreeMap<Id<Backend>, Arc<Backend>>,
    /// Where that is.
    pub endpoints: BTreeMap<Id<Endpoints>, Arc<Endpoints>>,
    /// Certificates that listeners name.
    pub certificates: BTreeMap<Id<Certificate>, Arc<Certificate>>,
    /// Trust that listeners name.
    pub trust_bundles: BTreeMap<Id<TrustBundle>, Arc<TrustBundle>>,
}

impl Snapshot {
    /// The resource of that name.
    pub fn get(&self, key: &Key) -> Option<Resource> {
        let name = || key.name.clone();
        match key.kind {
            Kind::Bind => self.binds.get(&Id::new(name())).cloned().map(Resource::Bind),
            Kind::Listener => self.listeners.get(&Id::new(name())).cloned().map(Resource::Listener),
            Kind::Route => self.routes.get(&Id::new(name())).cloned().map(Resource::Route),
            Kind::Rule => self.rules.get(&Id::new(name())).cloned().map(Resource::Rule),
            Kind::Backend => self.backends.get(&Id::new(name())).cloned().map(Resource::Backend),
            Kind::Endpoints => {
                self.endpoints.get(&Id::new(name())).cloned().map(Resource::Endpoints)
            }
            Kind::Certificate => {
                self.certificates.get(&Id::new(name())).cloned().map(Resource::Certificate)
            }
            Kind::TrustBundle => {
                self.trust_bundles.get(&Id::new(name())).cloned().map(Resource::TrustBundle)
            }
        }
    }

    /// Puts a resource in, in place of the one of that name.
    ///
    /// `name` is the text of its [`Id`]; the kind is the resource's own.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, resource: Resource) {
        let name = name.into();
        match resource {
            Resource::Bind(value) => drop(self.binds.insert(Id::new(name), value)),
            Resource::Listener(value) => drop(self.listeners.insert(Id::new(name), value)),
            Resource::Route(value) => drop(self.routes.insert(Id::new(name), value)),
            Resource::Rule(value) => drop(self.rules.insert(Id::new(name), value)),
            Resource::Backend(value) => drop(self.backends.insert(Id::new(name), value)),
            Resource::Endpoints(value) => drop(self.endpoints.insert(Id::new(name), value)),
            Resource::Certificate(value) => drop(self.certificates.insert(Id::new(name), value)),
            Resource::TrustBundle(value) => drop(self.trust_bundles.insert(Id::new(name), value)),
        }
    }

    /// Takes a resource out; whether it was there.
    pub fn remove(&mut self, key: &Key) -> bool {
        let name = key.name.clone();
        match key.kind {
            Kind::Bind => self.binds.remove(&Id::new(name)).is_some(),
            Kind::Listener => self.listeners.remove(&Id::new(name)).is_some(),
            Kind::Route => self.routes.remove(&Id::new(name)).is_some(),
            Kind::Rule => self.rules.remove(&Id::new(name)).is_some(),
            Kind::Backend => self.backends.remove(&Id::new(name)).is_some(),
            Kind::Endpoints => self.endpoints.remove(&Id::new(name)).is_some(),
            Kind::Certificate => self.certificates.remove(&Id::new(name)).is_some(),
            Kind::TrustBundle => self.trust_bundles.remove(&Id::new(name)).is_some(),
        }
    }

    /// All names.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        fn of<T: Keyed, V>(map: &BTreeMap<Id<T>, V>) -> impl Iterator<Item = Key> + '_ {
            map.keys().map(Id::key)
        }
        of(&self.binds)
            .chain(of(&self.listeners))
            .chain(of(&self.routes))
            .chain(of(&self.rules))
            .chain(of(&self.backends))
            .chain(of(&self.endpoints))
            .chain(of(&self.certificates))
            .chain(of(&self.trust_bundles))
    }
}
