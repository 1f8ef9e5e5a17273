//! The translation, step by step: each step is remembered with everything that it saw, and rerun
//! only when something of that changes. From nothing it is the definition ([`crate::translate`]).
//!
//! The order is fixed: classes, addresses, Gateways, routes, then what depends on these. Counts of
//! routes are kept per listener and Service, so that a route's edit touches no other route.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use api::{
    gateway::Gateway,
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
    resources::Resources,
    route::GatewayDefaultScope,
};

use crate::{
    Contents, Mode, Observations, Output, Settings, address,
    backend::{self, BackendKey},
    certificates::Parsed,
    class::{self, Claim},
    gateway::{self, GatewayView},
    infra,
    reader::{Facts, Lookup, Reader},
    route::{self, RouteTrace},
    status::{ObjectStatus, gateway::Attached},
    unserved,
};

mod memo;

use memo::{Memo, Product, StepName};

/// Translates again and again, from what was found before.
#[derive(Debug)]
pub struct Translator {
    settings: Settings,
    output: Output,
    memo: Memo,
    facts: Facts,
    parsed: Parsed,
    observations: Observations,
    gateways: BTreeMap<NamespacedName, GatewayView>,
    routes: BTreeMap<NamespacedName, RouteTrace>,
    attached: BTreeMap<NamespacedName, Attached>,
    /// How many routes need a backend.
    backends: BTreeMap<BackendKey, u32>,
    /// Whose each EndpointSlice is.
    slices: BTreeMap<NamespacedName, NamespacedName>,
}

/// What an update changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Keys of the IR whose values are new, other, or gone.
    pub changed_keys: BTreeSet<ir::Key>,
    /// Objects whose status is new, other, or gone.
    pub changed_status: BTreeSet<ObjectKey>,
    /// Secrets and ConfigMaps that are looked up now and were not before, or the other way round.
    pub changed_wanted: BTreeSet<ObjectKey>,
    /// Gateways whose infrastructure is new, other, or gone, or that are another controller's since
    /// now, or no more.
    pub changed_infra: BTreeSet<NamespacedName>,
}

/// Steps that must be rerun.
#[derive(Debug, Default)]
struct Dirty {
    classes: BTreeSet<NamespacedName>,
    /// Whether Gateways may be others' now, or stand elsewhere.
    places: bool,
    gateways: BTreeSet<NamespacedName>,
    routes: BTreeSet<NamespacedName>,
    backends: BTreeSet<BackendKey>,
    unserved: BTreeSet<ObjectKey>,
    /// Gateways whose status must be put together again.
    statuses: BTreeSet<NamespacedName>,
}

impl Translator {
    /// Knows nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            output: Output::default(),
            memo: Memo::default(),
            facts: Facts::default(),
            parsed: Parsed::default(),
            observations: Observations::default(),
            gateways: BTreeMap::new(),
            routes: BTreeMap::new(),
            attached: BTreeMap::new(),
            backends: BTreeMap::new(),
            slices: BTreeMap::new(),
        }
    }

    /// What everything that was seen so far becomes.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The same, when no more is to come.
    pub fn into_output(self) -> Output {
        self.output
    }

    /// Whether some step looks an object up by its name, be it there or not.
    pub fn wants(&self, key: &ObjectKey) -> bool {
        self.memo.readers(&Lookup::Object(key.clone())).next().is_some()
    }

    /// The names of a kind that are looked up, of objects that are there or not.
    pub fn wanted(&self, kind: Kind) -> impl Iterator<Item = &NamespacedName> {
        self.memo.wanted(kind)
    }

    /// Takes in the resources as they are now. `changed` names every object that is new, other or
    /// gone since the last call; observations are compared here.
    pub fn update(
        &mut self,
        resources: &Resources,
        observations: &Observations,
        changed: &BTreeSet<ObjectKey>,
    ) -> Step {
        let mut step = Step::default();
        let mut dirty = Dirty::default();
        for key in changed {
            self.take(resources, key, &mut dirty);
        }
        if self.facts.installed.as_ref() != observations.installed() {
            self.facts.installed = observations.installed().cloned();
            self.touch(&Lookup::Installed, &mut dirty);
        }
        let of = |kind: Kind| changed.iter().any(|key| key.kind == kind);
        for name in std::mem::take(&mut dirty.classes) {
            self.class(resources, name, &mut dirty, &mut step);
        }
        // Whose Service there is decides between rivals.
        let rivalry = !self.facts.rivals.is_empty() && of(Kind::Service);
        if dirty.places || rivalry || of(Kind::Gateway) {
            self.places(resources, &mut dirty);
        }
        if of(Kind::BackendTLSPolicy) {
            self.tls_wanted(resources, &mut dirty);
        }
        if self.observations != *observations {
            dirty.statuses.extend(self.observations.differences(observations));
            if self.observations.everything() != observations.everything() {
                dirty.statuses.extend(self.gateways.keys().cloned());
            }
            self.observations = observations.clone();
        }
        for name in std::mem::take(&mut dirty.gateways) {
            self.gateway(resources, name, &mut dirty, &mut step);
        }
        for name in std::mem::take(&mut dirty.routes) {
            self.route(resources, name, &mut dirty, &mut step);
        }
        for key in std::mem::take(&mut dirty.backends) {
            self.backend(resources, key, &mut step);
        }
        for key in std::mem::take(&mut dirty.unserved) {
            self.unserved(resources, key, &mut step);
        }
        for name in dirty.statuses {
            self.status(name, &mut step);
        }
        step
    }

    /// Finds the steps that saw an object, or are its own.
    fn take(&mut self, resources: &Resources, key: &ObjectKey, dirty: &mut Dirty) {
        self.parsed.forget(key);
        self.touch(&Lookup::Object(key.clone()), dirty);
        let name = || key.name.clone();
        match key.kind {
            Kind::GatewayClass => drop(dirty.classes.insert(name())),
            Kind::Gateway => drop(dirty.gateways.insert(name())),
            Kind::HTTPRoute => drop(dirty.routes.insert(name())),
            Kind::ReferenceGrant => {
                self.touch(&Lookup::Grants(key.name.namespace.clone()), dirty);
            }
            Kind::EndpointSlice => {
                let slice = resources.endpoint_slices.get(&key.name);
                let service = slice.and_then(|slice| {
                    Some(NamespacedName::new(key.name.namespace.clone(), slice.service_name()?))
                });
                let before = match &service {
                    Some(service) => self.slices.insert(name(), service.clone()),
                    None => self.slices.remove(&key.name),
                };
                for service in before.into_iter().chain(service) {
                    self.touch(&Lookup::Slices(service), dirty);
                }
            }
            kind if unserved::is_unserved(kind) => drop(dirty.unserved.insert(key.clone())),
            _ => {}
        }
    }

    fn touch(&self, lookup: &Lookup, dirty: &mut Dirty) {
        for step in self.memo.readers(lookup) {
            match step {
                StepName::Gateway(name) => drop(dirty.gateways.insert(name.clone())),
                StepName::Route(name) => drop(dirty.routes.insert(name.clone())),
                StepName::Backend(key) => drop(dirty.backends.insert(key.clone())),
                StepName::Unserved(key) => drop(dirty.unserved.insert(key.clone())),
                StepName::Class(name) => drop(dirty.classes.insert(name.clone())),
                StepName::GatewayStatus(_) => {}
            }
        }
    }

    /// Finds the steps that saw a fact which is another now.
    fn touch_changed<T: PartialEq>(
        &self,
        before: &BTreeMap<NamespacedName, T>,
        after: &BTreeMap<NamespacedName, T>,
        lookup: fn(NamespacedName) -> Lookup,
        dirty: &mut Dirty,
    ) {
        let names: BTreeSet<&NamespacedName> = before.keys().chain(after.keys()).collect();
        for name in names.into_iter().filter(|name| before.get(name) != after.get(name)) {
            self.touch(&lookup(name.clone()), dirty);
        }
    }

    fn class(
        &mut self,
        resources: &Resources,
        name: NamespacedName,
        dirty: &mut Dirty,
        step: &mut Step,
    ) {
        let mut reader = Reader::new(&self.settings, resources, &self.facts, &mut self.parsed);
        let found = class::class(&mut reader, &name);
        let key = ObjectKey { kind: Kind::GatewayClass, name: name.clone() };
        let product = Product {
            seen: reader.into_seen(),
            ir: Vec::new(),
            status: found.status.map(|status| (key, ObjectStatus::GatewayClass(status))),
            diagnostics: found.diagnostics,
        };
        self.memo.replace(StepName::Class(name.clone()), product, &mut self.output, step);
        if self.facts.classes.put(name, found.class) {
            dirty.places = true;
            self.touch(&Lookup::Classes, dirty);
        }
    }

    /// Addresses of all Gateways together, and which of them take routes without parents.
    fn places(&mut self, resources: &Resources, dirty: &mut Dirty) {
        let claim = |gateway: &Gateway| {
            self.facts.classes.claim(&gateway.spec.gateway_class_name, &self.settings.mode)
        };
        let all = || resources.gateways.iter().map(|(_, gateway)| gateway);
        let served = |gateway: &&Arc<Gateway>| matches!(claim(gateway), Claim::Ours(Ok(_)));
        let ours: Vec<&Arc<Gateway>> = all().filter(served).collect();
        let rivals = match &self.settings.mode {
            Mode::Standalone { .. } => BTreeMap::new(),
            // One of a refused class keeps what it has.
            Mode::Cluster => infra::rivals(
                all().filter(|gateway| matches!(claim(gateway), Claim::Ours(_))),
                resources,
            ),
        };
        let placements = match &self.settings.mode {
            Mode::Standalone { address_pool, .. } => {
                address::place(ours.iter().copied(), *address_pool)
            }
            Mode::Cluster => BTreeMap::new(),
        };
        let default_gateways: Vec<NamespacedName> = ours
            .iter()
            .filter(|gateway| gateway.spec.default_scope == Some(GatewayDefaultScope::All))
            .map(|gateway| gateway.metadata.namespaced_name())
            .collect();
        let before = std::mem::replace(&mut self.facts.placements, placements);
        self.touch_changed(&before, &self.facts.placements, Lookup::Placement, dirty);
        let before = std::mem::replace(&mut self.facts.rivals, rivals);
        self.touch_changed(&before, &self.facts.rivals, Lookup::Rival, dirty);
        if self.facts.default_gateways != default_gateways {
            self.facts.default_gateways = default_gateways;
            self.touch(&Lookup::DefaultGateways, dirty);
        }
    }

    fn tls_wanted(&mut self, resources: &Resources, dirty: &mut Dirty) {
        let mut wanted: BTreeMap<NamespacedName, BTreeSet<Option<String>>> = BTreeMap::new();
        for (name, policy) in resources.backend_tls_policies.iter() {
            for target in unserved::services(policy) {
                let service = NamespacedName::new(name.namespace.clone(), target.name.as_str());
                wanted.entry(service).or_default().insert(target.section_name.clone());
            }
        }
        let before = std::mem::replace(&mut self.facts.tls_wanted, wanted);
        self.touch_changed(&before, &self.facts.tls_wanted, Lookup::TlsWanted, dirty);
    }

    fn gateway(
        &mut self,
        resources: &Resources,
        name: NamespacedName,
        dirty: &mut Dirty,
        step: &mut Step,
    ) {
        let mut reader = Reader::new(&self.settings, resources, &self.facts, &mut self.parsed);
        let found = gateway::gateway(&mut reader, &name);
        let (ir, diagnostics) = (found.ir, found.diagnostics);
        if self.output.infra.get(&name) != found.infra.as_ref() {
            step.changed_infra.insert(name.clone());
            match found.infra {
                Some(infra) => drop(self.output.infra.insert(name.clone(), infra)),
                None => drop(self.output.infra.remove(&name)),
            }
        }
        let released = match found.released {
            true => self.output.released.insert(name.clone()),
            false => self.output.released.remove(&name),
        };
        if released {
            step.changed_infra.insert(name.clone());
        }
        let product = Product { seen: reader.into_seen(), ir, status: None, diagnostics };
        self.memo.replace(StepName::Gateway(name.clone()), product, &mut self.output, step);
        let before = match found.offer {
            Some(offer) => {
                let offer = Arc::new(offer);
                let before = self.facts.offers.insert(name.clone(), offer.clone());
                before.as_ref() == Some(&offer)
            }
            None => self.facts.offers.remove(&name).is_none(),
        };
        if !before {
            self.touch(&Lookup::Offer(name.clone()), dirty);
        }
        match found.view {
            Some(view) => {
                let binds = view.listeners.iter().flat_map(|listener| listener.binds.clone());
                let contents = Contents { generation: view.generation, binds: binds.collect() };
                self.output.gateways.0.insert(name.clone(), Arc::new(contents));
                self.gateways.insert(name.clone(), view);
            }
            None => {
                self.output.gateways.0.remove(&name);
                self.gateways.remove(&name);
            }
        }
        dirty.statuses.insert(name);
    }

    fn route(
        &mut self,
        resources: &Resources,
        name: NamespacedName,
        dirty: &mut Dirty,
        step: &mut Step,
    ) {
        let mut reader = Reader::new(&self.settings, resources, &self.facts, &mut self.parsed);
        let found = route::route(&mut reader, &name);
        let key = ObjectKey { kind: Kind::HTTPRoute, name: name.clone() };
        let product = Product {
            seen: reader.into_seen(),
            ir: found.ir,
            status: found.status.map(|status| (key, ObjectStatus::Route(status))),
            diagnostics: found.diagnostics,
        };
        self.memo.replace(StepName::Route(name.clone()), product, &mut self.output, step);
        let after = found.trace;
        let before = self.routes.remove(&name).unwrap_or_default();
        self.count(&before, &after, dirty);
        if after != RouteTrace::default() {
            self.routes.insert(name, after);
        }
    }

    /// Brings the counts in line with a route that changed.
    fn count(&mut self, before: &RouteTrace, after: &RouteTrace, dirty: &mut Dirty) {
        for (gateway, listener) in after.attached.difference(&before.attached) {
            *self
                .attached
                .entry(gateway.clone())
                .or_default()
                .entry(listener.clone())
                .or_default() += 1;
            dirty.statuses.insert(gateway.clone());
        }
        for (gateway, listener) in before.attached.difference(&after.attached) {
            let Entry::Occupied(mut counts) = self.attached.entry(gateway.clone()) else {
                continue;
            };
            if let Some(count) = counts.get_mut().get_mut(listener) {
                *count -= 1;
            }
            counts.get_mut().retain(|_, count| *count > 0);
            if counts.get().is_empty() {
                counts.remove();
            }
            dirty.statuses.insert(gateway.clone());
        }
        for key in after.backends.difference(&before.backends) {
            if add(&mut self.backends, key) {
                dirty.backends.insert(key.clone());
            }
        }
        for key in before.backends.difference(&after.backends) {
            if subtract(&mut self.backends, key) {
                dirty.backends.insert(key.clone());
            }
        }
        let uses = |trace: &RouteTrace| -> BTreeSet<(NamespacedName, NamespacedName)> {
            let services = trace.services.iter();
            let pairs = services.flat_map(|service| {
                trace.gateways.iter().map(|gateway| (service.clone(), gateway.clone()))
            });
            pairs.collect()
        };
        let (before, after) = (uses(before), uses(after));
        for (service, gateway) in after.difference(&before) {
            if add(self.facts.users.entry(service.clone()).or_default(), gateway) {
                self.touch(&Lookup::Users(service.clone()), dirty);
            }
        }
        for (service, gateway) in before.difference(&after) {
            let Some(users) = self.facts.users.get_mut(service) else { continue };
            if subtract(users, gateway) {
                if users.is_empty() {
                    self.facts.users.remove(service);
                }
                self.touch(&Lookup::Users(service.clone()), dirty);
            }
        }
    }

    fn backend(&mut self, resources: &Resources, key: BackendKey, step: &mut Step) {
        let mut product = Product::default();
        if self.backends.contains_key(&key) {
            let mut reader = Reader::new(&self.settings, resources, &self.facts, &mut self.parsed);
            let found = backend::backend(&mut reader, &key);
            product.ir = found.ir;
            product.diagnostics = found.diagnostics;
            product.seen = reader.into_seen();
        }
        self.memo.replace(StepName::Backend(key), product, &mut self.output, step);
    }

    fn unserved(&mut self, resources: &Resources, key: ObjectKey, step: &mut Step) {
        let mut reader = Reader::new(&self.settings, resources, &self.facts, &mut self.parsed);
        let found = unserved::unserved(&mut reader, &key);
        let product = Product {
            seen: reader.into_seen(),
            ir: Vec::new(),
            status: found.status.map(|status| (key.clone(), status)),
            diagnostics: found.diagnostics,
        };
        self.memo.replace(StepName::Unserved(key), product, &mut self.output, step);
    }

    fn status(&mut self, name: NamespacedName, step: &mut Step) {
        let mut product = Product::default();
        if let Some(view) = self.gateways.get(&name) {
            let (attached, observations) = (self.attached.get(&name), &self.observations);
            let (status, diagnostics) = crate::status::gateway::gateway(
                &name,
                view,
                attached,
                observations,
                &self.settings,
            );
            let key = ObjectKey { kind: Kind::Gateway, name: name.clone() };
            product.status = Some((key, ObjectStatus::Gateway(status)));
            product.diagnostics = diagnostics;
        }
        self.memo.replace(StepName::GatewayStatus(name), product, &mut self.output, step);
    }
}

/// Whether it is the first.
fn add<K: Ord + Clone>(counts: &mut BTreeMap<K, u32>, key: &K) -> bool {
    let count = counts.entry(key.clone()).or_default();
    *count += 1;
    *count == 1
}

/// Whether it was the last.
fn subtract<K: Ord + Clone>(counts: &mut BTreeMap<K, u32>, key: &K) -> bool {
    let Entry::Occupied(mut count) = counts.entry(key.clone()) else { return false };
    *count.get_mut() -= 1;
    let last = *count.get() == 0;
    if last {
        count.remove();
    }
    last
}
