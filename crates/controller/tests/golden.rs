//! Every case of `provision/cases/`: what a Gateway needs, and the objects that are applied for it,
//! byte for byte. `PORTCULLIS_BLESS=1` writes them instead; then read the difference, and give what
//! is new to `kubectl apply --server-side --dry-run=server`.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, net::IpAddr, path::Path, sync::Arc};

use api::{
    envoy_proxy::EnvoyProxySpec,
    meta::{NamespacedName, StringMap},
};
use portcullis_controller::provision::{Install, render};
use serde::Deserialize;
use translate::{Infra, InfraPort};

/// What a case says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    gateway: String,
    class: String,
    ports: Vec<u16>,
    #[serde(default)]
    labels: StringMap,
    #[serde(default)]
    annotations: StringMap,
    address: Option<IpAddr>,
    parameters: Option<EnvoyProxySpec>,
}

#[test]
fn every_case_becomes_the_objects_that_are_written_down() {
    let bless = std::env::var("PORTCULLIS_BLESS").is_ok_and(|value| value == "1");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provision/cases");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    let cases: Vec<_> =
        names.iter().filter(|p| !p.to_string_lossy().contains(".objects.")).collect();
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for path in cases {
        let text = objects(&fs::read_to_string(path).unwrap());
        let expected = path.with_extension("objects.yaml");
        if bless {
            fs::write(&expected, text).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != text {
            wrong.push(expected.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "{}\nbless them with `cargo xtask bless`", wrong.join("\n"));
}

fn objects(case: &str) -> String {
    let case: Case = serde_saphyr::from_str(case).unwrap();
    let (namespace, name) = case.gateway.split_once('/').unwrap();
    let infra = Infra {
        gateway: NamespacedName::new(namespace, name),
        uid: "5f0c9a3e-0000-4000-8000-000000000001".into(),
        class: case.class,
        ports: case
            .ports
            .into_iter()
            .map(|port| InfraPort { name: format!("port-{port}"), port })
            .collect(),
        labels: case.labels,
        annotations: case.annotations,
        address: case.address,
        frozen: false,
        parameters: case.parameters.map(Arc::new),
    };
    let install = Install {
        image: "registry.example/portcullis:1.0.0".into(),
        pull_policy: "IfNotPresent".into(),
        stream: "portcullis.portcullis-system.svc.cluster.local:15010".into(),
        audience: "portcullis.dev/proxy".into(),
        installation: "portcullis-system".into(),
        ca: "-----BEGIN CERTIFICATE-----\n(one of them)\n-----END CERTIFICATE-----\n".into(),
    };
    let objects = render(&infra, &install).unwrap();
    let texts = objects.iter().map(|object| serde_saphyr::to_string(object).unwrap());
    texts.map(|text| format!("---\n{text}")).collect()
}
