//! What was asked: every object that some source declares, by source and place.
//!
//! A file that is replaced takes its old objects with it, except those that its new text spoils:
//! as with an API server, a refused edit leaves what was there. Where two places declare one
//! object, the first by path order counts. No translation happens here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use api::{
    core::{endpoint_slice::EndpointSlice, service::ServiceType},
    diagnostic::{Diagnostic, ObjectRef, Reason, Severity, Source},
    kind::{Kind, ObjectKey},
    manifest::{self, Ignored, Located},
    meta::NamespacedName,
    names::DEFAULT_NAMESPACE,
    object::Object,
    path::FieldPath,
    resources::Resources,
};

use crate::{
    event_loop::Change,
    provider::{echo::Lonely, file::Content},
};

/// All sources together.
#[derive(Debug, Default)]
pub struct Store {
    files: BTreeMap<Arc<Path>, File>,
    /// Of each object the file whose declaration counts.
    places: BTreeMap<ObjectKey, Arc<Path>>,
    /// All files that declare an object, where those are several; the first one counts.
    several: BTreeMap<ObjectKey, BTreeSet<Arc<Path>>>,
    /// Files with diagnostics of their own, so that an edit need not look at all others.
    faulty: BTreeSet<Arc<Path>>,
    echoes: BTreeSet<ObjectKey>,
    /// Classes that a cluster has no more while Gateways name them. They hold as they were: a class
    /// that is deleted by mistake must not take the proxies along.
    lost: BTreeSet<ObjectKey>,
    resources: Resources,
    /// How many objects of each kind there are, as far as a cluster has them.
    counts: BTreeMap<Kind, u64>,
}

/// What one file says.
#[derive(Debug, Default)]
struct File {
    /// In order of their keys.
    objects: Vec<Declared>,
    ignored: Vec<Ignored>,
    diagnostics: Vec<Diagnostic>,
}

/// An object as a file declares it.
#[derive(Clone, Debug)]
struct Declared {
    key: ObjectKey,
    /// Where it counts, this is the very object of the resources, not a copy.
    object: Object,
    source: Source,
    /// The file does not count its edits: the generation is ours.
    uncounted: bool,
}

impl Store {
    /// The objects that count.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Objects of kinds that are not read, in order of their place.
    pub fn ignored(&self) -> impl Iterator<Item = &Ignored> {
        self.files.values().flat_map(|file| &file.ignored)
    }

    /// What is wrong with the files as texts, in order of their place.
    pub fn diagnostics(&self) -> impl Iterator<Item = Diagnostic> + '_ {
        let faulty = self.faulty.iter().filter_map(|path| self.files.get(path));
        let own = faulty.flat_map(|file| file.diagnostics.iter().cloned());
        own.chain(self.several.iter().flat_map(|(key, places)| self.repeated(key, places)))
    }

    /// Where an object that counts is declared.
    pub fn place(&self, key: &ObjectKey) -> Option<&Source> {
        Some(&self.files.get(self.places.get(key)?)?.declared(key)?.source)
    }

    /// Takes in what became of some files; gives the objects that are new, changed or gone.
    pub fn take(&mut self, files: BTreeMap<PathBuf, Content>) -> BTreeSet<ObjectKey> {
        let mut touched = BTreeSet::new();
        for (path, content) in files {
            self.take_file(&path, content, &mut touched);
        }
        touched.retain(|key| self.settle(key));
        touched
    }

    /// Takes in what became of objects of a cluster; gives those that are other than before.
    pub fn take_changes(&mut self, changes: Vec<Change>) -> BTreeSet<ObjectKey> {
        let mut changed = BTreeSet::new();
        for Change { key, object } in changes {
            let news = match object {
                None if self.is_named(&key) => self.lost.insert(key.clone()),
                None => self.remove(&key),
                Some(object) => {
                    let lost = self.lost.remove(&key);
                    let before = self.resources.apply(object.clone());
                    *self.counts.entry(key.kind).or_default() += u64::from(before.is_none());
                    lost || before != Some(object)
                }
            };
            if news {
                changed.insert(key);
            }
        }
        for key in std::mem::take(&mut self.lost) {
            if self.is_named(&key) {
                self.lost.insert(key);
            } else if self.remove(&key) {
                changed.insert(key);
            }
        }
        changed
    }

    /// Classes that a cluster has no more, and that hold since Gateways name them.
    pub fn lost(&self) -> impl Iterator<Item = &ObjectKey> {
        self.lost.iter()
    }

    /// How many objects of each kind a cluster has.
    pub fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }

    /// Takes in the slices of Services that an echo stands in for, in place of the earlier ones.
    pub fn take_echoes(&mut self, slices: Vec<EndpointSlice>) -> BTreeSet<ObjectKey> {
        let mut changed = BTreeSet::new();
        let mut kept = BTreeSet::new();
        for slice in slices {
            let object = Object::from(slice);
            let key = object.key();
            // A file that declares the same name means it.
            if self.places.contains_key(&key) {
                continue;
            }
            if self.resources.apply(object.clone()) != Some(object) {
                changed.insert(key.clone());
            }
            kept.insert(key);
        }
        for key in std::mem::replace(&mut self.echoes, kept) {
            if !self.echoes.contains(&key) && !self.places.contains_key(&key) {
                self.resources.remove(&key);
                changed.insert(key);
            }
        }
        changed
    }

    /// Services that have no address of their own: no slice, no external name, no external address.
    pub fn lonely(&self) -> Lonely {
        let addressed = |name: &NamespacedName| {
            self.resources.endpoint_slices.of_service(name).any(|slice| {
                let name = slice.metadata.namespaced_name();
                !self.echoes.contains(&ObjectKey { kind: Kind::EndpointSlice, name })
            })
        };
        self.resources
            .services
            .iter()
            .filter(|(name, service)| {
                service.spec.type_ != ServiceType::ExternalName
                    && service.spec.external_ips.is_empty()
                    && !addressed(name)
            })
            .map(|(name, service)| (name.clone(), service.clone()))
            .collect()
    }

    /// Whether it is a class that is here and that Gateways name.
    fn is_named(&self, key: &ObjectKey) -> bool {
        let named = || {
            let mut gateways = self.resources.gateways.iter();
            gateways.any(|(_, gateway)| *gateway.spec.gateway_class_name == *key.name.name)
        };
        key.kind == Kind::GatewayClass && self.resources.get(key).is_some() && named()
    }

    /// Takes an object of a cluster out; whether it was there.
    fn remove(&mut self, key: &ObjectKey) -> bool {
        let there = self.resources.remove(key).is_some();
        *self.counts.entry(key.kind).or_default() -= u64::from(there);
        there
    }

    fn take_file(&mut self, path: &Path, content: Content, touched: &mut BTreeSet<ObjectKey>) {
        let known = self.files.remove_entry(path);
        let (path, mut before) = known.unwrap_or_else(|| (path.into(), File::default()));
        let after = match content {
            Content::Gone => File::default(),
            Content::Unreadable(fault) => {
                before.diagnostics = vec![unreadable(&path, fault.0, !before.objects.is_empty())];
                return self.put(path, before);
            }
            Content::Text(text) => read(&path, &text, &mut before),
        };
        for Declared { key, .. } in before.objects {
            self.withdraw(&key, &path);
            touched.insert(key);
        }
        for Declared { key, .. } in &after.objects {
            self.declare(key, &path);
            touched.insert(key.clone());
        }
        self.put(path, after);
    }

    fn put(&mut self, path: Arc<Path>, file: File) {
        if file.diagnostics.is_empty() {
            self.faulty.remove(&path);
        } else {
            self.faulty.insert(path.clone());
        }
        if !file.is_empty() {
            self.files.insert(path, file);
        }
    }

    /// Takes note that a file declares an object.
    fn declare(&mut self, key: &ObjectKey, path: &Arc<Path>) {
        let first = self.places.entry(key.clone()).or_insert_with(|| path.clone());
        if first == path {
            return;
        }
        let places = self.several.entry(key.clone()).or_default();
        places.extend([first.clone(), path.clone()]);
        if *path < *first {
            *first = path.clone();
        }
    }

    /// Takes note that a file does not declare an object any more.
    fn withdraw(&mut self, key: &ObjectKey, path: &Arc<Path>) {
        let Some(places) = self.several.get_mut(key) else {
            self.places.remove(key);
            return;
        };
        places.remove(path);
        if let Some(first) = places.first() {
            self.places.insert(key.clone(), first.clone());
        }
        if places.len() == 1 {
            self.several.remove(key);
        }
    }

    /// Brings the object of that key in line with the place that counts; whether it changed.
    fn settle(&mut self, key: &ObjectKey) -> bool {
        let file = self.places.get(key).and_then(|path| self.files.get_mut(path));
        let Some(declared) = file.and_then(|file| file.declared_mut(key)) else {
            return self.resources.remove(key).is_some();
        };
        let before = self.resources.get(key);
        if declared.uncounted {
            count(&mut declared.object, before.as_ref());
        }
        match before {
            // One copy of both is enough.
            Some(before) if before == declared.object => {
                declared.object = before;
                false
            }
            _ => {
                self.resources.apply(declared.object.clone());
                true
            }
        }
    }

    /// One diagnostic for each place of an object behind the first.
    fn repeated<'a>(
        &'a self,
        key: &'a ObjectKey,
        places: &'a BTreeSet<Arc<Path>>,
    ) -> impl Iterator<Item = Diagnostic> + 'a {
        let first = self.place(key);
        places.iter().skip(1).filter_map(move |path| {
            let again = self.files.get(path)?.declared(key)?;
            Some(repeated(key, first?, &again.source))
        })
    }
}

impl File {
    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.ignored.is_empty() && self.diagnostics.is_empty()
    }

    fn declared(&self, key: &ObjectKey) -> Option<&Declared> {
        let place = self.objects.binary_search_by(|declared| declared.key.cmp(key)).ok()?;
        self.objects.get(place)
    }

    fn declared_mut(&mut self, key: &ObjectKey) -> Option<&mut Declared> {
        let place = self.objects.binary_search_by(|declared| declared.key.cmp(key)).ok()?;
        self.objects.get_mut(place)
    }
}

/// Reads a file's new text; what it spoils is taken over from `before`.
fn read(path: &Path, text: &str, before: &mut File) -> File {
    let parsed = manifest::parse(&path.to_string_lossy(), text);
    let mut file =
        File { ignored: parsed.ignored, diagnostics: parsed.diagnostics, ..File::default() };
    let mut objects: BTreeMap<ObjectKey, Declared> = BTreeMap::new();
    for Located { value: object, source } in parsed.objects {
        let key = object.key();
        match objects.get(&key) {
            Some(first) => file.diagnostics.push(repeated(&key, &first.source, &source)),
            None => {
                let uncounted = object.metadata().generation.is_none();
                objects.insert(key.clone(), Declared { key, object, source, uncounted });
            }
        }
    }
    for diagnostic in file.diagnostics.iter_mut().filter(|d| d.severity == Severity::Error) {
        let spoilt = match diagnostic.reason {
            // Text that breaks off may lack its end, as a file does that is being written; and what
            // it began to say may lack its namespace.
            Reason::Syntax | Reason::TooLarge => None,
            _ => diagnostic.object.as_ref(),
        };
        let mut kept = 0;
        before.objects.retain(|old| {
            // Text that is no object may have been any of those that are now missing.
            let meant = spoilt.is_none_or(|spoilt| may_be(spoilt, &old.key));
            if !meant || objects.contains_key(&old.key) {
                return true;
            }
            objects.insert(old.key.clone(), old.clone());
            kept += 1;
            false
        });
        if kept > 0 {
            diagnostic.message += "; what was last read of it keeps serving";
        }
    }
    file.objects = objects.into_values().collect();
    file
}

/// Whether a spoilt object is the one of this key, as far as its kind and names can be told.
fn may_be(spoilt: &ObjectRef, key: &ObjectKey) -> bool {
    let group = spoilt.api_version.split_once('/').map_or("", |(group, _)| group);
    let same = |said: &str, known: &str| said.is_empty() || said == known;
    // The default namespace is also that of an object whose namespace cannot be told.
    let anywhere = spoilt.name.is_empty() || spoilt.namespace == DEFAULT_NAMESPACE;
    Kind::find(group, &spoilt.kind).is_none_or(|kind| kind == key.kind)
        && same(&spoilt.name, &key.name.name)
        && (anywhere || same(&spoilt.namespace, &key.name.namespace))
}

fn unreadable(path: &Path, why: String, kept: bool) -> Diagnostic {
    let file = path.to_string_lossy();
    let kept = if kept { "; what was last read of it keeps serving" } else { "" };
    Diagnostic {
        severity: Severity::Error,
        source: Source { file: (&*file).into(), line: 0, column: 0 },
        object: None,
        field: FieldPath::default(),
        reason: Reason::Unreadable,
        message: format!("cannot be read: {why}{kept}"),
    }
}

fn repeated(key: &ObjectKey, first: &Source, again: &Source) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        source: again.clone(),
        object: Some(ObjectRef {
            api_version: key.kind.api_version(),
            kind: key.kind.as_str().to_owned(),
            namespace: key.name.namespace.to_string(),
            name: key.name.name.to_string(),
        }),
        field: FieldPath::default(),
        reason: Reason::Duplicate,
        message: format!("is declared at {first} already, and that one counts: remove one of both"),
    }
}

/// Files rarely count their own edits, and status refers to the count.
fn count(object: &mut Object, before: Option<&Object>) {
    let counted = before.map_or(0, |before| before.metadata().generation());
    let mut set = |generation| {
        // Setting what is there already would make a copy of a shared object.
        if object.metadata().generation != Some(generation) {
            object.set_generation(generation);
        }
        before.is_some_and(|before| *before != *object)
    };
    if set(counted.max(1)) {
        set(counted + 1);
    }
}

#[cfg(test)]
mod tests;
