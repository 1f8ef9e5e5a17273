//! What stands in a cluster for one Gateway, as the objects that are applied. Pure.
//!
//! Absent on purpose: ports of listeners in the pods, so that listeners come and go without a
//! restart; and every decision about which Gateway is served and how (that is `translate`'s).

use api::{
    envoy_proxy::kubernetes::EnvoyProxyKubernetesProvider,
    meta::StringMap,
    names::{GATEWAY_GROUP, LABEL_GATEWAY_CLASS_NAME, LABEL_GATEWAY_NAME},
};
use serde_json::{Value, json};
use translate::Infra;

use super::{Install, canonical, merge};

mod pods;
mod scaling;
mod service;

/// Why the objects of a Gateway cannot be made as they are asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A patch is not one.
    #[error("the patch of the {kind} cannot be applied: {reason}; mend it in the EnvoyProxy")]
    Patch {
        /// Of which object.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A patch touches what ties the objects of a Gateway together.
    #[error("the patch of the {kind} changes {field}, which must stay; cut it from the EnvoyProxy")]
    Identity {
        /// Of which object.
        kind: &'static str,
        /// What it changes.
        field: &'static str,
    },
    /// A span of time is none.
    #[error("shutdown.{field}: `{value}` is no span of time, such as 1m30s; mend the EnvoyProxy")]
    Time {
        /// The field of the EnvoyProxy.
        field: &'static str,
        /// What stands there.
        value: String,
    },
}

/// The objects of a Gateway, in the order in which they are applied. Each carries a digest of
/// itself, by which it is known whether it was applied already.
pub fn render(infra: &Infra, install: &Install) -> Result<Vec<Value>, RenderError> {
    let maker = Maker::new(infra, install);
    let mut objects = vec![maker.account(), maker.config_map()];
    // A Service must have a port. What is there when the last one goes stays, with its address.
    if !infra.ports.is_empty() {
        objects.push(maker.service()?);
    }
    objects.push(maker.workload()?);
    objects.extend(maker.budget()?);
    objects.extend(maker.autoscaler()?);
    objects.iter_mut().for_each(sign);
    Ok(objects)
}

/// The one of them that says whom proxies trust.
pub(super) fn render_trust(infra: &Infra, install: &Install) -> Value {
    let mut object = Maker::new(infra, install).config_map();
    sign(&mut object);
    object
}

fn sign(object: &mut Value) {
    let digest = canonical::digest(object);
    object["metadata"]["annotations"][ANNOTATION_DIGEST] = digest.into();
}

/// Makes the objects of one Gateway.
struct Maker<'a> {
    infra: &'a Infra,
    install: &'a Install,
    /// The name of whatever has no name of its own.
    name: String,
    kubernetes: EnvoyProxyKubernetesProvider,
}

impl<'a> Maker<'a> {
    fn new(infra: &'a Infra, install: &'a Install) -> Self {
        let parameters = infra.parameters.as_deref();
        let kubernetes = parameters.and_then(|p| p.kubernetes()).cloned().unwrap_or_default();
        Self { infra, install, name: infra.name(), kubernetes }
    }

    /// An object of the Gateway; `rest` are its fields beside the metadata.
    fn made(&self, version: &str, kind: &str, name: &str, rest: Value) -> Value {
        let mut annotations = self.infra.annotations.clone();
        annotations.insert(ANNOTATION_INSTALLATION.to_owned(), self.install.installation.clone());
        let mut object = json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": self.infra.gateway.namespace,
                "labels": self.labels(&StringMap::new()),
                "annotations": annotations,
                "ownerReferences": [{
                    "apiVersion": format!("{GATEWAY_GROUP}/v1"),
                    "kind": "Gateway",
                    "name": self.infra.gateway.name,
                    "uid": self.infra.uid,
                    "controller": true,
                    "blockOwnerDeletion": false,
                }],
            },
        });
        if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        object
    }

    /// Those of the Gateway, those asked for, and ours, which nothing replaces.
    fn labels(&self, asked: &StringMap) -> StringMap {
        let mut labels = self.infra.labels.clone();
        labels.extend(asked.clone());
        labels.extend(self.selector());
        labels.insert(LABEL_MANAGED_BY.to_owned(), MANAGED_BY.to_owned());
        labels.insert(LABEL_GATEWAY_CLASS_NAME.to_owned(), label_value(&self.infra.class));
        labels
    }

    /// What finds the pods. A workload's selector cannot be changed: neither may this.
    fn selector(&self) -> StringMap {
        StringMap::from([
            ("app.kubernetes.io/name".to_owned(), "portcullis-proxy".to_owned()),
            ("app.kubernetes.io/instance".to_owned(), self.name.clone()),
            (LABEL_GATEWAY_NAME.to_owned(), label_value(&self.infra.gateway.name)),
        ])
    }

    /// Who the proxies are. A pod gets no token that it does not ask for.
    fn account(&self) -> Value {
        let rest = json!({ "automountServiceAccountToken": false });
        self.made("v1", "ServiceAccount", &self.name, rest)
    }

    /// The authorities that a proxy trusts. It reads them anew whenever it connects, so their
    /// rotation restarts nothing.
    fn config_map(&self) -> Value {
        let data = json!({ "data": { CA_KEY: &*self.install.ca } });
        self.made("v1", "ConfigMap", &self.name, data)
    }

    /// Lays the user's patch over an object, and refuses one that takes it away from its Gateway.
    fn patched(
        &self,
        kind: &'static str,
        object: Value,
        patch: Option<&api::envoy_proxy::kubernetes::KubernetesPatchSpec>,
    ) -> Result<Value, RenderError> {
        let Some(patch) = patch else { return Ok(object) };
        let patched = merge::patch(object.clone(), patch)
            .map_err(|reason| RenderError::Patch { kind, reason })?;
        for field in IDENTITY {
            if object.pointer(field) != patched.pointer(field) {
                return Err(RenderError::Identity { kind, field });
            }
        }
        let labels = |value: &Value, at: &str| {
            let labels = value.pointer(at).cloned().unwrap_or_default();
            self.selector().keys().map(|key| labels[key].clone()).collect::<Vec<_>>()
        };
        for field in ["/metadata/labels", "/spec/template/metadata/labels"] {
            if labels(&object, field) != labels(&patched, field) {
                return Err(RenderError::Identity { kind, field });
            }
        }
        Ok(patched)
    }
}

/// A name as the value of a label, which holds less than a name may.
pub(super) fn label_value(name: &str) -> String {
    if name.len() <= LABEL_VALUE_MAX {
        return name.to_owned();
    }
    let digest = canonical::fold(name.as_bytes());
    let cut: String = name.chars().take(LABEL_VALUE_MAX - 17).collect();
    format!("{cut}-{digest:016x}")
}

const LABEL_VALUE_MAX: usize = 63;

/// What a patch may not touch.
const IDENTITY: [&str; 10] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/ownerReferences",
    "/metadata/labels/app.kubernetes.io~1managed-by",
    "/metadata/annotations/portcullis.dev~1installation",
    "/spec/selector",
    "/spec/scaleTargetRef",
    "/spec/template/spec/serviceAccountName",
];

/// The label by which our objects are found.
pub(super) const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Its value.
pub(super) const MANAGED_BY: &str = "portcullis";
/// The namespace of the controllers that made an object.
pub(super) const ANNOTATION_INSTALLATION: &str = "portcullis.dev/installation";
/// What an object was when it was applied, in short.
pub(super) const ANNOTATION_DIGEST: &str = "portcullis.dev/applied";
/// The key of the trust anchors in their ConfigMap.
const CA_KEY: &str = "ca.crt";

#[cfg(test)]
mod tests;
