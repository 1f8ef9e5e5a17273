//! Every rule by an accepted manifest and a change that breaks it.
//!
//! A row is a field to change, its new value in YAML (`DELETE` takes the field away), the field
//! where the message is expected, and a part of the message.

use std::io::Write as _;

use serde_json::Value;

use crate::manifest;

mod core_kinds;
mod experimental;
mod gateway;
mod grpc_route;
mod http_route;
mod l4_route;
mod policy;

type Row<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Takes the field away.
const DELETE: &str = "DELETE";

/// Each row's change must be refused for the row's reason, and the base accepted.
fn refused(base: &str, rows: &[Row<'_>]) {
    accepted(base, &[]);
    for (path, value, field, part) in rows {
        let found = check(base, &[(path, value)]);
        let hit = found.iter().any(|(at, message)| at == field && message.contains(part));
        assert!(hit, "{path} = {value:.200}\nexpected {field}: {part}\nfound {found:#?}");
    }
}

/// Each row's changes, made together, must be accepted; so must be the base.
fn accepted(base: &str, rows: &[&[(&str, &str)]]) {
    assert_eq!(check(base, &[]), [], "{base}");
    for changes in rows {
        assert_eq!(check(base, changes), [], "{changes:?}");
    }
}

/// What is said about the base with these changes: fields and messages.
fn check(base: &str, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut object: Value = serde_saphyr::from_str(base).expect("a base is YAML");
    for (path, value) in changes {
        let value = (*value != DELETE)
            .then(|| serde_saphyr::from_str(value).expect("a row's value is YAML"));
        set(&mut object, path, value);
    }
    record(&object);
    let text = serde_json::to_string_pretty(&object).expect("JSON");
    let manifest = manifest::parse("f.json", &text);
    let found = manifest.diagnostics.into_iter();
    let found: Vec<_> = found.map(|found| (found.field.to_string(), found.message)).collect();
    assert_eq!(found.is_empty(), manifest.objects.len() == 1, "refused or there: {found:?}");
    found
}

/// Writes the object to the file that `PORTCULLIS_CASES` names, for an API server to judge as well
/// (`tests/judge`).
fn record(object: &Value) {
    let Some(path) = std::env::var_os("PORTCULLIS_CASES") else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    // In one piece, since other tests write there too.
    file.expect("the file opens").write_all(format!("{object}\n").as_bytes()).expect("it takes it");
}

/// Sets the value at a path such as `spec.rules[0].name`; `[label.with/dots]` is one key.
fn set(object: &mut Value, path: &str, value: Option<Value>) {
    let mut steps = Vec::new();
    for part in path.split_inclusive(']').flat_map(|part| part.split_inclusive('[')) {
        let inside = part.strip_suffix(']');
        match inside {
            Some(key) => steps.push(key.to_string()),
            None => {
                let keys = part.trim_end_matches('[').split('.').filter(|key| !key.is_empty());
                steps.extend(keys.map(str::to_string));
            }
        }
    }
    let (last, parents) = steps.split_last().expect("a path has a step");
    let mut node = object;
    for step in parents {
        node = child(node, step);
    }
    match value {
        Some(value) => *child(node, last) = value,
        None => {
            assert!(node.as_object_mut().expect("an object").remove(last).is_some(), "{path}");
        }
    }
}

fn child<'a>(node: &'a mut Value, step: &str) -> &'a mut Value {
    if let Value::Array(items) = node {
        let index: usize = step.parse().expect("an index");
        if items.len() == index {
            items.push(Value::Null);
        }
        return &mut items[index];
    }
    if node.is_null() {
        *node = Value::Object(serde_json::Map::new());
    }
    node.as_object_mut().expect("an object").entry(step).or_insert(Value::Null)
}

/// A list of this many items; `#` in an item becomes its index.
fn many(count: usize, item: &str) -> String {
    let items: Vec<_> = (0..count).map(|index| item.replace('#', &index.to_string())).collect();
    format!("[{}]", items.join(", "))
}

/// A mapping of this many keys.
fn keys(count: usize) -> String {
    let entries: Vec<_> = (0..count).map(|index| format!("k{index}: v")).collect();
    format!("{{{}}}", entries.join(", "))
}

/// A text of this many characters.
fn long(count: usize) -> String {
    "x".repeat(count)
}

#[test]
fn metadata() {
    let base = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app, namespace: tenant}
spec: {}
";
    let huge = format!("{{a: {}}}", long(256 << 10));
    refused(
        base,
        &[
            ("metadata.name", DELETE, "metadata.name", "required"),
            ("metadata.name", "A", "metadata.name", "subdomain"),
            ("metadata.name", "a_b", "metadata.name", "subdomain"),
            ("metadata.name", &long(254), "metadata.name", "subdomain"),
            ("metadata.namespace", "a.b", "metadata.namespace", "label"),
            ("metadata.namespace", &long(64), "metadata.namespace", "label"),
            ("metadata.labels", "{'a b': c}", "metadata.labels", "\"a b\""),
            ("metadata.labels", "{a/b/c: d}", "metadata.labels", "a/b/c"),
            ("metadata.labels", "{a: b c}", "metadata.labels", "\"b c\""),
            ("metadata.labels.a", &long(64), "metadata.labels", "at most 63"),
            ("metadata.labels.a", "7", "metadata.labels.a", "of type string"),
            ("metadata.annotations", "{-a: b}", "metadata.annotations", "\"-a\""),
            ("metadata.annotations", &huge, "metadata.annotations", "bytes together"),
            ("metadata.lables", "{}", "metadata.lables", "did you mean \"labels\""),
            ("metadata.generation", "one", "metadata.generation", "of type integer"),
            ("metadata.creationTimestamp", "yesterday", "metadata.creationTimestamp", ""),
            ("metadata", DELETE, "metadata.name", "required"),
        ],
    );
    let managed = "[{manager: kubectl, fieldsV1: {'f:spec': {}}}]";
    accepted(
        base,
        &[
            &[("metadata.name", &long(253)), ("metadata.namespace", DELETE)],
            &[("metadata.labels", "{a.b/C_d: 'X.y', e: ''}")],
            &[("metadata.annotations", "{Example.com/App: 'any text, of any length'}")],
            &[("metadata.managedFields", managed), ("metadata.creationTimestamp", "null")],
            &[("metadata.creationTimestamp", "'2026-01-02T03:04:05Z'"), ("metadata.uid", "u")],
        ],
    );
}
