//! The chart against the code: the controller may do what it does, and no more than rules say; the
//! definition of EnvoyProxy knows the fields that are read.

use std::{fs, path::Path};

use api::kind::Kind;
use serde_json::{Value, json};

use crate::world::KINDS;

fn documents(path: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    serde_saphyr::from_multiple(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The rules of a role of the chart.
fn rules(kind: &str) -> Vec<Value> {
    let documents = documents("charts/portcullis/install.yaml");
    let role = documents.into_iter().find(|document| document["kind"] == kind).unwrap();
    role["rules"].as_array().unwrap().clone()
}

fn allows(rules: &[Value], group: &str, resource: &str, verb: &str) -> bool {
    let has = |rule: &Value, key: &str, value: &str| {
        rule[key].as_array().unwrap().iter().any(|item| item == value)
    };
    rules.iter().any(|rule| {
        rule.get("resourceNames").is_none()
            && has(rule, "apiGroups", group)
            && has(rule, "resources", resource)
            && has(rule, "verbs", verb)
    })
}

#[test]
fn the_controller_may_do_what_it_does() {
    let rules = rules("ClusterRole");
    for kind in Kind::ALL {
        for verb in ["get", "list", "watch"] {
            assert!(allows(&rules, kind.group(), kind.plural(), verb), "{verb} {kind}");
        }
    }
    let made = KINDS.iter().map(|(resource, _)| *resource);
    for resource in made.chain(["daemonsets", "horizontalpodautoscalers"]) {
        for verb in ["get", "list", "watch", "create", "patch", "delete"] {
            let groups = ["", "apps", "policy", "autoscaling"];
            let allowed = groups.iter().any(|group| allows(&rules, group, resource, verb));
            assert!(allowed, "{verb} {resource}");
        }
    }
}

#[test]
fn of_definitions_it_reads_one() {
    let of = |rule: &&Value| rule["resources"].to_string().contains("customresourcedefinitions");
    let rules = rules("ClusterRole");
    let [rule] = rules.iter().filter(of).collect::<Vec<_>>()[..] else { panic!("{rules:?}") };
    assert_eq!(rule["resourceNames"], json!(["gatewayclasses.gateway.networking.k8s.io"]));
    assert_eq!(rule["verbs"], json!(["get"]));
}

#[test]
fn no_rule_is_a_wildcard_or_leads_to_other_rights() {
    for rule in rules("ClusterRole").iter().chain(&rules("Role")) {
        let text = rule.to_string();
        for word in ["*", "escalate", "bind", "impersonate", "rbac.authorization.k8s.io"] {
            assert!(!text.contains(&format!("\"{word}\"")), "{word}: {text}");
        }
    }
    let cluster = rules("ClusterRole");
    for verb in ["create", "update", "patch", "delete"] {
        assert!(!allows(&cluster, "", "secrets", verb), "{verb} secrets");
    }
}

#[test]
fn the_definition_of_envoy_proxy_knows_every_field_of_the_cases() {
    let definition = &documents("charts/portcullis/files/crd/envoyproxies.yaml")[0];
    let schema =
        definition.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").unwrap();
    let cases = ["plain", "private", "daemons", "everything"];
    for case in cases {
        let path = format!("crates/controller/tests/provision/cases/{case}.yaml");
        known("spec", &documents(&path)[0]["parameters"], schema);
    }
}

fn known(path: &str, value: &Value, schema: &Value) {
    if schema.get("x-kubernetes-preserve-unknown-fields").is_some() {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{path}.{key}");
                let property = schema["properties"].get(key);
                let property = property.or_else(|| schema.get("additionalProperties"));
                known(&path, value, property.unwrap_or_else(|| panic!("{path} is unknown")));
            }
        }
        Value::Array(list) => list.iter().for_each(|item| known(path, item, &schema["items"])),
        _ => {}
    }
}
