//! The user's manifests, unmodified, each alone: the requests of `fixtures/seed` are asked of the
//! cluster, and what objects are told is compared with the same files, so that a cluster and files
//! decide alike.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf};

use serde_json::Value;

use crate::{
    faults::pods,
    kubectl::{self, PATIENCE},
    place::address,
    stage::{
        answer::Answer,
        certificate::Certificate,
        http1::{Http1, request},
        tls::Secured,
    },
};

/// All thirteen, one after the other.
pub(crate) async fn run() -> Vec<String> {
    kubectl::apply(include_str!("seeds.yaml")).await;
    kubectl::apply(&certificate()).await;
    let services = backends();
    kubectl::apply(&services.iter().map(|it| backend(it)).collect::<String>()).await;
    for namespace in ["tenant", "shared-services"] {
        let wait = ["-n", namespace, "wait", "--for=condition=Available", "deployment", "--all"];
        kubectl::run(&[&wait[..], &["--timeout=180s"]].concat()).await;
    }
    let (public, private) =
        (address(SYSTEM, "default-gateway").await, address(SYSTEM, "internal").await);
    assert_ne!(public, private, "each Gateway has an address of its own");
    annotated("internal", Some("true")).await;
    annotated("default-gateway", None).await;
    let mut figures = vec![format!("public Gateway at {public}, private one at {private}")];
    for name in names() {
        let manifest = fixture(&name, "in.yaml");
        let file = manifest.to_string_lossy().into_owned();
        kubectl::run(&["apply", "-f", &file]).await;
        let objects = told(&name).await;
        let asked = asked(&name).await;
        match &*name {
            "10-private-gateway" => annotated("private-gateway", Some("true")).await,
            "11-network-policy" => figures.push(lets_in(&manifest).await),
            _ => {}
        }
        figures.push(format!("{name}: {asked} requests and {objects} statuses as with files"));
        kubectl::run(&["delete", "-f", &file, "--wait=true"]).await;
    }
    for namespace in [SYSTEM, "tenant", "shared-services"] {
        kubectl::run(&["delete", "namespace", namespace, "--wait=false"]).await;
    }
    kubectl::run(&["delete", "crd", "certificates.cert-manager.io"]).await;
    kubectl::run(&["delete", "gatewayclass", "envoy"]).await;
    for namespace in [SYSTEM, "tenant", "shared-services"] {
        kubectl::run(&["wait", "--for=delete", "namespace", namespace, "--timeout=120s"]).await;
    }
    figures
}

/// Compares what the objects of a case are told, as far as the case says it; how many.
async fn told(name: &str) -> usize {
    let Ok(text) = fs::read_to_string(fixture(name, "expect.yaml")) else { return 0 };
    let expected: Vec<Value> = serde_saphyr::from_str(&text).expect("a list of objects");
    let first = expected.iter().filter(|it| it.get("step").is_none());
    let mut count = 0;
    for object in first {
        let path = object["object"].as_str().expect("a name").to_owned();
        kubectl::until(&format!("{name}: {object}"), PATIENCE, async || {
            let live = live(&path).await?;
            matches(object, &live["status"]).then_some(())
        })
        .await;
        count += 1;
    }
    count
}

/// An object by `Kind/namespace/name` or `Kind/name`.
async fn live(path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        [kind, namespace, name] => kubectl::get(&["-n", namespace, kind, name]).await,
        [kind, name] => kubectl::get(&[kind, name]).await,
        _ => panic!("{path} is no object"),
    }
}

/// Whether a status is as expected. Addresses and counts of other cases are the cluster's own.
fn matches(expected: &Value, status: &Value) -> bool {
    let parents = expected["parents"].as_object().into_iter().flatten();
    let listeners = expected["listeners"].as_object().into_iter().flatten();
    let parent = |gateway: &str| {
        let name = gateway.rsplit('/').next();
        let all = status["parents"].as_array()?;
        all.iter().find(|it| it["parentRef"]["name"].as_str() == name)
    };
    let listener =
        |name: &str| status["listeners"].as_array()?.iter().find(|it| it["name"] == name);
    holds(&expected["conditions"], &status["conditions"])
        && parents.into_iter().all(|(gateway, wanted)| {
            parent(gateway).is_some_and(|it| holds(wanted, &it["conditions"]))
        })
        && listeners.into_iter().all(|(name, wanted)| {
            listener(name).is_some_and(|it| holds(&wanted["conditions"], &it["conditions"]))
        })
}

/// Whether conditions say all of `Type=Status` or `Type=Status/Reason`.
fn holds(wanted: &Value, conditions: &Value) -> bool {
    wanted.as_array().into_iter().flatten().filter_map(Value::as_str).all(|wanted| {
        let (type_, rest) = wanted.split_once('=').expect("Type=Status");
        let (status, reason) = rest.split_once('/').map_or((rest, None), |(a, b)| (a, Some(b)));
        conditions.as_array().into_iter().flatten().any(|it| {
            it["type"] == type_
                && it["status"] == status
                && reason.is_none_or(|reason| it["reason"] == reason)
        })
    })
}

/// Asks the requests of a case; how many.
async fn asked(name: &str) -> usize {
    let text = fs::read_to_string(fixture(name, "requests.yaml")).expect("a table of requests");
    let table: Value = serde_saphyr::from_str(&text).expect("a table of requests");
    let mut count = 0;
    for case in table["cases"].as_array().into_iter().flatten() {
        if case.get("step").is_none() {
            ask(name, &table, case).await;
            count += 1;
        }
    }
    count
}

async fn ask(name: &str, table: &Value, case: &Value) {
    let of = |field: &str| case.get(field).or_else(|| table.get(field));
    let gateway = of("gateway").and_then(Value::as_str).expect("a Gateway");
    let gateway = gateway.rsplit('/').next().expect("a name");
    let expect = &case["expect"];
    if expect["refused"] == true {
        let live = kubectl::get(&["-n", SYSTEM, "gateway", gateway]).await.expect("a Gateway");
        let told = live["status"]["addresses"].as_array().cloned().unwrap_or_default();
        for at in told.iter().filter_map(|it| it["value"].as_str()?.parse().ok()) {
            let sni = case["sni"].as_str().expect("an SNI");
            let shaken = Secured::connect(SocketAddr::new(at, 443), sni, &["http/1.1"]).await;
            assert!(shaken.is_err(), "{name}: {case}");
        }
        return;
    }
    let at = address(SYSTEM, gateway).await;
    let port = of("port").and_then(Value::as_u64).expect("a port") as u16;
    let host = of("host").and_then(Value::as_str).unwrap_or("any.example");
    let path = of("path").and_then(Value::as_str).unwrap_or("/");
    let method = of("method").and_then(Value::as_str).unwrap_or("GET");
    let headers: Vec<(&str, &str)> = case["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (&**name, value.as_str().expect("one value")))
        .collect();
    let text = request(method, host, path, &headers, "");
    let sni = case["sni"].as_str();
    let what = format!("{name}: {case}");
    if let Some(shares) = expect["to"].as_object() {
        return shared(&what, at, port, &text, shares).await;
    }
    // A route is served a moment after it is told to be.
    kubectl::until(&what, PATIENCE, async || {
        let answer = exchange(SocketAddr::new(at, port), sni, &text).await;
        agrees(expect, &answer).then_some(())
    })
    .await;
}

async fn exchange(at: SocketAddr, sni: Option<&str>, text: &str) -> Answer {
    let mut client = match sni {
        Some(sni) => {
            let secured = Secured::connect(at, sni, &["http/1.1"]).await;
            secured.expect("a handshake").http1()
        }
        None => Http1::connect(at).await.expect("a connection"),
    };
    client.exchange(text).await.expect("an answer")
}

/// Whether an answer is the expected one; what the backend saw is its body.
fn agrees(expect: &Value, answer: &Answer) -> bool {
    if let Some(status) = expect["status"].as_u64() {
        return u64::from(answer.status) == status;
    }
    let Ok(seen) = serde_json::from_slice::<Value>(&answer.body) else { return false };
    let forwarded = &expect["forwarded"];
    let field = |name: &str| {
        let all = seen["headers"].as_object()?.iter().find(|it| it.0.eq_ignore_ascii_case(name))?;
        let all = all.1.as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>();
        Some(all.join(","))
    };
    let wanted = forwarded["headers"].as_object().into_iter().flatten();
    let absent = forwarded["absent"].as_array().into_iter().flatten().filter_map(Value::as_str);
    answer.status == 200
        && expect["to"] == format!("{}/{}", text(&seen, "namespace"), text(&seen, "service"))
        && forwarded["path"].as_str().is_none_or(|path| seen["path"] == path)
        && forwarded["host"].as_str().is_none_or(|host| seen["host"] == host)
        && wanted.into_iter().all(|(name, value)| field(name).as_deref() == value.as_str())
        && absent.into_iter().all(|name| field(name).is_none())
}

/// Asks often, and compares how the requests were divided.
async fn shared(
    what: &str,
    at: std::net::IpAddr,
    port: u16,
    text: &str,
    shares: &serde_json::Map<String, Value>,
) {
    let mut client = Http1::connect(SocketAddr::new(at, port)).await.expect("a connection");
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..SHARED {
        let answer = client.exchange(text).await.expect("an answer");
        let seen: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let backend =
            format!("{}/{}", self::text(&seen, "namespace"), self::text(&seen, "service"));
        *counts.entry(backend).or_default() += 1;
    }
    let total: u64 = shares.values().filter_map(Value::as_u64).sum();
    for (backend, weight) in shares {
        let wanted = SHARED * weight.as_u64().unwrap_or_default() / total;
        let found = counts.get(backend).copied().unwrap_or_default();
        assert!(wanted.abs_diff(found) <= SHARED / 50, "{what}: {counts:?}");
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

/// Checks the annotation of the page on the Service of a Gateway.
async fn annotated(gateway: &str, wanted: Option<&str>) {
    let selector = format!("gateway.networking.k8s.io/gateway-name={gateway}");
    let what = format!("the Service of {gateway} has the annotation {wanted:?}");
    kubectl::until(&what, PATIENCE, async || {
        let all = kubectl::get(&["-n", SYSTEM, "services", "-l", &selector]).await?;
        let service = all["items"].as_array()?.first()?.clone();
        let found = service["metadata"]["annotations"].get(ANNOTATION).and_then(Value::as_str);
        (found == wanted).then_some(())
    })
    .await;
}

/// Whether the page's NetworkPolicy lets our proxies in, by the labels of their namespace. This
/// cluster does not enforce policies, so that is read and not tried.
async fn lets_in(manifest: &PathBuf) -> String {
    let policy: Value =
        serde_saphyr::from_str(&fs::read_to_string(manifest).expect("a policy")).expect("YAML");
    let wanted = &policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"];
    let namespace = kubectl::get(&["namespace", SYSTEM]).await.expect("a namespace");
    let labels = &namespace["metadata"]["labels"];
    let wanted = wanted.as_object().expect("labels");
    assert!(wanted.iter().all(|(name, value)| labels.get(name) == Some(value)), "{labels}");
    let proxies = pods(SYSTEM, "app.kubernetes.io/name=portcullis-proxy").await;
    assert!(proxies.len() >= 2, "the proxies are in the namespace that it lets in: {proxies:?}");
    format!(
        "the policy lets in {} proxies of namespace {SYSTEM} (read from labels: this cluster does \
         not enforce policies)",
        proxies.len()
    )
}

/// Names of the thirteen, in order.
fn names() -> Vec<String> {
    let all = fs::read_dir(fixture("", "")).expect("fixtures/seed").flatten();
    let mut names: Vec<String> = all
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with("14-"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 13);
    names
}

/// Every Service that the platform of the seeds has, as `namespace/name`, and the user's own.
fn backends() -> Vec<String> {
    let text = fs::read_to_string(fixture("", "platform.yaml")).expect("the platform");
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    let name = |it: &Value| format!("{}/{}", text_of(it, "namespace"), text_of(it, "name"));
    let services = documents.iter().filter(|it| it["kind"] == "Service");
    services.map(name).chain(["tenant/example-app".to_owned()]).collect()
}

fn text_of<'v>(object: &'v Value, field: &str) -> &'v str {
    text(&object["metadata"], field)
}

/// A pod that answers for a Service, and the Service unless the user's manifest brings it.
fn backend(service: &str) -> String {
    let (namespace, name) = service.split_once('/').expect("namespace/name");
    let deployment =
        include_str!("backend.yaml").replace("PLACE", namespace).replace("BACKEND", name);
    match name {
        "example-app" => deployment,
        _ => format!(
            "{deployment}---\napiVersion: v1\nkind: Service\n\
             metadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  \
             selector: {{app: {name}}}\n  \
             ports: [{{name: http, port: 80, targetPort: 8080}}]\n---\n"
        ),
    }
}

fn certificate() -> String {
    let certificate = Certificate::of(&["example-app.example.com"]);
    crate::place::secret(SYSTEM, &certificate).replace("name: steady", "name: example-app-cert")
}

fn fixture(name: &str, file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../fixtures/seed", name, file].iter().collect()
}

/// Where the page has its Gateways.
const SYSTEM: &str = "gateway-system";
const ANNOTATION: &str = "service.beta.kubernetes.io/azure-load-balancer-internal";
/// Requests of a case that divides them.
const SHARED: u64 = 1000;
