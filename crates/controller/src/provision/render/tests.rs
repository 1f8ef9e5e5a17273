//! What every object of a Gateway must hold to. Whole objects are compared in `tests/golden.rs`.

use serde_json::{Value, json};
use translate::{Infra, InfraPort};

use super::{RenderError, label_value, render};
use crate::provision::samples::{infra, install};

fn kubernetes(settings: Value) -> Value {
    json!({ "provider": { "type": "Kubernetes", "kubernetes": settings } })
}

fn rendered(infra: &Infra, kind: &str) -> Value {
    let objects = render(infra, &install()).unwrap();
    objects.into_iter().find(|object| object["kind"] == kind).unwrap_or_default()
}

/// Listeners come and go; pods stay.
#[test]
fn pods_do_not_know_the_listeners() {
    let mut infra = infra(json!({}));
    let one = rendered(&infra, "Deployment");
    infra.ports.push(InfraPort { name: "https".into(), port: 443 });
    assert_eq!(rendered(&infra, "Deployment"), one);
    assert_eq!(rendered(&infra, "Service")["spec"]["ports"].as_array().unwrap().len(), 2);
}

/// Proxies read the anchors again by themselves.
#[test]
fn new_authorities_restart_nothing() {
    let infra = infra(json!({}));
    let mut install = install();
    let before = render(&infra, &install).unwrap();
    install.ca = "CA, and the next one".into();
    let after = render(&infra, &install).unwrap();
    let changed: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(one, other)| one != other)
        .map(|(one, _)| one["kind"].clone())
        .collect();
    assert_eq!(changed, ["ConfigMap"]);
}

/// The Pod Security Standards, *restricted*, as far as they concern what is rendered.
#[test]
fn pods_are_restricted() {
    let spec = &rendered(&infra(json!({})), "Deployment")["spec"]["template"]["spec"];
    for (at, value) in [
        ("/securityContext/runAsNonRoot", json!(true)),
        ("/securityContext/seccompProfile/type", json!("RuntimeDefault")),
        ("/containers/0/securityContext/allowPrivilegeEscalation", json!(false)),
        ("/containers/0/securityContext/capabilities", json!({ "drop": ["ALL"] })),
        ("/containers/0/securityContext/readOnlyRootFilesystem", json!(true)),
        ("/automountServiceAccountToken", json!(false)),
    ] {
        assert_eq!(spec.pointer(at), Some(&value), "{at}");
    }
    let allowed = ["configMap", "emptyDir", "projected"];
    for volume in spec["volumes"].as_array().unwrap() {
        assert!(allowed.iter().any(|kind| volume.get(*kind).is_some()), "{volume}");
    }
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        assert_eq!(spec.get(key), None);
    }
}

#[test]
fn a_patch_may_not_take_an_object_away_from_its_gateway() {
    let cases = [
        (json!({ "metadata": { "name": "other" } }), "/metadata/name"),
        (json!({ "metadata": { "ownerReferences": [] } }), ""),
        (json!({ "metadata": { "ownerReferences": null } }), "/metadata/ownerReferences"),
        (json!({ "spec": { "selector": { "matchLabels": { "a": "b" } } } }), "/spec/selector"),
        (
            json!({ "spec": { "template": { "metadata": { "labels": {
                "app.kubernetes.io/name": "other",
            }}}}}),
            "/spec/template/metadata/labels",
        ),
        (json!({ "spec": { "template": { "metadata": { "labels": { "more": "label" } } } } }), ""),
    ];
    for (value, field) in cases {
        let settings = json!({ "envoyDeployment": { "patch": { "value": value } } });
        let result = render(&infra(kubernetes(settings)), &install());
        match result {
            Ok(_) => assert_eq!(field, "", "{value}"),
            Err(error) => {
                assert_eq!(error, RenderError::Identity { kind: "Deployment", field }, "{value}");
            }
        }
    }
}

#[test]
fn a_pod_may_take_as_long_as_its_drain_and_a_little_more() {
    let cases = [
        (json!({}), ["--drain-min=10", "--drain-max=50"], 70),
        (
            json!({ "drainTimeout": "1m30s", "minDrainDuration": "20s" }),
            ["--drain-min=20", "--drain-max=70"],
            100,
        ),
        (
            json!({ "healthCheckFailureDelay": "5s", "drainTimeout": "5s" }),
            ["--drain-min=15", "--drain-max=0"],
            25,
        ),
    ];
    for (shutdown, expected, grace) in cases {
        let pod = rendered(&infra(json!({ "shutdown": shutdown })), "Deployment");
        let spec = &pod["spec"]["template"]["spec"];
        let arguments = spec["containers"][0]["args"].as_array().unwrap();
        for argument in expected {
            assert!(arguments.contains(&argument.into()), "{argument}: {arguments:?}");
        }
        assert_eq!(spec["terminationGracePeriodSeconds"], grace);
    }
    let wrong = infra(json!({ "shutdown": { "drainTimeout": "soon" } }));
    let error = render(&wrong, &install()).unwrap_err();
    assert_eq!(error, RenderError::Time { field: "drainTimeout", value: "soon".into() });
}

#[test]
fn an_image_repository_gets_our_tag() {
    for (container, image) in [
        (json!({}), "registry.example:5000/portcullis:1"),
        (json!({ "imageRepository": "mirror:80/p" }), "mirror:80/p:1"),
        (json!({ "image": "mirror/p:2" }), "mirror/p:2"),
    ] {
        let settings = json!({ "envoyDeployment": { "container": container } });
        let pod = rendered(&infra(kubernetes(settings)), "Deployment");
        assert_eq!(pod["spec"]["template"]["spec"]["containers"][0]["image"], image);
    }
}

#[test]
fn the_gateways_address_stands_where_the_type_of_service_has_it() {
    for (type_, field, value) in [
        ("LoadBalancer", "loadBalancerIP", json!("192.0.2.1")),
        ("ClusterIP", "clusterIP", json!("192.0.2.1")),
        ("NodePort", "externalIPs", json!(["192.0.2.1"])),
    ] {
        let settings = json!({ "envoyService": { "type": type_ } });
        let mut infra = infra(kubernetes(settings));
        infra.address = Some("192.0.2.1".parse().unwrap());
        let spec = &rendered(&infra, "Service")["spec"];
        assert_eq!(spec[field], value, "{type_}");
        let outside = type_ != "ClusterIP";
        assert_eq!(spec.get("externalTrafficPolicy").is_some(), outside, "{type_}");
    }
}

#[test]
fn long_names_fit_a_label_and_differ() {
    let (one, other) = ("a".repeat(64), "a".repeat(65));
    assert_eq!(label_value("web"), "web");
    assert_eq!(label_value(&one).len(), 63);
    assert_ne!(label_value(&one), label_value(&other));
}
