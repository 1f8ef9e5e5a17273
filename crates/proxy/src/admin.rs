//! What operators and probes ask the proxy itself: readiness, metrics, status and configuration.
//!
//! Plain HTTP/1 on the control runtime, away from the workers. It changes nothing, and knows no
//! Kubernetes: what it cannot know, the embedding program renders ([`Views`]). What may be seen
//! from elsewhere is a server of its own ([`Pages::Probes`]).

use std::{
    convert::Infallible,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
};

use ::http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS},
    uri::Authority,
};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use ir::Snapshot;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::{Shared, bind, limits, telemetry};

/// Pages that the embedding program renders, as YAML. None: the page does not exist.
#[derive(Clone, Default)]
pub struct Views {
    /// The status of what users wrote.
    pub status: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    /// The configuration that is served.
    pub config: Option<ConfigView>,
}

/// Renders a configuration.
pub type ConfigView = Arc<dyn Fn(&Snapshot) -> String + Send + Sync>;

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views")
            .field("status", &self.status.is_some())
            .field("config", &self.config.is_some())
            .finish()
    }
}

/// Which pages a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    /// All of them.
    Admin,
    /// What probes and scrapers ask for: nothing that tells of the configuration but its names.
    Probes,
}

impl Pages {
    fn has(self, path: &str) -> bool {
        self == Self::Admin || matches!(path, "/ready" | "/live" | "/metrics")
    }

    fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Probes => "probe",
        }
    }
}

/// Opens the address of a server. Must run inside the control runtime.
///
/// # Errors
/// The address cannot be opened.
pub(crate) fn open(address: SocketAddr, pages: Pages) -> io::Result<TcpListener> {
    let listener = bind::single(address).map_err(|error| {
        let name = pages.name();
        let message =
            format!("the {name} address {address} cannot be opened: {error}; choose another one");
        io::Error::new(error.kind(), message)
    })?;
    TcpListener::from_std(listener)
}

/// Serves for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, pages: Pages, shared: Arc<Shared>) {
    let seats = Arc::new(Semaphore::new(limits::ADMIN_CONNECTIONS_MAX));
    loop {
        // The semaphore is never closed.
        let Ok(seat) = seats.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = shared.clone();
                tokio::spawn(async move {
                    let _seat = seat;
                    connection(stream, pages, shared).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, server = pages.name(), "a connection cannot be taken");
                sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, pages: Pages, shared: Arc<Shared>) {
    let on_loopback = stream.local_addr().is_ok_and(|at| at.ip().to_canonical().is_loopback());
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = shared.clone();
        async move {
            Ok::<_, Infallible>(match on_loopback && !is_for_this_machine(&request) {
                true => page(StatusCode::MISDIRECTED_REQUEST, TEXT, ELSEWHERE.into()),
                false => answer(&request, pages, shared).await,
            })
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::ADMIN_HEAD_TIME)
        .max_buf_size(limits::ADMIN_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = timeout(limits::ADMIN_CONNECTION_TIME, serving).await {
        tracing::debug!(%error, "an admin connection broke");
    }
}

/// Whether a request names what can only be this machine. A page of the web could otherwise read
/// what is here, once its own name leads to loopback (DNS rebinding). Programs may name nothing.
fn is_for_this_machine(request: &Request<Incoming>) -> bool {
    let named = request.headers().get(HOST).map(|host| Authority::try_from(host.as_bytes()));
    match named {
        None => true,
        Some(Err(_)) => false,
        Some(Ok(authority)) => {
            let host = authority.host().trim_start_matches('[').trim_end_matches(']');
            host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
        }
    }
}

async fn answer(
    request: &Request<Incoming>,
    pages: Pages,
    shared: Arc<Shared>,
) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET and HEAD only\n".into());
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match request.uri().path() {
        path if !pages.has(path) => unknown(),
        "/" => page(StatusCode::OK, HTML, INDEX.into()),
        "/live" => page(StatusCode::OK, TEXT, "live\n".into()),
        "/ready" => ready(&shared),
        "/metrics" => {
            let text = render(move || {
                let snapshot = shared.snapshot();
                Some(shared.telemetry.exposition(&snapshot))
            });
            shown(telemetry::CONTENT_TYPE, text.await)
        }
        "/status" => {
            let text = render(move || Some(shared.options.views.status.as_ref()?()));
            shown(YAML, text.await)
        }
        "/config" => {
            let text = render(move || {
                let view = shared.options.views.config.as_ref()?;
                Some(view(&shared.snapshot()))
            });
            shown(YAML, text.await)
        }
        _ => unknown(),
    }
}

fn ready(shared: &Shared) -> Response<Full<Bytes>> {
    let unready = |why: &str| page(StatusCode::SERVICE_UNAVAILABLE, TEXT, why.to_owned());
    match shared.ready.load(Ordering::Acquire) {
        true => page(StatusCode::OK, TEXT, "ready\n".into()),
        false if shared.live.load().revision == 0 => unready("not ready: no configuration yet\n"),
        false => unready("not ready: draining\n"),
    }
}

/// Renders where it may take its time: a large text must not keep a probe waiting.
async fn render(text: impl FnOnce() -> Option<String> + Send + 'static) -> Option<String> {
    tokio::task::spawn_blocking(text).await.unwrap_or_else(|error| {
        tracing::error!(%error, "an admin page could not be rendered");
        None
    })
}

fn shown(kind: &'static str, text: Option<String>) -> Response<Full<Bytes>> {
    text.map_or_else(unknown, |text| page(StatusCode::OK, kind, text))
}

fn unknown() -> Response<Full<Bytes>> {
    page(StatusCode::NOT_FOUND, TEXT, "no such page, / lists them\n".into())
}

fn page(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

const ELSEWHERE: &str = "ask for localhost or an address\n";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
/// Shown by browsers and not offered for download, unlike `application/yaml`.
const YAML: &str = "text/plain; charset=utf-8";

const INDEX: &str = "<!doctype html>\n<title>Portcullis</title>\n<h1>Portcullis</h1>\n<ul>\n\
    <li><a href=\"/ready\">/ready</a> takes traffic, or why not\n\
    <li><a href=\"/live\">/live</a> runs at all\n\
    <li><a href=\"/metrics\">/metrics</a> for Prometheus\n\
    <li><a href=\"/status\">/status</a> of the objects that users wrote\n\
    <li><a href=\"/config\">/config</a> that is served, secrets redacted\n</ul>\n";
