//! One connection of a proxy: TLS, HTTP/2, one stream, farewell.

use std::{convert::Infallible, pin::pin, sync::Arc};

use http::{Request, Response, header::AUTHORIZATION};
use hyper::{body::Incoming, server::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use ir::wire::{
    frame::{FromController, FromProxy},
    limits::PROXY_WORD_BYTES_MAX,
};
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use tokio_rustls::TlsAcceptor;
use tonic::{Status, server::Grpc};
use tonic_prost::ProstCodec;

use super::{House, METHOD, limits, session::Opening};

/// Serves it to its end.
pub(super) async fn serve(stream: TcpStream, tls: Arc<ServerConfig>, house: &Arc<House>) {
    let _present = house.figures.connections.present();
    let limits = house.limits;
    // Small steps must not wait for more.
    let _ = stream.set_nodelay(true);
    let stream = match timeout(limits.handshake, TlsAcceptor::from(tls).accept(stream)).await {
        Ok(Ok(stream)) => stream,
        // Anybody can cause this.
        Ok(Err(error)) => {
            house.figures.broken.count();
            return tracing::debug!(%error, "no TLS with a proxy");
        }
        Err(_) => return house.figures.broken.count(),
    };
    let (ticket, mut over) = mpsc::channel(1);
    let ticket = Arc::new(Mutex::new(Some(ticket)));
    let service = {
        let (house, ticket) = (house.clone(), ticket.clone());
        hyper::service::service_fn(move |request| {
            let (house, ticket) = (house.clone(), ticket.lock().take());
            async move { Ok::<_, Infallible>(answer(request, house, ticket).await) }
        })
    };
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.keepalive)
        .keep_alive_timeout(limits.keepalive_answer)
        .max_concurrent_streams(limits::STREAMS_MAX)
        .max_header_list_size(limits::HEADER_BYTES_MAX)
        .max_send_buf_size(limits::SEND_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut ended = house.ended.clone();
    let idle = async {
        tokio::select! {
            () = tokio::time::sleep(limits.handshake) => {}
            _ = ended.wait_for(|ended| *ended) => {}
        }
        // Nobody who comes later is served.
        if ticket.lock().take().is_some() {
            return house.figures.broken.count();
        }
        std::future::pending().await
    };
    tokio::select! {
        ended = connection.as_mut() => return lost(ended),
        () = idle => {}
        // The last ticket was given back: the stream is over.
        _ = over.recv() => {}
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(ended) = timeout(limits.farewell, connection).await {
        lost(ended);
    }
}

/// The ticket is for the one stream that a connection may have.
type Ticket = mpsc::Sender<Infallible>;

async fn answer(
    request: Request<Incoming>,
    house: Arc<House>,
    ticket: Option<Ticket>,
) -> Response<tonic::body::Body> {
    let Some(ticket) = ticket else {
        return Status::resource_exhausted("a connection carries one stream").into_http();
    };
    if request.uri().path() != METHOD {
        return Status::unimplemented(format!("there is only {METHOD}")).into_http();
    }
    let authorization = request.headers().get(AUTHORIZATION).and_then(|text| text.to_str().ok());
    let opening = match Opening::new(house, authorization, ticket).await {
        Ok(opening) => opening,
        Err(status) => return status.into_http(),
    };
    Grpc::new(ProstCodec::<FromController, FromProxy>::new())
        .max_decoding_message_size(PROXY_WORD_BYTES_MAX)
        .streaming(opening, request)
        .await
}

fn lost(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a proxy's connection broke");
    }
}
