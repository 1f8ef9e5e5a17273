//! TLSRoute, TCPRoute and UDPRoute, with what v1alpha2 does differently.

use super::{DELETE, accepted, many, refused};

fn base(kind: &str) -> String {
    let hostnames = if kind == "TLSRoute" { "hostnames: [a.example.com]," } else { "" };
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: app, namespace: tenant}}
spec:
  {{{hostnames} parentRefs: [{{name: gw}}],
   rules: [{{backendRefs: [{{name: web, port: 80}}]}}]}}
"
    )
}

#[test]
fn rules() {
    let rules = "spec.rules";
    let backends = "spec.rules[0].backendRefs";
    let two = "[{name: a, backendRefs: [{name: b, port: 1}]}, {backendRefs: [{name: c, port: 1}]}]";
    let same = "[{name: a, backendRefs: [{name: b, port: 1}]}, \
                {name: a, backendRefs: [{name: c, port: 1}]}]";
    for kind in ["TLSRoute", "TCPRoute", "UDPRoute"] {
        let base = base(kind);
        refused(
            &base,
            &[
                ("spec.parentRefs", "[{name: g}, {name: g}]", "spec.parentRefs", "be unique"),
                ("spec.useDefaultGateways", "Some", "spec.useDefaultGateways", "supported values"),
                (rules, DELETE, rules, "required"),
                (rules, "[]", rules, "at least 1 items"),
                (rules, two, rules, "at most 1 items"),
                ("spec.rules[0].name", "A", "spec.rules[0].name", "should match"),
                (backends, DELETE, backends, "required"),
                (backends, "[]", backends, "at least 1 items"),
                (backends, &many(17, "{name: a, port: 1}"), backends, "at most 16"),
                (backends, "[{name: a}]", "spec.rules[0].backendRefs[0]", "must have a port"),
                (
                    backends,
                    "[{name: a, port: 1, weight: 1000001}]",
                    "spec.rules[0].backendRefs[0].weight",
                    "1000000",
                ),
                (
                    backends,
                    "[{name: a, port: 1, filters: []}]",
                    &format!("{backends}[0].filters"),
                    "unknown",
                ),
            ],
        );
        let old = base.replace("/v1\n", "/v1alpha2\n");
        accepted(&old, &[&[(rules, two)]]);
        refused(
            &old,
            &[
                (rules, same, rules, "unique within the route"),
                (rules, &many(17, "{backendRefs: [{name: b, port: 1}]}"), rules, "at most 16"),
            ],
        );
    }
}

#[test]
fn server_names() {
    let base = &base("TLSRoute");
    let names = "spec.hostnames";
    refused(
        base,
        &[
            (names, DELETE, names, "required"),
            (names, "[]", names, "required"),
            (names, "[1.2.3.4]", names, "cannot contain an IP"),
            (names, "['*']", "spec.hostnames[0]", "should match"),
            (names, "[a.*.b]", "spec.hostnames[0]", "should match"),
            (names, &many(1025, "a#"), names, "at most 1024"),
        ],
    );
    accepted(base, &[&[(names, "['*.a', b]")], &[(names, &many(1024, "a#"))]]);
    let old = &base.replace("/v1\n", "/v1alpha2\n");
    accepted(old, &[&[(names, DELETE)], &[(names, "[1.2.3.4]")]]);
    let middle = &base.replace("/v1\n", "/v1alpha3\n");
    refused(middle, &[(names, DELETE, names, "required")]);
}
