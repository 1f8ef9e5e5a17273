//! Which Gateways a resource belongs to: those whose binds lead to it.
//!
//! A bind leads to its listeners, these to certificates and routes, a route to its rules, a rule to
//! backends, and these to endpoints. It is kept in line with each change, and looks at nothing that
//! the change does not reach.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use ir::{BackendChoice, Filter, Key, Kind, Protocol, Resource, Rule, Snapshot, Target};

/// Names of Gateways, sorted; shared, since most resources of one Gateway say the same.
pub(super) type Gateways = Arc<[Arc<str>]>;

/// The whole of it.
#[derive(Default)]
pub(super) struct Scope {
    nodes: HashMap<Key, Node>,
    /// Each key that is named, whether it exists or not, with who names it.
    named_by: BTreeSet<(Key, Key)>,
}

/// A resource that exists, or did before this change.
struct Node {
    /// In order.
    names: Box<[Key]>,
    /// Whose it is by itself: said by binds only.
    own: Option<Arc<str>>,
    gateways: Gateways,
}

impl Scope {
    /// Takes in what became of these keys. Gives those that belong to other Gateways than before,
    /// with the ones before.
    pub(super) fn update(
        &mut self,
        changed: &BTreeSet<Key>,
        snapshot: &Snapshot,
    ) -> BTreeMap<Key, Gateways> {
        let mut dirty = BTreeSet::new();
        let mut gone = BTreeSet::new();
        for key in changed {
            let resource = snapshot.get(key);
            if resource.is_none() && self.nodes.contains_key(key) {
                gone.insert(key.clone());
            }
            self.relink(key, resource.as_ref(), &mut dirty);
        }
        let mut moved = BTreeMap::new();
        // What leads to a resource sorts before it, so that each is looked at once.
        while let Some(key) = dirty.pop_first() {
            let Some(node) = self.nodes.get(&key) else { continue };
            let after = match gone.contains(&key) {
                true => Gateways::default(),
                false => self.find(&key, node),
            };
            if after != node.gateways {
                dirty.extend(self.led_to(&key, node).cloned());
                moved.insert(key.clone(), node.gateways.clone());
                if let Some(node) = self.nodes.get_mut(&key) {
                    node.gateways = after;
                }
            }
        }
        for key in &gone {
            self.nodes.remove(key);
        }
        moved
    }

    /// Whose a resource is; nobody's if it does not exist or nothing leads to it.
    pub(super) fn gateways(&self, key: &Key) -> Gateways {
        self.nodes.get(key).map(|node| node.gateways.clone()).unwrap_or_default()
    }

    /// Everything that belongs to a Gateway; `binds` are all there are.
    pub(super) fn of<'a>(
        &'a self,
        gateway: &str,
        binds: impl Iterator<Item = &'a Key>,
    ) -> BTreeSet<&'a Key> {
        let mine = |key: &&Key| self.gateways(key).iter().any(|mine| **mine == *gateway);
        let mut ahead: Vec<&Key> = binds.filter(mine).collect();
        let mut found = BTreeSet::new();
        while let Some(key) = ahead.pop() {
            if found.insert(key)
                && let Some(node) = self.nodes.get(key)
            {
                ahead.extend(self.led_to(key, node).filter(|key| self.nodes.contains_key(key)));
            }
        }
        found
    }

    /// Brings what a key names in line; marks what may belong to others by that.
    fn relink(&mut self, key: &Key, resource: Option<&Resource>, dirty: &mut BTreeSet<Key>) {
        let names = resource.map(names).unwrap_or_default();
        let own = match resource {
            Some(Resource::Bind(bind)) => Some(bind.gateway.clone()),
            _ => None,
        };
        let before = self.nodes.get(key).map(|node| &*node.names).unwrap_or_default();
        let before: BTreeSet<Key> = before.iter().cloned().collect();
        for other in before.difference(&names) {
            self.named_by.remove(&(other.clone(), key.clone()));
        }
        for other in names.difference(&before) {
            self.named_by.insert((other.clone(), key.clone()));
        }
        dirty
            .extend(before.symmetric_difference(&names).filter(|other| leads(key, other)).cloned());
        dirty.insert(key.clone());
        let names = names.into_iter().collect();
        match self.nodes.get_mut(key) {
            Some(node) => (node.names, node.own) = (names, own),
            None if resource.is_some() => {
                let gateways = Gateways::default();
                self.nodes.insert(key.clone(), Node { names, own, gateways });
            }
            None => {}
        }
    }

    fn find(&self, key: &Key, node: &Node) -> Gateways {
        if let Some(own) = &node.own {
            return Arc::from([own.clone()]);
        }
        let leading = node.names.iter().chain(self.named_by(key));
        let leading = leading.filter(|other| leads(other, key));
        let mut all = leading.filter_map(|other| Some(&self.nodes.get(other)?.gateways));
        let Some(first) = all.find(|gateways| !gateways.is_empty()) else {
            return Gateways::default();
        };
        let mut more = BTreeSet::new();
        for gateways in all.filter(|gateways| !Arc::ptr_eq(gateways, first)) {
            more.extend(gateways.iter().filter(|gateway| !first.contains(gateway)).cloned());
        }
        if more.is_empty() {
            return first.clone();
        }
        more.extend(first.iter().cloned());
        more.into_iter().collect()
    }

    fn led_to<'a>(&'a self, key: &'a Key, node: &'a Node) -> impl Iterator<Item = &'a Key> {
        node.names.iter().chain(self.named_by(key)).filter(|other| leads(key, other))
    }

    fn named_by<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a Key> {
        // No key sorts before this one.
        let least = Key { kind: Kind::Bind, name: Arc::default() };
        let from = self.named_by.range((key.clone(), least)..);
        from.take_while(move |(named, _)| named == key).map(|(_, by)| by)
    }
}

/// Of two resources of which one names the other: whether whoever has `from` needs `to`.
fn leads(from: &Key, to: &Key) -> bool {
    rank(from.kind) < rank(to.kind)
}

/// Grows along the way from a bind to what it leads to. [`Key`]s sort alike.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Bind => 0,
        Kind::Listener => 1,
        Kind::Route => 2,
        Kind::Rule => 3,
        Kind::Backend => 4,
        Kind::Endpoints => 5,
        Kind::Certificate => 6,
        Kind::TrustBundle => 7,
    }
}

/// The resources that one names.
fn names(resource: &Resource) -> BTreeSet<Key> {
    match resource {
        Resource::Bind(_) | Resource::Endpoints(_) => BTreeSet::new(),
        Resource::Certificate(_) | Resource::TrustBundle(_) => BTreeSet::new(),
        Resource::Listener(listener) => {
            let mut keys = BTreeSet::from([listener.bind.key()]);
            if let Protocol::Https(tls) = &listener.protocol {
                keys.extend(tls.certificates.iter().map(ir::Id::key));
                let trust = tls.client_validation.iter().flat_map(|clients| &clients.trust);
                keys.extend(trust.map(ir::Id::key));
            }
            keys
        }
        Resource::Route(route) => route.listeners.iter().map(ir::Id::key).collect(),
        Resource::Rule(rule) => of_rule(rule),
        Resource::Backend(backend) => match &backend.target {
            Target::Endpoints(id) => BTreeSet::from([id.key()]),
            Target::Dns { .. } => BTreeSet::new(),
        },
    }
}

fn of_rule(rule: &Rule) -> BTreeSet<Key> {
    let mut keys = BTreeSet::from([rule.route.key()]);
    let mut add = |choice: &BackendChoice| match choice {
        BackendChoice::Valid(id) => drop(keys.insert(id.key())),
        BackendChoice::Invalid(_) => {}
    };
    let of_backends = rule.backends.iter().flat_map(|backend| &backend.filters);
    for filter in rule.filters.iter().chain(of_backends) {
        match filter {
            Filter::Mirror(mirror) => add(&mirror.backend),
            Filter::RequestHeaders(_)
            | Filter::ResponseHeaders(_)
            | Filter::Redirect(_)
            | Filter::Rewrite(_)
            | Filter::Cors(_)
            | Filter::Fail(_) => {}
        }
    }
    rule.backends.iter().for_each(|backend| add(&backend.backend));
    keys
}
