//! What came back from the world: what the proxies of each Gateway serve, which sockets they could
//! not open, and what could not be provided for them.
//!
//! Enters a translation like any resource and reaches status through it; there is no second path.
//! What a cluster says in objects of its own, such as the addresses of a Service, is a resource.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use api::meta::NamespacedName;
use ir::{Ack, Bind, BindFailure, Id, Kind, Listener};

/// Facts from the proxies. Empty means that none has answered yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observations {
    everything: bool,
    served: BTreeMap<NamespacedName, Served>,
    faults: BTreeMap<NamespacedName, String>,
    installed: Option<Installed>,
}

/// Which release of the Gateway API a cluster has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// The one that its definitions name; none if they name none.
    Release(Option<String>),
    /// It may not be read.
    Unreadable,
}

/// What all proxies of a Gateway serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The generation of the Gateway.
    pub generation: i64,
    /// The sockets that they know of.
    pub binds: BTreeSet<Id<Bind>>,
    /// Those that at least one of them could not open.
    pub closed: BTreeMap<Id<Bind>, BindFailure>,
    /// Listeners that at least one of them refused, with its reason.
    pub refused: BTreeMap<Id<Listener>, String>,
}

impl Served {
    /// Takes in what one proxy says against sockets and listeners.
    pub fn complain(&mut self, ack: &Ack) {
        let failures = ack.closed.iter().cloned();
        self.closed.extend(failures.map(|failure| (failure.bind.clone(), failure)));
        let listeners =
            ack.rejected.iter().filter(|rejection| rejection.key.kind == Kind::Listener);
        self.refused.extend(
            listeners.map(|rejection| (Id::new(&*rejection.key.name), rejection.reason.clone())),
        );
    }
}

/// What one revision holds, by Gateway, as far as `Programmed` is about it. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published(pub(crate) BTreeMap<NamespacedName, Arc<Contents>>);

/// What a revision holds of a Gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The generation of the Gateway.
    pub generation: i64,
    /// Its sockets.
    pub binds: BTreeSet<Id<Bind>>,
}

impl FromIterator<(NamespacedName, Contents)> for Published {
    fn from_iter<I: IntoIterator<Item = (NamespacedName, Contents)>>(contents: I) -> Self {
        Self(contents.into_iter().map(|(name, contents)| (name, Arc::new(contents))).collect())
    }
}

impl Published {
    /// The Gateways of the revision.
    pub fn gateways(&self) -> impl Iterator<Item = &NamespacedName> {
        self.0.keys()
    }

    /// What proxies of a Gateway serve that have the revision and say nothing against it. None
    /// when the Gateway is not in it.
    pub fn served(&self, gateway: &NamespacedName) -> Option<Served> {
        let Contents { generation, binds } = &**self.0.get(gateway)?;
        Some(Served { generation: *generation, binds: binds.clone(), ..Served::default() })
    }
}

/// What is known about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BindState<'a> {
    Open,
    /// No proxy has answered for it yet.
    Unknown,
    Closed(&'a BindFailure),
}

impl Observations {
    /// As if proxies served everything at once: for tools that have none.
    pub fn all_open() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// The proxies of a Gateway serve this; none says that there is no word from them. Whether
    /// that is news.
    pub fn gateway(&mut self, name: NamespacedName, served: Option<Served>) -> bool {
        put(&mut self.served, name, served)
    }

    /// What keeps the objects that a Gateway needs from being there, if anything. Whether that is
    /// news.
    pub fn provision_fault(&mut self, gateway: NamespacedName, fault: Option<String>) -> bool {
        put(&mut self.faults, gateway, fault)
    }

    /// The cluster has this release of the Gateway API. Whether that is news.
    pub fn install(&mut self, installed: Installed) -> bool {
        let before = self.installed.replace(installed);
        before != self.installed
    }

    /// None where nobody has looked: files come without definitions.
    pub(crate) fn installed(&self) -> Option<&Installed> {
        self.installed.as_ref()
    }

    /// The Gateways about which something is known.
    pub fn gateways(&self) -> impl Iterator<Item = &NamespacedName> {
        self.served.keys()
    }

    /// Whether the proxies have this generation of a Gateway.
    pub(crate) fn has(&self, gateway: &NamespacedName, generation: i64) -> bool {
        let served = self.served.get(gateway);
        self.everything || served.is_some_and(|served| served.generation >= generation)
    }

    /// Why a proxy cannot serve a listener, if it said so.
    pub(crate) fn refused(
        &self,
        gateway: &NamespacedName,
        listener: &Id<Listener>,
    ) -> Option<&str> {
        self.served.get(gateway)?.refused.get(listener).map(String::as_str)
    }

    pub(crate) fn bind(&self, gateway: &NamespacedName, bind: &Id<Bind>) -> BindState<'_> {
        let served = self.served.get(gateway);
        match served.and_then(|served| served.closed.get(bind)) {
            Some(failure) => BindState::Closed(failure),
            None if self.everything || served.is_some_and(|served| served.binds.contains(bind)) => {
                BindState::Open
            }
            None => BindState::Unknown,
        }
    }

    pub(crate) fn fault(&self, gateway: &NamespacedName) -> Option<&str> {
        self.faults.get(gateway).map(String::as_str)
    }

    pub(crate) fn everything(&self) -> bool {
        self.everything
    }

    /// The Gateways about which the other says something else.
    pub(crate) fn differences(&self, other: &Self) -> BTreeSet<NamespacedName> {
        let mut names = BTreeSet::new();
        differing(&self.served, &other.served, &mut names);
        differing(&self.faults, &other.faults, &mut names);
        names
    }
}

fn put<T: PartialEq>(
    map: &mut BTreeMap<NamespacedName, T>,
    name: NamespacedName,
    value: Option<T>,
) -> bool {
    let news = map.get(&name) != value.as_ref();
    match value {
        _ if !news => {}
        Some(value) => drop(map.insert(name, value)),
        None => drop(map.remove(&name)),
    }
    news
}

fn differing<T: PartialEq>(
    one: &BTreeMap<NamespacedName, T>,
    other: &BTreeMap<NamespacedName, T>,
    names: &mut BTreeSet<NamespacedName>,
) {
    let all = one.keys().chain(other.keys());
    names.extend(all.filter(|name| one.get(*name) != other.get(*name)).cloned());
}

#[cfg(test)]
mod tests {
    use ir::{BindFault, Key, Rejection};

    use super::*;

    #[test]
    fn a_bind_is_open_once_proxies_have_it_and_none_says_anything_against_it() {
        let (a, b) = (Id::<Bind>::new("a"), Id::<Bind>::new("b"));
        let (gateway, other) = (NamespacedName::new("ns", "gw"), NamespacedName::new("ns", "x"));
        let mut observations = Observations::default();
        assert_eq!(observations.bind(&gateway, &a), BindState::Unknown);
        let contents = Contents { generation: 2, binds: [a.clone(), b.clone()].into() };
        let published = Published([(gateway.clone(), Arc::new(contents))].into());
        let mut served = published.served(&gateway).unwrap();
        assert!(observations.gateway(gateway.clone(), Some(served.clone())));
        assert!(!observations.gateway(gateway.clone(), Some(served.clone())), "no news");
        let before = observations.clone();
        let failure =
            BindFailure { bind: b.clone(), fault: BindFault::InUse, message: String::new() };
        served.complain(&Ack { closed: vec![failure.clone()], ..Ack::default() });
        assert!(observations.gateway(gateway.clone(), Some(served)));
        assert_eq!(observations.differences(&before), [gateway.clone()].into());
        assert_eq!(observations.bind(&gateway, &a), BindState::Open);
        assert_eq!(observations.bind(&gateway, &b), BindState::Closed(&failure));
        assert_eq!(observations.bind(&other, &a), BindState::Unknown);
        assert!(observations.has(&gateway, 2) && !observations.has(&gateway, 3));
        assert!(observations.gateway(gateway.clone(), None));
        assert_eq!(observations.bind(&gateway, &b), BindState::Unknown);
    }

    #[test]
    fn a_listener_is_refused_and_a_fault_stands_until_they_are_taken_back() {
        let gateway = NamespacedName::new("ns", "gw");
        let listener = Id::<Listener>::new("ns/gw/https");
        let key = Key { kind: Kind::Listener, name: "ns/gw/https".into() };
        let rejected = vec![Rejection { key, reason: "no certificate".to_owned() }];
        let mut served = Served::default();
        served.complain(&Ack { rejected, ..Ack::default() });
        let mut observations = Observations::default();
        assert!(observations.gateway(gateway.clone(), Some(served)));
        assert_eq!(observations.refused(&gateway, &listener), Some("no certificate"));
        assert!(observations.gateway(gateway.clone(), Some(Served::default())));
        assert_eq!(observations.refused(&gateway, &listener), None);
        let fault = Some("quota".to_owned());
        assert!(observations.provision_fault(gateway.clone(), fault.clone()));
        assert!(!observations.provision_fault(gateway.clone(), fault), "no news");
        assert_eq!(observations.fault(&gateway), Some("quota"));
        assert!(observations.provision_fault(gateway.clone(), None));
        assert_eq!(observations.fault(&gateway), None);
    }
}
