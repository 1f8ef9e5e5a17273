//! Patches over rendered objects: JSON merge patch (RFC 7396), and Kubernetes' strategic merge
//! patch, which knows by what key the items of a list are told apart.
//!
//! The keys are those of Kubernetes' own types, as far as the objects of a Gateway use them. They
//! are told apart by the field's name alone, which is unambiguous here.

use api::envoy_proxy::{MergeType, kubernetes::KubernetesPatchSpec};
use serde_json::{Map, Value};

/// Lays a patch over an object; says what is wrong with a patch that is none.
pub(super) fn patch(object: Value, patch: &KubernetesPatchSpec) -> Result<Value, String> {
    if !patch.value.is_object() {
        return Err("it is not an object".to_owned());
    }
    match &patch.type_ {
        None | Some(MergeType::StrategicMerge) => {
            directives(&patch.value)?;
            Ok(strategic(object, patch.value.clone()))
        }
        Some(MergeType::JSONMerge) => Ok(json_merge(object, &patch.value)),
        Some(other) => Err(format!("its type {other:?} is neither StrategicMerge nor JSONMerge")),
    }
}

/// RFC 7396, §2.
fn json_merge(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut merged = match target {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    for (key, value) in patch {
        if value.is_null() {
            merged.shift_remove(key);
        } else {
            let before = merged.get(key).cloned().unwrap_or_default();
            merged.insert(key.clone(), json_merge(before, value));
        }
    }
    Value::Object(merged)
}

/// Kubernetes' strategic merge. Nothing laid over something changes nothing.
pub(super) fn strategic(target: Value, patch: Value) -> Value {
    match (target, patch) {
        (target, Value::Null) => target,
        (Value::Object(target), Value::Object(patch)) => Value::Object(maps(target, patch)),
        (_, Value::Object(patch)) => Value::Object(maps(Map::new(), patch)),
        (_, patch) => patch,
    }
}

fn maps(mut target: Map<String, Value>, mut patch: Map<String, Value>) -> Map<String, Value> {
    if patch.shift_remove(DIRECTIVE).as_ref().and_then(Value::as_str) == Some("replace") {
        target.clear();
    }
    if let Some(Value::Array(keys)) = patch.shift_remove(RETAIN) {
        target.retain(|key, _| keys.iter().any(|kept| kept.as_str() == Some(key)));
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix(DELETE_FROM) {
            if let (Some(Value::Array(list)), Value::Array(gone)) = (target.get_mut(field), &value)
            {
                list.retain(|item| !gone.contains(item));
            }
        } else if key.starts_with(ORDER) {
            // The order of containers and volumes means nothing here.
        } else if value.is_null() {
            target.shift_remove(&key);
        } else {
            let before = target.get(&key).cloned().unwrap_or_default();
            let merged = match (merge_key(&key), before, value) {
                (Some(by), Value::Array(before), Value::Array(items)) => {
                    Value::Array(lists(before, items, by))
                }
                (Some(by), _, Value::Array(items)) => Value::Array(lists(Vec::new(), items, by)),
                (_, before, value) => strategic(before, value),
            };
            target.insert(key, merged);
        }
    }
    target
}

/// Items with the same key are merged, others are added at the end.
fn lists(mut target: Vec<Value>, items: Vec<Value>, by: &[&str]) -> Vec<Value> {
    if items.iter().any(|item| item == &serde_json::json!({ DIRECTIVE: "replace" })) {
        target.clear();
    }
    for item in items {
        let directive = item.get(DIRECTIVE).and_then(Value::as_str).map(str::to_owned);
        let named = by.iter().any(|key| item.get(*key).is_some());
        let place = target.iter().position(|other| named && same(other, &item, by));
        match (directive.as_deref(), place) {
            (Some("delete"), Some(place)) => {
                target.remove(place);
            }
            (Some("delete"), None) => {}
            (_, Some(place)) => target[place] = strategic(target[place].take(), item),
            (Some("replace"), None) if !named => {}
            (_, None) => target.push(strategic(Value::Null, item)),
        }
    }
    target
}

/// Whether two items are one: they agree in every key that the patch names.
fn same(one: &Value, patch: &Value, by: &[&str]) -> bool {
    by.iter().all(|key| match patch.get(*key) {
        Some(value) => one.get(*key) == Some(value),
        None => true,
    })
}

/// By what the items of a list are told apart; none for a list that is replaced as a whole.
pub(super) fn merge_key(field: &str) -> Option<&'static [&'static str]> {
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "sysctls"
        | "secrets"
        | "resourceClaims" => &["name"],
        "ports" => &["port", "containerPort", "protocol"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "hostAliases" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        "ownerReferences" => &["uid"],
        _ => return None,
    })
}

/// Refuses a directive that would otherwise pass for a field.
fn directives(patch: &Value) -> Result<(), String> {
    match patch {
        Value::Object(map) => {
            if let Some(value) = map.get(DIRECTIVE)
                && !["delete", "replace", "merge"].iter().any(|known| value == known)
            {
                return Err(format!("$patch: {value} is none of delete, replace, merge"));
            }
            let unknown = |key: &&String| {
                key.starts_with('$')
                    && *key != DIRECTIVE
                    && *key != RETAIN
                    && !key.starts_with(DELETE_FROM)
                    && !key.starts_with(ORDER)
            };
            match map.keys().find(unknown) {
                Some(key) => Err(format!("{key} is no directive")),
                None => map.values().try_for_each(directives),
            }
        }
        Value::Array(list) => list.iter().try_for_each(directives),
        _ => Ok(()),
    }
}

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

#[cfg(test)]
mod tests;
