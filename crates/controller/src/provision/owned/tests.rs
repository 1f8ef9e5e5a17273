//! What is known of our objects, by what watches and answers told.

use serde_json::{Value, json};

use super::{All, Made, Owned, Seen};
use api::meta::NamespacedName;

fn object(made: Made, name: &str, gateway: Option<&str>, version: u64) -> Owned {
    let owners: Vec<Value> = gateway
        .iter()
        .map(|gateway| {
            json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
                "name": gateway, "uid": "u", "controller": true,
            })
        })
        .collect();
    let object = json!({
        "apiVersion": "v1", "kind": made.as_str(),
        "metadata": {
            "name": name, "namespace": "ns", "uid": name, "resourceVersion": version.to_string(),
            "ownerReferences": owners,
        },
    });
    Owned::new(made, serde_json::from_value(object).unwrap())
}

fn listed(all: &mut All, made: Made, objects: Vec<Owned>) -> Vec<NamespacedName> {
    all.take(Seen::Listing(made));
    for object in objects {
        assert_eq!(all.take(Seen::Listed(object)), [], "a list counts as a whole");
    }
    all.take(Seen::Complete(made))
}

fn names(all: &All, gateway: &str) -> Vec<String> {
    let there = all.of(&NamespacedName::new("ns", gateway));
    there.iter().map(|owned| owned.name.name.to_string()).collect()
}

#[test]
fn everything_is_looked_at_once_all_kinds_are_listed() {
    let mut all = All::default();
    let web = NamespacedName::new("ns", "web");
    for made in Made::ALL {
        assert!(!all.is_complete());
        let told = listed(&mut all, made, vec![object(made, "a", Some("web"), 1)]);
        assert!(told.contains(&web), "{made:?}");
    }
    assert!(all.is_complete());
    assert_eq!(names(&all, "web").len(), Made::ALL.len());
}

#[test]
fn a_list_replaces_what_was_known() {
    let mut all = All::default();
    let two = ["a", "b"].map(|name| object(Made::Service, name, Some("web"), 1));
    listed(&mut all, Made::Service, two.into());
    all.take(Seen::There(object(Made::ConfigMap, "c", Some("web"), 1)));
    let one = vec![object(Made::Service, "b", Some("web"), 2)];
    assert!(listed(&mut all, Made::Service, one).contains(&NamespacedName::new("ns", "web")));
    assert_eq!(names(&all, "web"), ["b", "c"]);
}

#[test]
fn an_older_state_than_an_answer_told_is_passed_over() {
    let mut all = All::default();
    all.take(Seen::There(object(Made::Service, "a", Some("web"), 10)));
    assert_eq!(all.take(Seen::There(object(Made::Service, "a", Some("web"), 9))), []);
    assert_eq!(all.take(Seen::There(object(Made::Service, "a", Some("web"), 11))).len(), 1);
    assert_eq!(all.take(Seen::Gone(object(Made::Service, "a", Some("web"), 12))).len(), 1);
    assert_eq!(names(&all, "web"), [""; 0]);
}

#[test]
fn what_no_gateway_owns_is_nobodys() {
    let mut all = All::default();
    assert_eq!(all.take(Seen::There(object(Made::Service, "a", None, 1))), []);
    assert_eq!(all.gateways().count(), 0);
}

#[test]
fn a_deployment_without_pods_says_why() {
    let mut deployment = object(Made::Deployment, "a", Some("web"), 1);
    assert_eq!(deployment.fault(), None, "it has not begun");
    deployment.status = json!({ "conditions": [
        {"type": "Available", "status": "False", "message": "no"},
        {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
    ]});
    assert_eq!(deployment.fault(), Some("Deployment ns/a: exceeded quota".to_owned()));
    deployment.status["availableReplicas"] = 1.into();
    assert_eq!(deployment.fault(), None, "one serves");
}
