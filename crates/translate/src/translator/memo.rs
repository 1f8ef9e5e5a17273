//! What each step gave and saw, and how a new result takes the place of an old one in the output.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use api::{
    kind::{Kind as ObjectKind, ObjectKey},
    meta::NamespacedName,
};
use ir::{Key, Resource};

use super::Step;
use crate::{
    Diagnostic, ObjectStatus, Output, backend::BackendKey, reader::Lookup, sorted::Sorted,
};

/// A step, by what it translates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StepName {
    Class(NamespacedName),
    Gateway(NamespacedName),
    GatewayStatus(NamespacedName),
    Route(NamespacedName),
    Backend(BackendKey),
    Unserved(ObjectKey),
}

/// What a step gives.
#[derive(Debug, Default)]
pub(super) struct Product {
    pub(super) seen: BTreeSet<Lookup>,
    pub(super) ir: Vec<(Arc<str>, Resource)>,
    pub(super) status: Option<(ObjectKey, ObjectStatus)>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// All steps that were done.
#[derive(Debug, Default)]
pub(super) struct Memo {
    done: BTreeMap<Arc<StepName>, Done>,
    readers: BTreeMap<Arc<Lookup>, BTreeSet<Arc<StepName>>>,
    /// How many steps give a resource beside the first one: Gateways share certificates.
    shared: BTreeMap<Key, u32>,
    /// Statuses that were given last. Those of most routes are equal, so they can be one.
    recent: VecDeque<Arc<ObjectStatus>>,
}

/// What is remembered of a product.
#[derive(Debug, Default)]
struct Done {
    seen: Sorted<Arc<Lookup>>,
    keys: Box<[Key]>,
    status: Option<ObjectKey>,
    diagnostics: Box<[Diagnostic]>,
}

impl Memo {
    /// The steps that saw something.
    pub(super) fn readers(&self, lookup: &Lookup) -> impl Iterator<Item = &StepName> {
        self.readers.get(lookup).into_iter().flatten().map(|step| &**step)
    }

    /// The names of a kind that steps saw, or saw to be absent.
    pub(super) fn wanted(&self, kind: ObjectKind) -> impl Iterator<Item = &NamespacedName> {
        let first = Lookup::Object(ObjectKey { kind, name: NamespacedName::new("", "") });
        self.readers.range(first..).map_while(move |(lookup, _)| match &**lookup {
            Lookup::Object(key) if key.kind == kind => Some(&key.name),
            _ => None,
        })
    }

    /// Puts a result in the place of the earlier one of the same step.
    pub(super) fn replace(
        &mut self,
        name: StepName,
        product: Product,
        output: &mut Output,
        step: &mut Step,
    ) {
        let (name, old) =
            self.done.remove_entry(&name).unwrap_or_else(|| (Arc::new(name), Done::default()));
        let seen = self.read(&name, &old.seen, product.seen, step);
        let keys = self.resources(old.keys, product.ir, output, step);
        let status = self.tell(old.status, product.status, output, step);
        for diagnostic in &old.diagnostics {
            output.diagnostics.remove(diagnostic);
        }
        output.diagnostics.extend(product.diagnostics.iter().cloned());
        let diagnostics = product.diagnostics.into();
        let done = Done { seen, keys, status, diagnostics };
        if !done.is_nothing() {
            self.done.insert(name, done);
        }
    }

    fn read(
        &mut self,
        name: &Arc<StepName>,
        old: &Sorted<Arc<Lookup>>,
        new: BTreeSet<Lookup>,
        step: &mut Step,
    ) -> Sorted<Arc<Lookup>> {
        // One copy of each look, however many steps do it.
        let one = |lookup| match self.readers.get_key_value(&lookup) {
            Some((known, _)) => known.clone(),
            None => Arc::new(lookup),
        };
        let new: Sorted<Arc<Lookup>> = new.into_iter().map(one).collect();
        for lookup in old.difference(&new) {
            if let Some(readers) = self.readers.get_mut(lookup) {
                readers.remove(name);
                if readers.is_empty() {
                    self.readers.remove(lookup);
                    tell_wanted(lookup, step);
                }
            }
        }
        for lookup in new.difference(old) {
            let readers = self.readers.entry(lookup.clone()).or_default();
            if readers.is_empty() {
                tell_wanted(lookup, step);
            }
            readers.insert(name.clone());
        }
        new
    }

    fn resources(
        &mut self,
        old: Box<[Key]>,
        new: Vec<(Arc<str>, Resource)>,
        output: &mut Output,
        step: &mut Step,
    ) -> Box<[Key]> {
        let mut keys = Vec::with_capacity(new.len());
        for (name, resource) in new {
            let key = Key { kind: resource.kind(), name };
            let before = output.ir.get(&key);
            if before.is_some() {
                *self.shared.entry(key.clone()).or_default() += 1;
            }
            if before.as_ref() != Some(&resource) {
                output.ir.insert(key.name.clone(), resource);
                step.changed_keys.insert(key.clone());
            }
            keys.push(key);
        }
        for key in old {
            match self.shared.get_mut(&key) {
                Some(1) => drop(self.shared.remove(&key)),
                Some(count) => *count -= 1,
                None => {
                    output.ir.remove(&key);
                    step.changed_keys.insert(key);
                }
            }
        }
        keys.into()
    }

    fn tell(
        &mut self,
        old: Option<ObjectKey>,
        new: Option<(ObjectKey, ObjectStatus)>,
        output: &mut Output,
        step: &mut Step,
    ) -> Option<ObjectKey> {
        match (old, new) {
            (_, Some((key, status))) => {
                if output.status.get(&key) != Some(&status) {
                    output.status.0.insert(key.clone(), self.one(status));
                    step.changed_status.insert(key.clone());
                }
                Some(key)
            }
            (Some(key), None) => {
                output.status.0.remove(&key);
                step.changed_status.insert(key);
                None
            }
            (None, None) => None,
        }
    }

    /// The same status, shared with the object that was told it before.
    fn one(&mut self, status: ObjectStatus) -> Arc<ObjectStatus> {
        if let Some(known) = self.recent.iter().find(|known| ***known == status) {
            return known.clone();
        }
        let status = Arc::new(status);
        self.recent.truncate(RECENT_MAX - 1);
        self.recent.push_front(status.clone());
        status
    }
}

impl Done {
    fn is_nothing(&self) -> bool {
        let Self { seen, keys, status, diagnostics } = self;
        seen.is_empty() && keys.is_empty() && status.is_none() && diagnostics.is_empty()
    }
}

/// Notes that the last reader of an object went, or the first came. Both in one update cancel out.
fn tell_wanted(lookup: &Lookup, step: &mut Step) {
    if let Lookup::Object(key) = lookup
        && matches!(key.kind, ObjectKind::Secret | ObjectKind::ConfigMap)
        && !step.changed_wanted.remove(key)
    {
        step.changed_wanted.insert(key.clone());
    }
}

/// Statuses that are compared with each new one.
const RECENT_MAX: usize = 16;
