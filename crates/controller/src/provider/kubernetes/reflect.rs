//! One kind, object by object: what the API server holds becomes changes for the store.
//!
//! An object that cannot be used leaves what was last read of it where it is, as an edit of a file
//! does. Nothing is taken out before a list, or the server itself, says that it is gone.

use std::collections::{BTreeMap, btree_map::Entry};

use api::{
    kind::{Kind, ObjectKey},
    manifest::{self, Received},
    meta::NamespacedName,
};
use tokio::sync::{mpsc, watch};

use super::{
    Outlet,
    follow::{Follower, News},
    problems::{self, Cost, Subject},
    request::{Seen, Server, Target, Told},
};
use crate::event_loop::Change;

/// What is remembered of an object.
struct Known {
    version: Box<str>,
    /// The list that named it last.
    list: u32,
    /// Whether some version of it could be used.
    good: bool,
}

/// One kind while it is there.
struct Reflector {
    target: Target,
    outlet: Outlet,
    known: BTreeMap<NamespacedName, Known>,
    /// Which list it is.
    list: u32,
    /// Whether a list was read to its end.
    read: bool,
}

/// Follows a kind until it is `wanted` no more, in the version that is wanted. Says once that all
/// of it is read, or need not be.
pub(crate) async fn reflect(
    server: Server,
    mut wanted: watch::Receiver<Option<Target>>,
    outlet: Outlet,
    settled: mpsc::Sender<Kind>,
) {
    let Some(target) = *wanted.borrow_and_update() else { return };
    let mut reflector = Reflector { target, outlet, known: BTreeMap::new(), list: 0, read: false };
    let mut follower = Follower::start(server.clone(), target);
    let mut unsettled = true;
    loop {
        tokio::select! {
            news = follower.next() => {
                let Some(news) = news else { return };
                let settles = match &news {
                    News::Listed => true,
                    News::Trouble { believed, .. } => *believed && OPTIONAL.contains(&target.kind),
                    _ => false,
                };
                if reflector.take(news).await.is_err() {
                    return;
                }
                if settles && std::mem::take(&mut unsettled)
                    && settled.send(target.kind).await.is_err()
                {
                    return;
                }
            }
            changed = wanted.changed() => {
                let now = *wanted.borrow_and_update();
                match now.filter(|_| changed.is_ok()) {
                    Some(target) => {
                        reflector.target = target;
                        // The same objects look different in another version.
                        reflector.known.values_mut().for_each(|known| known.version = "".into());
                        follower = Follower::start(server.clone(), target);
                    }
                    None => {
                        // Whoever listens may have gone too.
                        let _ = reflector.vanish().await;
                        return;
                    }
                }
            }
        }
    }
}

impl Reflector {
    async fn take(&mut self, news: News) -> Result<(), super::Closed> {
        let mut changes = Vec::new();
        match news {
            News::Listing => self.list += 1,
            News::Page(page) => {
                for seen in page {
                    self.put(seen, &mut changes);
                }
            }
            News::Listed => {
                let list = self.list;
                self.read = true;
                let gone = self.known.extract_if(.., |_, known| known.list != list);
                let gone: Vec<_> = gone.map(|(name, _)| name).collect();
                for name in gone {
                    self.gone(name, &mut changes);
                }
                self.outlet.problems.clear(Subject::Kind(self.target.kind));
            }
            News::Told(told) => {
                for told in told {
                    match told {
                        Told::Put(seen) => self.put(seen, &mut changes),
                        Told::Gone(name) => {
                            self.known.remove(&name);
                            self.gone(name, &mut changes);
                        }
                        Told::Bookmark => {}
                    }
                }
            }
            News::Trouble { fault, believed } => {
                let cost = match self.read {
                    true => Cost::News,
                    false if OPTIONAL.contains(&self.target.kind) => Cost::Kind,
                    false => Cost::Start,
                };
                let found = problems::of_fault(self.target, &fault, believed, cost);
                self.outlet.problems.set(Subject::Kind(self.target.kind), found);
            }
            News::Well => self.outlet.problems.clear(Subject::Kind(self.target.kind)),
        }
        self.outlet.send(changes).await
    }

    fn put(&mut self, seen: Seen, changes: &mut Vec<Change>) {
        let Seen { name, version, json } = seen;
        let known = match self.known.entry(name.clone()) {
            Entry::Occupied(known) => {
                let known = known.into_mut();
                known.list = self.list;
                if known.version == version {
                    return;
                }
                known.version = version;
                known
            }
            Entry::Vacant(free) => free.insert(Known { version, list: self.list, good: false }),
        };
        let key = ObjectKey { kind: self.target.kind, name };
        self.outlet.live.put(&key, self.target.version, &json);
        match manifest::from_server(self.target.kind, self.target.version, &json) {
            Ok(Received { object, .. }) => {
                known.good = true;
                self.outlet.problems.clear(Subject::Object(key.clone()));
                changes.push(Change { key, object: Some(object) });
            }
            Err(found) => {
                let found = problems::of_object(&key, found, known.good);
                self.outlet.problems.set(Subject::Object(key), found);
            }
        }
    }

    fn gone(&self, name: NamespacedName, changes: &mut Vec<Change>) {
        let key = ObjectKey { kind: self.target.kind, name };
        self.outlet.live.remove(&key);
        self.outlet.problems.clear(Subject::Object(key.clone()));
        changes.push(Change { key, object: None });
    }

    /// The kind itself is gone, and all objects with it.
    async fn vanish(mut self) -> Result<(), super::Closed> {
        let mut changes = Vec::new();
        for name in std::mem::take(&mut self.known).into_keys() {
            self.gone(name, &mut changes);
        }
        self.outlet.problems.clear(Subject::Kind(self.target.kind));
        self.outlet.send(changes).await
    }
}

/// Kinds that may be forbidden when a controller starts, as if the server had none of them: no
/// proxy does anything because of one, so that nothing which is served is lost with them.
///
/// Every other kind has to be read once before anything is published or written: without its
/// classes and Gateways a controller would take the proxies away, without routes, Services and
/// endpoints their traffic, without namespaces, grants, ListenerSets and EnvoyProxies what these
/// allow and shape, and without BackendTLSPolicies it would send in plain text what is to be
/// encrypted. Secrets and ConfigMaps are read by name: see `named`.
const OPTIONAL: [Kind; 8] = [
    Kind::GRPCRoute,
    Kind::TLSRoute,
    Kind::TCPRoute,
    Kind::UDPRoute,
    Kind::XBackend,
    Kind::XBackendTrafficPolicy,
    Kind::XMesh,
    Kind::XTelemetryPolicy,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_that_is_served_may_be_missing_at_the_start() {
        for kind in OPTIONAL {
            assert!(translate::is_unserved(kind), "{kind} is served: it is not optional any more");
        }
    }
}
