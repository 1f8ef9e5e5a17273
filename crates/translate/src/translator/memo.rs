//! What each step gave and saw, and how a new result takes the place of an old one in the output.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use api::{
    kind::{Kind as ObjectKind, ObjectKey},
    meta::NamespacedName,
};
use ir::{Key, Kind, Resource};

use super::Step;
use crate::{Diagnostic, ObjectStatus, Output, backend::BackendKey, reader::Lookup};

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
    done: BTreeMap<StepName, Done>,
    readers: BTreeMap<Lookup, BTreeSet<StepName>>,
    /// How many steps give a resource: Gateways share certificates.
    held: BTreeMap<Key, u32>,
}

/// What is remembered of a product.
#[derive(Debug, Default)]
struct Done {
    seen: BTreeSet<Lookup>,
    keys: Vec<Key>,
    status: Option<ObjectKey>,
    diagnostics: Vec<Diagnostic>,
}

impl Memo {
    /// The steps that saw something.
    pub(super) fn readers(&self, lookup: &Lookup) -> impl Iterator<Item = &StepName> {
        self.readers.get(lookup).into_iter().flatten()
    }

    /// The names of a kind that steps saw, or saw to be absent.
    pub(super) fn wanted(&self, kind: ObjectKind) -> impl Iterator<Item = &NamespacedName> {
        let first = Lookup::Object(ObjectKey { kind, name: NamespacedName::new("", "") });
        self.readers.range(first..).map_while(move |(lookup, _)| match lookup {
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
        let old = self.done.remove(&name).unwrap_or_default();
        self.read(&name, &old.seen, &product.seen, step);
        let keys = self.resources(old.keys, product.ir, output, step);
        let status = tell(old.status, product.status, output, step);
        for diagnostic in &old.diagnostics {
            output.diagnostics.remove(diagnostic);
        }
        output.diagnostics.extend(product.diagnostics.iter().cloned());
        let Product { seen, diagnostics, .. } = product;
        let done = Done { seen, keys, status, diagnostics };
        if !done.is_nothing() {
            self.done.insert(name, done);
        }
    }

    fn read(
        &mut self,
        name: &StepName,
        old: &BTreeSet<Lookup>,
        new: &BTreeSet<Lookup>,
        step: &mut Step,
    ) {
        for lookup in old.difference(new) {
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
    }

    fn resources(
        &mut self,
        old: Vec<Key>,
        new: Vec<(Arc<str>, Resource)>,
        output: &mut Output,
        step: &mut Step,
    ) -> Vec<Key> {
        let mut keys = Vec::with_capacity(new.len());
        for (name, resource) in new {
            let key = Key { kind: kind(&resource), name };
            *self.held.entry(key.clone()).or_default() += 1;
            if output.ir.get(&key).as_ref() != Some(&resource) {
                output.ir.insert(key.name.clone(), resource);
                step.changed_keys.insert(key.clone());
            }
            keys.push(key);
        }
        for key in old {
            let Some(count) = self.held.get_mut(&key) else { continue };
            *count -= 1;
            if *count == 0 {
                self.held.remove(&key);
                output.ir.remove(&key);
                step.changed_keys.insert(key);
            }
        }
        keys
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

fn tell(
    old: Option<ObjectKey>,
    new: Option<(ObjectKey, ObjectStatus)>,
    output: &mut Output,
    step: &mut Step,
) -> Option<ObjectKey> {
    match (old, new) {
        (_, Some((key, status))) => {
            if output.status.get(&key) != Some(&status) {
                output.status.0.insert(key.clone(), status);
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

fn kind(resource: &Resource) -> Kind {
    match resource {
        Resource::Bind(_) => Kind::Bind,
        Resource::Listener(_) => Kind::Listener,
        Resource::Route(_) => Kind::Route,
        Resource::Rule(_) => Kind::Rule,
        Resource::Backend(_) => Kind::Backend,
        Resource::Endpoints(_) => Kind::Endpoints,
        Resource::Certificate(_) => Kind::Certificate,
        Resource::TrustBundle(_) => Kind::TrustBundle,
    }
}
