//! Service, EndpointSlice, Secret, ConfigMap and Namespace.

use super::{DELETE, accepted, long, many, refused};

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: a}
spec: {ports: [{port: 80}]}
";

#[test]
fn services() {
    let ports = "spec.ports";
    let first = "spec.ports[0]";
    refused(
        SERVICE,
        &[
            ("metadata.name", "a.b", "metadata.name", "DNS label"),
            ("metadata.name", &long(64), "metadata.name", "DNS label"),
            (ports, DELETE, ports, "required"),
            (ports, "[{}]", "spec.ports[0].port", "required"),
            (ports, "[{port: 0}]", "spec.ports[0].port", "equal to 1"),
            (ports, "[{port: 1}, {port: 2}]", "spec.ports[0].name", "required"),
            (ports, "[{port: 1, name: a}, {port: 2, name: a}]", "spec.ports[1].name", "duplicate"),
            (ports, "[{port: 1, name: a}, {port: 1, name: b}]", "spec.ports[1]", "duplicate"),
            (ports, "[{port: 1, name: A}]", "spec.ports[0].name", "DNS label"),
            (ports, "[{port: 1, protocol: HTTP}]", &format!("{first}.protocol"), "\"SCTP\""),
            (
                ports,
                "[{port: 1, appProtocol: 'a b'}]",
                &format!("{first}.appProtocol"),
                "subdomain",
            ),
            (ports, "[{port: 1, targetPort: -1}]", &format!("{first}.targetPort"), "equal to 0"),
            (ports, "[{port: 1, targetPort: 65536}]", &format!("{first}.targetPort"), "65535"),
            (ports, "[{port: 1, targetPort: a--b}]", &format!("{first}.targetPort"), "port name"),
            (ports, "[{port: 1, targetPort: '80'}]", &format!("{first}.targetPort"), "port name"),
            (ports, "[{port: 1, targetPort: [a]}]", &format!("{first}.targetPort"), "integer or"),
            ("spec.type", "External", "spec.type", "\"LoadBalancer\""),
            ("spec.type", "ExternalName", "spec.externalName", "required"),
            ("spec.clusterIP", "10.0.0", "spec.clusterIP", "valid IP"),
            ("spec.externalIPs", "[a]", "spec.externalIPs[0]", "valid IP"),
            ("spec.ipFamilies", "[IPv5]", "spec.ipFamilies[0]", "\"IPv4\""),
            ("spec.ipFamilyPolicy", "Both", "spec.ipFamilyPolicy", "\"SingleStack\""),
            ("spec.sessionAffinity", "Cookie", "spec.sessionAffinity", "\"ClientIP\""),
            ("spec.internalTrafficPolicy", "X", "spec.internalTrafficPolicy", "\"Local\""),
            ("spec.externalTrafficPolicy", "X", "spec.externalTrafficPolicy", "\"Local\""),
            (
                "spec.loadBalancerSourceRanges",
                "[10.0.0.0]",
                "spec.loadBalancerSourceRanges[0]",
                "CIDR",
            ),
            ("spec.selector", "{a: b c}", "spec.selector", "label value"),
            ("spec.externalIP", "a", "spec.externalIP", "did you mean \"externalIPs\""),
        ],
    );
    accepted(
        SERVICE,
        &[
            &[(ports, DELETE), ("spec.clusterIP", "None")],
            &[
                (ports, DELETE),
                ("spec.type", "ExternalName"),
                ("spec.externalName", "a.example.com."),
            ],
            &[(ports, "[{port: 53, name: a, protocol: UDP}, {port: 53, name: b}]")],
            &[(ports, "[{port: 1, targetPort: http, appProtocol: kubernetes.io/h2c}]")],
            &[
                ("spec.externalIPs", "[127.0.0.1]"),
                ("spec.loadBalancerSourceRanges", "[10.0.0.0/8]"),
            ],
            &[("status", "{loadBalancer: {ingress: [{ip: 1.2.3.4, ipMode: VIP}]}}")],
        ],
    );
    let outside = SERVICE.replace("ports: [{port: 80}]", "type: ExternalName, externalName: a");
    refused(&outside, &[("spec.externalName", "a_b", "spec.externalName", "DNS name")]);
}

#[test]
fn endpoint_slices() {
    let base = "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: a, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}, targetRef: {kind: Pod, name: p}}]
ports: [{port: 8080, name: http}]
";
    let address = "endpoints[0].addresses[0]";
    refused(
        base,
        &[
            ("addressType", DELETE, "addressType", "required"),
            ("addressType", "IPv5", "addressType", "\"FQDN\""),
            ("addressType", "IPv6", address, "IPv6 address"),
            ("endpoints", &many(1001, "{addresses: [10.0.0.1]}"), "endpoints", "at most 1000"),
            ("endpoints[0].addresses", "[]", "endpoints[0].addresses", "required"),
            (
                "endpoints[0].addresses",
                &many(101, "10.0.0.1"),
                "endpoints[0].addresses",
                "at most 100",
            ),
            (address, "10.0.0", address, "IPv4 address"),
            (address, "'::1'", address, "IPv4 address"),
            ("endpoints[0].hostname", "A", "endpoints[0].hostname", "DNS label"),
            ("endpoints[0].adresses", "[]", "endpoints[0].adresses", "did you mean \"addresses\""),
            ("ports", "[{port: 0}]", "ports[0].port", "equal to 1"),
            ("ports", "[{name: A}]", "ports[0].name", "DNS label"),
            ("ports", "[{name: a}, {name: a}]", "ports[1].name", "duplicate"),
            ("ports", "[{port: 1, protocol: X}]", "ports[0].protocol", "\"UDP\""),
            ("ports", "[{port: 1, appProtocol: 'a b'}]", "ports[0].appProtocol", "subdomain"),
        ],
    );
    accepted(
        base,
        &[
            // Kubernetes refuses loopback endpoints; for files they are let in on purpose.
            &[(address, "127.0.0.1")],
            &[("addressType", "IPv6"), (address, "'fd00::1'")],
            &[("addressType", "FQDN"), (address, "a.example.com")],
            &[("ports", "[{}]"), ("endpoints", "[]")],
        ],
    );
    let names = base.replace("IPv4", "FQDN").replace("10.0.0.1", "a.b");
    refused(&names, &[(address, "single", address, "fully qualified")]);
}

#[test]
fn secrets() {
    let base = "
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: a}
stringData: {a: b}
";
    let huge = format!("{{a: {}}}", long((1 << 20) + 1));
    refused(
        base,
        &[
            ("data", "{a: 'not base64'}", "data.a", "must be base64"),
            ("stringData", "{a/b: c}", "data[a/b]", "a key must be"),
            ("stringData", "{..a: c}", "data[..a]", "a key must be"),
            ("stringData", &huge, "", "bytes together"),
            ("type", "kubernetes.io/tls", "data[tls.crt]", "required"),
            ("type", "kubernetes.io/tls", "data[tls.key]", "required"),
            ("type", "kubernetes.io/basic-auth", "data.username", "required"),
            ("type", "kubernetes.io/ssh-auth", "data[ssh-privatekey]", "required"),
            ("type", "kubernetes.io/dockercfg", "data[.dockercfg]", "required"),
            ("type", "kubernetes.io/dockerconfigjson", "data[.dockerconfigjson]", "required"),
            (
                "type",
                "kubernetes.io/service-account-token",
                "metadata.annotations[kubernetes.io/service-account.name]",
                "required",
            ),
            ("sata", "{}", "sata", "did you mean \"data\""),
        ],
    );
    accepted(
        base,
        &[
            &[("type", "kubernetes.io/tls"), ("stringData", "{tls.crt: a, tls.key: b}")],
            &[("type", "kubernetes.io/basic-auth"), ("stringData", "{password: b}")],
            &[("type", "example.com/anything"), ("data", "{k: aGk=}"), ("immutable", "true")],
        ],
    );
}

#[test]
fn config_maps_and_namespaces() {
    let base = "
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: a}
data: {ca.crt: text}
";
    let huge = format!("{{a: {}}}", long((1 << 20) + 1));
    refused(
        base,
        &[
            ("data", "{a b: c}", "data[a b]", "a key must be"),
            ("data", "{a: 1}", "data.a", "of type string"),
            ("data", &huge, "", "bytes together"),
            ("binaryData", "{ca.crt: aGk=}", "data[ca.crt]", "binaryData too"),
            ("binaryData", "{a: '!'}", "binaryData.a", "must be base64"),
        ],
    );
    let namespace =
        "{apiVersion: v1, kind: Namespace, metadata: {name: a}, spec: {finalizers: [x]}}";
    refused(
        namespace,
        &[
            ("metadata.name", "a.b", "metadata.name", "DNS label"),
            ("metadata.labels", "{a: '-'}", "metadata.labels", "label value"),
        ],
    );
}
