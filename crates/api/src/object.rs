//! An object of any kind that we read, and what all of them have in common.

use std::sync::Arc;

use serde::{Serialize, Serializer};

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
use crate::meta::ObjectMeta;
use crate::names::ANNOTATION_LAST_APPLIED;
use crate::reference_grant::ReferenceGrant;
use crate::tls_route::TLSRoute;

/// An object of one of the kinds that we read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A GatewayClass.
    GatewayClass(Arc<GatewayClass>),
    /// A Gateway.
    Gateway(Arc<Gateway>),
    /// A ListenerSet.
    ListenerSet(Arc<ListenerSet>),
    /// A HTTPRoute.
    HTTPRoute(Arc<HTTPRoute>),
    /// A GRPCRoute.
    GRPCRoute(Arc<GRPCRoute>),
    /// A TLSRoute.
    TLSRoute(Arc<TLSRoute>),
    /// A TCPRoute.
    TCPRoute(Arc<TCPRoute>),
    /// A UDPRoute.
    UDPRoute(Arc<UDPRoute>),
    /// A ReferenceGrant.
    ReferenceGrant(Arc<ReferenceGrant>),
    /// A BackendTLSPolicy.
    BackendTLSPolicy(Arc<BackendTLSPolicy>),
    /// A XBackend.
    XBackend(Arc<XBackend>),
    /// A XBackendTrafficPolicy.
    XBackendTrafficPolicy(Arc<XBackendTrafficPolicy>),
    /// A XMesh.
    XMesh(Arc<XMesh>),
    /// A XTelemetryPolicy.
    XTelemetryPolicy(Arc<XTelemetryPolicy>),
    /// An EnvoyProxy.
    EnvoyProxy(Arc<EnvoyProxy>),
    /// A Service.
    Service(Arc<Service>),
    /// A EndpointSlice.
    EndpointSlice(Arc<EndpointSlice>),
    /// A Secret.
    Secret(Arc<Secret>),
    /// A ConfigMap.
    ConfigMap(Arc<ConfigMap>),
    /// A Namespace.
    Namespace(Arc<Namespace>),
}

/// What every kind of object has.
pub trait Resource: Into<Object> + Serialize {
    /// The kind.
    const KIND: Kind;

    /// Name, labels and the like.
    fn metadata(&self) -> &ObjectMeta;

    /// The same, to be changed.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;

    /// The object's key among all objects.
    fn key(&self) -> ObjectKey {
        ObjectKey { kind: Self::KIND, name: self.metadata().namespaced_name() }
    }
}

impl Object {
    /// The object's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::GatewayClass(_) => Kind::GatewayClass,
            Self::Gateway(_) => Kind::Gateway,
            Self::ListenerSet(_) => Kind::ListenerSet,
            Self::HTTPRoute(_) => Kind::HTTPRoute,
            Self::GRPCRoute(_) => Kind::GRPCRoute,
            Self::TLSRoute(_) => Kind::TLSRoute,
            Self::TCPRoute(_) => Kind::TCPRoute,
            Self::UDPRoute(_) => Kind::UDPRoute,
            Self::ReferenceGrant(_) => Kind::ReferenceGrant,
            Self::BackendTLSPolicy(_) => Kind::BackendTLSPolicy,
            Self::XBackend(_) => Kind::XBackend,
            Self::XBackendTrafficPolicy(_) => Kind::XBackendTrafficPolicy,
            Self::XMesh(_) => Kind::XMesh,
            Self::XTelemetryPolicy(_) => Kind::XTelemetryPolicy,
            Self::EnvoyProxy(_) => Kind::EnvoyProxy,
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::Secret(_) => Kind::Secret,
            Self::ConfigMap(_) => Kind::ConfigMap,
            Self::Namespace(_) => Kind::Namespace,
        }
    }

    /// Name, labels and the like.
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::GatewayClass(object) => &object.metadata,
            Self::Gateway(object) => &object.metadata,
            Self::ListenerSet(object) => &object.metadata,
            Self::HTTPRoute(object) => &object.metadata,
            Self::GRPCRoute(object) => &object.metadata,
            Self::TLSRoute(object) => &object.metadata,
            Self::TCPRoute(object) => &object.metadata,
            Self::UDPRoute(object) => &object.metadata,
            Self::ReferenceGrant(object) => &object.metadata,
            Self::BackendTLSPolicy(object) => &object.metadata,
            Self::XBackend(object) => &object.metadata,
            Self::XBackendTrafficPolicy(object) => &object.metadata,
            Self::XMesh(object) => &object.metadata,
            Self::XTelemetryPolicy(object) => &object.metadata,
            Self::EnvoyProxy(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::EndpointSlice(object) => &object.metadata,
            Self::Secret(object) => &object.metadata,
            Self::ConfigMap(object) => &object.metadata,
            Self::Namespace(object) => &object.metadata,
        }
    }

    /// Sets the count of edits, for sources that do not count themselves.
    pub fn set_generation(&mut self, generation: i64) {
        self.metadata_mut().generation = Some(generation);
    }

    /// Drops metadata that no translation reads, so that its changes are no news.
    pub(crate) fn forget_bookkeeping(&mut self) {
        let only_labels = matches!(self, Self::Namespace(_) | Self::EndpointSlice(_));
        let metadata = self.metadata_mut();
        metadata.resource_version = None;
        metadata.generate_name = None;
        metadata.self_link = None;
        metadata.annotations.remove(ANNOTATION_LAST_APPLIED);
        if only_labels {
            let name = std::mem::take(&mut metadata.name);
            let namespace = std::mem::take(&mut metadata.namespace);
            let labels = std::mem::take(&mut metadata.labels);
            *metadata = ObjectMeta { name, namespace, labels, ..ObjectMeta::default() };
        }
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::GatewayClass(object) => &mut Arc::make_mut(object).metadata,
            Self::Gateway(object) => &mut Arc::make_mut(object).metadata,
            Self::ListenerSet(object) => &mut Arc::make_mut(object).metadata,
            Self::HTTPRoute(object) => &mut Arc::make_mut(object).metadata,
            Self::GRPCRoute(object) => &mut Arc::make_mut(object).metadata,
            Self::TLSRoute(object) => &mut Arc::make_mut(object).metadata,
            Self::TCPRoute(object) => &mut Arc::make_mut(object).metadata,
            Self::UDPRoute(object) => &mut Arc::make_mut(object).metadata,
            Self::ReferenceGrant(object) => &mut Arc::make_mut(object).metadata,
            Self::BackendTLSPolicy(object) => &mut Arc::make_mut(object).metadata,
            Self::XBackend(object) => &mut Arc::make_mut(object).metadata,
            Self::XBackendTrafficPolicy(object) => &mut Arc::make_mut(object).metadata,
            Self::XMesh(object) => &mut Arc::make_mut(object).metadata,
            Self::XTelemetryPolicy(object) => &mut Arc::make_mut(object).metadata,
            Self::EnvoyProxy(object) => &mut Arc::make_mut(object).metadata,
            Self::Service(object) => &mut Arc::make_mut(object).metadata,
            Self::EndpointSlice(object) => &mut Arc::make_mut(object).metadata,
            Self::Secret(object) => &mut Arc::make_mut(object).metadata,
            Self::ConfigMap(object) => &mut Arc::make_mut(object).metadata,
            Self::Namespace(object) => &mut Arc::make_mut(object).metadata,
        }
    }

    /// The object's key among all objects.
    pub fn key(&self) -> ObjectKey {
        ObjectKey { kind: self.kind(), name: self.metadata().namespaced_name() }
    }
}

impl Serialize for Object {
    /// As Kubernetes prints it: `apiVersion`, `kind`, then the members.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::GatewayClass(object) => typed(&**object, serializer),
            Self::Gateway(object) => typed(&**object, serializer),
            Self::ListenerSet(object) => typed(&**object, serializer),
            Self::HTTPRoute(object) => typed(&**object, serializer),
            Self::GRPCRoute(object) => typed(&**object, serializer),
            Self::TLSRoute(object) => typed(&**object, serializer),
            Self::TCPRoute(object) => typed(&**object, serializer),
            Self::UDPRoute(object) => typed(&**object, serializer),
            Self::ReferenceGrant(object) => typed(&**object, serializer),
            Self::BackendTLSPolicy(object) => typed(&**object, serializer),
            Self::XBackend(object) => typed(&**object, serializer),
            Self::XBackendTrafficPolicy(object) => typed(&**object, serializer),
            Self::XMesh(object) => typed(&**object, serializer),
            Self::XTelemetryPolicy(object) => typed(&**object, serializer),
            Self::EnvoyProxy(object) => typed(&**object, serializer),
            Self::Service(object) => typed(&**object, serializer),
            Self::EndpointSlice(object) => typed(&**object, serializer),
            Self::Secret(object) => typed(&**object, serializer),
            Self::ConfigMap(object) => typed(&**object, serializer),
            Self::Namespace(object) => typed(&**object, serializer),
        }
    }
}

impl Resource for GatewayClass {
    const KIND: Kind = Kind::GatewayClass;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<GatewayClass> for Object {
    fn from(object: GatewayClass) -> Self {
        Self::GatewayClass(Arc::new(object))
    }
}

impl Resource for Gateway {
    const KIND: Kind = Kind::Gateway;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<Gateway> for Object {
    fn from(object: Gateway) -> Self {
        Self::Gateway(Arc::new(object))
    }
}

impl Resource for ListenerSet {
    const KIND: Kind = Kind::ListenerSet;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<ListenerSet> for Object {
    fn from(object: ListenerSet) -> Self {
        Self::ListenerSet(Arc::new(object))
    }
}

impl Resource for HTTPRoute {
    const KIND: Kind = Kind::HTTPRoute;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<HTTPRoute> for Object {
    fn from(object: HTTPRoute) -> Self {
        Self::HTTPRoute(Arc::new(object))
    }
}

impl Resource for GRPCRoute {
    const KIND: Kind = Kind::GRPCRoute;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<GRPCRoute> for Object {
    fn from(object: GRPCRoute) -> Self {
        Self::GRPCRoute(Arc::new(object))
    }
}

impl Resource for TLSRoute {
    const KIND: Kind = Kind::TLSRoute;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<TLSRoute> for Object {
    fn from(object: TLSRoute) -> Self {
        Self::TLSRoute(Arc::new(object))
    }
}

impl Resource for TCPRoute {
    const KIND: Kind = Kind::TCPRoute;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<TCPRoute> for Object {
    fn from(object: TCPRoute) -> Self {
        Self::TCPRoute(Arc::new(object))
    }
}

impl Resource for UDPRoute {
    const KIND: Kind = Kind::UDPRoute;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<UDPRoute> for Object {
    fn from(object: UDPRoute) -> Self {
        Self::UDPRoute(Arc::new(object))
    }
}

impl Resource for ReferenceGrant {
    const KIND: Kind = Kind::ReferenceGrant;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<ReferenceGrant> for Object {
    fn from(object: ReferenceGrant) -> Self {
        Self::ReferenceGrant(Arc::new(object))
    }
}

impl Resource for BackendTLSPolicy {
    const KIND: Kind = Kind::BackendTLSPolicy;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<BackendTLSPolicy> for Object {
    fn from(object: BackendTLSPolicy) -> Self {
        Self::BackendTLSPolicy(Arc::new(object))
    }
}

impl Resource for XBackend {
    const KIND: Kind = Kind::XBackend;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<XBackend> for Object {
    fn from(object: XBackend) -> Self {
        Self::XBackend(Arc::new(object))
    }
}

impl Resource for XBackendTrafficPolicy {
    const KIND: Kind = Kind::XBackendTrafficPolicy;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<XBackendTrafficPolicy> for Object {
    fn from(object: XBackendTrafficPolicy) -> Self {
        Self::XBackendTrafficPolicy(Arc::new(object))
    }
}

impl Resource for XMesh {
    const KIND: Kind = Kind::XMesh;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<XMesh> for Object {
    fn from(object: XMesh) -> Self {
        Self::XMesh(Arc::new(object))
    }
}

impl Resource for XTelemetryPolicy {
    const KIND: Kind = Kind::XTelemetryPolicy;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<XTelemetryPolicy> for Object {
    fn from(object: XTelemetryPolicy) -> Self {
        Self::XTelemetryPolicy(Arc::new(object))
    }
}

impl Resource for EnvoyProxy {
    const KIND: Kind = Kind::EnvoyProxy;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<EnvoyProxy> for Object {
    fn from(object: EnvoyProxy) -> Self {
        Self::EnvoyProxy(Arc::new(object))
    }
}

impl Resource for Service {
    const KIND: Kind = Kind::Service;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<Service> for Object {
    fn from(object: Service) -> Self {
        Self::Service(Arc::new(object))
    }
}

impl Resource for EndpointSlice {
    const KIND: Kind = Kind::EndpointSlice;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<EndpointSlice> for Object {
    fn from(object: EndpointSlice) -> Self {
        Self::EndpointSlice(Arc::new(object))
    }
}

impl Resource for Secret {
    const KIND: Kind = Kind::Secret;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<Secret> for Object {
    fn from(object: Secret) -> Self {
        Self::Secret(Arc::new(object))
    }
}

impl Resource for ConfigMap {
    const KIND: Kind = Kind::ConfigMap;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<ConfigMap> for Object {
    fn from(object: ConfigMap) -> Self {
        Self::ConfigMap(Arc::new(object))
    }
}

impl Resource for Namespace {
    const KIND: Kind = Kind::Namespace;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<Namespace> for Object {
    fn from(object: Namespace) -> Self {
        Self::Namespace(Arc::new(object))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Typed<'a, T> {
    api_version: String,
    kind: &'static str,
    #[serde(flatten)]
    object: &'a T,
}

fn typed<T: Resource, S: Serializer>(object: &T, serializer: S) -> Result<S::Ok, S::Error> {
    Typed { api_version: T::KIND.api_version(), kind: T::KIND.as_str(), object }
        .serialize(serializer)
}
