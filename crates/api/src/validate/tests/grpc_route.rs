//! GRPCRoute: what differs from HTTPRoute.

use super::{DELETE, accepted, long, many, refused};

const BASE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: app, namespace: tenant}
spec:
  parentRefs: [{name: gw}]
  rules:
  - matches:
    - method: {service: a.B, method: C}
      headers: [{name: x, value: '1'}]
    filters: []
    backendRefs: [{name: web, port: 80}]
";

#[test]
fn matches() {
    let rules = "spec.rules";
    let method = "spec.rules[0].matches[0].method";
    let headers = "spec.rules[0].matches[0].headers";
    let split = format!("[{}]", vec![format!("{{matches: {}}}", many(43, "{}")); 3].join(", "));
    refused(
        BASE,
        &[
            ("spec.parentRefs", "[{name: g}, {name: g}]", "spec.parentRefs", "must be unique"),
            ("spec.hostnames", &many(17, "a#.b"), "spec.hostnames", "at most 16"),
            ("spec.useDefaultGateways", "Some", "spec.useDefaultGateways", "supported values"),
            ("spec", DELETE, "spec", "required"),
            (rules, &many(17, "{}"), rules, "at most 16"),
            (rules, "[{name: a}, {name: a}]", rules, "unique within the route"),
            (rules, &split, rules, "at most 128"),
            ("spec.rules[0].name", "A", "spec.rules[0].name", "should match"),
            ("spec.rules[0].matches", &many(65, "{}"), "spec.rules[0].matches", "at most 64"),
            (method, "{}", method, "one or both"),
            (method, "{type: Magic, service: a}", &format!("{method}.type"), "\"Exact\""),
            (method, "{service: a-b}", method, "service must only contain"),
            (method, "{service: a..b}", method, "service must only contain"),
            (method, "{method: a.b}", method, "method must only contain"),
            (method, &format!("{{method: {}}}", long(1025)), &format!("{method}.method"), "1024"),
            (headers, &many(17, "{name: h#, value: v}"), headers, "at most 16"),
            (
                headers,
                "[{name: a, value: b}, {name: a, value: c}]",
                &format!("{headers}[1]"),
                "dup",
            ),
            (headers, "[{name: a b, value: b}]", &format!("{headers}[0].name"), "match"),
            (headers, "[{name: a, value: ''}]", &format!("{headers}[0].value"), "at least 1"),
            (headers, "[{name: a, value: b, type: X}]", &format!("{headers}[0].type"), "Exact"),
        ],
    );
    accepted(
        BASE,
        &[
            &[(method, "{service: .a.b_C9}")],
            &[(method, "{type: RegularExpression, service: 'a-.*', method: '[A-Z]'}")],
            &[(headers, "[{name: a, value: ' any ü '}]")],
            &[(rules, DELETE)],
            &[(rules, "[]")],
            &[("spec.rules[0].matches", DELETE)],
        ],
    );
}

#[test]
fn filters_and_backends() {
    let filters = "spec.rules[0].filters";
    let first = "spec.rules[0].filters[0]";
    let backends = "spec.rules[0].backendRefs";
    for (type_, member, body, may) in [
        ("RequestHeaderModifier", "requestHeaderModifier", "{}", false),
        ("ResponseHeaderModifier", "responseHeaderModifier", "{}", false),
        ("RequestMirror", "requestMirror", "{backendRef: {name: a, port: 1}}", true),
        ("ExtensionRef", "extensionRef", "{group: a, kind: B, name: c}", true),
    ] {
        let item = format!("{{type: {type_}, {member}: {body}}}");
        let other = if may { "RequestHeaderModifier" } else { "RequestMirror" };
        let wrong = format!("[{{type: {other}, {member}: {body}}}]");
        refused(
            BASE,
            &[
                (filters, &format!("[{{type: {type_}}}]"), first, "must be specified for type"),
                (filters, &wrong, first, "must not be set if type is not"),
                (filters, &many(17, &item), filters, "at most 16"),
            ],
        );
        accepted(BASE, &[&[(filters, &many(1, &item))]]);
        let twice = many(2, &item);
        if may {
            accepted(BASE, &[&[(filters, &twice)]]);
        } else {
            refused(BASE, &[(filters, &twice, filters, "cannot be repeated")]);
        }
    }
    refused(
        BASE,
        &[
            (filters, "[{type: URLRewrite}]", "spec.rules[0].filters[0].type", "supported values"),
            (backends, &many(17, "{name: a, port: 1}"), backends, "at most 16"),
            (backends, "[{name: a}]", "spec.rules[0].backendRefs[0]", "must have a port"),
            (
                backends,
                "[{name: a, port: 1, filters: [{type: RequestMirror}]}]",
                "spec.rules[0].backendRefs[0].filters[0]",
                "requestMirror must be specified",
            ),
            (
                backends,
                "[{name: a, port: 1, filters: [{type: RequestHeaderModifier, extensionRef: \
                 {group: a, kind: B, name: c}, requestHeaderModifier: {}}]}]",
                "spec.rules[0].backendRefs[0].filters[0]",
                "extensionRef must not be set",
            ),
            (
                "spec.rules[0].sessionPersistence",
                "{}",
                "spec.rules[0].sessionPersistence",
                "cookie must be specified",
            ),
            ("spec.rules[0].timeouts", "{}", "spec.rules[0].timeouts", "unknown field"),
        ],
    );
}
