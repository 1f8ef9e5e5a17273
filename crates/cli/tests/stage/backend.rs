//! Backends: they tell what arrived and who they are, or misbehave as they were told.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{
    body::{Body, Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};

use super::{
    answer::Echo,
    frames::{self, CLOSE},
};

/// How a backend answers.
#[derive(Clone)]
pub(crate) enum Script {
    /// With what arrived; WebSockets and gRPC by sending back what comes.
    Echo,
    /// The same, once there is a permit for it.
    Gated(Arc<Semaphore>),
    /// With the beginning of a response and, once there is a permit for it, a reset.
    Reset(Arc<Semaphore>),
}

/// A server on loopback for HTTP/1.1 and HTTP/2 by prior knowledge.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

/// What arrived.
#[derive(Default)]
struct Seen {
    count: AtomicUsize,
    last: Mutex<VecDeque<Echo>>,
}

impl Backend {
    /// One that says its name in every answer.
    pub(crate) async fn named(name: &str) -> Self {
        Self::start(name, Script::Echo).await
    }

    pub(crate) async fn start(name: &str, script: Script) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("bound");
        let seen = Arc::new(Seen::default());
        let task = tokio::spawn(accept(socket, name.into(), script, seen.clone()));
        Self { address, seen, task }
    }

    /// How many requests arrived.
    pub(crate) fn count(&self) -> usize {
        self.seen.count.load(Ordering::SeqCst)
    }

    /// The last requests that arrived, oldest first.
    pub(crate) fn last(&self) -> Vec<Echo> {
        self.seen.last.lock().iter().cloned().collect()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(socket: TcpListener, name: Arc<str>, script: Script, seen: Arc<Seen>) {
    while let Ok((stream, _)) = socket.accept().await {
        stream.set_nodelay(true).expect("a socket");
        let (name, seen) = (name.clone(), seen.clone());
        match &script {
            Script::Echo => drop(tokio::spawn(converse(stream, name, None, seen))),
            Script::Gated(gate) => {
                drop(tokio::spawn(converse(stream, name, Some(gate.clone()), seen)));
            }
            Script::Reset(gate) => drop(tokio::spawn(reset(stream, gate.clone(), seen))),
        }
    }
}

async fn converse(
    stream: TcpStream,
    name: Arc<str>,
    gate: Option<Arc<Semaphore>>,
    seen: Arc<Seen>,
) {
    let service = service_fn(move |request| {
        let (name, gate, seen) = (name.clone(), gate.clone(), seen.clone());
        async move { Ok::<_, Infallible>(answer(request, &name, gate, &seen).await) }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    // What breaks here, the other side sees.
    let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

type Outgoing = BoxBody<Bytes, hyper::Error>;

async fn answer(
    request: Request<Incoming>,
    name: &str,
    gate: Option<Arc<Semaphore>>,
    seen: &Seen,
) -> Response<Outgoing> {
    let is = |field, value: &str| request.headers().get(field).is_some_and(|it| it == value);
    if is(header::UPGRADE, "websocket") {
        seen.count.fetch_add(1, Ordering::SeqCst);
        return websocket(request);
    }
    if is(header::CONTENT_TYPE, "application/grpc") {
        seen.count.fetch_add(1, Ordering::SeqCst);
        let body = GrpcEcho { body: request.into_body(), ended: false };
        let response = Response::builder().header(header::CONTENT_TYPE, "application/grpc");
        return response.body(body.boxed()).expect("a response");
    }
    let echo = observe(request, name).await;
    let text = serde_json::to_vec(&echo).expect("JSON");
    {
        let mut last = seen.last.lock();
        last.push_back(echo);
        if last.len() > KEPT_MAX {
            last.pop_front();
        }
        seen.count.fetch_add(1, Ordering::SeqCst);
    }
    if let Some(gate) = gate {
        gate.acquire().await.expect("never closed").forget();
    }
    let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
    response.body(whole(text.into())).expect("a response")
}

async fn observe(request: Request<Incoming>, name: &str) -> Echo {
    let (head, body) = request.into_parts();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
        .collect();
    let authority = head.uri.authority().map(ToString::to_string);
    let host = head.headers.get(header::HOST).map(|host| text(host.as_bytes()));
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Echo {
        backend: name.to_owned(),
        version: format!("{:?}", head.version),
        method: head.method.to_string(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        host: authority.or(host).unwrap_or_default(),
        headers,
        body: text(&body),
    }
}

fn websocket(mut request: Request<Incoming>) -> Response<Outgoing> {
    let key = request.headers().get("sec-websocket-key").and_then(|key| key.to_str().ok());
    let accept = frames::accept(key.unwrap_or_default());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut wire = TokioIo::new(upgraded);
        while let Ok(frame) = frames::read(&mut wire, true).await {
            if frames::write(&mut wire, &frame, false).await.is_err() || frame.code == CLOSE {
                return;
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header("sec-websocket-accept", accept)
        .body(whole(Bytes::new()))
        .expect("a response")
}

fn whole(bytes: Bytes) -> Outgoing {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// Sends back what comes as it comes, then `grpc-status: 0`.
struct GrpcEcho {
    body: Incoming,
    ended: bool,
}

impl Body for GrpcEcho {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_some() {
            return Poll::Ready(frame);
        }
        self.ended = true;
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

/// Reads the head of a request, writes a part of a response, and resets the connection.
async fn reset(mut stream: TcpStream, gate: Arc<Semaphore>, seen: Arc<Seen>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return,
        }
    }
    seen.count.fetch_add(1, Ordering::SeqCst);
    let promised = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
    let bytes = format!("{promised}{BEGINNING}");
    if stream.write_all(bytes.as_bytes()).await.is_ok() {
        gate.acquire().await.expect("never closed").forget();
        stream.set_zero_linger().expect("a socket");
    }
}

/// What comes of a body before the reset.
pub(crate) const BEGINNING: &str = "the beginning";
const KEPT_MAX: usize = 64;
