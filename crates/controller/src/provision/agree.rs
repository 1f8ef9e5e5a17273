//! Whether what is there says what was rendered.
//!
//! Others may add to our objects (defaults, addresses, side cars, annotations of a cloud): only
//! what we say counts. A value that the API server writes in another way than we do (`0.5` as
//! `500m`) cannot be told from somebody's edit by this alone; see `plan`.

use serde_json::{Map, Value};

use super::merge::merge_key;

/// The part of `there` that `rendered` speaks about.
pub(super) fn projection(rendered: &Value, there: &Value) -> Value {
    project("", rendered, there)
}

fn project(field: &str, rendered: &Value, there: &Value) -> Value {
    match (rendered, there) {
        (Value::Object(rendered), Value::Object(there)) => {
            let mut part = Map::new();
            for (key, value) in rendered {
                // The API server drops what says nothing.
                let other = there.get(key).unwrap_or(&Value::Null);
                part.insert(key.clone(), project(key, value, other));
            }
            Value::Object(part)
        }
        (Value::Array(rendered), Value::Array(there)) if merge_key(field).is_some() => {
            let by = merge_key(field).unwrap_or_default();
            let items = rendered.iter().map(|item| {
                let same = there.iter().find(|other| {
                    by.iter()
                        .all(|key| item.get(*key).is_none() || item.get(*key) == other.get(*key))
                });
                same.map_or(Value::Null, |other| project("", item, other))
            });
            Value::Array(items.collect())
        }
        (Value::Array(rendered), Value::Array(there)) if rendered.len() == there.len() => {
            let items = rendered.iter().zip(there);
            Value::Array(items.map(|(item, other)| project("", item, other)).collect())
        }
        (_, there) => there.clone(),
    }
}

/// Whether two values say the same: nothing, and an empty map or list, are one.
pub(super) fn same(rendered: &Value, there: &Value) -> bool {
    match (rendered, there) {
        (Value::Object(one), Value::Object(other)) => {
            one.iter().all(|(key, value)| same(value, other.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(map), Value::Null) => map.is_empty(),
        (Value::Array(list), Value::Null) => list.is_empty(),
        (Value::String(text), Value::Null) => text.is_empty(),
        (Value::Bool(false), Value::Null) => true,
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_add_is_nothing_and_what_they_change_is_something() {
        let rendered = json!({
            "labels": {"a": "1"},
            "containers": [{"name": "proxy", "args": ["x"], "stdin": false}],
            "volumes": [{"name": "state", "emptyDir": {}}],
        });
        let agrees = |there: &Value| same(&rendered, &projection(&rendered, there));
        let there = json!({
            "labels": {"a": "1", "b": "2"},
            "containers": [
                {"name": "sidecar", "args": ["y"]},
                {"name": "proxy", "args": ["x"], "terminationMessagePath": "/dev/termination-log"},
            ],
            "volumes": [{"name": "state", "emptyDir": {}}, {"name": "more"}],
            "status": {"replicas": 1},
        });
        assert!(agrees(&there));
        for (at, value) in [
            ("/labels/a", json!("2")),
            ("/containers/1/args/0", json!("z")),
            ("/containers/1/args", json!(["x", "y"])),
            ("/containers/1/name", json!("other")),
            ("/volumes", json!([])),
        ] {
            let mut edited = there.clone();
            *edited.pointer_mut(at).unwrap() = value;
            assert!(!agrees(&edited), "{at}");
        }
    }
}
