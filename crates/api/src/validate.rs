//! What the schemas of Gateway API v1.7.0 (experimental channel) and Kubernetes itself refuse,
//! written by hand, so that files are held to what an API server holds: formats, bounds, enums,
//! uniqueness, and the rules that CRDs state in CEL. Defaults have been filled in by then.
//!
//! What needs other objects, or the previous state of this one, is not looked at: immutability, and
//! whether references lead anywhere. Status is not looked at either: it is ours to write. One rule
//! is left out on purpose: Kubernetes refuses endpoints on loopback addresses; on a laptop they are
//! the point.

use crate::object::Object;

mod backend_tls_policy;
mod core_kinds;
mod envoy_proxy;
mod experimental;
mod filter;
mod gateway;
mod grpc_route;
mod http_route;
mod l4_route;
mod listener;
mod metadata;
mod reference;
mod route;
mod service;
mod text;
mod violations;

pub use violations::Violation;
use violations::Violations;

/// Checks an object that was written in this version of its kind. What comes back is empty if an
/// API server would take the object.
pub fn object(object: &Object, version: &str) -> Vec<Violation> {
    let mut out = Violations::default();
    metadata::check(object, &mut out);
    match object {
        Object::GatewayClass(class) => gateway::class(&class.spec, &mut out),
        Object::Gateway(gateway) => gateway::gateway(&gateway.spec, &mut out),
        Object::ListenerSet(set) => listener::set(&set.spec, &mut out),
        Object::HTTPRoute(route) => http_route::check(&route.spec, &mut out),
        Object::GRPCRoute(route) => grpc_route::check(&route.spec, &mut out),
        Object::TLSRoute(route) => l4_route::tls(&route.spec, version, &mut out),
        Object::TCPRoute(route) => l4_route::l4(&route.spec, version, &mut out),
        Object::UDPRoute(route) => l4_route::l4(&route.spec, version, &mut out),
        Object::ReferenceGrant(grant) => reference::grant(&grant.spec, &mut out),
        Object::BackendTLSPolicy(policy) => backend_tls_policy::check(&policy.spec, &mut out),
        Object::XBackend(backend) => experimental::backend(&backend.spec, &mut out),
        Object::XBackendTrafficPolicy(policy) => {
            experimental::traffic_policy(&policy.spec, &mut out);
        }
        Object::XMesh(mesh) => gateway::class(&mesh.spec, &mut out),
        Object::XTelemetryPolicy(policy) => experimental::telemetry(&policy.spec, &mut out),
        Object::EnvoyProxy(proxy) => envoy_proxy::check(&proxy.spec, &mut out),
        Object::Service(service) => service::check(&service.spec, &mut out),
        Object::EndpointSlice(slice) => core_kinds::endpoint_slice(slice, &mut out),
        Object::Secret(secret) => core_kinds::secret(secret, &mut out),
        Object::ConfigMap(map) => core_kinds::config_map(map, &mut out),
        Object::Namespace(_) => {}
    }
    out.0
}

#[cfg(test)]
mod tests;
