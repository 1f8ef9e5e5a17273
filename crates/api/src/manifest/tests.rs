//! What files give: objects, ignored objects, and messages with their places.

use proptest::prelude::{ProptestConfig, proptest};

use super::*;
use crate::http_route::PathMatchType;

const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: app
  namespace: tenant
spec:
  rules:
  - backendRefs:
    - name: web
      port: 80
";

fn messages(text: &str) -> Vec<String> {
    parse("f.yaml", text).diagnostics.iter().map(ToString::to_string).collect()
}

fn keys(manifest: &Manifest) -> Vec<String> {
    manifest.objects.iter().map(|located| located.value.key().to_string()).collect()
}

#[test]
fn defaults_are_filled_in() {
    let manifest = parse("f.yaml", ROUTE);
    assert_eq!(manifest.diagnostics, []);
    let Object::HTTPRoute(route) = &manifest.objects[0].value else { panic!("{manifest:?}") };
    let rule = &route.spec.rules[0];
    assert_eq!(rule.matches[0].path.type_, PathMatchType::PathPrefix);
    assert_eq!(rule.matches[0].path.value, "/");
    assert_eq!(rule.backend_refs[0].backend_ref.weight, 1);
    assert_eq!(rule.backend_refs[0].backend_ref.object.kind, "Service");
    assert_eq!(manifest.objects[0].source.to_string(), "f.yaml:1:1");
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (from, to, expected) in [
        (
            "backendRefs",
            "backendRef",
            "f.yaml:8:5: HTTPRoute tenant/app: spec.rules[0].backendRef: unknown field, \
             did you mean \"backendRefs\"?",
        ),
        (
            "name: web",
            "name: 7",
            "f.yaml:9:13: HTTPRoute tenant/app: spec.rules[0].backendRefs[0].name: \
             must be of type string, not integer; put it in quotes",
        ),
        (
            "port: 80",
            "port: 70000",
            "f.yaml:10:13: HTTPRoute tenant/app: spec.rules[0].backendRefs[0].port: \
             should be less than or equal to 65535",
        ),
        (
            "port: 80",
            "port: http",
            "f.yaml:10:13: HTTPRoute tenant/app: spec.rules[0].backendRefs[0].port: \
             must be of type integer, not string",
        ),
        (
            "name: web",
            "kind: web",
            "f.yaml:9:7: HTTPRoute tenant/app: spec.rules[0].backendRefs[0].name: required value",
        ),
        ("spec:", "sepc:", "f.yaml:1:1: HTTPRoute tenant/app: spec: required value"),
        (
            "port: 80",
            "name: two",
            "f.yaml:10:7: HTTPRoute tenant/app: spec.rules[0].backendRefs[0].name: \
             the key stands here twice",
        ),
        (
            "port: 80",
            "port: 80: 80",
            "f.yaml:10:15: HTTPRoute tenant/app: mapping values are not allowed in this context",
        ),
        (
            "  namespace: tenant",
            "  namespace tenant
  labels: x: y",
            "f.yaml:5:3: HTTPRoute app: simple key expected ':'",
        ),
        (
            "v1\n",
            "v1alpha9\n",
            "f.yaml:1:1: HTTPRoute tenant/app: apiVersion: no version \"v1alpha9\" of HTTPRoute \
             is served, only v1, v1beta1",
        ),
        (
            "kind: HTTPRoute\n",
            "kind: HttpRotue\n",
            "f.yaml:2:1: HttpRotue tenant/app: kind: no kind of gateway.networking.k8s.io/v1, \
             did you mean \"HTTPRoute\"?",
        ),
        ("kind: HTTPRoute\n", "", "f.yaml:1:1: object tenant/app: kind: required value"),
    ] {
        let text = ROUTE.replacen(from, to, 1);
        assert_eq!(messages(&text).first().map(String::as_str), Some(expected), "{from} -> {to}");
        assert_eq!(keys(&parse("f.yaml", &text)), [""; 0], "{from} -> {to}");
    }
}

#[test]
fn one_mistake_does_not_hide_the_next() {
    let text =
        ROUTE.replace("port: 80", "port: x\n      wieght: 5\n    filtres: []\n  hostname: [a]");
    let found = messages(&text);
    for part in ["].port: must be", "did you mean \"weight\"", "\"filters\"", "\"hostnames\""] {
        assert!(found.iter().any(|message| message.contains(part)), "{part}: {found:#?}");
    }
    assert_eq!(found.len(), 4, "{found:#?}");
    let wrong =
        "- backendRefs: 5\n    matches: 6\n    retry: {attempts: no}\n  - filters: [{}]\n  x: 1";
    let found = messages(&ROUTE.replace("- backendRefs:\n    - name: web\n      port: 80", wrong));
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn a_broken_document_spoils_only_itself() {
    for broken in [
        "a: [1, 2",
        "a: \"never closed",
        "a: {b: c",
        "a:\n\t- tab",
        "a: *nowhere",
        "%YAML 7",
        "a: b: c",
        "- just\n- a list",
        "just text",
        "? [a]\n: b",
        "a: !!int x",
    ] {
        let text = format!("{ROUTE}---\n{broken}\n---\n{}", ROUTE.replace("app", "next"));
        let manifest = parse("f.yaml", &text);
        let expected = ["HTTPRoute tenant/app", "HTTPRoute tenant/next"];
        assert_eq!(keys(&manifest), expected, "{broken}: {:?}", manifest.diagnostics);
        assert_eq!(manifest.diagnostics.len(), 1, "{broken}: {:?}", manifest.diagnostics);
        let line = manifest.diagnostics[0].source.line;
        assert!((12..=14).contains(&line), "{broken}: {:?}", manifest.diagnostics);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_text_harms_its_neighbours(
        noise in "[a-c:\\[\\]{}\"'|>&*!#?, \n\t-]{0,24}",
        at in 0..200usize,
    ) {
        let mut broken = ROUTE.to_string();
        broken.insert_str(at.min(ROUTE.len()), &noise);
        for first in [noise, broken] {
            let text = format!("{first}\n---\n{}", ROUTE.replace("app", "next"));
            let manifest = parse("f.yaml", &text);
            let last = keys(&manifest).pop();
            assert_eq!(last.as_deref(), Some("HTTPRoute tenant/next"), "{text}\n{manifest:?}");
        }
    }
}

#[test]
fn kinds_of_others_are_no_misspelling() {
    for (api_version, kind) in [
        ("v1", "Pod"),
        ("v1", "ServiceAccount"),
        ("v1", "Endpoints"),
        ("v1", "Event"),
        ("networking.istio.io/v1", "Gateway"),
        ("example.com/v1", "HttpRoute"),
        ("gateway.networking.x-k8s.io/v1alpha1", "XListenerSet"),
    ] {
        let text = format!("{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: a}}}}");
        let manifest = parse("f.yaml", &text);
        assert_eq!((manifest.diagnostics, manifest.ignored.len()), (vec![], 1), "{kind}");
    }
}

#[test]
fn other_kinds_are_ignored_and_lists_opened() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: shop}
- {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}
- {apiVersion: v1, kind: Service, metadata: {name: bad}, spec: {ports: [{port: x}]}}
- apiVersion: gateway.networking.k8s.io/v1
  kind: GatewayClassList
  items:
  - apiVersion: gateway.networking.k8s.io/v1
    kind: GatewayClass
    metadata: {name: c, namespace: dropped}
    spec: {controllerName: a.b/c}
---
# nothing but a comment
---
";
    let manifest = parse("f.yaml", text);
    assert_eq!(keys(&manifest), ["Service default/web", "GatewayClass c"]);
    assert_eq!(manifest.objects[0].source.line, 7);
    assert_eq!(manifest.ignored[0].object.to_string(), "Deployment shop/web");
    assert_eq!((manifest.ignored.len(), manifest.ignored[0].source.line), (1, 4));
    assert_eq!(manifest.diagnostics.len(), 1, "{:?}", manifest.diagnostics);
    assert_eq!(manifest.diagnostics[0].source.line, 8);
}

#[test]
fn json_anchors_and_merge_keys() {
    let json = r#"{"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "c"}, "data": {"a": "1"}}"#;
    assert_eq!(keys(&parse("f.json", json)), ["ConfigMap default/c"]);
    let yaml = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: c, labels: &l {a: b}, annotations: {<<: *l, a: own, on: 'x'}}
data: *l
";
    let manifest = parse("f.yaml", yaml);
    let Object::ConfigMap(map) = &manifest.objects[0].value else { panic!("{manifest:?}") };
    assert_eq!(map.data["a"], "b");
    assert_eq!(map.metadata.annotations["a"], "own");
    assert_eq!(map.metadata.annotations["true"], "x", "as YAML 1.1 reads the key");
}

#[test]
fn status_is_kept_and_never_refused() {
    let status = "\
status:
  parents:
  - controllerName: other/controller
    parentRef: {name: gw}
    fromTheFuture: 1
    conditions: []
";
    let manifest = parse("f.yaml", &format!("{ROUTE}{status}"));
    let Object::HTTPRoute(route) = &manifest.objects[0].value else { panic!("{manifest:?}") };
    let status = route.status.as_ref().expect("kept");
    assert_eq!(status.parents[0].controller_name, "other/controller");
    let manifest = parse("f.yaml", &format!("{ROUTE}status: {{parents: [7, {{}}]}}\n"));
    assert_eq!((manifest.objects.len(), manifest.diagnostics.len()), (1, 0), "{manifest:?}");
}

#[test]
fn bounds_hold() {
    let deep = format!("a: {}", "[".repeat(100));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
    for level in 1..8 {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{uses}]\n");
    }
    let mut tower = "a0: &a0 [x]\n".to_string();
    for level in 1..200 {
        tower += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    let large = format!("a: {}", "x".repeat(crate::limits::OBJECT_BYTES_MAX + 1));
    for (text, part) in [
        (deep, "recursion"),
        (tower, "nested"),
        (bomb, "values"),
        (large, "bytes"),
        ("#".repeat(crate::limits::FILE_BYTES_MAX + 1), "bytes"),
    ] {
        let manifest = parse("f.yaml", &text);
        assert_eq!(manifest.diagnostics.len(), 1, "{part}");
        let message = &manifest.diagnostics[0].message;
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn objects_print_as_kubernetes_prints_them() {
    let text = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  labels:
    a: b
  name: app
  namespace: tenant
spec:
  parentRefs:
  - group: gateway.networking.k8s.io
    kind: Gateway
    name: gw
  rules:
  - backendRefs:
    - group: ''
      kind: Service
      name: web
      port: 80
      weight: 1
    matches:
    - path:
        type: PathPrefix
        value: /
status:
  parents:
  - conditions:
    - lastTransitionTime: 2026-01-02T03:04:05Z
      message: ok
      observedGeneration: 1
      reason: Accepted
      status: 'True'
      type: Accepted
    controllerName: example.com/c
    parentRef:
      group: gateway.networking.k8s.io
      kind: Gateway
      name: gw
";
    let manifest = parse("f.yaml", text);
    let printed = serde_json::to_string(&manifest.objects[0].value).expect("prints");
    let expected: serde_json::Value = serde_saphyr::from_str(text).expect("YAML");
    // Compared as text: the order of the members counts.
    assert_eq!(printed, serde_json::to_string(&expected).expect("prints"));
    assert_eq!(parse("again", &printed).objects[0].value, manifest.objects[0].value);
}

/// The time is printed, never asserted: `cargo test --release -- --nocapture ten_thousand`.
#[test]
fn ten_thousand_routes_load() {
    let text: String = (0..10_000).map(|number| format!("---\n{}", busy_route(number))).collect();
    let start = std::time::Instant::now();
    let manifest = parse("routes.yaml", &text);
    let elapsed = start.elapsed();
    assert_eq!(manifest.diagnostics, []);
    assert_eq!(manifest.objects.len(), 10_000);
    println!("10,000 routes, {} bytes: {elapsed:?}", text.len());
}

fn busy_route(number: usize) -> String {
    format!(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: route-{number}
  namespace: tenant-{}
  labels: {{app.kubernetes.io/name: route-{number}, team: checkout}}
spec:
  parentRefs:
  - name: default-gateway
    namespace: gateway-system
    sectionName: https
  hostnames:
  - host-{number}.example.com
  rules:
  - matches:
    - path: {{type: PathPrefix, value: /api/v{}}}
      headers:
      - {{name: x-version, value: canary}}
    - path: {{type: Exact, value: /health}}
    filters:
    - type: RequestHeaderModifier
      requestHeaderModifier:
        set:
        - name: x-route
          value: route-{number}
    backendRefs:
    - name: service-{number}
      port: 8080
      weight: 90
    - name: service-{number}-canary
      port: 8080
      weight: 10
    timeouts: {{request: 10s}}
  - backendRefs:
    - name: service-{number}
      port: 8080
",
        number % 100,
        number % 7,
    )
}
