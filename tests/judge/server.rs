//! The API server: what it says to an object, asked by dry runs as `kubectl apply --dry-run=server`
//! makes them, with strict fields. Nothing is stored but one namespace, which is taken away again.

use api::kind::Kind;
use http::{Method, Request, StatusCode};
use kube::Client;
use serde_json::{Value, json};

/// What the server says.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Whether it serves the kind at all.
    pub(crate) judged: bool,
    pub(crate) takes: bool,
    /// Whether we differ on purpose.
    pub(crate) excused: bool,
    /// Fields and messages.
    pub(crate) causes: Vec<(String, String)>,
}

/// Makes the namespace in which everything is judged.
pub(crate) async fn prepare(client: &Client) {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let (status, answer) = ask(client, Method::POST, "/api/v1/namespaces", &body).await;
    assert!(status.is_success() || status == StatusCode::CONFLICT, "{answer}");
}

pub(crate) async fn clean(client: &Client) {
    let path = format!("/api/v1/namespaces/{NAMESPACE}");
    ask(client, Method::DELETE, &path, &json!({})).await;
}

/// The CRDs of the Gateway API.
pub(crate) async fn definitions(client: &Client) -> Vec<Value> {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let (status, answer) = ask(client, Method::GET, path, &Value::Null).await;
    assert!(status.is_success(), "{answer}");
    let ours = |definition: &&Value| {
        let group = definition["spec"]["group"].as_str().unwrap_or_default();
        group.starts_with("gateway.networking.")
    };
    let all = answer["items"].as_array().expect("a list");
    all.iter().filter(ours).cloned().collect()
}

pub(crate) async fn verdict(client: &Client, mut object: Value) -> Verdict {
    let version = object["apiVersion"].as_str().unwrap_or_default().to_owned();
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let name = object["kind"].as_str().unwrap_or_default();
    let Some(kind) = Kind::find(group, name) else { return Verdict::default() };
    let root = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
    let mut place = format!("{root}/{version}");
    if kind.namespaced() {
        settle(&mut object["metadata"]);
        place = format!("{place}/namespaces/{NAMESPACE}");
    } else if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    let path =
        format!("{place}/{}?dryRun=All&fieldValidation=Strict&fieldManager=judge", kind.plural());
    let (status, answer) = ask(client, Method::POST, &path, &object).await;
    if status == StatusCode::NOT_FOUND {
        return Verdict::default();
    }
    let text = answer["message"].as_str().unwrap_or_default();
    let named = answer["details"]["causes"].as_array().into_iter().flatten();
    let mut causes: Vec<(String, String)> = named
        .map(|cause| {
            let part = |name: &str| cause[name].as_str().unwrap_or_default().to_owned();
            (part("field"), part("message"))
        })
        .collect();
    if causes.is_empty() && !status.is_success() {
        causes.push((String::new(), text.to_owned()));
    }
    let excused = EXCUSED.iter().any(|excuse| text.contains(excuse));
    // An object of that name is there: everything else was looked at before.
    let takes = status.is_success() || status == StatusCode::CONFLICT;
    Verdict { judged: true, takes, excused, causes }
}

/// A namespace that could be one becomes the one that is there.
fn settle(metadata: &mut Value) {
    let Some(metadata) = metadata.as_object_mut() else { return };
    let could = metadata.get("namespace").and_then(Value::as_str).is_none_or(|name| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let ends = |b: u8| b == b'-';
        name.len() <= 63
            && name.bytes().all(fits)
            && !name.bytes().next().is_some_and(ends)
            && !name.bytes().last().is_some_and(ends)
    });
    let text = metadata.get("namespace").is_none_or(|name| name.is_string() || name.is_null());
    if could && text {
        metadata.insert("namespace".to_owned(), json!(NAMESPACE));
    }
}

async fn ask(client: &Client, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let text = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .body(kube::client::Body::from(text))
        .expect("a request");
    let answer = client.send(request).await.expect("the API server answers");
    let status = answer.status();
    let body = answer.into_body().collect_bytes().await.expect("an answer is read");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

const NAMESPACE: &str = "portcullis-judge";
/// Where the server knows more than we ask: on a laptop, endpoints on loopback addresses are the
/// point; of a Namespace's spec nothing is read; and what families a cluster has is its own affair.
const EXCUSED: [&str; 3] = [
    "may not be in the loopback range",
    "name is neither a standard finalizer name",
    "is not configured on this cluster",
];
