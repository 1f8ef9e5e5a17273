//! Parameters of a class or of a Gateway: the EnvoyProxy that a reference leads to, and what of it
//! has no effect here.

use std::sync::Arc;

use api::{
    envoy_proxy::{EnvoyProxySpec, MergeType, ProviderType},
    kind::Kind,
    meta::NamespacedName,
};
use serde_json::{Map, Value};

use crate::{Mode, reader::Reader};

/// A reference to parameters, as far as classes and Gateways have it in common.
pub(crate) struct Reference<'a> {
    pub(crate) group: &'a str,
    pub(crate) kind: &'a str,
    /// None when a namespace is needed and not given.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
}

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) spec: Arc<EnvoyProxySpec>,
    /// Fields that are there and have no effect, in one sentence.
    pub(crate) idle: Option<String>,
}

/// Follows a reference. An error is a sentence that says what to do.
pub(crate) fn resolve(
    reader: &mut Reader<'_>,
    reference: &Reference<'_>,
) -> Result<Parameters, String> {
    let Reference { group, kind, namespace, name } = *reference;
    if Kind::find(group, kind) != Some(Kind::EnvoyProxy) {
        let known = Kind::EnvoyProxy;
        let of = known.group();
        return Err(format!(
            "parameters of kind {kind} are not known: name an {known} of group {of}, or remove \
             the reference"
        ));
    }
    let Some(namespace) = namespace else {
        return Err(format!("an {kind} lives in a namespace: add it to the reference"));
    };
    let target = NamespacedName::new(namespace, name);
    let Some(object) = reader.object(|resources| &resources.envoy_proxies, &target) else {
        return Err(format!("there is no {kind} {target} that can be used: create or mend it"));
    };
    let cluster = reader.settings.mode == Mode::Cluster;
    let host = object.spec.provider.as_ref();
    let host = host.is_some_and(|provider| provider.type_ == ProviderType::Host);
    if cluster && host {
        return Err(format!(
            "{kind} {target}: spec.provider.type: Host provides nothing in a cluster: use \
             Kubernetes"
        ));
    }
    let fields = match cluster {
        true => idle(&object.spec),
        false if object.spec == EnvoyProxySpec::default() => Vec::new(),
        false => vec!["spec (no objects are generated here)".to_owned()],
    };
    let idle = (!fields.is_empty())
        .then(|| format!("{kind} {target}: without effect: {}", fields.join(", ")));
    Ok(Parameters { spec: Arc::new(object.spec.clone()), idle })
}

/// The parameters of a Gateway, laid over those of its class as they say themselves.
pub(crate) fn combine(
    class: Option<&Arc<EnvoyProxySpec>>,
    gateway: Option<&Arc<EnvoyProxySpec>>,
) -> Result<Option<Arc<EnvoyProxySpec>>, String> {
    let (Some(class), Some(gateway)) = (class, gateway) else {
        return Ok(gateway.or(class).cloned());
    };
    let keyed = match gateway.merge_type {
        None | Some(MergeType::Replace | MergeType::Other(_)) => return Ok(Some(gateway.clone())),
        Some(MergeType::StrategicMerge) => true,
        Some(MergeType::JSONMerge) => false,
    };
    let value = |spec: &EnvoyProxySpec| serde_json::to_value(spec);
    let merged = value(class).and_then(|mut whole| {
        lay_over(&mut whole, value(gateway)?, keyed);
        serde_json::from_value(whole)
    });
    merged.map(|spec| Some(Arc::new(spec))).map_err(|error| error.to_string())
}

/// A JSON merge patch (RFC 7396). With `keyed`, lists of objects that all have a key are merged
/// item by item instead of taking each other's place.
fn lay_over(whole: &mut Value, patch: Value, keyed: bool) {
    match (whole, patch) {
        (Value::Object(whole), Value::Object(patch)) => {
            for (key, value) in patch {
                match whole.get_mut(&key) {
                    _ if value.is_null() => drop(whole.remove(&key)),
                    Some(old) => lay_over(old, value, keyed),
                    None => drop(whole.insert(key, value)),
                }
            }
        }
        (Value::Array(whole), Value::Array(patch)) if keyed => match key_of(whole, &patch) {
            Some(key) => items(whole, patch, key),
            None => *whole = patch,
        },
        (whole, patch) => *whole = patch,
    }
}

fn items(whole: &mut Vec<Value>, patch: Vec<Value>, key: &str) {
    for item in patch {
        match whole.iter_mut().find(|old| old.get(key) == item.get(key)) {
            Some(old) => lay_over(old, item, true),
            None => whole.push(item),
        }
    }
}

/// By what the items of both lists can be told apart.
fn key_of(whole: &[Value], patch: &[Value]) -> Option<&'static str> {
    KEYS.into_iter().find(|key| {
        whole.iter().chain(patch).all(|item| item.get(key).is_some_and(Value::is_string))
    })
}

/// The fields without effect in a cluster: they are about Envoy itself, or not built yet.
fn idle(spec: &EnvoyProxySpec) -> Vec<String> {
    let mut fields = Vec::new();
    let mut tell = |there: bool, field: &str| {
        if there {
            fields.push(format!("spec.{field}"));
        }
    };
    tell(spec.backend_tls.is_some(), "backendTLS");
    tell(spec.bootstrap.is_some(), "bootstrap");
    tell(spec.dynamic_modules.is_some(), "dynamicModules");
    tell(!spec.extra_args.is_empty(), "extraArgs");
    tell(spec.filter_order.is_some(), "filterOrder");
    tell(spec.geo_ip.is_some(), "geoIP");
    for component in spec.logging.iter().flat_map(|logging| logging.level.keys()) {
        tell(component != "default", &format!("logging.level.{component}"));
    }
    tell(spec.lua.is_some(), "lua");
    tell(spec.lua_validation.is_some(), "luaValidation");
    tell(spec.merge_backends.is_some(), "mergeBackends");
    tell(spec.merge_gateways == Some(true), "mergeGateways");
    tell(spec.preserve_route_order == Some(true), "preserveRouteOrder");
    tell(spec.routing_type.as_deref().is_some_and(|type_| type_ != "Endpoint"), "routingType");
    if let Some(kubernetes) = spec.kubernetes() {
        let kept = kubernetes.use_listener_port_as_container_port;
        let name = "provider.kubernetes.useListenerPortAsContainerPort";
        tell(kept == Some(false), name);
        let account = kubernetes.envoy_service_account.is_some();
        tell(account, "provider.kubernetes.envoyServiceAccount");
    }
    let host = spec.provider.as_ref().is_some_and(|provider| provider.host.is_some());
    tell(host, "provider.host");
    let none = Map::new();
    let telemetry = spec.telemetry.as_ref().and_then(Value::as_object).unwrap_or(&none);
    for (part, value) in telemetry {
        if part != "accessLog" {
            tell(true, &format!("telemetry.{part}"));
            continue;
        }
        for member in value.as_object().unwrap_or(&none).keys() {
            tell(member != "disable", &format!("telemetry.accessLog.{member}"));
        }
    }
    fields
}

/// The members that tell items of Kubernetes' lists apart.
const KEYS: [&str; 3] = ["name", "mountPath", "topologyKey"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(value: Value) -> Arc<EnvoyProxySpec> {
        Arc::new(serde_json::from_value(value).unwrap())
    }

    fn deployment(merge_type: Option<&str>, env: Value, replicas: Option<u32>) -> Value {
        let mut deployment = json!({"container": {"env": env}});
        if let Some(replicas) = replicas {
            deployment["replicas"] = json!(replicas);
        }
        let mut spec = json!({"provider": {
            "type": "Kubernetes", "kubernetes": {"envoyDeployment": deployment}}});
        if let Some(type_) = merge_type {
            spec["mergeType"] = json!(type_);
        }
        spec
    }

    #[test]
    fn a_gateway_s_parameters_stand_to_those_of_its_class_as_they_say() {
        let (a, b) = (json!({"name": "A", "value": "1"}), json!({"name": "B", "value": "2"}));
        let class = spec(deployment(None, json!([a]), Some(3)));
        for (type_, env, replicas) in [
            (None, json!([b]), None),
            (Some("Replace"), json!([b]), None),
            (Some("JSONMerge"), json!([b]), Some(3)),
            (Some("StrategicMerge"), json!([a, b]), Some(3)),
        ] {
            let gateway = spec(deployment(type_, json!([b]), None));
            let both = combine(Some(&class), Some(&gateway)).unwrap();
            assert_eq!(both, Some(spec(deployment(type_, env, replicas))), "{type_:?}");
        }
        assert_eq!(combine(Some(&class), None).unwrap(), Some(class.clone()));
        assert_eq!(combine(None, None).unwrap(), None);
    }

    #[test]
    fn what_has_no_effect_is_named() {
        let spec = spec(json!({
            "bootstrap": {"value": "x"}, "mergeGateways": true, "concurrency": 2,
            "logging": {"level": {"default": "warn", "router": "debug"}},
            "telemetry": {"accessLog": {"disable": true, "settings": []}, "tracing": {}},
            "provider": {"type": "Kubernetes", "kubernetes": {
                "envoyServiceAccount": {"name": "x"}, "envoyDeployment": {"replicas": 2}}},
        }));
        let named = [
            "spec.bootstrap",
            "spec.logging.level.router",
            "spec.mergeGateways",
            "spec.provider.kubernetes.envoyServiceAccount",
            "spec.telemetry.accessLog.settings",
            "spec.telemetry.tracing",
        ];
        assert_eq!(idle(&spec), named);
    }
}
