//! XBackend, XBackendTrafficPolicy and XTelemetryPolicy.

use super::{DELETE, accepted, check, keys, long, many, refused};

#[test]
fn backends() {
    let base = "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {name: b, namespace: a}
spec: {type: ExternalHostname, externalHostname: {hostname: api.example.com}, port: {number: 443}}
";
    let selector = "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {name: b, namespace: a}
spec: {type: EndpointSelector, endpointSelector: {matchLabels: {app: web}}, port: {number: 80}}
";
    let host = "spec.externalHostname.hostname";
    let tls = "spec.tls";
    let checks = "validation: {hostname: a, wellKnownCACertificates: System}";
    let certificate = "clientCertificateRef: {name: c}";
    refused(
        base,
        &[
            ("spec.type", "Other", "spec.type", "\"EndpointSelector\""),
            ("spec.protocol", "SMTP", "spec.protocol", "\"WSS\""),
            ("spec.port", DELETE, "spec.port", "required"),
            ("spec.port", "{}", "spec.port", "at least 1 properties"),
            ("spec.port", "{number: 0}", "spec.port.number", "equal to 1"),
            ("spec.port", "{port: 1}", "spec.port.port", "unknown field"),
            (host, "'*.a'", host, "match"),
            (host, "a.cluster.local", host, "cluster.local"),
            ("spec.externalHostname", DELETE, "spec", "externalHostname must be specified"),
            ("spec.endpointSelector", "{matchLabels: {a: b}}", "spec", "endpointSelector must not"),
            ("spec.sessionPersistence", "{cookie: {}}", "spec", "only be set when type"),
            ("spec.protocol", "HTTP2", "spec", "protocol is HTTP2"),
            ("spec.protocol", "WSS", "spec", "protocol is WSS"),
            (tls, "{mode: Maybe}", "spec.tls.mode", "\"ServerOnly\""),
            (tls, "{}", "spec.tls.mode", "required"),
            (tls, "{mode: ServerOnly}", tls, "validation must be set"),
            (tls, &format!("{{mode: None, {checks}}}"), tls, "validation must be set"),
            (tls, &format!("{{mode: ClientAndServer, {checks}}}"), tls, "clientCertificateRef"),
            (tls, &format!("{{mode: ServerOnly, {checks}, {certificate}}}"), tls, "clientCert"),
            (
                tls,
                "{mode: ServerOnly, validation: {hostname: a}}",
                "spec.tls.validation",
                "exactly",
            ),
            (
                tls,
                &format!("{{mode: ClientAndServer, {checks}, clientCertificateRef: {{name: ''}}}}"),
                "spec.tls.clientCertificateRef.name",
                "at least 1",
            ),
        ],
    );
    let on = &format!("{{mode: ServerOnly, {checks}}}");
    let found = check(base, &[("spec.protocol", "H2C"), (tls, on)]);
    assert!(found.iter().any(|(_, message)| message.contains("protocol is H2C")), "{found:?}");
    accepted(
        base,
        &[
            &[("spec.protocol", "H2C")],
            &[("spec.protocol", "WSS"), (tls, on)],
            &[(tls, &format!("{{mode: ClientAndServer, {checks}, {certificate}}}"))],
        ],
    );
    let labels = "spec.endpointSelector.matchLabels";
    refused(
        selector,
        &[
            (labels, "{}", labels, "at least 1 properties"),
            (labels, &keys(65), labels, "at most 64"),
            (labels, "{'a b': c}", labels, "optional DNS subdomain"),
            (labels, "{a: b c}", "spec.endpointSelector.matchLabels.a", "match"),
            ("spec.endpointSelector", DELETE, "spec", "endpointSelector must be specified"),
            ("spec.sessionPersistence", "{}", "spec.sessionPersistence", "cookie must be"),
        ],
    );
    accepted(selector, &[&[("spec.sessionPersistence", "{cookie: {}}")]]);
}

#[test]
fn traffic_policies() {
    let base = "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {name: p, namespace: a}
spec: {targetRefs: [{group: '', kind: Service, name: web}], retryConstraint: {}}
";
    let targets = "spec.targetRefs";
    let budget = "spec.retryConstraint.budget";
    let floor = "spec.retryConstraint.minRetryRate";
    refused(
        base,
        &[
            (targets, "[]", targets, "at least 1 items"),
            (targets, &many(17, "{group: '', kind: Service, name: a#}"), targets, "at most 16"),
            (targets, &many(2, "{group: '', kind: Service, name: a}"), "spec.targetRefs[1]", "dup"),
            (budget, "{percent: 101}", "spec.retryConstraint.budget.percent", "equal to 100"),
            (budget, "{interval: 999ms}", "spec.retryConstraint.budget.interval", "one hour"),
            (budget, "{interval: 61m}", "spec.retryConstraint.budget.interval", "one hour"),
            (floor, "{count: 0}", "spec.retryConstraint.minRetryRate.count", "equal to 1"),
            (floor, "{count: 1000001}", "spec.retryConstraint.minRetryRate.count", "1000000"),
            (floor, "{interval: 0s}", "spec.retryConstraint.minRetryRate.interval", "one hour"),
            (floor, "{interval: 2h}", "spec.retryConstraint.minRetryRate.interval", "one hour"),
            ("spec.sessionPersistence", "{}", "spec.sessionPersistence", "cookie must be"),
        ],
    );
    accepted(base, &[&[(budget, "{interval: 1h}"), (floor, "{count: 1, interval: 1ms}")]]);
}

const TELEMETRY: &str = "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XTelemetryPolicy
metadata: {name: p, namespace: a}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw}]
  tracing: {mode: Enabled, provider: {backendRef: {name: otel, port: 4317}}}
";
const PROVIDER: &str = "provider: {backendRef: {name: otel, port: 4317}}";

#[test]
fn telemetry_modes() {
    let at = "spec.tracing";
    refused(
        TELEMETRY,
        &[
            ("spec.targetRefs", "[]", "spec.targetRefs", "at least 1 items"),
            (
                "spec.targetRefs",
                &many(17, "{group: a, kind: B, name: c#}"),
                "spec.targetRefs",
                "at most 16",
            ),
            (at, DELETE, "spec", "tracing must be set"),
            (at, "{mode: Maybe}", "spec.tracing.mode", "\"Disabled\""),
            (at, "{mode: Enabled}", at, "provider is required"),
            (at, &format!("{{{PROVIDER}}}"), at, "provider is required"),
            (at, "{samplingRate: {numerator: 1}}", at, "samplingRate can only"),
            (at, "{parentBasedSampling: {}}", at, "parentBasedSampling can only"),
            (at, "{serviceName: a}", at, "serviceName can only"),
            (at, "{spanName: a}", at, "spanName can only"),
            (at, "{attributes: []}", at, "attributes can only"),
            (at, "{mode: Enabled, provider: {}}", "spec.tracing.provider.backendRef", "required"),
            (
                at,
                "{mode: Enabled, provider: {backendRef: {name: a}}}",
                "spec.tracing.provider.backendRef",
                "must have a port",
            ),
            (
                at,
                &format!(
                    "{{mode: Enabled, provider: {{backendRef: {{name: a, port: 1}}, \
                     headers: {}}}}}",
                    many(17, "{name: h#, value: v}")
                ),
                "spec.tracing.provider.headers",
                "at most 16",
            ),
        ],
    );
}

#[test]
fn telemetry_members() {
    let at = "spec.tracing";
    let on = |body: &str| format!("{{mode: Enabled, {PROVIDER}, {body}}}");
    refused(
        TELEMETRY,
        &[
            (at, &on("samplingRate: {numerator: 101}"), "spec.tracing.samplingRate", "less than"),
            (
                at,
                &on("parentBasedSampling: {mode: X}"),
                "spec.tracing.parentBasedSampling.mode",
                "\"Enabled\"",
            ),
            (
                at,
                &on("parentBasedSampling: {samplingRate: {numerator: 1}}"),
                "spec.tracing.parentBasedSampling",
                "can only be set",
            ),
            (
                at,
                &on("parentBasedSampling: {mode: Enabled, samplingRate: {numerator: 200}}"),
                "spec.tracing.parentBasedSampling.samplingRate",
                "less than",
            ),
            (at, &on("serviceName: a b"), "spec.tracing.serviceName", "match"),
            (at, &on(&format!("serviceName: {}", long(254))), "spec.tracing.serviceName", "253"),
            (at, &on("spanName: 'a  b'"), "spec.tracing.spanName", "match"),
            (at, &on(&format!("spanName: {}", long(257))), "spec.tracing.spanName", "256"),
        ],
    );
    accepted(
        TELEMETRY,
        &[
            &[(at, "{}")],
            &[(at, "{mode: Disabled}")],
            &[(at, &on("spanName: a b, serviceName: a/b, samplingRate: {numerator: 5}"))],
            &[(at, &on("parentBasedSampling: {mode: Enabled, samplingRate: {numerator: 100}}"))],
        ],
    );
}

#[test]
fn telemetry_attributes() {
    let at = "spec.tracing";
    let on = |body: &str| format!("{{mode: Enabled, {PROVIDER}, {body}}}");
    let tag = |body: &str| on(&format!("attributes: [{{name: a, {body}}}]"));
    let first = "spec.tracing.attributes[0]";
    refused(
        TELEMETRY,
        &[
            (at, &tag("sourceType: Cookie"), &format!("{first}.sourceType"), "\"Literal\""),
            (at, &tag("sourceType: Header"), first, "headerName is required"),
            (at, &tag("sourceType: Literal"), first, "literalValue is required"),
            (at, &tag("sourceType: Attribute"), first, "attributeKey is required"),
            (
                at,
                &tag("sourceType: Header, headerName: a, literalValue: b"),
                first,
                "literalValue is",
            ),
            (
                at,
                &tag("sourceType: Header, headerName: 'a b'"),
                &format!("{first}.headerName"),
                "match",
            ),
            (
                at,
                &tag("sourceType: Literal, literalValue: ''"),
                &format!("{first}.literalValue"),
                "least 1",
            ),
            (
                at,
                &tag(&format!("sourceType: Literal, literalValue: {}", long(1025))),
                &format!("{first}.literalValue"),
                "1024",
            ),
            (
                at,
                &tag("sourceType: Attribute, attributeKey: A"),
                &format!("{first}.attributeKey"),
                "match",
            ),
            (
                at,
                &on("attributes: [{name: 'a b', sourceType: Literal, literalValue: x}]"),
                &format!("{first}.name"),
                "match",
            ),
            (
                at,
                &on(&format!(
                    "attributes: {}",
                    many(2, "{name: a, sourceType: Literal, literalValue: x}")
                )),
                "spec.tracing.attributes[1]",
                "duplicate",
            ),
        ],
    );
    accepted(
        TELEMETRY,
        &[&[(at, &tag("sourceType: Attribute, attributeKey: http.request.method"))]],
    );
}
