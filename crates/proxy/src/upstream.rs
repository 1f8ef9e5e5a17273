//! Connections to endpoints: which endpoint, which connection, and what becomes of it afterwards.
//!
//! Every worker has pools of its own, so that taking and giving back a connection is a push and a
//! pop. What a request needs of a connection is [`crate::http::Up`]; when to try again is
//! `http::retry`'s.

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use ir::Endpoint;
use router::BackendSlot;

use crate::{
    http::{Failure, Up},
    limits,
    live::BackendLive,
    local::Local,
    telemetry::UpstreamCells,
};

mod balance;
mod connect;
mod pool;

pub(crate) use balance::{Tried, pick};
pub(crate) use pool::Pools;

/// A connection or stream that is ready for one request.
pub(crate) struct Checkout {
    /// It.
    pub(crate) up: Up,
    /// Whether it served a request before: then the endpoint may be about to close it.
    pub(crate) reused: bool,
}

/// A backend as one request sees it.
#[derive(Clone, Copy)]
pub(crate) struct Upstream<'l> {
    /// Its place in the tables of this worker.
    pub(crate) slot: BackendSlot,
    /// Its name, protocol and endpoints.
    pub(crate) backend: &'l Arc<BackendLive>,
}

impl Upstream<'_> {
    /// A connection to one of its endpoints: an idle one, or else a new one. `fresh` asks for a new
    /// one in any case.
    ///
    /// The caller bounds the time of the whole; a new connection has its own bound too.
    pub(crate) async fn check_out(
        &self,
        local: &Rc<Local>,
        endpoint: Endpoint,
        fresh: bool,
    ) -> Result<Checkout, Failure> {
        if !fresh && let Some(up) = local.pools.take(self.slot, endpoint) {
            return Ok(Checkout { up, reused: true });
        }
        let pending_max = local.shared.options.pending_max;
        let _waiting = local.pools.wait(self.slot, pending_max).ok_or(Failure::Overflow)?;
        // Boxed: it is rare, and its room would be kept for it in every idle connection.
        let up = Box::pin(connect::connect(local, self, endpoint)).await?;
        Ok(Checkout { up, reused: false })
    }

    /// Gives a connection back after its exchange. One on which something is left over is closed.
    pub(crate) fn check_in(&self, local: &Rc<Local>, endpoint: Endpoint, up: Up) {
        check_in(local, self.slot, &self.backend.id, endpoint, up);
    }
}

/// As [`Upstream::check_in`], where the table that the slot is of may be gone.
pub(crate) fn check_in(
    local: &Rc<Local>,
    slot: BackendSlot,
    backend: &ir::Id<ir::Backend>,
    endpoint: Endpoint,
    up: Up,
) {
    // A stream of HTTP/2 ends by being dropped; its connection never left the pool.
    if let Up::H1(conn) = up
        && conn.is_reusable()
    {
        local.pools.put(slot, backend, endpoint, conn);
    }
}

/// A connection to an endpoint that counts as open until this is dropped.
pub(crate) struct Alive(Arc<UpstreamCells>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.closed();
    }
}

/// The socket address of an endpoint.
pub(crate) fn address(endpoint: Endpoint) -> SocketAddr {
    SocketAddr::new(endpoint.address, endpoint.port)
}

/// Looks after idle connections as long as the worker is there.
pub(crate) async fn sweep(local: std::rc::Weak<Local>) {
    loop {
        tokio::time::sleep(limits::POOL_SWEEP).await;
        match local.upgrade() {
            Some(local) => local.pools.sweep(),
            None => return,
        }
    }
}
