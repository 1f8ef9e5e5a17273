//! The input of a translation: every object that is known, by kind and name.
//!
//! A clone shares everything with its original and costs a few pointers; a change copies the map of
//! the one kind it concerns if somebody still holds the old one.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::backend_tls_policy::BackendTLSPolicy;
use crate::core::config_map::ConfigMap;
use crate::core::endpoint_slice::EndpointSlice;
use crate::core::namespace::Namespace;
use crate::core::secret::Secret;
use crate::core::service::Service;
use crate::envoy_proxy::EnvoyProxy;
use crate::experimental::backend::XBackend;
use crate::experimental::backend_traffic_policy::XBackendTrafficPolicy;
use crate::experimental::mesh::XMesh;
use crate::experimental::telemetry_policy::XTelemetryPolicy;
use crate::gateway::Gateway;
use crate::gateway_class::GatewayClass;
use crate::grpc_route::GRPCRoute;
use crate::http_route::HTTPRoute;
use crate::kind::{Kind, ObjectKey};
use crate::l4_route::{TCPRoute, UDPRoute};
use crate::listener_set::ListenerSet;
use crate::meta::NamespacedName;
use crate::object::{Object, Resource};
use crate::reference_grant::ReferenceGrant;
use crate::tls_route::TLSRoute;

/// Objects of one kind, in order of their names.
#[derive(Debug, PartialEq, Eq)]
pub struct Store<T>(Arc<BTreeMap<NamespacedName, Arc<T>>>);

impl<T: Resource> Store<T> {
    /// The object of this name.
    pub fn get(&self, name: &NamespacedName) -> Option<&Arc<T>> {
        self.0.get(name)
    }

    /// The object of this namespace and name.
    pub fn find(&self, namespace: &str, name: &str) -> Option<&Arc<T>> {
        self.0.get(&NamespacedName::new(namespace, name))
    }

    /// Puts an object in, in place of one of the same name; gives back the one that was there.
    pub fn insert(&mut self, object: impl Into<Arc<T>>) -> Option<Arc<T>> {
        let object = object.into();
        let name = object.metadata().namespaced_name();
        Arc::make_mut(&mut self.0).insert(name, object)
    }

    /// Takes an object out.
    pub fn remove(&mut self, name: &NamespacedName) -> Option<Arc<T>> {
        if !self.0.contains_key(name) {
            return None;
        }
        Arc::make_mut(&mut self.0).remove(name)
    }

    /// All objects, in order of namespace and name.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&NamespacedName, &Arc<T>)> {
        self.0.iter()
    }

    /// The objects of one namespace, in order of name.
    pub fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = &Arc<T>> {
        let first = NamespacedName::new(namespace, "");
        let within = self.0.range(first.clone()..);
        within
            .take_while(move |(name, _)| name.namespace == first.namespace)
            .map(|(_, object)| object)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are one and the same map, so that nothing can have changed between them.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Store<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Every object that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Objects of kind GatewayClass.
    pub gateway_classes: Store<GatewayClass>,
    /// Objects of kind Gateway.
    pub gateways: Store<Gateway>,
    /// Objects of kind ListenerSet.
    pub listener_sets: Store<ListenerSet>,
    /// Objects of kind HTTPRoute.
    pub http_routes: Store<HTTPRoute>,
    /// Objects of kind GRPCRoute.
    pub grpc_routes: Store<GRPCRoute>,
    /// Objects of kind TLSRoute.
    pub tls_routes: Store<TLSRoute>,
    /// Objects of kind TCPRoute.
    pub tcp_routes: Store<TCPRoute>,
    /// Objects of kind UDPRoute.
    pub udp_routes: Store<UDPRoute>,
    /// Objects of kind ReferenceGrant.
    pub reference_grants: Store<ReferenceGrant>,
    /// Objects of kind BackendTLSPolicy.
    pub backend_tls_policies: Store<BackendTLSPolicy>,
    /// Objects of kind XBackend.
    pub x_backends: Store<XBackend>,
    /// Objects of kind XBackendTrafficPolicy.
    pub x_backend_traffic_policies: Store<XBackendTrafficPolicy>,
    /// Objects of kind XMesh.
    pub x_meshes: Store<XMesh>,
    /// Objects of kind XTelemetryPolicy.
    pub x_telemetry_policies: Store<XTelemetryPolicy>,
    /// Objects of kind EnvoyProxy.
    pub envoy_proxies: Store<EnvoyProxy>,
    /// Objects of kind Service.
    pub services: Store<Service>,
    /// Objects of kind EndpointSlice.
    pub endpoint_slices: EndpointSlices,
    /// Objects of kind Secret.
    pub secrets: Store<Secret>,
    /// Objects of kind ConfigMap.
    pub config_maps: Store<ConfigMap>,
    /// Objects of kind Namespace.
    pub namespaces: Store<Namespace>,
}

impl Resources {
    /// Puts an object in, in place of one of the same key; gives back the one that was there.
    pub fn apply(&mut self, object: Object) -> Option<Object> {
        match object {
            Object::GatewayClass(object) => {
                self.gateway_classes.insert(object).map(Object::GatewayClass)
            }
            Object::Gateway(object) => self.gateways.insert(object).map(Object::Gateway),
            Object::ListenerSet(object) => {
                self.listener_sets.insert(object).map(Object::ListenerSet)
            }
            Object::HTTPRoute(object) => self.http_routes.insert(object).map(Object::HTTPRoute),
            Object::GRPCRoute(object) => self.grpc_routes.insert(object).map(Object::GRPCRoute),
            Object::TLSRoute(object) => self.tls_routes.insert(object).map(Object::TLSRoute),
            Object::TCPRoute(object) => self.tcp_routes.insert(object).map(Object::TCPRoute),
            Object::UDPRoute(object) => self.udp_routes.insert(object).map(Object::UDPRoute),
            Object::ReferenceGrant(object) => {
                self.reference_grants.insert(object).map(Object::ReferenceGrant)
            }
            Object::BackendTLSPolicy(object) => {
                self.backend_tls_policies.insert(object).map(Object::BackendTLSPolicy)
            }
            Object::XBackend(object) => self.x_backends.insert(object).map(Object::XBackend),
            Object::XBackendTrafficPolicy(object) => {
                self.x_backend_traffic_policies.insert(object).map(Object::XBackendTrafficPolicy)
            }
            Object::XMesh(object) => self.x_meshes.insert(object).map(Object::XMesh),
            Object::XTelemetryPolicy(object) => {
                self.x_telemetry_policies.insert(object).map(Object::XTelemetryPolicy)
            }
            Object::EnvoyProxy(object) => self.envoy_proxies.insert(object).map(Object::EnvoyProxy),
            Object::Service(object) => self.services.insert(object).map(Object::Service),
            Object::EndpointSlice(object) => {
                self.endpoint_slices.insert(object).map(Object::EndpointSlice)
            }
            Object::Secret(object) => self.secrets.insert(object).map(Object::Secret),
            Object::ConfigMap(object) => self.config_maps.insert(object).map(Object::ConfigMap),
            Object::Namespace(object) => self.namespaces.insert(object).map(Object::Namespace),
        }
    }

    /// Takes an object out.
    pub fn remove(&mut self, key: &ObjectKey) -> Option<Object> {
        let name = &key.name;
        match key.kind {
            Kind::GatewayClass => self.gateway_classes.remove(name).map(Object::GatewayClass),
            Kind::Gateway => self.gateways.remove(name).map(Object::Gateway),
            Kind::ListenerSet => self.listener_sets.remove(name).map(Object::ListenerSet),
            Kind::HTTPRoute => self.http_routes.remove(name).map(Object::HTTPRoute),
            Kind::GRPCRoute => self.grpc_routes.remove(name).map(Object::GRPCRoute),
            Kind::TLSRoute => self.tls_routes.remove(name).map(Object::TLSRoute),
            Kind::TCPRoute => self.tcp_routes.remove(name).map(Object::TCPRoute),
            Kind::UDPRoute => self.udp_routes.remove(name).map(Object::UDPRoute),
            Kind::ReferenceGrant => self.reference_grants.remove(name).map(Object::ReferenceGrant),
            Kind::BackendTLSPolicy => {
                self.backend_tls_policies.remove(name).map(Object::BackendTLSPolicy)
            }
            Kind::XBackend => self.x_backends.remove(name).map(Object::XBackend),
            Kind::XBackendTrafficPolicy => {
                self.x_backend_traffic_policies.remove(name).map(Object::XBackendTrafficPolicy)
            }
            Kind::XMesh => self.x_meshes.remove(name).map(Object::XMesh),
            Kind::XTelemetryPolicy => {
                self.x_telemetry_policies.remove(name).map(Object::XTelemetryPolicy)
            }
            Kind::EnvoyProxy => self.envoy_proxies.remove(name).map(Object::EnvoyProxy),
            Kind::Service => self.services.remove(name).map(Object::Service),
            Kind::EndpointSlice => self.endpoint_slices.remove(name).map(Object::EndpointSlice),
            Kind::Secret => self.secrets.remove(name).map(Object::Secret),
            Kind::ConfigMap => self.config_maps.remove(name).map(Object::ConfigMap),
            Kind::Namespace => self.namespaces.remove(name).map(Object::Namespace),
        }
    }

    /// The object of this key.
    pub fn get(&self, key: &ObjectKey) -> Option<Object> {
        let name = &key.name;
        match key.kind {
            Kind::GatewayClass => self.gateway_classes.get(name).cloned().map(Object::GatewayClass),
            Kind::Gateway => self.gateways.get(name).cloned().map(Object::Gateway),
            Kind::ListenerSet => self.listener_sets.get(name).cloned().map(Object::ListenerSet),
            Kind::HTTPRoute => self.http_routes.get(name).cloned().map(Object::HTTPRoute),
            Kind::GRPCRoute => self.grpc_routes.get(name).cloned().map(Object::GRPCRoute),
            Kind::TLSRoute => self.tls_routes.get(name).cloned().map(Object::TLSRoute),
            Kind::TCPRoute => self.tcp_routes.get(name).cloned().map(Object::TCPRoute),
            Kind::UDPRoute => self.udp_routes.get(name).cloned().map(Object::UDPRoute),
            Kind::ReferenceGrant => {
                self.reference_grants.get(name).cloned().map(Object::ReferenceGrant)
            }
            Kind::BackendTLSPolicy => {
                self.backend_tls_policies.get(name).cloned().map(Object::BackendTLSPolicy)
            }
            Kind::XBackend => self.x_backends.get(name).cloned().map(Object::XBackend),
            Kind::XBackendTrafficPolicy => self
                .x_backend_traffic_policies
                .get(name)
                .cloned()
                .map(Object::XBackendTrafficPolicy),
            Kind::XMesh => self.x_meshes.get(name).cloned().map(Object::XMesh),
            Kind::XTelemetryPolicy => {
                self.x_telemetry_policies.get(name).cloned().map(Object::XTelemetryPolicy)
            }
            Kind::EnvoyProxy => self.envoy_proxies.get(name).cloned().map(Object::EnvoyProxy),
            Kind::Service => self.services.get(name).cloned().map(Object::Service),
            Kind::EndpointSlice => {
                self.endpoint_slices.get(name).cloned().map(Object::EndpointSlice)
            }
            Kind::Secret => self.secrets.get(name).cloned().map(Object::Secret),
            Kind::ConfigMap => self.config_maps.get(name).cloned().map(Object::ConfigMap),
            Kind::Namespace => self.namespaces.get(name).cloned().map(Object::Namespace),
        }
    }

    /// Every object, by kind, then namespace, then name.
    pub fn objects(&self) -> impl Iterator<Item = Object> + '_ {
        Kind::ALL.into_iter().flat_map(|kind| self.of_kind(kind))
    }

    /// The objects of one kind, in order of namespace and name.
    pub fn of_kind(&self, kind: Kind) -> Vec<Object> {
        match kind {
            Kind::GatewayClass => list(&self.gateway_classes, Object::GatewayClass),
            Kind::Gateway => list(&self.gateways, Object::Gateway),
            Kind::ListenerSet => list(&self.listener_sets, Object::ListenerSet),
            Kind::HTTPRoute => list(&self.http_routes, Object::HTTPRoute),
            Kind::GRPCRoute => list(&self.grpc_routes, Object::GRPCRoute),
            Kind::TLSRoute => list(&self.tls_routes, Object::TLSRoute),
            Kind::TCPRoute => list(&self.tcp_routes, Object::TCPRoute),
            Kind::UDPRoute => list(&self.udp_routes, Object::UDPRoute),
            Kind::ReferenceGrant => list(&self.reference_grants, Object::ReferenceGrant),
            Kind::BackendTLSPolicy => list(&self.backend_tls_policies, Object::BackendTLSPolicy),
            Kind::XBackend => list(&self.x_backends, Object::XBackend),
            Kind::XBackendTrafficPolicy => {
                list(&self.x_backend_traffic_policies, Object::XBackendTrafficPolicy)
            }
            Kind::XMesh => list(&self.x_meshes, Object::XMesh),
            Kind::XTelemetryPolicy => list(&self.x_telemetry_policies, Object::XTelemetryPolicy),
            Kind::EnvoyProxy => list(&self.envoy_proxies, Object::EnvoyProxy),
            Kind::Service => list(&self.services, Object::Service),
            Kind::EndpointSlice => list(&self.endpoint_slices, Object::EndpointSlice),
            Kind::Secret => list(&self.secrets, Object::Secret),
            Kind::ConfigMap => list(&self.config_maps, Object::ConfigMap),
            Kind::Namespace => list(&self.namespaces, Object::Namespace),
        }
    }
}

fn list<T: Resource>(store: &Store<T>, wrap: fn(Arc<T>) -> Object) -> Vec<Object> {
    store.iter().map(|(_, object)| wrap(Arc::clone(object))).collect()
}

/// EndpointSlices, which are also found by the Service they belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSlices {
    store: Store<EndpointSlice>,
    by_service: Arc<BTreeMap<NamespacedName, Vec<NamespacedName>>>,
}

impl EndpointSlices {
    /// The slices of a Service, in order of name.
    pub fn of_service(
        &self,
        service: &NamespacedName,
    ) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        let names = self.by_service.get(service).map(Vec::as_slice).unwrap_or_default();
        names.iter().filter_map(|name| self.store.get(name))
    }

    /// Puts a slice in, in place of one of the same name; gives back the one that was there.
    pub fn insert(&mut self, slice: impl Into<Arc<EndpointSlice>>) -> Option<Arc<EndpointSlice>> {
        let slice = slice.into();
        let name = slice.metadata.namespaced_name();
        let old = self.remove(&name);
        if let Some(service) = service_of(&slice) {
            let names = Arc::make_mut(&mut self.by_service).entry(service).or_default();
            if let Err(place) = names.binary_search(&name) {
                names.insert(place, name);
            }
        }
        self.store.insert(slice);
        old
    }

    /// Takes a slice out.
    pub fn remove(&mut self, name: &NamespacedName) -> Option<Arc<EndpointSlice>> {
        let old = self.store.remove(name)?;
        if let Some(service) = service_of(&old) {
            let index = Arc::make_mut(&mut self.by_service);
            if let Some(names) = index.get_mut(&service) {
                names.retain(|known| known != name);
                if names.is_empty() {
                    index.remove(&service);
                }
            }
        }
        Some(old)
    }
}

impl Deref for EndpointSlices {
    type Target = Store<EndpointSlice>;

    fn deref(&self) -> &Self::Target {
        &self.store
    }
}

fn service_of(slice: &EndpointSlice) -> Option<NamespacedName> {
    slice.service_name().map(|name| NamespacedName::new(slice.metadata.namespace.clone(), name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::endpoint_slice::EndpointAddressType;
    use crate::meta::ObjectMeta;
    use crate::names::LABEL_SERVICE_NAME;

    fn meta(namespace: &str, name: &str) -> ObjectMeta {
        ObjectMeta { namespace: namespace.into(), name: name.into(), ..Default::default() }
    }

    fn slice(name: &str, service: &str) -> EndpointSlice {
        let mut metadata = meta("app", name);
        metadata.labels.insert(LABEL_SERVICE_NAME.into(), service.into());
        let address_type = EndpointAddressType::IPv4;
        EndpointSlice { address_type, endpoints: Vec::new(), metadata, ports: Vec::new() }
    }

    #[test]
    fn slices_follow_their_service() {
        let mut resources = Resources::default();
        let names = |resources: &Resources, service: &str| {
            let service = NamespacedName::new("app", service);
            let slices = resources.endpoint_slices.of_service(&service);
            slices.map(|slice| slice.metadata.name.to_string()).collect::<Vec<_>>()
        };
        for (name, service) in [("b", "web"), ("a", "web"), ("c", "api")] {
            assert_eq!(resources.apply(slice(name, service).into()), None);
        }
        assert_eq!(names(&resources, "web"), ["a", "b"]);
        // A slice that changes its label moves; one that is removed is gone.
        assert!(resources.apply(slice("b", "api").into()).is_some());
        assert_eq!(names(&resources, "web"), ["a"]);
        assert_eq!(names(&resources, "api"), ["b", "c"]);
        let snapshot = resources.clone();
        assert!(resources.remove(&slice("b", "api").key()).is_some());
        assert!(resources.remove(&slice("b", "api").key()).is_none());
        assert_eq!(names(&resources, "api"), ["c"]);
        assert_eq!(names(&snapshot, "api"), ["b", "c"], "a snapshot does not change");
    }

    #[test]
    fn iterates_in_order_and_by_namespace() {
        let mut resources = Resources::default();
        for (namespace, name) in [("b", "x"), ("a", "z"), ("a", "y"), ("ab", "w")] {
            let object = Service { metadata: meta(namespace, name), ..Default::default() };
            resources.apply(object.into());
        }
        let all: Vec<_> = resources.objects().map(|object| object.key().to_string()).collect();
        assert_eq!(all, ["Service a/y", "Service a/z", "Service ab/w", "Service b/x"]);
        let within = resources.services.in_namespace("a").map(|object| &*object.metadata.name);
        assert_eq!(within.collect::<Vec<_>>(), ["y", "z"]);
        let snapshot = resources.clone();
        assert!(snapshot.services.same(&resources.services));
        resources.services.remove(&NamespacedName::new("no", "no"));
        assert!(snapshot.services.same(&resources.services), "nothing was removed");
    }
}
