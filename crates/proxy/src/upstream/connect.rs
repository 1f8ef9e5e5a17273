//! New connections to endpoints.

use std::rc::Rc;

use ir::{Endpoint, UpstreamProtocol};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{
    defaults,
    h1::ClientConn,
    h2,
    http::{Failure, StreamError, Up},
    io::Io,
    local::Local,
    telemetry::Connect,
    upstream::{Alive, Upstream, address},
};

/// Connects, and leaves an HTTP/2 connection in the pool for others to share.
pub(super) async fn connect(
    local: &Rc<Local>,
    upstream: &Upstream<'_>,
    endpoint: Endpoint,
) -> Result<Up, Failure> {
    let cells = local.telemetry.upstream(&upstream.backend.id);
    let deadline = Instant::now() + defaults::CONNECT_TIME;
    let stream = match timeout_at(deadline, TcpStream::connect(address(endpoint))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, backend = %upstream.backend.id, "no connection to an endpoint");
            cells.connected(Connect::Failed);
            return Err(Failure::ConnectFailed);
        }
        Err(_) => {
            cells.connected(Connect::TimedOut);
            return Err(Failure::ConnectTimeout);
        }
    };
    cells.connected(Connect::Connected);
    let alive = Alive(cells);
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection to an endpoint keeps Nagle's algorithm");
    }
    let io = Io::plain(stream);
    match upstream.backend.protocol {
        UpstreamProtocol::Http1 => Ok(Up::H1(ClientConn::new(io, alive))),
        UpstreamProtocol::H2c => {
            let started = timeout_at(deadline, h2::ClientConnection::start(io, alive)).await;
            let connection = match started {
                Ok(Ok(connection)) => connection,
                Ok(Err(StreamError::Malformed(_))) => return Err(Failure::MalformedResponse),
                Ok(Err(_)) => return Err(Failure::ConnectFailed),
                Err(_) => return Err(Failure::ConnectTimeout),
            };
            let stream = connection.stream();
            local.pools.share(upstream.slot, &upstream.backend.id, endpoint, connection);
            Ok(Up::H2(stream))
        }
    }
}
