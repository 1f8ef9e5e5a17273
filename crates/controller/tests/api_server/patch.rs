//! Merge patches (RFC 7396) and server-side apply by whole fields: a list belongs to one manager.

use std::collections::BTreeSet;

use serde_json::Value;

use super::storage::{Managers, Place, Refusal};

type Path = Vec<String>;

/// Puts a merge patch on an object.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(object) = target.as_object_mut() else { return };
    for (field, value) in fields {
        match value {
            Value::Null => drop(object.shift_remove(field)),
            value => merge(object.entry(field).or_insert(Value::Null), value),
        }
    }
}

/// The object after a manager applied its whole wish: what it wished before and no longer wishes
/// goes, what another one set differently is a conflict unless it is forced.
pub(super) fn apply(
    place: &Place,
    current: &Value,
    wish: &Value,
    managers: &mut Managers,
    manager: &str,
    force: bool,
) -> Result<Value, Refusal> {
    let wanted = leaves(wish);
    let mut after = current.clone();
    for (other, owned) in managers.iter_mut().filter(|(other, _)| *other != manager) {
        let taken: Vec<&Path> = wanted.intersection(owned).collect();
        let differs = |path: &&&Path| look(wish, path) != look(current, path);
        if let (Some(path), false) = (taken.iter().find(differs), force) {
            let message = format!(
                "Apply failed with 1 conflict: conflict with {other:?} on {} {}: .{}",
                place.resource.plural,
                place.name,
                path.join(".")
            );
            return Err(Refusal::new(409, "Conflict", message));
        }
        let changed: Vec<Path> = taken.iter().filter(differs).map(|path| (*path).clone()).collect();
        owned.retain(|path| !changed.contains(path));
    }
    let before = managers.insert(manager.to_owned(), wanted.clone()).unwrap_or_default();
    for path in before.difference(&wanted) {
        if !managers.values().any(|owned| owned.contains(path)) {
            take_away(&mut after, path);
        }
    }
    for path in &wanted {
        if let Some(value) = look(wish, path) {
            put(&mut after, path, value.clone());
        }
    }
    Ok(after)
}

/// Gives the fields that an update changed to the manager who made it.
pub(super) fn own(managers: &mut Managers, manager: &str, before: &Value, after: &Value) {
    let changed: BTreeSet<Path> =
        leaves(after).into_iter().filter(|path| look(after, path) != look(before, path)).collect();
    for owned in managers.values_mut() {
        owned.retain(|path| !changed.contains(path));
    }
    managers.entry(manager.to_owned()).or_default().extend(changed);
}

/// The fields that hold something, those left out that name the object or that the server fills.
fn leaves(object: &Value) -> BTreeSet<Path> {
    let mut found = BTreeSet::new();
    collect(object, &mut Vec::new(), &mut found);
    found.retain(|path| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        !matches!(
            path[..],
            ["apiVersion" | "kind" | "status", ..]
                | [
                    "metadata",
                    "name"
                        | "namespace"
                        | "uid"
                        | "resourceVersion"
                        | "generation"
                        | "creationTimestamp"
                        | "managedFields",
                    ..
                ]
        )
    });
    found
}

fn collect(value: &Value, path: &mut Path, found: &mut BTreeSet<Path>) {
    match value.as_object() {
        Some(fields) if !fields.is_empty() => {
            for (field, value) in fields {
                path.push(field.clone());
                collect(value, path, found);
                path.pop();
            }
        }
        _ => drop(found.insert(path.clone())),
    }
}

fn look<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |at, field| at.get(field))
}

fn put(target: &mut Value, path: &[String], value: Value) {
    let [field, rest @ ..] = path else {
        *target = value;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    put(&mut target[field], rest, value);
}

fn take_away(target: &mut Value, path: &[String]) {
    let Some((last, parents)) = path.split_last() else { return };
    let parent = parents.iter().try_fold(target, |at, field| at.get_mut(field));
    if let Some(parent) = parent.and_then(Value::as_object_mut) {
        parent.shift_remove(last);
    }
}
