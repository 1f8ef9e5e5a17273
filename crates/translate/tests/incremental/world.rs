//! Objects that depend on each other in every way that a translation knows, each in several
//! variants.

use std::sync::LazyLock;

use api::{manifest, object::Object};

/// Every variant of every object. The last of a name is what a full world holds.
pub(crate) fn variants() -> &'static [Object] {
    &VARIANTS
}

/// The objects of one part.
pub(crate) fn manifest(part: &str) -> Vec<Object> {
    let text = match part {
        "steady" => STEADY.to_owned() + &secret("edge", "cert", &PAIRS[0].0, &PAIRS[0].1),
        _ => secret("edge", "cert", &PAIRS[1].0, &PAIRS[1].1),
    };
    parse(&text)
}

pub(crate) fn set_generation(object: &mut Object, generation: i64) {
    fn set<T: Clone + api::object::Resource>(object: &mut std::sync::Arc<T>, generation: i64) {
        std::sync::Arc::make_mut(object).metadata_mut().generation = Some(generation);
    }
    match object {
        Object::Gateway(object) => set(object, generation),
        Object::GatewayClass(object) => set(object, generation),
        Object::HTTPRoute(object) => set(object, generation),
        Object::GRPCRoute(object) => set(object, generation),
        Object::BackendTLSPolicy(object) => set(object, generation),
        _ => {}
    }
}

static VARIANTS: LazyLock<Vec<Object>> = LazyLock::new(|| {
    let [(cert, key), (other_cert, other_key)] = &*PAIRS;
    let text = [
        CLASSES.to_owned(),
        GATEWAYS.to_owned(),
        ROUTES.to_owned(),
        BACKENDS.to_owned(),
        OTHERS.to_owned(),
        CLUSTER.to_owned(),
        secret("edge", "cert", cert, other_key),
        secret("edge", "cert", other_cert, other_key),
        secret("edge", "cert", cert, key),
        secret("vault", "cert", cert, key),
        ca("not a certificate"),
        ca(cert),
    ];
    text.iter().flat_map(|text| parse(text)).collect()
});

static PAIRS: LazyLock<[(String, String); 2]> = LazyLock::new(|| {
    [(); 2].map(|()| {
        let made = rcgen::generate_simple_self_signed(vec!["a.example".into()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    })
});

fn parse(text: &str) -> Vec<Object> {
    let manifest = manifest::parse("world", text);
    let wrong: Vec<String> = manifest.diagnostics.iter().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(manifest.ignored.is_empty(), "{:#?}", manifest.ignored);
    manifest.objects.into_iter().map(|located| located.value).collect()
}

fn secret(namespace: &str, name: &str, cert: &str, key: &str) -> String {
    let (cert, key) = (indent(cert), indent(key));
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         stringData:\n  tls.crt: |\n{cert}\n  tls.key: |\n{key}\n"
    )
}

fn ca(text: &str) -> String {
    let text = indent(text);
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: ca, namespace: edge}}\n\
         data:\n  ca.crt: |\n{text}\n"
    )
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

const STEADY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: edge}
spec:
  gatewayClassName: any
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - name: https
    port: 443
    protocol: HTTPS
    tls: {certificateRefs: [{name: cert}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: one, namespace: apps}
spec:
  parentRefs: [{name: gw, namespace: edge}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: two, namespace: apps}
spec:
  parentRefs: [{name: gw, namespace: edge}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: apps}
spec: {ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: apps, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]
";

const CLASSES: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: other}
spec: {controllerName: portcullis.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: main}
spec: {controllerName: example.com/other}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: main}
spec:
  controllerName: portcullis.dev/gateway-controller
  parametersRef: {group: example.com, kind: Settings, name: x}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: main}
spec:
  controllerName: portcullis.dev/gateway-controller
  parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, namespace: edge, name: shape}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: main}
spec: {controllerName: portcullis.dev/gateway-controller}
---
apiVersion: v1
kind: Namespace
metadata: {name: apps, labels: {team: red}}
---
apiVersion: v1
kind: Namespace
metadata: {name: apps, labels: {team: blue}}
";

const GATEWAYS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: one, namespace: edge}
spec:
  gatewayClassName: main
  listeners:
  - name: http
    port: 80
    protocol: HTTP
    hostname: '*.example.com'
    allowedRoutes: {namespaces: {from: All}}
  - name: again
    port: 80
    protocol: HTTPS
    hostname: '*.example.com'
    tls: {certificateRefs: [{name: cert}]}
  - {name: raw, port: 81, protocol: TCP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: one, namespace: edge}
spec:
  gatewayClassName: main
  defaultScope: All
  addresses: [{value: 127.0.0.7}, {value: 127.0.0.8}]
  listeners:
  - name: http
    port: 80
    protocol: HTTP
    allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: blue}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: one, namespace: edge}
spec:
  gatewayClassName: main
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - name: https
    port: 443
    protocol: HTTPS
    allowedRoutes: {namespaces: {from: All}}
    tls: {certificateRefs: [{name: cert}, {name: cert, namespace: vault}]}
  tls:
    frontend:
      default: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: two, namespace: apps, creationTimestamp: '2001-01-01T00:00:00Z'}
spec:
  gatewayClassName: other
  addresses: [{type: Hostname, value: a.example}]
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: two, namespace: apps}
spec:
  gatewayClassName: other
  defaultScope: All
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: side, port: 8080, protocol: HTTP, hostname: a.example.com}
  - name: https
    port: 443
    protocol: HTTPS
    tls: {certificateRefs: [{name: cert, namespace: edge}]}
";

/// What only a cluster has: parameters, and Services with addresses.
const CLUSTER: &str = "
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: shape, namespace: edge}
spec: {provider: {type: Host}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: shape, namespace: edge}
spec:
  bootstrap: {value: x}
  provider:
    type: Kubernetes
    kubernetes: {envoyDeployment: {replicas: 2}, envoyService: {name: front}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: own, namespace: edge}
spec:
  mergeType: JSONMerge
  provider: {type: Kubernetes, kubernetes: {envoyDeployment: {replicas: 3}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: one, namespace: edge, uid: u1}
spec:
  gatewayClassName: main
  addresses: [{value: 10.7.0.1}, {value: 10.7.0.2}]
  infrastructure:
    labels: {tier: public}
    parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: own}
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: probe, port: 15001, protocol: HTTP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: one, namespace: edge, uid: u1}
spec:
  gatewayClassName: main
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: v1
kind: Service
metadata: {name: one-main, namespace: edge}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata:
  name: one-main
  namespace: edge
  ownerReferences: [{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, name: one, uid: u1}]
spec: {type: LoadBalancer, ports: [{name: a, port: 80}, {name: b, port: 443}]}
status: {loadBalancer: {ingress: [{ip: 10.7.0.1}, {hostname: lb.example}]}}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: edge}
spec: {type: NodePort, clusterIP: 10.96.0.7, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: two-other, namespace: apps}
spec: {clusterIP: 10.96.0.8, ports: [{name: a, port: 80}, {name: b, port: 8080}]}
";

const ROUTES: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: one, namespace: apps}
spec:
  hostnames: [a.example.com]
  parentRefs: [{name: one, namespace: edge, sectionName: http}, {name: two, port: 8080}]
  rules:
  - backendRefs:
    - {name: web, port: 80}
    - {name: web, port: 81, weight: 0}
    - {name: web, namespace: edge, port: 80}
  - matches:
    - {path: {type: RegularExpression, value: '('}}
    - {headers: [{name: a, type: RegularExpression, value: '['}]}
    backendRefs: [{name: old, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: one, namespace: apps}
spec:
  parentRefs: [{name: one, namespace: edge}]
  rules:
  - filters:
    - {type: RequestMirror, requestMirror: {backendRef: {name: old, port: 80}}}
    backendRefs: [{name: web, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: two, namespace: apps}
spec:
  useDefaultGateways: All
  parentRefs: [{name: two}]
  rules:
  - filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Filter, name: x}}]
    backendRefs: [{name: web, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: two, namespace: apps}
spec:
  useDefaultGateways: All
  rules: [{backendRefs: [{name: web, port: 80}, {name: web, namespace: edge, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: three, namespace: edge}
spec:
  parentRefs: [{name: one}, {name: two, namespace: apps}, {name: none}]
  rules:
  - filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]
";

const BACKENDS: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: apps}
spec: {type: ExternalName, externalName: web.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: apps}
spec: {ports: [{name: http, port: 80, appProtocol: https}, {name: alt, port: 81}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: apps}
spec: {ports: [{name: http, port: 80}, {name: alt, port: 81, appProtocol: kubernetes.io/h2c}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: edge}
spec: {externalIPs: [10.9.9.9], ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: old, namespace: apps}
spec: {clusterIP: None, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: apps, labels: {kubernetes.io/service-name: old}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.0.0.3]}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: apps, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2], conditions: {ready: false}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-2, namespace: apps, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8081}, {name: alt, port: 8082}]
endpoints: [{addresses: [10.0.0.1]}]
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: in, namespace: edge}
spec:
  from:
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: apps}
  - {group: gateway.networking.k8s.io, kind: Gateway, namespace: apps}
  to: [{group: '', kind: Service}, {group: '', kind: Secret, name: cert}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: in, namespace: vault}
spec:
  from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: edge}]
  to: [{group: '', kind: Secret}]
";

const OTHERS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: tls, namespace: apps}
spec:
  targetRefs: [{group: '', kind: Service, name: web, sectionName: alt}]
  validation: {hostname: web.example.com, wellKnownCACertificates: System}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: tls, namespace: apps}
spec:
  targetRefs:
  - {group: '', kind: Service, name: old}
  - {group: '', kind: Service, name: web, sectionName: http}
  validation: {hostname: web.example.com, wellKnownCACertificates: System}
---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {name: budget, namespace: apps}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
  retryConstraint: {budget: {percent: 10}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: more, namespace: apps}
spec:
  parentRef: {name: two}
  listeners: [{name: http, port: 90, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: calls, namespace: apps}
spec:
  parentRefs: [{name: two}, {name: one, namespace: edge}]
  rules: [{backendRefs: [{name: web, port: 81}, {name: web, namespace: edge, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {name: raw, namespace: edge}
spec:
  parentRefs: [{name: one, sectionName: raw}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
";
