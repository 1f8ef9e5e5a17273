//! A Gateway and an installation, for the tests of what is made of them.

use std::sync::Arc;

use api::{
    envoy_proxy::EnvoyProxySpec,
    meta::{NamespacedName, StringMap},
};
use serde_json::Value;
use translate::{Infra, InfraPort};

use super::Install;

pub(super) fn install() -> Install {
    Install {
        image: "registry.example:5000/portcullis:1".into(),
        pull_policy: "IfNotPresent".into(),
        stream: "portcullis.portcullis-system.svc.cluster.local:15010".into(),
        audience: "portcullis.dev/proxy".into(),
        installation: "portcullis-system".into(),
        ca: "CA".into(),
    }
}

pub(super) fn infra(parameters: Value) -> Infra {
    let parameters: EnvoyProxySpec = serde_json::from_value(parameters).unwrap();
    Infra {
        gateway: NamespacedName::new("ns", "web"),
        uid: "1".into(),
        class: "portcullis".into(),
        ports: vec![InfraPort { name: "http".into(), port: 80 }],
        labels: StringMap::new(),
        annotations: StringMap::new(),
        address: None,
        frozen: false,
        parameters: Some(Arc::new(parameters)),
    }
}
