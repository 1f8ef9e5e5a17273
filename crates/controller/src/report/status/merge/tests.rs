//! What is put into a status, and what is left as it is.

use api::{
    condition::{Condition, ConditionStatus, Reason},
    gateway::{AddressType, GatewayStatus, GatewayStatusAddress},
    gateway_class::{GatewayClassStatus, SupportedFeature},
    listener::ListenerStatus,
    policy::{PolicyAncestorStatus, PolicyStatus},
    reference::ParentReference,
};
use serde_json::json;

use super::*;
use crate::report::status::tests::{OURS, accepted, route};

const NOW: &str = "2026-11-23T12:00:00Z";
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

fn change(status: &Value, wanted: &ObjectStatus) -> Option<Change> {
    merge(status, Some(wanted), OURS, NOW).change
}

/// The status after the change.
fn after(status: &Value, wanted: &ObjectStatus) -> Value {
    let mut after = status.clone();
    for (field, value) in change(status, wanted).map(|change| change.fields).unwrap_or_default() {
        after[field] = value;
    }
    after
}

fn foreign(name: &str) -> Value {
    json!({"controllerName": "x.example/y", "parentRef": {"name": name}, "conditions": []})
}

#[test]
fn a_status_that_says_it_already_is_left_alone() {
    let wanted = route(3, "fine");
    let written = after(&Value::Null, &wanted);
    assert_eq!(written["parents"][0]["conditions"][0]["lastTransitionTime"], NOW);
    assert_eq!(merge(&written, Some(&wanted), OURS, "2027-01-01T00:00:00Z").change, None);
    // The API server, or another writer, fills defaults in and orders fields as it likes.
    let condition = |type_: &str| {
        json!({"type": type_, "status": "True", "reason": type_, "observedGeneration": 3,
               "message": "fine", "lastTransitionTime": LONG_AGO})
    };
    let reordered = json!({"parents": [{
        "parentRef": {"name": "gw"}, "controllerName": OURS,
        "conditions": [condition("ResolvedRefs"), condition("Accepted")],
    }]});
    assert_eq!(change(&reordered, &wanted), None);
}

#[test]
fn the_time_moves_with_the_status_alone() {
    let old = |status: &str, time: Value| {
        json!({"parents": [{"parentRef": {"name": "gw"}, "controllerName": OURS, "conditions": [
            {"type": "Accepted", "status": status, "reason": "x", "message": "",
             "lastTransitionTime": time},
        ]}]})
    };
    let cases = [
        ("True", json!(LONG_AGO), LONG_AGO),
        ("False", json!(LONG_AGO), NOW),
        ("Unknown", json!(LONG_AGO), NOW),
        ("True", json!("yesterday"), NOW),
        ("True", Value::Null, NOW),
    ];
    for (status, time, expected) in cases {
        let after = after(&old(status, time.clone()), &route(1, "new"));
        let condition = &after["parents"][0]["conditions"][0];
        assert_eq!(condition["lastTransitionTime"], expected, "{status} {time}");
        assert_eq!(
            (&condition["message"], &condition["observedGeneration"]),
            (&json!("new"), &json!(1))
        );
    }
}

#[test]
fn foreign_entries_and_conditions_keep_their_places() {
    let odd = json!({"lastTransitionTime": "never", "type": "Odd", "n": 1.50});
    let ours = json!({"parentRef": {"name": "gw", "kind": "Gateway"}, "controllerName": OURS,
                      "more": {"b": 1, "a": 2}, "conditions": [odd]});
    let gone = json!({"parentRef": {"name": "gone"}, "controllerName": OURS, "conditions": []});
    let status = json!({"parents": [foreign("b"), gone, ours, foreign("a")], "other": [1]});
    let change = change(&status, &route(1, "m")).unwrap();
    assert_eq!(change.fields.keys().collect::<Vec<_>>(), ["parents"]);
    let parents = change.fields["parents"].as_array().unwrap();
    assert_eq!(parents.len(), 3);
    let text = |value: &Value| value.to_string();
    assert_eq!(text(&parents[0]), text(&foreign("b")));
    assert_eq!(text(&parents[2]), text(&foreign("a")));
    assert_eq!(text(&parents[1]["conditions"][0]), text(&odd));
    assert_eq!(text(&parents[1]["more"]), r#"{"b":1,"a":2}"#);
    let removed = merge(&status, None, OURS, NOW).change.unwrap();
    assert_eq!(removed.fields["parents"], json!([foreign("b"), foreign("a")]));
    assert_eq!(merge(&json!({"parents": [foreign("a")]}), None, OURS, NOW).change, None);
}

#[test]
fn entries_that_find_no_room_are_left_out() {
    let reference = |name: &str| ParentReference {
        group: names::GATEWAY_GROUP.into(),
        kind: "Gateway".into(),
        name: name.into(),
        namespace: None,
        port: None,
        section_name: None,
    };
    let ancestors = ["one", "two"].map(|name| PolicyAncestorStatus {
        ancestor_ref: reference(name),
        conditions: vec![accepted(1, "")],
        controller_name: OURS.into(),
    });
    let policy = ObjectStatus::Policy(PolicyStatus { ancestors: ancestors.to_vec() });
    let full: Vec<Value> = (0..16).map(|at| foreign(&at.to_string())).collect();
    let merged = |status: Value, wanted: &ObjectStatus| merge(&status, Some(wanted), OURS, NOW);
    let nothing = Merged { change: None, left_out: true };
    assert_eq!(merged(json!({"ancestors": full}), &policy), nothing);
    let one = merged(json!({"ancestors": full[1..]}), &policy);
    assert!(one.left_out);
    let fields = one.change.unwrap().fields;
    let written = fields["ancestors"].as_array().unwrap();
    assert_eq!((written.len(), &written[15]["ancestorRef"]["name"]), (16, &json!("one")));
    assert!(!merged(json!({"ancestors": full[2..]}), &policy).left_out);
    let parents: Vec<Value> = (0..32).map(|at| foreign(&at.to_string())).collect();
    assert_eq!(merged(json!({"parents": parents}), &route(1, "")), nothing);
    assert!(!merged(json!({"parents": parents[1..]}), &route(1, "")).left_out);
}

fn gateway(attached: i32) -> GatewayStatus {
    GatewayStatus {
        addresses: vec![GatewayStatusAddress {
            routability: None,
            type_: AddressType::IPAddress,
            value: "10.0.0.1".into(),
        }],
        attached_listener_sets: None,
        conditions: vec![accepted(2, "")],
        listeners: vec![ListenerStatus {
            attached_routes: attached,
            conditions: vec![accepted(2, "")],
            name: "http".into(),
            supported_kinds: Vec::new(),
        }],
    }
}

#[test]
fn a_gateways_own_part_is_told_from_the_rest() {
    let waiting = json!({"type": "Programmed", "status": "Unknown", "reason": "Pending",
                         "message": "Waiting for controller", "lastTransitionTime": LONG_AGO});
    let foreign = json!({"type": "x.example/Seen", "status": "True", "reason": "Seen",
                         "message": "", "lastTransitionTime": LONG_AGO});
    let status = json!({
        "conditions": [waiting, foreign], "attachedListenerSets": 2,
        "listeners": [{"name": "gone", "attachedRoutes": 1, "conditions": []}],
    });
    let wanted = ObjectStatus::Gateway(gateway(0));
    let after = after(&status, &wanted);
    let types: Vec<&Value> = items(&after, "conditions").iter().map(|c| &c["type"]).collect();
    assert_eq!(types, ["x.example/Seen", "Accepted"]);
    assert_eq!(after["listeners"].as_array().unwrap().len(), 1);
    assert_eq!(after["addresses"][0]["value"], "10.0.0.1");
    assert_eq!(after["attachedListenerSets"], Value::Null);
    let counted = change(&after, &ObjectStatus::Gateway(gateway(7))).unwrap();
    assert!(counted.counts_only);
    assert_eq!(counted.fields.len(), 1);
    let moved = GatewayStatus { addresses: Vec::new(), ..gateway(7) };
    let moved = change(&after, &ObjectStatus::Gateway(moved)).unwrap();
    assert_eq!((moved.counts_only, &moved.fields["addresses"]), (false, &Value::Null));
    let refused =
        Condition::new(ConditionType::Accepted, ConditionStatus::False, Reason::Invalid, "", 2);
    let mut listener = gateway(7);
    listener.listeners[0].conditions = vec![refused];
    assert!(!change(&after, &ObjectStatus::Gateway(listener)).unwrap().counts_only);
}

#[test]
fn a_class_tells_its_features() {
    let class = |names: &[&str]| {
        let feature = |name: &&str| SupportedFeature { name: (*name).into() };
        ObjectStatus::GatewayClass(GatewayClassStatus {
            conditions: vec![accepted(1, "")],
            supported_features: names.iter().map(feature).collect(),
        })
    };
    let written = after(&Value::Null, &class(&["A", "B"]));
    assert_eq!(written["supportedFeatures"], json!([{"name": "A"}, {"name": "B"}]));
    assert_eq!(change(&written, &class(&["A", "B"])), None);
    assert_eq!(change(&written, &class(&[])).unwrap().fields["supportedFeatures"], Value::Null);
}

#[test]
fn the_generation_is_that_of_our_findings() {
    let entry = |name: &str, generation: i64| {
        json!({"controllerName": name, "conditions": [
            {"type": "Accepted", "observedGeneration": generation},
            {"type": "x.example/Seen", "observedGeneration": 99},
        ]})
    };
    let route = json!({"parents": [entry("x.example/y", 9), entry(OURS, 4), entry(OURS, 5)]});
    assert_eq!(generation(&route, OURS), Some(5));
    assert_eq!(generation(&entry("", 3), OURS), Some(3));
    assert_eq!(generation(&Value::Null, OURS), None);
}
