//! Names that appear in manifests and clusters: groups, the controller, labels and annotations.
//! No other file spells them out.

/// Group of the Gateway API.
pub const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
/// Group of the Gateway API's experimental kinds.
pub const GATEWAY_EXPERIMENTAL_GROUP: &str = "gateway.networking.x-k8s.io";
/// Group of Services, Secrets, ConfigMaps and Namespaces.
pub const CORE_GROUP: &str = "";
/// Group of EndpointSlices.
pub const DISCOVERY_GROUP: &str = "discovery.k8s.io";
/// Group of ClusterTrustBundles.
pub const CERTIFICATES_GROUP: &str = "certificates.k8s.io";
/// Group of the traffic policies.
pub const POLICY_GROUP: &str = "gateway.envoyproxy.io";

/// The controller name that a GatewayClass gives to be served by Portcullis.
pub const CONTROLLER_NAME: &str = "portcullis.dev/gateway-controller";
/// The GatewayClass that an installation brings along.
pub const DEFAULT_CLASS: &str = "portcullis";
/// The namespace of an object whose manifest names none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Ties an EndpointSlice to its Service.
pub const LABEL_SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label every Namespace has: its own name.
pub const LABEL_NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// On generated workloads: the name of the Gateway they serve.
pub const LABEL_GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// On generated workloads: the name of the Gateway's class.
pub const LABEL_GATEWAY_CLASS_NAME: &str = "gateway.networking.k8s.io/gateway-class-name";
/// On the CRDs of the Gateway API: the release they come from.
pub const ANNOTATION_BUNDLE_VERSION: &str = "gateway.networking.k8s.io/bundle-version";
/// On the CRDs of the Gateway API: `standard` or `experimental`.
pub const ANNOTATION_CHANNEL: &str = "gateway.networking.k8s.io/channel";
/// What `kubectl apply` remembers of the last manifest.
pub const ANNOTATION_LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Keeps a GatewayClass while Gateways use it.
pub const FINALIZER_GATEWAY_EXISTS: &str = "gateway-exists-finalizer.gateway.networking.k8s.io";
