//! What an echo says: its own name, and what arrived.

use std::{collections::BTreeMap, convert::Infallible};

use api::meta::NamespacedName;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, header};
use serde::Serialize;

/// Answers any request with 200 and a JSON text.
pub(super) async fn answer(
    service: NamespacedName,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let joined = headers.entry(name.to_string()).or_default();
        if !joined.is_empty() {
            joined.push_str(", ");
        }
        joined.push_str(&value);
    }
    let host = head.uri.authority().map(ToString::to_string);
    let echo = Echo {
        service: &service.name,
        namespace: &service.namespace,
        method: head.method.as_str(),
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()),
        host: host.or_else(|| headers.get("host").cloned()).unwrap_or_default(),
        protocol: format!("{:?}", head.version),
        body_bytes: count(body).await,
        headers,
    };
    let mut text = serde_json::to_vec_pretty(&echo).unwrap_or_default();
    text.push(b'\n');
    let mut response = Response::new(Full::from(text));
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

/// Reads a body to its end and keeps none of it.
async fn count(mut body: Incoming) -> u64 {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    bytes
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Echo<'a> {
    service: &'a str,
    namespace: &'a str,
    method: &'a str,
    path: &'a str,
    host: String,
    protocol: String,
    headers: BTreeMap<String, String>,
    body_bytes: u64,
}
