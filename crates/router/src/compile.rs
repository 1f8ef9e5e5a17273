//! Snapshot to table, in proportion to the edit.
//!
//! From the changed keys follow the routes to look at; from a route's old and new value the places
//! (listener and hostname) whose rules are compiled anew; from those the listeners, and from those
//! the binds. All else is shared with the previous table. The result is the same as that of a
//! compilation from nothing; a property test holds the two equal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ir::{Bind, Hostname, Id, Key, Kind, Listener, Route, Rule, Snapshot};

use crate::{
    Plan, Table,
    host::ByHost,
    paths::Paths,
    table::{BindTable, HostTable, ListenerTable, RouteEntry},
};

impl Table {
    /// Compiles a snapshot.
    ///
    /// `changed` must name every resource in which the snapshot differs from the one that
    /// `previous` was compiled from; none means all of them. Equal values change nothing.
    pub fn compile(snapshot: &Snapshot, previous: &Self, changed: Option<&BTreeSet<Key>>) -> Self {
        let mut next = Compilation::new(snapshot, previous.clone());
        match changed {
            Some(keys) => keys.iter().for_each(|key| next.sort_in(key)),
            None => {
                let keys: BTreeSet<Key> = previous.keys().chain(snapshot.keys()).collect();
                keys.iter().for_each(|key| next.sort_in(key));
            }
        }
        next.compile_routes();
        next.compile_places();
        next.compile_binds();
        next.table
    }

    /// The names of all that went into it.
    fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let index = &self.index;
        let routes = index.routes.iter().map(|(id, _)| id.key());
        let rules = index.rules.iter().map(|(id, _)| id.key());
        let listeners = index.listeners.iter().map(|(id, _)| id.key());
        let binds = self.binds.iter().map(|(id, _)| id.key());
        let backends = self.backends.iter().map(|(_, entry)| entry.id.key());
        binds.chain(listeners).chain(routes).chain(rules).chain(backends)
    }
}

/// One step from table to table.
struct Compilation<'s> {
    snapshot: &'s Snapshot,
    table: Table,
    /// Routes to look at, with those of their rules that changed.
    routes: BTreeMap<Id<Route>, BTreeSet<Id<Rule>>>,
    /// Hostnames of listeners to compile, with the routes that may have come, gone or changed
    /// there.
    places: BTreeMap<Id<Listener>, BTreeMap<Hostname, BTreeSet<Id<Route>>>>,
    /// Listeners whose value changed.
    listeners: BTreeSet<Id<Listener>>,
    /// Binds whose set of listeners changed.
    binds: BTreeSet<Id<Bind>>,
}

impl<'s> Compilation<'s> {
    fn new(snapshot: &'s Snapshot, table: Table) -> Self {
        Self {
            snapshot,
            table,
            routes: BTreeMap::new(),
            places: BTreeMap::new(),
            listeners: BTreeSet::new(),
            binds: BTreeSet::new(),
        }
    }

    /// Takes note of one changed key.
    fn sort_in(&mut self, key: &Key) {
        let name = key.name.clone();
        let Self { snapshot, table, .. } = self;
        match key.kind {
            Kind::Bind => {
                let id = Id::new(name);
                if table.binds.get(&id).map(|bind| &bind.bind) != snapshot.binds.get(&id) {
                    self.binds.insert(id);
                }
            }
            Kind::Listener => self.sort_in_listener(Id::new(name)),
            Kind::Route => drop(self.routes.entry(Id::new(name)).or_default()),
            Kind::Rule => {
                let id = Id::new(name);
                let before = table.index.rules.get(&id).cloned();
                let after = snapshot.rules.get(&id).map(|rule| rule.route.clone());
                match &after {
                    same if before == *same => {}
                    Some(route) => table.index.rules.insert(id.clone(), route.clone()),
                    None => table.index.rules.remove(&id),
                }
                for route in before.into_iter().chain(after) {
                    self.routes.entry(route).or_default().insert(id.clone());
                }
            }
            Kind::Backend => {
                let id = Id::new(name);
                table.backends.set(&id, snapshot.backends.get(&id).cloned());
            }
            Kind::Endpoints | Kind::Certificate | Kind::TrustBundle => {}
        }
    }

    fn sort_in_listener(&mut self, id: Id<Listener>) {
        let listeners = &mut self.table.index.listeners;
        let before = listeners.get(&id).cloned();
        let after = self.snapshot.listeners.get(&id);
        if before.as_ref() == after {
            return;
        }
        match after {
            Some(listener) => listeners.insert(id.clone(), listener.clone()),
            None => listeners.remove(&id),
        }
        self.binds.extend(before.iter().chain(after).map(|listener| listener.bind.clone()));
        self.listeners.insert(id);
    }

    fn compile_routes(&mut self) {
        for (id, rules) in std::mem::take(&mut self.routes) {
            let before = self.table.index.routes.get(&id).cloned();
            let after = self.route(&id, before.as_deref(), &rules).map(Arc::new);
            let same = match (&before, &after) {
                (Some(before), Some(after)) => before.same(after),
                (before, after) => before.is_none() && after.is_none(),
            };
            if same {
                continue;
            }
            for route in before.iter().chain(&after).filter_map(|entry| entry.route.as_ref()) {
                for (listener, hostname) in places(route) {
                    let hosts = self.places.entry(listener.clone()).or_default();
                    hosts.entry(hostname.clone()).or_default().insert(id.clone());
                }
            }
            match after {
                Some(entry) => self.table.index.routes.insert(id, entry),
                None => self.table.index.routes.remove(&id),
            }
        }
    }

    /// The new entry of a route; none when nothing of it is left.
    fn route(
        &mut self,
        id: &Id<Route>,
        before: Option<&RouteEntry>,
        rules: &BTreeSet<Id<Rule>>,
    ) -> Option<RouteEntry> {
        let mut plans: Vec<Arc<Plan>> = before.map(|entry| entry.plans.clone()).unwrap_or_default();
        for rule_id in rules {
            let at = plans.iter().position(|plan| plan.rule == *rule_id);
            let rule = self.snapshot.rules.get(rule_id).filter(|rule| rule.route == *id);
            if let (Some(at), Some(rule)) = (at, rule)
                && plans[at].source == *rule
            {
                continue;
            }
            // The new plan takes its backends before the old one lets go, so that slots stay.
            let backends = &mut self.table.backends;
            let new = rule.map(|rule| Arc::new(Plan::compile(rule_id, rule, backends)));
            if let Some(at) = at {
                plans.remove(at).slots().for_each(|slot| backends.release(slot));
            }
            plans.extend(new);
        }
        plans.sort_by(|a, b| (a.index, &a.rule).cmp(&(b.index, &b.rule)));
        let route = self.snapshot.routes.get(id).cloned();
        let left = route.is_some() || !plans.is_empty();
        left.then(|| RouteEntry { id: id.clone(), route, plans })
    }

    fn compile_places(&mut self) {
        for (listener, hostnames) in &self.places {
            let index = &mut self.table.index;
            let mut hosts = index.hosts.get(listener).cloned().unwrap_or_default();
            for (hostname, touched) in hostnames {
                let before = hosts.get(hostname).map(|table| table.routes.as_slice());
                let kept = before.unwrap_or_default().iter();
                let kept = kept.filter(|entry| !touched.contains(&entry.id)).cloned();
                let new = touched.iter().filter_map(|id| index.routes.get(id));
                let new = new.filter(|entry| entry.attaches(listener, hostname)).cloned();
                let routes: Vec<Arc<RouteEntry>> = kept.chain(new).collect();
                if routes.is_empty() {
                    hosts.remove(hostname);
                    continue;
                }
                let paths = Paths::compile(&routes);
                let table = HostTable { hostname: hostname.clone(), routes, paths };
                hosts.insert(hostname, Arc::new(table));
            }
            if hosts.is_empty() {
                index.hosts.remove(listener);
            } else {
                index.hosts.insert(listener.clone(), hosts);
            }
        }
    }

    fn compile_binds(&mut self) {
        self.replace_listeners();
        if self.binds.is_empty() {
            return;
        }
        let mut members: BTreeMap<&Id<Bind>, Vec<&Id<Listener>>> = BTreeMap::new();
        let table = &mut self.table;
        for (id, listener) in table.index.listeners.iter() {
            if self.binds.contains(&listener.bind) {
                members.entry(&listener.bind).or_default().push(id);
            }
        }
        for id in &self.binds {
            let Some(bind) = self.snapshot.binds.get(id) else {
                table.binds.remove(id);
                continue;
            };
            let before = table.binds.get(id).cloned();
            let mut listeners = ByHost::default();
            let mut ids = members.remove(id).unwrap_or_default();
            // Of two listeners for one hostname, which a translation never lets through, the first
            // by name serves.
            ids.sort_by(|a, b| b.cmp(a));
            for id in ids {
                let Some(listener) = table.index.listeners.get(id) else { continue };
                let old = before.as_ref().and_then(|bind| bind.listeners.get(&listener.hostname));
                let old = old.filter(|old| {
                    old.id == *id && !self.listeners.contains(id) && !self.places.contains_key(id)
                });
                let new = || {
                    let hosts = table.index.hosts.get(id).cloned().unwrap_or_default();
                    Arc::new(ListenerTable { id: id.clone(), listener: listener.clone(), hosts })
                };
                listeners.insert(&listener.hostname, old.cloned().unwrap_or_else(new));
            }
            let new = BindTable { id: id.clone(), bind: bind.clone(), listeners };
            table.binds.insert(id.clone(), Arc::new(new));
        }
    }

    /// Puts listeners whose routes changed, and nothing else of them, into their binds.
    fn replace_listeners(&mut self) {
        let table = &mut self.table;
        let mut changed: BTreeMap<Id<Bind>, BindTable> = BTreeMap::new();
        for id in self.places.keys() {
            let Some(listener) = table.index.listeners.get(id) else { continue };
            let Some(bind) = table.binds.get(&listener.bind) else { continue };
            let serves = bind.listeners.get(&listener.hostname).is_some_and(|old| old.id == *id);
            if self.binds.contains(&bind.id) || !serves {
                continue;
            }
            let hosts = table.index.hosts.get(id).cloned().unwrap_or_default();
            let new = ListenerTable { id: id.clone(), listener: listener.clone(), hosts };
            let bind = changed.entry(bind.id.clone()).or_insert_with(|| (**bind).clone());
            bind.listeners.insert(&listener.hostname, Arc::new(new));
        }
        for (id, bind) in changed {
            table.binds.insert(id, Arc::new(bind));
        }
    }
}

impl RouteEntry {
    fn same(&self, other: &Self) -> bool {
        self.route == other.route
            && self.plans.len() == other.plans.len()
            && self.plans.iter().zip(&other.plans).all(|(a, b)| Arc::ptr_eq(a, b))
    }

    fn attaches(&self, listener: &Id<Listener>, hostname: &Hostname) -> bool {
        let Some(route) = &self.route else { return false };
        places(route).any(|place| place == (listener, hostname))
    }
}

/// Where a route is attached: to each of its listeners, under each of its hostnames.
fn places(route: &Route) -> impl Iterator<Item = (&Id<Listener>, &Hostname)> {
    static ANY: [Hostname; 1] = [Hostname::Any];
    let hostnames = if route.hostnames.is_empty() { &ANY[..] } else { &route.hostnames };
    route.listeners.iter().flat_map(move |id| hostnames.iter().map(move |name| (id, name)))
}

#[cfg(test)]
mod tests;
