//! What an API server may send.

use super::*;

fn read(kind: Kind, json: &str) -> Result<Object, Vec<String>> {
    let say = |found: Violation| format!("{}: {}", found.field, found.message);
    from_server(kind, kind.versions()[0], json.as_bytes())
        .map(|received| received.object)
        .map_err(|found| found.into_iter().map(say).collect())
}

#[test]
fn what_only_servers_need_is_dropped() {
    let json = r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "a", "namespace": "ns", "uid": "u", "resourceVersion": "7",
          "generation": 3, "managedFields": [{"manager": "x"}], "annotations": {
          "kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "kept"}},
        "spec": {"rules": [{"matches": null}]}, "status": {"parents": 5}}"#;
    let Ok(Object::HTTPRoute(route)) = read(Kind::HTTPRoute, json) else { panic!("refused") };
    let metadata = &route.metadata;
    assert_eq!((metadata.uid.as_deref(), metadata.generation), (Some("u"), Some(3)));
    assert_eq!((&metadata.resource_version, &*metadata.namespace), (&None, "ns"));
    assert_eq!(metadata.annotations.keys().collect::<Vec<_>>(), ["mine"]);
    // Written again by us, with another status, it is no news.
    let json = json.replace(r#""7""#, r#""8""#).replace(r#""parents": 5"#, "");
    assert_eq!(read(Kind::HTTPRoute, &json), Ok(Object::HTTPRoute(route)));
}

#[test]
fn kinds_of_crds_are_judged_as_in_files() {
    let json = r#"{"metadata": {"name": "a", "namespace": "ns"},
        "spec": {"hostnmaes": [], "rules": [{"backendRefs": [{"name": 5}]}]}}"#;
    let found = read(Kind::HTTPRoute, json).expect_err("wrong");
    assert!(found[0].starts_with("spec.hostnmaes: unknown field, did you mean"), "{found:?}");
    assert!(found[1].starts_with("spec.rules[0].backendRefs[0].name: "), "{found:?}");
    let json = r#"{"metadata": {"name": "a"}, "spec": {"controllerName": "nodomain"}}"#;
    assert!(read(Kind::GatewayClass, json).is_err());
    let broken = read(Kind::HTTPRoute, r#"{"metadata": "#).expect_err("cut off");
    assert!(broken[0].contains("EOF"), "{broken:?}");
}

#[test]
fn kinds_of_kubernetes_may_be_newer_than_we_know() {
    let json = r#"{"metadata": {"name": "a", "namespace": "ns"},
        "spec": {"ports": [{"port": 80, "novelty": {"a": 1}}], "alsoNew": true},
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}}"#;
    let Ok(Object::Service(service)) = read(Kind::Service, json) else { panic!("refused") };
    assert_eq!(service.spec.ports.len(), 1);
    assert!(service.status.is_some(), "addresses are read from there");
    let json = r#"{"metadata": {"name": "a", "namespace": "ns", "ownerReferences": [{
        "apiVersion": "v1", "kind": "Service", "name": "a", "uid": "u"}]},
        "addressType": "IPv4", "endpoints": null, "ports": null}"#;
    let Ok(Object::EndpointSlice(slice)) = read(Kind::EndpointSlice, json) else {
        panic!("refused")
    };
    assert!(slice.endpoints.is_empty() && slice.metadata.owner_references.is_empty());
}

#[test]
fn what_is_newer_than_we_are_spoils_no_more_than_it_must() {
    let read = |kind: Kind, spec: &str| {
        let json = format!(r#"{{"metadata": {{"name": "a", "namespace": "ns"}}, {spec}}}"#);
        let field = |found: Violation| found.field.to_string();
        match from_server(kind, "v1", json.as_bytes()) {
            Ok(received) => Ok(received.ignored.into_iter().map(field).collect::<Vec<_>>()),
            Err(found) => Err(found.into_iter().map(field).collect::<Vec<_>>()),
        }
    };
    let ignored = |fields: &[&str]| Ok(fields.iter().map(ToString::to_string).collect());
    let refused = |fields: &[&str]| Err(fields.iter().map(ToString::to_string).collect());
    for (kind, spec, expected) in [
        (
            Kind::HTTPRoute,
            r#""spec": {"novelty": {"a": 1}, "rules": [{"also": 1}]}"#,
            ignored(&["spec.novelty", "spec.rules[0].also"]),
        ),
        (
            Kind::HTTPRoute,
            r#""spec": {"rules": [{"filters": [{"type": "New", "new": {"a": 1}}]}]}"#,
            ignored(&["spec.rules[0].filters[0].new"]),
        ),
        (
            Kind::HTTPRoute,
            r#""spec": {"rules": [{"matches": [{"path": {"type": "New", "value": "/"},
                "headers": [{"type": "New", "name": "a", "value": "b"}]}]}]}"#,
            ignored(&[]),
        ),
        (
            Kind::HTTPRoute,
            r#""spec": {"rules": [{"matches": [{"cookies": [{"name": "a"}]}]}]}"#,
            refused(&["spec.rules[0].matches[0].cookies"]),
        ),
        (
            Kind::HTTPRoute,
            r#""spec": {"rules": [{"filters": [{"type": "RequestRedirect",
                "requestRedirect": {"scheme": "new"}}]}]}"#,
            refused(&["spec.rules[0].filters[0].requestRedirect.scheme"]),
        ),
        (
            Kind::Gateway,
            r#""spec": {"gatewayClassName": "c", "listeners": [{"name": "a", "port": 80,
                "protocol": "HTTP", "novelty": 1,
                "allowedRoutes": {"namespaces": {"from": "New"}}}]}"#,
            ignored(&["spec.listeners[0].novelty"]),
        ),
    ] {
        assert_eq!(read(kind, spec), expected, "{spec}");
    }
}
