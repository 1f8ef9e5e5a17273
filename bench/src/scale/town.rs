//! Manifests of many routes, as text. The same ones are measured in this process and by `run`.

use std::fmt::Write as _;

/// How the routes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// All on one host, a prefix each.
    OneHost,
    /// A host each.
    ManyHosts,
    /// Ten on a host, a regular expression each.
    Regex,
    /// Ten on a host, all with the same path, told apart by two headers.
    Headers,
}

impl Shape {
    pub(super) const ALL: [Self; 4] = [Self::OneHost, Self::ManyHosts, Self::Regex, Self::Headers];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::OneHost => "one host",
            Self::ManyHosts => "a host each",
            Self::Regex => "ten on a host, each a regex",
            Self::Headers => "ten on a host, told apart by headers",
        }
    }

    pub(super) fn host(self, route: usize) -> String {
        match self {
            Self::OneHost => "town.example".to_owned(),
            Self::ManyHosts => format!("app-{route}.example"),
            Self::Regex | Self::Headers => format!("app-{}.example", route / 10),
        }
    }

    /// A path that the route takes.
    pub(super) fn path(self, route: usize) -> String {
        match self {
            Self::OneHost | Self::ManyHosts => format!("/route-{route}/items/17"),
            Self::Regex => format!("/route-{route}/items/2026"),
            Self::Headers => "/items/17".to_owned(),
        }
    }

    fn condition(self, route: usize) -> String {
        match self {
            Self::OneHost | Self::ManyHosts => {
                format!("path: {{type: PathPrefix, value: /route-{route}}}")
            }
            Self::Regex => {
                format!(
                    "path: {{type: RegularExpression, value: '/route-{route}/[a-z]+/[0-9]{{4}}'}}"
                )
            }
            Self::Headers => format!(
                "path: {{type: PathPrefix, value: /items}}, headers: [{{name: x-tenant, \
                 value: tenant-{}}}, {{name: x-stage, value: live}}]",
                route % 10
            ),
        }
    }

    /// One HTTPRoute.
    pub(super) fn route(self, route: usize, service: &str) -> String {
        let (host, condition) = (self.host(route), self.condition(route));
        format!(
            "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: route-{route}}}
spec:
  parentRefs: [{{name: town}}]
  hostnames: [{host}]
  rules:
    - matches: [{{{condition}}}]
      backendRefs: [{{name: {service}, port: 80}}]
---
"
        )
    }
}

/// The Gateway, with one HTTP listener, and more of them as lines of flow YAML.
pub(super) fn gateway(port: u16, more: &[String]) -> String {
    let mut text = format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: town}}
spec:
  gatewayClassName: portcullis
  addresses: [{{type: IPAddress, value: 127.0.0.1}}]
  listeners:
    - {{name: http, port: {port}, protocol: HTTP}}
"
    );
    for listener in more {
        let _ = writeln!(text, "    - {listener}");
    }
    text + "---\n"
}

/// A Service with one endpoint.
pub(super) fn service(name: &str, port: u16) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-1
  labels: {{kubernetes.io/service-name: {name}}}
addressType: IPv4
endpoints: [{{addresses: [127.0.0.1]}}]
ports: [{{name: http, port: {port}}}]
---
"
    )
}

/// The Service of a route: ten share one.
pub(super) fn service_of(route: usize) -> String {
    format!("app-{}", route / 10)
}

/// A file for each route, with the Service where it is the first that names it.
pub(super) fn files(shape: Shape, routes: usize, port: u16) -> impl Iterator<Item = String> {
    (0..routes).map(move |route| {
        let name = service_of(route);
        let own = if route % 10 == 0 { service(&name, port) } else { String::new() };
        own + &shape.route(route, &name)
    })
}
