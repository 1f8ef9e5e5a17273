//! The hub: the latest state, and for each Gateway what changed in it when.
//!
//! A [`Subscription`] remembers the revision that it is at, and is given whatever changed since:
//! the latest value of each key, once. So a slow proxy costs nothing and holds nobody up, and a
//! publication costs as much as it changes, however many proxies there are. Nothing is sent here;
//! that is done by whoever holds the subscription.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use api::meta::NamespacedName;
use ir::{
    Ack, Delta, Key, Kind, Resource, Snapshot, Upsert,
    wire::{self, Encoded},
};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::scope::Scope;
use crate::mailbox::Mailbox;

/// The state that proxies subscribe to; clones share it.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    epoch: Arc<str>,
    state: Mutex<State>,
    answers: Mailbox<u64, ProxyAnswer>,
    next: AtomicU64,
}

/// What a proxy says, or that it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyAnswer {
    /// Who it is: one connection of one proxy.
    pub subscriber: Subscriber,
    /// Its answer; none when it has gone.
    pub ack: Option<Ack>,
}

/// Who subscribes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Whose proxy it is; none for one that serves all Gateways.
    pub gateway: Option<NamespacedName>,
    /// Its name, for people.
    pub pod: Arc<str>,
}

/// What became of a publication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// The revision now; the one before if nothing changed.
    pub revision: u64,
    /// `namespace/name` of the Gateways to which something of the change belongs.
    pub gateways: BTreeSet<Arc<str>>,
}

/// One resource as it is published, shared by all who are told of it.
pub struct Entry {
    key: Key,
    resource: Resource,
    encoded: OnceLock<Encoded>,
}

/// The latest state of what changed for one subscriber.
#[derive(Clone)]
pub struct Batch {
    /// The position after it.
    pub revision: u64,
    /// New or changed resources.
    pub upserts: Vec<Arc<Entry>>,
    /// Resources that are gone.
    pub removals: Vec<Key>,
}

/// One subscriber's position. Dropping it says that the proxy has gone.
pub struct Subscription {
    hub: Hub,
    id: u64,
    subscriber: Subscriber,
    wake: watch::Receiver<u64>,
}

#[derive(Default)]
struct State {
    revision: u64,
    closed: bool,
    scope: Scope,
    /// Everything, for those who serve all Gateways.
    whole: Group,
    /// Of Gateways that somebody subscribes to.
    gateways: HashMap<Arc<str>, Group>,
}

/// What those who serve the same see.
#[derive(Default)]
struct Group {
    keys: BTreeMap<Key, Slot>,
    /// The same by the revision that changed them last.
    changes: BTreeMap<u64, BTreeSet<Key>>,
    gone: usize,
    /// Clean up when more than that are gone.
    gone_max: usize,
    /// How far each subscription is; none before its first batch.
    positions: HashMap<u64, Option<u64>>,
    wake: watch::Sender<u64>,
}

/// What is known about a key.
struct Slot {
    /// Since when it has been there, or may be with a subscriber.
    born: u64,
    changed: u64,
    /// None when it is gone.
    entry: Option<Arc<Entry>>,
}

impl Hub {
    /// An empty one, and where the answers of proxies arrive, the latest of each.
    pub fn new() -> (Self, Mailbox<u64, ProxyAnswer>) {
        let answers = Mailbox::default();
        let inner = Inner {
            epoch: format!("{:016x}", fastrand::u64(..)).into(),
            state: Mutex::default(),
            answers: answers.clone(),
            next: AtomicU64::new(1),
        };
        (Self(Arc::new(inner)), answers)
    }

    /// In which life of a controller the revisions are counted.
    pub fn epoch(&self) -> Arc<str> {
        self.0.epoch.clone()
    }

    /// Publishes what became of these keys. Equal values are silence, but for the first time: a
    /// subscriber waits for that even if it is empty.
    pub fn publish(&self, changed: &BTreeSet<Key>, snapshot: &Snapshot) -> Publication {
        let mut state = self.0.state.lock();
        let state = &mut *state;
        let first = state.revision == 0;
        let revision = state.revision + 1;
        let moved = state.scope.update(changed, snapshot);
        let mut gateways = BTreeSet::new();
        let mut published = first;
        for key in changed.iter().chain(moved.keys().filter(|key| !changed.contains(key))) {
            let now = snapshot.get(key);
            let before = state.whole.entry(key);
            let same = before.as_ref().map(|entry| &entry.resource) == now.as_ref();
            let after = state.scope.gateways(key);
            let earlier = moved.get(key).unwrap_or(&after);
            let entry = match (same, now) {
                (true, _) => before,
                (false, now) => now.map(|resource| Arc::new(Entry::new(key.clone(), resource))),
            };
            if !same {
                published = true;
                state.whole.put(key, entry.clone(), revision);
            }
            for gateway in earlier.iter().filter(|gateway| !after.contains(gateway)) {
                gateways.insert(gateway.clone());
                if let Some(group) = state.gateways.get_mut(gateway) {
                    group.put(key, None, revision);
                }
            }
            for gateway in after.iter() {
                if !same || !earlier.contains(gateway) {
                    gateways.insert(gateway.clone());
                    if let Some(group) = state.gateways.get_mut(gateway) {
                        group.put(key, entry.clone(), revision);
                    }
                }
            }
        }
        if !published {
            return Publication { revision: state.revision, gateways };
        }
        state.revision = revision;
        state.whole.settle(revision);
        for gateway in &gateways {
            if let Some(group) = state.gateways.get_mut(gateway) {
                group.settle(revision);
            }
        }
        if first {
            // Those without anything of their own wait as well.
            for group in state.gateways.values() {
                group.wake.send_replace(revision);
            }
        }
        Publication { revision, gateways }
    }

    /// A new subscription.
    pub fn subscribe(&self, subscriber: Subscriber) -> Subscription {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let mut state = self.0.state.lock();
        let group = state.group(&subscriber);
        group.positions.insert(id, None);
        let wake = group.wake.subscribe();
        Subscription { hub: self.clone(), id, subscriber, wake }
    }

    /// Ends all subscriptions, now and from now on.
    pub fn close(&self) {
        let mut state = self.0.state.lock();
        state.closed = true;
        let revision = state.revision;
        for group in state.gateways.values().chain([&state.whole]) {
            group.wake.send_replace(revision);
        }
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        let state = self.0.state.lock();
        state.gateways.values().chain([&state.whole]).map(|group| group.positions.len()).sum()
    }
}

impl Subscription {
    /// What changed since the last call, now or as soon as something does: at first everything,
    /// even if that is nothing. None when the hub is closed. Nothing is lost when the future is
    /// dropped.
    pub async fn next(&mut self) -> Option<Batch> {
        loop {
            self.wake.mark_unchanged();
            match self.take() {
                Taken::Batch(batch) => return Some(batch),
                Taken::Nothing => self.wake.changed().await.ok()?,
                Taken::Closed => return None,
            }
        }
    }

    /// Hands the proxy's answer in, in place of an earlier one that was not looked at yet.
    pub fn answered(&self, ack: Ack) {
        self.tell(Some(ack));
    }

    /// Whose it is.
    pub fn subscriber(&self) -> &Subscriber {
        &self.subscriber
    }

    fn take(&self) -> Taken {
        let mut state = self.hub.0.state.lock();
        let revision = state.revision;
        if state.closed {
            return Taken::Closed;
        }
        if revision == 0 {
            return Taken::Nothing;
        }
        let group = state.group(&self.subscriber);
        let position = group.positions.insert(self.id, Some(revision)).flatten();
        let mut batch = Batch { revision, upserts: Vec::new(), removals: Vec::new() };
        let Some(position) = position else {
            batch.upserts = group.keys.values().filter_map(|slot| slot.entry.clone()).collect();
            return Taken::Batch(batch);
        };
        let news = group.changes.range((Bound::Excluded(position), Bound::Unbounded));
        for key in news.flat_map(|(_, keys)| keys) {
            match group.keys.get(key) {
                Some(Slot { entry: Some(entry), .. }) => batch.upserts.push(entry.clone()),
                _ => batch.removals.push(key.clone()),
            }
        }
        match batch.upserts.is_empty() && batch.removals.is_empty() {
            true => Taken::Nothing,
            false => Taken::Batch(batch),
        }
    }

    fn tell(&self, ack: Option<Ack>) {
        let answer = ProxyAnswer { subscriber: self.subscriber.clone(), ack };
        self.hub.0.answers.put(self.id, answer);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.0.state.lock().leave(self.id, &self.subscriber);
        self.tell(None);
    }
}

enum Taken {
    Batch(Batch),
    Nothing,
    Closed,
}

impl Batch {
    /// The same as a step for a proxy in this process.
    pub fn into_delta(self) -> Delta {
        let upserts = self
            .upserts
            .iter()
            .map(|entry| Upsert { key: entry.key.clone(), resource: entry.resource.clone() });
        Delta { revision: self.revision, upserts: upserts.collect(), removals: self.removals }
    }
}

impl Entry {
    fn new(key: Key, resource: Resource) -> Self {
        Self { key, resource, encoded: OnceLock::new() }
    }

    /// Its name.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Its value.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Its value for the wire: made for the first who asks, and the same for all others.
    pub fn encoded(&self) -> &Encoded {
        self.encoded.get_or_init(|| wire::encode(&self.resource))
    }
}

impl State {
    fn group(&mut self, subscriber: &Subscriber) -> &mut Group {
        let Some(gateway) = &subscriber.gateway else { return &mut self.whole };
        let (scope, whole, revision) = (&self.scope, &self.whole, self.revision);
        let gateway: Arc<str> = gateway.to_string().into();
        self.gateways.entry(gateway.clone()).or_insert_with(|| {
            let mut group = Group::default();
            let binds = whole.keys.keys().take_while(|key| key.kind == Kind::Bind);
            for key in scope.of(&gateway, binds) {
                if let Some(entry) = whole.entry(key) {
                    group.put(key, Some(entry), revision);
                }
            }
            group
        })
    }

    fn leave(&mut self, id: u64, subscriber: &Subscriber) {
        let group = self.group(subscriber);
        group.positions.remove(&id);
        if group.positions.is_empty() {
            group.forget();
        }
        self.gateways.retain(|_, group| !group.positions.is_empty());
    }
}

impl Group {
    fn entry(&self, key: &Key) -> Option<Arc<Entry>> {
        self.keys.get(key)?.entry.clone()
    }

    /// Notes the value of a key; none when it is gone.
    fn put(&mut self, key: &Key, entry: Option<Arc<Entry>>, revision: u64) {
        let slot = self.keys.entry(key.clone()).or_insert_with(|| Slot {
            born: revision,
            changed: revision,
            entry: None,
        });
        if let Some(keys) = self.changes.get_mut(&slot.changed) {
            keys.remove(key);
            if keys.is_empty() {
                self.changes.remove(&slot.changed);
            }
        }
        (slot.changed, slot.entry) = (revision, entry);
        self.changes.entry(revision).or_default().insert(key.clone());
    }

    /// All of a revision is noted.
    fn settle(&mut self, revision: u64) {
        let news = self.changes.get(&revision);
        let gone = |key: &&Key| self.keys.get(*key).is_some_and(|slot| slot.entry.is_none());
        self.gone += news.into_iter().flatten().filter(gone).count();
        if self.gone > self.gone_max || (self.gone > 0 && self.positions.is_empty()) {
            self.forget();
        }
        self.wake.send_replace(revision);
    }

    /// Forgets what is gone, unless a subscriber may have it and was not told: one that is at a
    /// revision from when it was there.
    fn forget(&mut self) {
        let positions: BTreeSet<u64> = self.positions.values().flatten().copied().collect();
        let changes = &mut self.changes;
        self.gone = 0;
        self.keys.retain(|key, slot| {
            if slot.entry.is_some() || positions.range(slot.born..slot.changed).next().is_some() {
                self.gone += usize::from(slot.entry.is_none());
                return true;
            }
            if let Some(keys) = changes.get_mut(&slot.changed) {
                keys.remove(key);
                if keys.is_empty() {
                    changes.remove(&slot.changed);
                }
            }
            false
        });
        self.gone_max = 2 * self.gone + GONE_MIN;
    }
}

/// So many keys that are gone are not worth a clean-up.
const GONE_MIN: usize = 64;

#[cfg(test)]
mod tests;
