//! The verbs that change objects.

use serde_json::{Value, json};

use super::{
    catalog::Resource,
    journal::Call,
    patch,
    storage::{Part, Place, Refusal, Storage},
};

/// Does it; gives the code of the answer and the object.
pub(super) fn write(
    storage: &mut Storage,
    resource: Resource,
    call: &Call,
) -> Result<(u16, Value), Refusal> {
    let place = Place::new(resource, &call.namespace, &call.name);
    let part = if call.subresource == "status" { Part::Status } else { Part::Main };
    match call.verb {
        "create" => create(storage, resource, call),
        "update" => update(storage, &place, part, call, call.body.clone()),
        "patch" if call.content_type.starts_with("application/apply-patch") => {
            apply(storage, &place, part, call)
        }
        "patch" if call.content_type.starts_with("application/merge-patch") => {
            let current = storage.get(&place).ok_or_else(|| Refusal::not_found(&place))?;
            let mut object = Value::clone(current);
            patch::merge(&mut object, &call.body);
            if call.body["metadata"]["resourceVersion"].is_null() {
                object["metadata"]["resourceVersion"] = Value::Null;
            }
            update(storage, &place, part, call, object)
        }
        "patch" => Err(Refusal::new(415, "UnsupportedMediaType", call.content_type.as_str())),
        "delete" if call.name.is_empty() => {
            Err(Refusal::new(405, "MethodNotAllowed", "deletecollection is not served"))
        }
        "delete" => Ok((200, storage.delete(&place, &call.body)?)),
        verb => Err(Refusal::new(405, "MethodNotAllowed", verb)),
    }
}

fn create(storage: &mut Storage, resource: Resource, call: &Call) -> Result<(u16, Value), Refusal> {
    let metadata = &call.body["metadata"];
    let name = match (metadata["name"].as_str(), metadata["generateName"].as_str()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(prefix)) => format!("{prefix}{:05}", storage.version),
        (None, None) => return Err(Refusal::new(422, "Invalid", "metadata.name: Required value")),
    };
    let place = Place::new(resource, &call.namespace, &name);
    let object = storage.create(&place, call.body.clone(), Part::Main)?;
    let managers = storage.managers.entry(place).or_default();
    patch::own(managers, manager(call), &Value::Null, &object);
    Ok((201, object))
}

fn update(
    storage: &mut Storage,
    place: &Place,
    part: Part,
    call: &Call,
    object: Value,
) -> Result<(u16, Value), Refusal> {
    let before = storage.get(place).cloned().ok_or_else(|| Refusal::not_found(place))?;
    let after = storage.replace(place, object, part)?;
    if part == Part::Main {
        let managers = storage.managers.entry(place.clone()).or_default();
        patch::own(managers, manager(call), &before, &after);
    }
    Ok((200, after))
}

fn apply(
    storage: &mut Storage,
    place: &Place,
    part: Part,
    call: &Call,
) -> Result<(u16, Value), Refusal> {
    let Some(manager) = call.query.get("fieldManager") else {
        return Err(Refusal::new(400, "BadRequest", "fieldManager is required for apply patch"));
    };
    let current = storage.get(place).cloned();
    if part == Part::Status {
        let current = current.ok_or_else(|| Refusal::not_found(place))?;
        let mut object = Value::clone(&current);
        patch::merge(&mut object["status"], &call.body["status"]);
        return Ok((200, storage.replace(place, object, part)?));
    }
    let force = call.query.get("force").is_some_and(|force| force == "true");
    let mut managers = storage.managers.get(place).cloned().unwrap_or_default();
    let before = current.as_deref().cloned().unwrap_or_else(|| json!({"metadata": {}}));
    let mut after = patch::apply(place, &before, &call.body, &mut managers, manager, force)?;
    after["metadata"]["resourceVersion"] = call.body["metadata"]["resourceVersion"].clone();
    let (code, object) = match current {
        None => (201, storage.create(place, after, Part::Main)?),
        Some(_) => (200, storage.replace(place, after, Part::Main)?),
    };
    storage.managers.insert(place.clone(), managers);
    Ok((code, object))
}

fn manager(call: &Call) -> &str {
    call.query.get("fieldManager").map_or("unknown", String::as_str)
}
