//! Gateway, GatewayClass, ListenerSet and XMesh.

use super::{DELETE, accepted, check, keys, long, many, refused};

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: infra}
spec:
  gatewayClassName: portcullis
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
  - {name: tls, port: 444, protocol: TLS, tls: {mode: Passthrough}}
";

const SET: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: more, namespace: infra}
spec:
  parentRef: {name: gw}
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}
  - {name: tls, port: 444, protocol: TLS, tls: {mode: Passthrough}}
";

#[test]
fn listeners() {
    let all = "spec.listeners";
    let first = "spec.listeners[0]";
    let with = |body: &str| format!("[{{name: a, port: 1, {body}}}]");
    let filter =
        "filters: {requests: [{type: ExtensionRef, extensionRef: {group: a, kind: B, name: c}}]}";
    for base in [GATEWAY, SET] {
        refused(
            base,
            &[
                (all, DELETE, all, "required"),
                (all, "[]", all, "at least 1 items"),
                (all, &many(65, "{name: a#, port: 1#, protocol: HTTP}"), all, "at most 64"),
                ("spec.listeners[1].name", "http", "spec.listeners[1]", "duplicate value \"http\""),
                (all, &with("protocol: TCP, tls: {mode: Passthrough}"), all, "tls must not be"),
                (all, &with("protocol: UDP, tls: {mode: Passthrough}"), all, "tls must not be"),
                (all, &with("protocol: HTTP, tls: {mode: Passthrough}"), all, "tls must not be"),
                (all, &with("protocol: HTTPS, tls: {mode: Passthrough}"), all, "be Terminate"),
                (all, &with("protocol: TLS"), all, "tls mode must be set"),
                (all, &with("protocol: TCP, hostname: a"), all, "hostname must not"),
                (all, &with("protocol: UDP, hostname: a"), all, "hostname must not"),
                (
                    all,
                    "[{name: a, port: 1, protocol: HTTP}, {name: b, port: 1, protocol: HTTP}]",
                    all,
                    "combination of port, protocol and hostname",
                ),
                (
                    all,
                    &with("protocol: HTTP, hostname: 'A'"),
                    &format!("{first}.hostname"),
                    "match",
                ),
                (all, &with("protocol: ''"), &format!("{first}.protocol"), "at least 1"),
                (all, &with("protocol: my_proto"), &format!("{first}.protocol"), "should match"),
                (all, "[{name: a, protocol: HTTP}]", &format!("{first}.port"), "required"),
                (all, "[{name: a, port: 1}]", &format!("{first}.protocol"), "required"),
                (all, "[{port: 1, protocol: HTTP}]", &format!("{first}.name"), "required"),
                (all, "[{name: A, port: 1, protocol: HTTP}]", &format!("{first}.name"), "match"),
                (all, "[{name: a, port: 0, protocol: HTTP}]", &format!("{first}.port"), "to 1"),
                (all, &with(&format!("protocol: TCP, {filter}")), first, "filters may only be set"),
            ],
        );
        accepted(
            base,
            &[
                &[(all, &with("protocol: example.com/proto"))],
                &[(all, &with("protocol: HTTPS"))],
                &[(all, &with(&format!("protocol: HTTP, {filter}")))],
                &[(
                    all,
                    "[{name: a, port: 1, protocol: HTTP}, {name: b, port: 1, protocol: HTTP, \
                     hostname: a}, {name: c, port: 1, protocol: TCP}, \
                     {name: d, port: 2, protocol: HTTP}]",
                )],
            ],
        );
    }
}

#[test]
fn listener_members() {
    let tls = "spec.listeners[1].tls";
    let routes = "spec.listeners[0].allowedRoutes";
    let filters = "spec.listeners[0].filters.requests";
    let reference = "{type: ExtensionRef, extensionRef: {group: a, kind: B, name: c}}";
    refused(
        GATEWAY,
        &[
            (tls, "{}", tls, "certificateRefs or options"),
            (tls, "{mode: Sometimes}", &format!("{tls}.mode"), "\"Passthrough\""),
            (
                tls,
                &format!("{{certificateRefs: {}}}", many(65, "{name: a}")),
                &format!("{tls}.certificateRefs"),
                "at most 64",
            ),
            (tls, "{certificateRefs: [{}]}", &format!("{tls}.certificateRefs[0].name"), "required"),
            (
                tls,
                "{certificateRefs: [{name: a, namespace: B}]}",
                &format!("{tls}.certificateRefs[0].namespace"),
                "match",
            ),
            (tls, &format!("{{options: {}}}", keys(17)), &format!("{tls}.options"), "at most 16"),
            (
                tls,
                &format!("{{options: {{a: {}}}}}", long(4097)),
                &format!("{tls}.options.a"),
                "4096",
            ),
            (
                routes,
                &format!("{{kinds: {}}}", many(9, "{kind: A}")),
                &format!("{routes}.kinds"),
                "at most 8",
            ),
            (routes, "{kinds: [{kind: '9'}]}", &format!("{routes}.kinds[0].kind"), "match"),
            (
                routes,
                "{kinds: [{kind: A, group: B}]}",
                &format!("{routes}.kinds[0].group"),
                "match",
            ),
            (
                routes,
                "{namespaces: {from: Some}}",
                &format!("{routes}.namespaces.from"),
                "\"Same\"",
            ),
            (
                routes,
                "{namespaces: {from: None}}",
                &format!("{routes}.namespaces.from"),
                "\"Same\"",
            ),
            (
                routes,
                "{namespaces: {from: Selector, selector: {matchExpressions: [{key: a}]}}}",
                &format!("{routes}.namespaces.selector.matchExpressions[0].operator"),
                "required",
            ),
            (filters, &many(17, reference), filters, "at most 16"),
            (filters, "[{type: CORS}]", &format!("{filters}[0].type"), "\"ExternalAuth\""),
            (filters, "[{type: ExternalAuth}]", &format!("{filters}[0]"), "externalAuth must be"),
            (filters, "[{type: ExtensionRef}]", &format!("{filters}[0]"), "extensionRef must be"),
            (
                filters,
                "[{type: ExternalAuth, externalAuth: {protocol: GRPC, grpc: {}, backendRef: \
                 {name: a, port: 1}}, extensionRef: {group: a, kind: B, name: c}}]",
                &format!("{filters}[0]"),
                "extensionRef must not be set",
            ),
            (
                filters,
                "[{type: ExternalAuth, externalAuth: {protocol: GRPC, \
                 backendRef: {name: a, port: 1}}}]",
                &format!("{filters}[0].externalAuth"),
                "grpc must be specified",
            ),
        ],
    );
    accepted(
        GATEWAY,
        &[
            &[(tls, "{options: {example.com/x: on-demand}}")],
            &[(routes, "{kinds: [{kind: HTTPRoute}], namespaces: {from: Selector, selector: {}}}")],
            &[(routes, "{}")],
        ],
    );
}

#[test]
fn addresses() {
    let all = "spec.addresses";
    let first = "spec.addresses[0]";
    refused(
        GATEWAY,
        &[
            (all, &many(17, "{value: 10.0.0.#}"), all, "at most 16"),
            (all, "[{value: 10.0.0}]", "spec.addresses[0].value", "IPv4 or IPv6"),
            (all, "[{value: ''}]", "spec.addresses[0].value", "IPv4 or IPv6"),
            (all, "[{value: 10.0.0.1}, {value: 10.0.0.1}]", all, "IPAddress values"),
            (
                all,
                "[{type: Hostname, value: a}, {type: Hostname, value: a}]",
                all,
                "Hostname values",
            ),
            (all, "[{type: Hostname, value: 'A'}]", first, "Hostname value"),
            (all, "[{type: Alias, value: a}]", "spec.addresses[0].type", "should match"),
            (
                all,
                &format!("[{{type: NamedAddress, value: {}}}]", long(254)),
                "spec.addresses[0].value",
                "253",
            ),
            (
                all,
                "[{routability: Public}]",
                "spec.addresses[0].routability",
                "domain as its prefix",
            ),
            (all, "[{routability: k8s.io/x}]", "spec.addresses[0].routability", "k8s.io"),
            (all, "[{routability: a.k8s.io/x}]", "spec.addresses[0].routability", "k8s.io"),
            (all, "[{routability: A.b/x}]", "spec.addresses[0].routability", "domain"),
            (all, "[{routability: a.b/}]", "spec.addresses[0].routability", "domain"),
        ],
    );
    accepted(
        GATEWAY,
        &[
            &[(
                all,
                "[{}, {value: 10.0.0.1, routability: Cluster}, {value: '::1', routability: ''}]",
            )],
            &[(
                all,
                "[{type: Hostname, value: '*.a.b'}, {type: Hostname}, \
                 {type: NamedAddress, value: ''}]",
            )],
            &[(all, "[{type: example.com/thing, value: x}, {routability: example.com/x}]")],
        ],
    );
}

#[test]
fn gateway_members() {
    let carried = "spec.infrastructure";
    let prefix = format!("{{'{}/b': c}}", long(253));
    refused(
        GATEWAY,
        &[
            ("spec.gatewayClassName", DELETE, "spec.gatewayClassName", "required"),
            ("spec.gatewayClassName", "''", "spec.gatewayClassName", "at least 1"),
            ("spec.gatewayClassName", &long(254), "spec.gatewayClassName", "253"),
            ("spec.defaultScope", "Some", "spec.defaultScope", "\"All\""),
            (
                "spec.allowedListeners",
                "{namespaces: {from: X}}",
                "spec.allowedListeners.namespaces.from",
                "\"None\"",
            ),
            ("spec.backendTLS", "{}", "spec.backendTLS", "unknown field"),
            (
                carried,
                &format!("{{labels: {}}}", keys(9)),
                "spec.infrastructure.labels",
                "at most 8",
            ),
            (
                carried,
                &format!("{{annotations: {}}}", keys(17)),
                "spec.infrastructure.annotations",
                "at most 16",
            ),
            (
                carried,
                "{labels: {'a b': c}}",
                "spec.infrastructure.labels",
                "optional DNS subdomain",
            ),
            (
                carried,
                &format!("{{labels: {prefix}}}"),
                "spec.infrastructure.labels",
                "less than 253",
            ),
            (carried, "{labels: {a: b c}}", "spec.infrastructure.labels.a", "match"),
            (
                carried,
                "{annotations: {A/b: c}}",
                "spec.infrastructure.annotations",
                "DNS subdomain",
            ),
            (
                carried,
                &format!("{{annotations: {{a: {}}}}}", long(4097)),
                "spec.infrastructure.annotations.a",
                "4096",
            ),
            (
                carried,
                "{parametersRef: {kind: A, name: b}}",
                "spec.infrastructure.parametersRef.group",
                "required",
            ),
            (
                carried,
                "{parametersRef: {group: a, kind: A, name: ''}}",
                "spec.infrastructure.parametersRef.name",
                "at least 1",
            ),
        ],
    );
    accepted(
        GATEWAY,
        &[
            &[(carried, "{labels: {a.b/c: d}, annotations: {e: f g}}")],
            &[("spec.allowedListeners", "{}"), ("spec.defaultScope", "None")],
        ],
    );
}

#[test]
fn gateway_tls() {
    let default = "spec.tls.frontend.default.validation";
    let ports = "spec.tls.frontend.perPort";
    let authority = "{group: '', kind: ConfigMap, name: ca}";
    refused(
        GATEWAY,
        &[
            (
                "spec.tls",
                "{backend: {clientCertificateRef: {}}}",
                "spec.tls.backend.clientCertificateRef.name",
                "required",
            ),
            ("spec.tls", "{frontend: {}}", "spec.tls.frontend.default", "required"),
            (default, "{}", "spec.tls.frontend.default.validation.caCertificateRefs", "required"),
            (
                default,
                "{caCertificateRefs: []}",
                "spec.tls.frontend.default.validation.caCertificateRefs",
                "at least 1",
            ),
            (
                default,
                &format!("{{caCertificateRefs: {}}}", many(17, authority)),
                "spec.tls.frontend.default.validation.caCertificateRefs",
                "at most 16",
            ),
            (
                default,
                "{caCertificateRefs: [{group: certificates.k8s.io, kind: ClusterTrustBundle, \
                 name: a, namespace: b}]}",
                "spec.tls.frontend.default.validation.caCertificateRefs",
                "must not have a namespace",
            ),
            (
                default,
                &format!("{{caCertificateRefs: [{authority}], mode: Never}}"),
                "spec.tls.frontend.default.validation.mode",
                "\"AllowInsecureFallback\"",
            ),
        ],
    );
    let with_ports = |list: &str| {
        let found = check(GATEWAY, &[("spec.tls.frontend.default", "{}"), (ports, list)]);
        found.into_iter().map(|(field, message)| format!("{field}: {message}")).collect::<String>()
    };
    assert!(
        with_ports("[{port: 1, tls: {}}, {port: 1, tls: {}}]").contains("perPort[1]: duplicate")
    );
    assert!(with_ports(&many(65, "{port: 1#, tls: {}}")).contains("perPort: must have at most 64"));
    assert!(with_ports("[{port: 1}]").contains("perPort[0].tls: required"));
    assert_eq!(with_ports("[{port: 1, tls: {}}, {port: 2, tls: {}}]"), "");
    accepted(GATEWAY, &[&[(default, &format!("{{caCertificateRefs: [{authority}]}}"))]]);
}

#[test]
fn listener_set_parent() {
    let parent = "spec.parentRef";
    refused(
        SET,
        &[
            (parent, DELETE, parent, "required"),
            (parent, "{}", "spec.parentRef.name", "required"),
            (parent, "{name: ''}", "spec.parentRef.name", "at least 1"),
            (parent, "{name: a, group: B}", "spec.parentRef.group", "match"),
            (parent, "{name: a, kind: '9'}", "spec.parentRef.kind", "match"),
            (parent, "{name: a, namespace: b.c}", "spec.parentRef.namespace", "match"),
            (parent, "{name: a, sectionName: b}", "spec.parentRef.sectionName", "unknown field"),
        ],
    );
}

#[test]
fn classes() {
    for (kind, group) in [
        ("GatewayClass", "gateway.networking.k8s.io/v1"),
        ("XMesh", "gateway.networking.x-k8s.io/v1alpha1"),
    ] {
        let base = format!(
            "{{apiVersion: {group}, kind: {kind}, metadata: {{name: c}}, \
             spec: {{controllerName: a.b/c}}}}"
        );
        let parameters = "spec.parametersRef";
        refused(
            &base,
            &[
                ("spec", DELETE, "spec", "required"),
                ("spec.controllerName", DELETE, "spec.controllerName", "required"),
                ("spec.controllerName", "a.b", "spec.controllerName", "should match"),
                ("spec.controllerName", "A.b/c", "spec.controllerName", "should match"),
                ("spec.controllerName", &format!("a/{}", long(252)), "spec.controllerName", "253"),
                ("spec.description", &long(65), "spec.description", "64 characters"),
                (parameters, "{group: a, kind: B}", "spec.parametersRef.name", "required"),
                (parameters, "{group: a, kind: '', name: c}", "spec.parametersRef.kind", "least 1"),
                (
                    parameters,
                    "{group: a, kind: B, name: c, namespace: D}",
                    "spec.parametersRef.namespace",
                    "match",
                ),
            ],
        );
        // Sixty-four characters are counted, not bytes.
        accepted(&base, &[&[("spec.description", &"ü".repeat(64))]]);
    }
}
