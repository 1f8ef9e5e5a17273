//! Requests to the API server: pages of a list, the lines of a watch, one object. Each is bounded
//! in time and size. What an answer means for the kind that was asked for is decided elsewhere.

use std::{collections::BTreeMap, fmt, time::Duration};

use api::{kind::Kind, meta::NamespacedName, names::ANNOTATION_BUNDLE_VERSION};
use bytes::{Buf as _, Bytes, BytesMut};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::{Pace, fault::Fault};

/// The API server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(super) client: kube::Client,
    pub(super) pace: Pace,
}

/// What is read of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    /// The version to ask for: the newest that we read and the server serves.
    pub(crate) version: &'static str,
    /// Whether only metadata is asked for.
    pub(crate) names_only: bool,
}

/// An object as it came, with what its bookkeeping says.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) name: NamespacedName,
    pub(crate) version: Box<str>,
    pub(crate) json: Bytes,
}

/// A page of a list.
pub(crate) struct Page {
    pub(crate) objects: Vec<Seen>,
    /// Where to go on, if there is more.
    pub(crate) next: Option<String>,
    /// The state that the list shows.
    pub(crate) version: String,
}

/// What a watch tells.
#[derive(Debug)]
pub(crate) enum Told {
    Put(Seen),
    Gone(NamespacedName),
    /// Nothing happened up to this state.
    Bookmark,
}

impl Target {
    pub(crate) fn new(kind: Kind, version: &'static str) -> Self {
        let names_only = matches!(kind, Kind::Secret | Kind::ConfigMap | Kind::Namespace);
        Self { kind, version, names_only }
    }

    /// The path of all objects of the kind.
    fn path(&self) -> String {
        let (version, plural) = (self.version, self.kind.plural());
        match self.kind.group() {
            "" => format!("/api/{version}/{plural}"),
            group => format!("/apis/{group}/{version}/{plural}"),
        }
    }

    fn path_of(&self, name: &NamespacedName) -> String {
        let all = self.path();
        let (collection, plural) = all.rsplit_once('/').unwrap_or_default();
        match &*name.namespace {
            "" => format!("{all}/{}", name.name),
            namespace => format!("{collection}/namespaces/{namespace}/{plural}/{}", name.name),
        }
    }
}

impl fmt::Display for Target {
    /// As in RBAC rules.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.plural())?;
        match self.kind.group() {
            "" => Ok(()),
            group => write!(f, ".{group}"),
        }
    }
}

impl Server {
    /// A page of all objects, from the start or from where the last page ended.
    pub(crate) async fn list(&self, target: Target, next: Option<&str>) -> Result<Page, Fault> {
        let mut path = format!("{}?limit={PAGE_OBJECTS}", target.path());
        if let Some(next) = next {
            path = format!("{path}&continue={}", escaped(next));
        }
        let accept = if target.names_only { NAMES_OF_LIST } else { JSON };
        let bytes = self.get(&path, accept).await?;
        page(&bytes).map_err(|error| Fault::malformed(&error))
    }

    /// One object as a whole; none if there is none.
    pub(crate) async fn object(
        &self,
        target: Target,
        name: &NamespacedName,
    ) -> Result<Option<Seen>, Fault> {
        match self.get(&target.path_of(name), JSON).await {
            Ok(json) => seen(json).map(Some).map_err(|error| Fault::malformed(&error)),
            Err(Fault::Absent) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The release of the Gateway API that the server's definitions are from; none if they do not
    /// say, or are not there.
    pub(crate) async fn release(&self) -> Result<Option<String>, Fault> {
        let json = match self.get(DEFINITION, NAMES).await {
            Ok(json) => json,
            Err(Fault::Absent) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let Definition { metadata } =
            serde_json::from_slice(&json).map_err(|error| Fault::malformed(&error))?;
        Ok(metadata.annotations.unwrap_or_default().remove(ANNOTATION_BUNDLE_VERSION))
    }

    /// Everything that happens from a state on.
    pub(crate) async fn watch(&self, target: Target, version: &str) -> Result<Watch, Fault> {
        // At different times for all kinds, so that they do not come back all at once.
        let seconds = fastrand::u32(WATCH_SECONDS);
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={}",
            target.path(),
            escaped(version),
        );
        let accept = if target.names_only { NAMES } else { JSON };
        let response = self.send(&path, accept, None).await?;
        let body = success(response, self.pace.silence).await?;
        Ok(Watch { body, buffer: BytesMut::new(), silence: self.pace.silence })
    }

    /// Reads a whole answer.
    async fn get(&self, path: &str, accept: &str) -> Result<Bytes, Fault> {
        let response = self.send(path, accept, None).await?;
        let body = success(response, self.pace.answer).await?;
        collect(body, self.pace.answer).await
    }

    /// Reads a whole answer, unless it is still the one of this tag.
    pub(crate) async fn get_newer(
        &self,
        path: &str,
        accept: &str,
        tag: Option<&str>,
    ) -> Result<Option<(Option<String>, Bytes)>, Fault> {
        let response = self.send(path, accept, tag).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
        let tag = tag.map(ToOwned::to_owned);
        let body = success(response, self.pace.answer).await?;
        Ok(Some((tag, collect(body, self.pace.answer).await?)))
    }

    async fn send(
        &self,
        path: &str,
        accept: &str,
        tag: Option<&str>,
    ) -> Result<Response<Body>, Fault> {
        let mut request = Request::get(path).header(header::ACCEPT, accept);
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let request = request.body(Body::empty()).map_err(|error| Fault::malformed(&error))?;
        match timeout(self.pace.answer, self.client.send(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Fault::unreachable(&error)),
            Err(_) => Err(Fault::Silent),
        }
    }
}

/// The lines of a watch as they come.
pub(crate) struct Watch {
    body: Body,
    buffer: BytesMut,
    silence: Duration,
}

impl Watch {
    /// What was told since the last call, and the state after it; none when the server ended the
    /// watch, as it does now and then.
    pub(crate) async fn next(&mut self) -> Result<Option<(Vec<Told>, String)>, Fault> {
        loop {
            if let Some(end) = self.buffer.iter().rposition(|byte| *byte == b'\n') {
                let lines = self.buffer.split_to(end + 1).freeze();
                if let Some(told) = told(&lines)? {
                    return Ok(Some(told));
                }
                continue;
            }
            let frame =
                timeout(self.silence, self.body.frame()).await.map_err(|_| Fault::Silent)?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Fault::unreachable(&error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(Fault::malformed(&"a line of a watch has no end"));
            }
        }
    }
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    type_: String,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Bookkeeping {
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    namespace: String,
    resource_version: String,
}

#[derive(Deserialize)]
struct Definition {
    metadata: Marks,
}

#[derive(Deserialize)]
struct Marks {
    annotations: Option<BTreeMap<String, String>>,
}

fn page(bytes: &Bytes) -> serde_json::Result<Page> {
    let List { metadata, items } = serde_json::from_slice(bytes)?;
    let items = items.unwrap_or_default();
    let objects: Result<_, _> =
        items.iter().map(|item| seen(bytes.slice_ref(item.get().as_bytes()))).collect();
    let next = Some(metadata.next).filter(|next| !next.is_empty());
    Ok(Page { objects: objects?, next, version: metadata.resource_version })
}

fn seen(json: Bytes) -> serde_json::Result<Seen> {
    let Bookkeeping { metadata } = serde_json::from_slice(&json)?;
    let Metadata { name, namespace, resource_version } = metadata;
    let name = NamespacedName::new(namespace, name);
    Ok(Seen { name, version: resource_version.into(), json })
}

/// Reads whole lines; none if they say nothing.
fn told(lines: &Bytes) -> Result<Option<(Vec<Told>, String)>, Fault> {
    let mut all = Vec::new();
    let mut version = String::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: Line<'_> =
            serde_json::from_slice(line).map_err(|error| Fault::malformed(&error))?;
        let object = lines.slice_ref(line.object.get().as_bytes());
        if line.type_ == "ERROR" {
            return Err(Fault::of_status(None, &object, None));
        }
        let seen = seen(object).map_err(|error| Fault::malformed(&error))?;
        version.clear();
        version.push_str(&seen.version);
        all.push(match &*line.type_ {
            "ADDED" | "MODIFIED" => Told::Put(seen),
            "DELETED" => Told::Gone(seen.name),
            _ => Told::Bookmark,
        });
    }
    Ok((!all.is_empty()).then_some((all, version)))
}

/// The body of an answer that is what was asked for.
async fn success(response: Response<Body>, patience: Duration) -> Result<Body, Fault> {
    let status = response.status();
    if status.is_success() {
        return Ok(response.into_body());
    }
    let wait = response.headers().get(header::RETRY_AFTER);
    let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    let body = collect(response.into_body(), patience).await.unwrap_or_default();
    Err(Fault::of_status(Some(status), &body, wait))
}

/// A whole body. The server may be slow, but not silent.
async fn collect(mut body: Body, patience: Duration) -> Result<Bytes, Fault> {
    let mut whole = BytesMut::new();
    loop {
        let frame = timeout(patience, body.frame()).await.map_err(|_| Fault::Silent)?;
        let Some(frame) = frame else { return Ok(whole.freeze()) };
        let frame = frame.map_err(|error| Fault::unreachable(&error))?;
        let Ok(mut data) = frame.into_data() else { continue };
        if whole.len() + data.len() > ANSWER_BYTES_MAX {
            return Err(Fault::malformed(&format!("more than {ANSWER_BYTES_MAX} bytes")));
        }
        whole.extend_from_slice(&data.copy_to_bytes(data.len()));
    }
}

/// Text as a value of a query (RFC 3986 §2.3).
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match plain(byte) {
            true => out.push(char::from(byte)),
            false => out += &format!("%{byte:02X}"),
        }
    }
    out
}

/// All definitions of a release name it; this one has no objects of ours without it.
const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/\
                          gatewayclasses.gateway.networking.k8s.io";
const JSON: &str = "application/json";
const NAMES: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const NAMES_OF_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// Objects of a page.
const PAGE_OBJECTS: u32 = 500;
/// Bytes of an answer; a page of the largest objects that etcd takes has more, and no cluster has
/// such a page.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// Bytes of an event: an object and some.
const LINE_BYTES_MAX: usize = 8 << 20;
/// How long a watch is asked to last.
const WATCH_SECONDS: std::ops::Range<u32> = 240..300;
