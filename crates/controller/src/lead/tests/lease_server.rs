//! As much of an API server as an election sees, in memory: no sockets, so that a paused clock
//! runs on only when nobody has anything to do.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use kube::{Client, client::Body};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

/// One Lease and whoever looks at it.
#[derive(Clone)]
pub(super) struct LeaseServer {
    state: Arc<Mutex<State>>,
    changes: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    version: u64,
    lease: Option<Value>,
    /// Watch events and their versions.
    log: Vec<(u64, Value)>,
    lines: BTreeMap<&'static str, watch::Sender<bool>>,
    /// Whether nobody has the right to write.
    read_only: bool,
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

impl LeaseServer {
    pub(super) fn new() -> Self {
        Self { state: Arc::default(), changes: watch::Sender::new(()) }
    }

    /// A client whose line can be cut.
    pub(super) fn client(&self, name: &'static str) -> Client {
        let line = watch::Sender::new(true);
        self.state.lock().lines.insert(name, line.clone());
        let server = self.clone();
        let answer = move |request: Request<Body>| {
            let (server, line) = (server.clone(), line.subscribe());
            async move { Ok::<_, Infallible>(server.answer(request, line).await) }
        };
        Client::new(tower::service_fn(answer), "default")
    }

    /// Nothing gets through any more: what is sent waits for an answer.
    pub(super) fn cut(&self, name: &str) {
        self.state.lock().lines[name].send_replace(false);
    }

    pub(super) fn mend(&self, name: &str) {
        self.state.lock().lines[name].send_replace(true);
    }

    /// Takes the right to write away from everybody, or gives it back.
    pub(super) fn read_only(&self, read_only: bool) {
        self.state.lock().read_only = read_only;
    }

    /// As somebody else would: no version is compared.
    pub(super) fn put(&self, lease: Value) {
        self.store("MODIFIED", lease);
    }

    pub(super) fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let mut lease = self.lease();
        edit(&mut lease);
        self.put(lease);
    }

    pub(super) fn delete(&self) {
        let lease = self.lease();
        self.store("DELETED", lease);
        self.state.lock().lease = None;
    }

    pub(super) fn lease(&self) -> Value {
        self.state.lock().lease.clone().unwrap_or_default()
    }

    fn store(&self, event: &str, mut lease: Value) -> Value {
        let mut state = self.state.lock();
        state.version += 1;
        lease["metadata"]["resourceVersion"] = json!(state.version.to_string());
        let entry = (state.version, json!({"type": event, "object": lease}));
        state.log.push(entry);
        state.lease = Some(lease.clone());
        drop(state);
        self.changes.send_replace(());
        lease
    }

    async fn answer(self, request: Request<Body>, mut line: watch::Receiver<bool>) -> Answer {
        let _ = line.wait_for(|up| *up).await;
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let query = uri.query().unwrap_or_default().to_owned();
        let sent = request.into_body().collect().await.unwrap().to_bytes();
        let sent: Value = serde_json::from_slice(&sent).unwrap_or_default();
        let answer = match method {
            Method::GET if query.contains("watch=true") => self.watch(&query, line.clone()),
            Method::GET if uri.path().ends_with("/leases") => self.list(),
            Method::GET => self.named(),
            _ => self.write(method, sent),
        };
        // The way back is cut as well.
        let _ = line.wait_for(|up| *up).await;
        answer
    }

    fn list(&self) -> Answer {
        let state = self.state.lock();
        let items: Vec<&Value> = state.lease.iter().collect();
        let version = state.version.to_string();
        value(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "LeaseList",
            "metadata": {"resourceVersion": version}, "items": items,
        }))
    }

    fn named(&self) -> Answer {
        let lease = self.state.lock().lease.clone();
        lease.map_or_else(|| refusal(StatusCode::NOT_FOUND), value)
    }

    fn write(&self, method: Method, sent: Value) -> Answer {
        if self.state.lock().read_only {
            return refusal(StatusCode::FORBIDDEN);
        }
        let now = self.state.lock().lease.clone();
        let version = &sent["metadata"]["resourceVersion"];
        match (method, now) {
            (Method::POST, None) => value(self.store("ADDED", sent)),
            (Method::PUT, None) => refusal(StatusCode::NOT_FOUND),
            (Method::PUT, Some(now)) if now["metadata"]["resourceVersion"] == *version => {
                value(self.store("MODIFIED", sent))
            }
            _ => refusal(StatusCode::CONFLICT),
        }
    }

    fn watch(&self, query: &str, line: watch::Receiver<bool>) -> Answer {
        let from = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
        let from: u64 = from.and_then(|text| text.parse().ok()).unwrap_or_default();
        let start = (self.clone(), from, line, self.changes.subscribe());
        let events =
            futures_util::stream::unfold(start, |(server, from, mut line, mut news)| async move {
                loop {
                    let _ = line.wait_for(|up| *up).await;
                    let next = server
                        .state
                        .lock()
                        .log
                        .iter()
                        .find(|(version, _)| *version > from)
                        .cloned();
                    if let Some((version, event)) = next {
                        let frame = Frame::data(Bytes::from(format!("{event}\n")));
                        return Some((Ok(frame), (server, version, line, news)));
                    }
                    news.changed().await.ok()?;
                }
            });
        Response::new(StreamBody::new(events).boxed_unsync())
    }
}

fn value(value: Value) -> Answer {
    Response::new(Full::from(value.to_string()).boxed_unsync())
}

fn refusal(code: StatusCode) -> Answer {
    let reason = code.canonical_reason().unwrap_or_default().replace(" ", "");
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "message": code.as_str(),
        "reason": reason, "code": code.as_u16(),
    });
    let mut answer = value(status);
    *answer.status_mut() = code;
    answer
}
