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
    http::{Failure, Up},
    io::Io,
    local::Local,
    telemetry::Connect,
    upstream::{Alive, Upstream, address},
};

/// Connects, within the bound of [`defaults::CONNECT_TIME`].
pub(super) async fn connect(
    local: &Rc<Local>,
    upstream: &Upstream<'_>,
    endpoint: Endpoint,
) -> Result<Up, Failure> {
    let deadline = Instant::now() + defaults::CONNECT_TIME;
    match upstream.backend.protocol {
        UpstreamProtocol::Http1 => {
            let (io, alive) = open(local, upstream, endpoint, deadline).await?;
            Ok(Up::H1(Box::new(ClientConn::new(io, alive))))
        }
        UpstreamProtocol::H2c => {
            let sharing = share(local, upstream, endpoint, deadline);
            timeout_at(deadline, sharing).await.unwrap_or(Err(Failure::ConnectTimeout))
        }
    }
}

/// Opens an HTTP/2 connection that others share, or waits for one that is being opened.
async fn share(
    local: &Rc<Local>,
    upstream: &Upstream<'_>,
    endpoint: Endpoint,
    deadline: Instant,
) -> Result<Up, Failure> {
    let gate = local.pools.gate(upstream.slot, endpoint);
    let _turn = match &gate {
        Some(gate) => gate.acquire().await.ok(),
        None => None,
    };
    if let Some(up) = local.pools.take(upstream.slot, endpoint) {
        return Ok(up);
    }
    let (io, alive) = open(local, upstream, endpoint, deadline).await?;
    let connection = h2::ClientConnection::start(io, alive);
    let stream = Box::new(connection.stream());
    local.pools.share(upstream.slot, &upstream.backend.id, endpoint, connection);
    Ok(Up::H2(stream))
}

/// Opens a TCP connection and counts it.
async fn open(
    local: &Rc<Local>,
    upstream: &Upstream<'_>,
    endpoint: Endpoint,
    deadline: Instant,
) -> Result<(Io, Alive), Failure> {
    let cells = local.telemetry.upstream(&upstream.backend.id);
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
    Ok((Io::plain(stream), alive))
}
