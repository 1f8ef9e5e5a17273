//! The objects and their history: versions, generations, unique ids, deletion.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{catalog::Resource, schema};

/// Names one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) resource: Resource,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Place {
    pub(super) fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        let namespace = if resource.namespaced { namespace } else { "" };
        Self { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub(super) fn of_object(resource: Resource, object: &Value) -> Self {
        let text = |field: &str| object["metadata"][field].as_str();
        Self::new(resource, text("namespace").unwrap_or("default"), text("name").unwrap_or(""))
    }
}

/// What a write may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Everything but status.
    Main,
    /// Status alone.
    Status,
    /// Both: the test's own hand.
    Everything,
}

/// Why a request is refused; becomes a `Status` object.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into() }
    }

    pub(super) fn not_found(place: &Place) -> Self {
        let message = format!("{} \"{}\" not found", place.resource.plural, place.name);
        Self::new(404, "NotFound", message)
    }
}

/// One step of the history.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) version: u64,
    pub(super) resource: Resource,
    /// `ADDED`, `MODIFIED`, `DELETED` or `BOOKMARK`.
    pub(super) event: &'static str,
    pub(super) before: Option<Arc<Value>>,
    pub(super) object: Arc<Value>,
}

/// Fields that each manager has set, as paths.
pub(super) type Managers = BTreeMap<String, BTreeSet<Vec<String>>>;

#[derive(Default)]
pub(super) struct Storage {
    objects: BTreeMap<Place, Arc<Value>>,
    pub(super) managers: BTreeMap<Place, Managers>,
    pub(super) history: Vec<Step>,
    pub(super) version: u64,
    /// Fields that are dropped from whatever is written, as JSON pointers.
    pub(super) pruned: Vec<(Resource, &'static str)>,
    created: u64,
    /// The oldest version that a watch may begin at, and how often history was forgotten.
    expired: BTreeMap<Resource, (u64, u64)>,
}

impl Storage {
    pub(super) fn get(&self, place: &Place) -> Option<&Arc<Value>> {
        self.objects.get(place)
    }

    pub(super) fn list(
        &self,
        resource: Resource,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = (&Place, &Arc<Value>)> {
        self.objects.iter().filter(move |(place, _)| {
            place.resource == resource && namespace.is_none_or(|wanted| wanted == place.namespace)
        })
    }

    pub(super) fn create(
        &mut self,
        place: &Place,
        mut object: Value,
        part: Part,
    ) -> Result<Value, Refusal> {
        let resource = place.resource;
        if self.objects.contains_key(place) {
            let message = format!("{} \"{}\" already exists", place.resource.plural, place.name);
            return Err(Refusal::new(409, "AlreadyExists", message));
        }
        self.created += 1;
        if part == Part::Main && resource.status {
            remove(&mut object, "status");
        }
        object["apiVersion"] = resource.api_version(resource.versions[0]).into();
        object["kind"] = resource.kind.into();
        let metadata = &mut object["metadata"];
        metadata["name"] = place.name.as_str().into();
        if resource.namespaced {
            metadata["namespace"] = place.namespace.as_str().into();
        }
        let filled =
            |metadata: &Value, field: &str| part == Part::Everything && !metadata[field].is_null();
        if !filled(metadata, "uid") {
            metadata["uid"] = format!("00000000-0000-4000-8000-{:012x}", self.created).into();
        }
        if !filled(metadata, "creationTimestamp") {
            let now = jiff::Timestamp::now();
            metadata["creationTimestamp"] = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        }
        if !filled(metadata, "generation") {
            metadata["generation"] = 1.into();
        }
        schema::check(place, &object)?;
        Ok(self.log(place, "ADDED", object))
    }

    /// Puts `object` in place of what is there, as far as `part` goes. No difference, no step.
    pub(super) fn replace(
        &mut self,
        place: &Place,
        mut object: Value,
        part: Part,
    ) -> Result<Value, Refusal> {
        let before = self.objects.get(place).cloned().ok_or_else(|| Refusal::not_found(place))?;
        let version = &object["metadata"]["resourceVersion"];
        if !version.is_null() && *version != before["metadata"]["resourceVersion"] {
            let message = format!(
                "Operation cannot be fulfilled on {} \"{}\": the object has been modified",
                place.resource.plural, place.name
            );
            return Err(Refusal::new(409, "Conflict", message));
        }
        let uid = &object["metadata"]["uid"];
        if part != Part::Everything && !uid.is_null() && *uid != before["metadata"]["uid"] {
            return Err(Refusal::new(409, "Conflict", "Precondition failed: UID in precondition"));
        }
        match part {
            Part::Status => {
                let mut after = Value::clone(&before);
                copy(&object, &mut after, "status");
                object = after;
            }
            Part::Main if place.resource.status => copy(&before, &mut object, "status"),
            Part::Main | Part::Everything => {}
        }
        object["apiVersion"] = before["apiVersion"].clone();
        object["kind"] = before["kind"].clone();
        for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp"] {
            copy(&before["metadata"], &mut object["metadata"], field);
        }
        for field in ["generation", "resourceVersion"] {
            object["metadata"][field] = before["metadata"][field].clone();
        }
        for (_, pointer) in self.pruned.iter().filter(|(of, _)| *of == place.resource) {
            let (parent, field) = pointer.rsplit_once('/').unwrap_or(("", pointer));
            if let Some(parent) = object.pointer_mut(parent) {
                remove(parent, field);
            }
        }
        if object == *before {
            return Ok(object);
        }
        if main(&object) != main(&before) {
            let generation = before["metadata"]["generation"].as_i64().unwrap_or(0);
            object["metadata"]["generation"] = (generation + 1).into();
        }
        schema::check(place, &object)?;
        let leaving = !object["metadata"]["deletionTimestamp"].is_null();
        if leaving && !has_finalizers(&object) {
            return Ok(self.bury(place, object));
        }
        Ok(self.log(place, "MODIFIED", object))
    }

    /// Deletes an object and what it alone owns; one with finalizers is only marked.
    pub(super) fn delete(&mut self, place: &Place, options: &Value) -> Result<Value, Refusal> {
        let object = self.objects.get(place).cloned().ok_or_else(|| Refusal::not_found(place))?;
        for field in ["uid", "resourceVersion"] {
            let wanted = &options["preconditions"][field];
            if !wanted.is_null() && *wanted != object["metadata"][field] {
                return Err(Refusal::new(409, "Conflict", format!("Precondition failed: {field}")));
            }
        }
        let mut object = Value::clone(&object);
        if has_finalizers(&object) {
            object["metadata"]["deletionTimestamp"] = jiff::Timestamp::now().to_string().into();
            return Ok(self.log(place, "MODIFIED", object));
        }
        Ok(self.bury(place, object))
    }

    pub(super) fn drop_all(&mut self, resource: &Resource) {
        self.objects.retain(|place, _| place.resource != *resource);
        self.expire(*resource);
    }

    pub(super) fn expire(&mut self, resource: Resource) {
        self.version += 1;
        let expired = self.expired.entry(resource).or_default();
        *expired = (self.version, expired.1 + 1);
    }

    /// The oldest version to begin at, and how often that moved.
    pub(super) fn expired(&self, resource: Resource) -> (u64, u64) {
        self.expired.get(&resource).copied().unwrap_or_default()
    }

    pub(super) fn bookmark(&mut self, resource: Resource) {
        self.version += 1;
        let object = json!({
            "apiVersion": resource.api_version(resource.versions[0]),
            "kind": resource.kind,
            "metadata": {"resourceVersion": self.version.to_string()},
        });
        self.history.push(Step {
            version: self.version,
            resource,
            event: "BOOKMARK",
            before: None,
            object: Arc::new(object),
        });
    }

    fn bury(&mut self, place: &Place, object: Value) -> Value {
        let uid = object["metadata"]["uid"].clone();
        let object = self.log(place, "DELETED", object);
        let owned: Vec<Place> = self
            .objects
            .iter()
            .filter(|(_, object)| {
                let owners = object["metadata"]["ownerReferences"].as_array();
                owners.is_some_and(|owners| {
                    !owners.is_empty() && owners.iter().all(|owner| owner["uid"] == uid)
                })
            })
            .map(|(place, _)| place.clone())
            .collect();
        for place in owned {
            // It may have gone with something that went before it.
            let _ = self.delete(&place, &Value::Null);
        }
        object
    }

    fn log(&mut self, place: &Place, event: &'static str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let shared = Arc::new(object.clone());
        let before = match event {
            "DELETED" => {
                self.managers.remove(place);
                self.objects.remove(place)
            }
            _ => self.objects.insert(place.clone(), shared.clone()),
        };
        let resource = place.resource;
        let version = self.version;
        self.history.push(Step { version, resource, event, before, object: shared });
        object
    }
}

fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}

/// What a generation counts.
fn main(object: &Value) -> Value {
    let mut object = object.clone();
    for field in ["metadata", "status"] {
        remove(&mut object, field);
    }
    object
}

fn copy(from: &Value, to: &mut Value, field: &str) {
    match from.get(field) {
        Some(value) => to[field] = value.clone(),
        None => remove(to, field),
    }
}

fn remove(object: &mut Value, field: &str) {
    if let Some(object) = object.as_object_mut() {
        object.shift_remove(field);
    }
}
