//! What a controller answers about itself: `/ready`, `/live` and `/metrics`. Nothing of it is
//! secret.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// What the pages say.
pub(crate) trait Pages: Send + Sync + 'static {
    /// Whether it does what it is there for; otherwise why not.
    fn ready(&self) -> Result<(), &'static str>;
    /// Whether another start would help it.
    fn live(&self) -> Result<(), &'static str>;
    /// All figures, in Prometheus' text format.
    fn metrics(&self) -> String;
}

/// Answers until it is dropped.
pub(crate) async fn serve(socket: TcpListener, pages: Arc<impl Pages>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match socket.accept().await {
            Ok((stream, _)) => {
                let pages = pages.clone();
                tokio::spawn(async move {
                    converse(stream, pages).await;
                    drop(place);
                });
            }
            // Out of file descriptors: wait for some to be given back.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn converse(stream: TcpStream, pages: Arc<impl Pages>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&request, &*pages);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(IDLE_MAX).max_buf_size(BUFFER_BYTES);
    let serving = connection.serve_connection(TokioIo::new(stream), answer);
    // What goes wrong here is the client's connection, and the client sees it.
    let _ = tokio::time::timeout(CONNECTION_MAX, serving).await;
}

fn answer<B>(request: &Request<B>, pages: &impl Pages) -> Response<Full<Bytes>> {
    let verdict = |verdict: Result<(), &'static str>| match verdict {
        Ok(()) => (StatusCode::OK, "yes\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("no: {why}\n")),
    };
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/ready") => verdict(pages.ready()),
        (&Method::GET | &Method::HEAD, "/live") => verdict(pages.live()),
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, pages.metrics()),
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, "pages: /ready /live /metrics\n".to_owned())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// Probes, scrapes, and somebody who looks.
const CONNECTIONS_MAX: usize = 64;
/// Without a request for that long a connection is closed,
const IDLE_MAX: Duration = Duration::from_secs(30);
/// and in any case after that.
const CONNECTION_MAX: Duration = Duration::from_secs(600);
const BUFFER_BYTES: usize = 16 << 10;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    struct Half;

    impl Pages for Half {
        fn ready(&self) -> Result<(), &'static str> {
            Err("not yet")
        }

        fn live(&self) -> Result<(), &'static str> {
            Ok(())
        }

        fn metrics(&self) -> String {
            "figure 1\n".to_owned()
        }
    }

    #[test]
    fn each_page_answers_with_what_it_is_about() {
        for (method, path, status) in [
            ("GET", "/ready", 503),
            ("HEAD", "/live", 200),
            ("GET", "/metrics", 200),
            ("GET", "/secrets", 404),
            ("POST", "/live", 405),
        ] {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            assert_eq!(answer(&request, &Half).status().as_u16(), status, "{method} {path}");
        }
    }
}
