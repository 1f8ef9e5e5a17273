//! What came back from the world: which Gateways a proxy has, and which sockets it could not open.
//!
//! Enters a translation like any resource and reaches status through it; there is no second path.

use std::collections::{BTreeMap, BTreeSet};

use api::meta::NamespacedName;
use ir::{Ack, Bind, BindFailure, Id, Kind, Listener};

/// Facts from the proxies. Empty means that none has answered yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observations {
    everything: bool,
    served: Published,
    closed: BTreeMap<Id<Bind>, BindFailure>,
    refused: BTreeMap<Id<Listener>, String>,
}

/// What one revision holds, as far as `Programmed` is about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    generations: BTreeMap<NamespacedName, i64>,
    binds: BTreeSet<Id<Bind>>,
}

/// What is known about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BindState<'a> {
    Open,
    /// No proxy has answered for it yet.
    Unknown,
    Closed(&'a BindFailure),
}

impl Published {
    pub(crate) fn new(
        generations: BTreeMap<NamespacedName, i64>,
        binds: BTreeSet<Id<Bind>>,
    ) -> Self {
        Self { generations, binds }
    }
}

impl Observations {
    /// As if a proxy served everything at once: for tools that have none.
    pub fn all_open() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// A bind could not be opened.
    pub fn close(&mut self, failure: BindFailure) {
        self.closed.insert(failure.bind.clone(), failure);
    }

    /// Takes in what a proxy says about sockets and listeners: these are closed or refused, and
    /// every other one is open. Whether that is news.
    pub fn take(&mut self, ack: &Ack) -> bool {
        let failures = ack.closed.iter().cloned();
        let closed = failures.map(|failure| (failure.bind.clone(), failure)).collect();
        let listeners =
            ack.rejected.iter().filter(|rejection| rejection.key.kind == Kind::Listener);
        let refused = listeners
            .map(|rejection| (Id::new(&*rejection.key.name), rejection.reason.clone()))
            .collect();
        let news = self.closed != closed || self.refused != refused;
        (self.closed, self.refused) = (closed, refused);
        news
    }

    /// A proxy serves what was published. Whether that is news.
    pub fn acked(&mut self, published: Published) -> bool {
        let news = self.served != published;
        self.served = published;
        news
    }

    /// Whether a proxy has this generation of a Gateway.
    pub(crate) fn has(&self, gateway: &NamespacedName, generation: i64) -> bool {
        let served = self.served.generations.get(gateway);
        self.everything || served.is_some_and(|served| *served >= generation)
    }

    /// Why a proxy cannot serve a listener, if it said so.
    pub(crate) fn refused(&self, listener: &Id<Listener>) -> Option<&str> {
        self.refused.get(listener).map(String::as_str)
    }

    pub(crate) fn bind(&self, bind: &Id<Bind>) -> BindState<'_> {
        match self.closed.get(bind) {
            Some(failure) => BindState::Closed(failure),
            None if self.everything || self.served.binds.contains(bind) => BindState::Open,
            None => BindState::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use ir::{BindFault, Key, Rejection};

    use super::*;

    #[test]
    fn a_bind_is_open_once_a_proxy_has_it_and_says_nothing_against_it() {
        let (a, b) = (Id::<Bind>::new("a"), Id::<Bind>::new("b"));
        let gateway = NamespacedName::new("ns", "gw");
        let mut observations = Observations::default();
        assert_eq!(observations.bind(&a), BindState::Unknown);
        let published = Published::new(
            BTreeMap::from([(gateway.clone(), 2)]),
            BTreeSet::from([a.clone(), b.clone()]),
        );
        assert!(observations.acked(published.clone()));
        assert!(!observations.acked(published), "the same again is no news");
        let failure =
            BindFailure { bind: b.clone(), fault: BindFault::InUse, message: String::new() };
        let ack = Ack { closed: vec![failure.clone()], ..Ack::default() };
        assert!(observations.take(&ack));
        assert!(!observations.take(&ack), "the same again is no news");
        assert_eq!(observations.bind(&a), BindState::Open);
        assert_eq!(observations.bind(&b), BindState::Closed(&failure));
        assert!(observations.has(&gateway, 2) && !observations.has(&gateway, 3));
        assert!(observations.take(&Ack::default()));
        assert_eq!(observations.bind(&b), BindState::Open);
    }

    #[test]
    fn a_listener_is_refused_until_a_proxy_takes_it_back() {
        let listener = Id::<Listener>::new("ns/gw/https");
        let key = Key { kind: Kind::Listener, name: "ns/gw/https".into() };
        let rejected = vec![Rejection { key, reason: "no certificate".to_owned() }];
        let ack = Ack { rejected, ..Ack::default() };
        let mut observations = Observations::default();
        assert!(observations.take(&ack));
        assert!(!observations.take(&ack), "the same again is no news");
        assert_eq!(observations.refused(&listener), Some("no certificate"));
        assert!(observations.take(&Ack::default()));
        assert_eq!(observations.refused(&listener), None);
    }
}
