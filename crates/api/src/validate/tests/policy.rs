//! ReferenceGrant and BackendTLSPolicy.

use super::{DELETE, accepted, keys, long, many, refused};

#[test]
fn grants() {
    for version in ["v1", "v1beta1"] {
        let base = format!(
            "
apiVersion: gateway.networking.k8s.io/{version}
kind: ReferenceGrant
metadata: {{name: g, namespace: a}}
spec:
  from: [{{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: b}}]
  to: [{{group: '', kind: Service}}]
"
        );
        let from = "spec.from";
        let to = "spec.to";
        refused(
            &base,
            &[
                (from, DELETE, from, "required"),
                (from, "[]", from, "at least 1 items"),
                (from, &many(17, "{group: a, kind: B, namespace: c}"), from, "at most 16"),
                (from, "[{group: a, kind: B}]", "spec.from[0].namespace", "required"),
                (from, "[{group: A, kind: B, namespace: c}]", "spec.from[0].group", "match"),
                (from, "[{group: a, kind: '9', namespace: c}]", "spec.from[0].kind", "match"),
                (from, "[{group: a, kind: B, namespace: '*'}]", "spec.from[0].namespace", "match"),
                (to, "[]", to, "at least 1 items"),
                (to, &many(17, "{group: a, kind: B}"), to, "at most 16"),
                (to, "[{kind: B}]", "spec.to[0].group", "required"),
                (to, "[{group: a, kind: B C}]", "spec.to[0].kind", "match"),
                (to, "[{group: a, kind: B, name: ''}]", "spec.to[0].name", "at least 1"),
            ],
        );
    }
}

const BACKEND_TLS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: p, namespace: a}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
  validation: {hostname: web.example.com, wellKnownCACertificates: System}
";

#[test]
fn backend_tls_targets() {
    let targets = "spec.targetRefs";
    let target = "{group: '', kind: Service, name: web}";
    let section =
        |name: &str| format!("{{group: '', kind: Service, name: web, sectionName: {name}}}");
    refused(
        BACKEND_TLS,
        &[
            (targets, "[]", targets, "at least 1 items"),
            (targets, &many(17, "{group: '', kind: Service, name: a#}"), targets, "at most 16"),
            (targets, "[{kind: A, name: b}]", "spec.targetRefs[0].group", "required"),
            (targets, &format!("[{}]", section("'A'")), "spec.targetRefs[0].sectionName", "match"),
            (targets, &format!("[{target}, {target}]"), targets, "must be unique"),
            (targets, &format!("[{target}, {}]", section("a")), targets, "must be specified"),
            (targets, &format!("[{0}, {0}]", section("a")), targets, "must be unique"),
            ("spec.options", &keys(17), "spec.options", "at most 16"),
            ("spec.options.a", &long(4097), "spec.options.a", "4096"),
        ],
    );
    let sections = format!("[{}, {}]", section("a"), section("b"));
    accepted(BACKEND_TLS, &[&[(targets, &sections)]]);
    accepted(&BACKEND_TLS.replace("/v1\n", "/v1alpha3\n"), &[]);
}

#[test]
fn backend_tls_validation() {
    let check = "spec.validation";
    let names = "spec.validation.subjectAltNames";
    let first = "spec.validation.subjectAltNames[0]";
    let authority = "{group: '', kind: ConfigMap, name: ca}";
    let with = |body: &str| format!("{{hostname: a, {body}}}");
    let name =
        |body: &str| with(&format!("wellKnownCACertificates: System, subjectAltNames: [{body}]"));
    refused(
        BACKEND_TLS,
        &[
            (check, DELETE, check, "required"),
            (check, "{wellKnownCACertificates: System}", "spec.validation.hostname", "required"),
            (
                check,
                "{hostname: '*.a', wellKnownCACertificates: System}",
                "spec.validation.hostname",
                "match",
            ),
            (check, "{hostname: a}", check, "exactly one of"),
            (
                check,
                &with(&format!(
                    "wellKnownCACertificates: System, caCertificateRefs: [{authority}]"
                )),
                check,
                "exactly one of",
            ),
            (
                check,
                &with("wellKnownCACertificates: None"),
                "spec.validation.wellKnownCACertificates",
                "match",
            ),
            (
                check,
                &with("caCertificateRefs: []"),
                "spec.validation.caCertificateRefs",
                "at least 1 items",
            ),
            (
                check,
                &with(&format!("caCertificateRefs: {}", many(9, authority))),
                "spec.validation.caCertificateRefs",
                "at most 8",
            ),
            (check, &name(&["{type: Hostname, hostname: a}"; 6].join(", ")), names, "at most 5"),
            (check, &name("{type: Hostname}"), first, "must contain hostname"),
            (check, &name("{type: URI}"), first, "must contain uri"),
            (
                check,
                &name("{type: URI, uri: 'a://b', hostname: a}"),
                first,
                "must not contain hostname",
            ),
            (
                check,
                &name("{type: Hostname, uri: 'a://b', hostname: a}"),
                first,
                "must not contain uri",
            ),
            (
                check,
                &name("{type: URI, uri: nope}"),
                "spec.validation.subjectAltNames[0].uri",
                "match",
            ),
            (
                check,
                &name("{type: Hostname, hostname: A}"),
                "spec.validation.subjectAltNames[0].hostname",
                "match",
            ),
            (check, &name("{type: IP}"), "spec.validation.subjectAltNames[0].type", "\"URI\""),
        ],
    );
    accepted(
        BACKEND_TLS,
        &[
            &[(check, &with(&format!("caCertificateRefs: [{authority}]")))],
            &[(check, &with("wellKnownCACertificates: example.com/Mine"))],
            &[(
                check,
                &name("{type: Hostname, hostname: '*.a'}, {type: URI, uri: 'spiffe://a/b'}"),
            )],
        ],
    );
}
