//! Connections that wait for their next request, by backend and endpoint.
//!
//! The one used last is taken first, so that what is not needed grows old and goes. Whether a
//! connection still stands is known without a system call. An edit closes only what leads to
//! endpoints that are gone.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use ir::{Backend, Endpoint, Id, UpstreamProtocol};
use router::BackendSlot;
use tokio::sync::Semaphore;

use crate::{
    defaults,
    h1::ClientConn,
    h2,
    http::Up,
    limits,
    live::{BackendLive, Live},
    slots::Slots,
};

/// All pools of one worker.
#[derive(Default)]
pub(crate) struct Pools {
    /// By slot.
    backends: RefCell<Vec<Option<BackendPool>>>,
    /// What they are in line with.
    adopted: RefCell<Slots<BackendLive>>,
    /// Counts the sweeps: the clock by which idle connections grow old.
    sweeps: Cell<u64>,
}

struct BackendPool {
    id: Id<Backend>,
    protocol: UpstreamProtocol,
    /// In the order of [`BackendLive::endpoints`].
    endpoints: Vec<EndpointPool>,
    /// Requests that wait for a connection.
    waiting: Rc<Cell<usize>>,
}

/// A request's place among those that wait for a connection to one backend.
pub(crate) struct Waiting(Rc<Cell<usize>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

struct EndpointPool {
    endpoint: Endpoint,
    /// The one used last is last.
    idle: Vec<Idle>,
    shared: Vec<Shared>,
    /// Held by who opens a connection to be shared, so that others wait for it instead of each
    /// opening one more.
    gate: Rc<Semaphore>,
}

struct Shared {
    connection: h2::ClientConnection,
    /// The last sweep at which it had streams.
    since: u64,
}

struct Idle {
    conn: Box<ClientConn>,
    /// The sweep after which it became idle.
    since: u64,
}

impl Pools {
    /// Keeps what leads to endpoints that are still there, and closes the rest.
    pub(crate) fn adopt(&self, live: &Live) {
        let before = self.adopted.replace(live.backends.clone());
        let mut backends = self.backends.borrow_mut();
        backends.resize_with(live.backends.len(), || None);
        for (at, backend) in live.backends.differences(&before) {
            if let Some(pool) = backends.get_mut(at) {
                *pool = backend.map(|backend| BackendPool::succeed(pool.take(), backend));
            }
        }
    }

    /// An idle connection to an endpoint, or a stream on a shared one.
    pub(crate) fn take(&self, slot: BackendSlot, endpoint: Endpoint) -> Option<Up> {
        let mut backends = self.backends.borrow_mut();
        let pool = backends.get_mut(slot.index())?.as_mut()?;
        let protocol = pool.protocol;
        let pool = pool.endpoint(endpoint)?;
        match protocol {
            UpstreamProtocol::Http1 => pool.idle().map(Up::H1),
            UpstreamProtocol::H2c => pool.stream().map(|stream| Up::H2(Box::new(stream))),
        }
    }

    /// Keeps a connection for the next request, unless its backend or endpoint is gone.
    pub(crate) fn put(
        &self,
        slot: BackendSlot,
        id: &Id<Backend>,
        endpoint: Endpoint,
        mut conn: Box<ClientConn>,
    ) {
        let mut backends = self.backends.borrow_mut();
        let pool = backends.get_mut(slot.index()).and_then(Option::as_mut);
        let Some(pool) = pool.filter(|pool| pool.id == *id) else { return };
        let Some(pool) = pool.endpoint(endpoint) else { return };
        if pool.idle.len() >= limits::POOL_IDLE_MAX {
            pool.idle.remove(0);
        }
        conn.rest();
        pool.idle.push(Idle { conn, since: self.sweeps.get() });
    }

    /// Lets others share a new HTTP/2 connection.
    pub(crate) fn share(
        &self,
        slot: BackendSlot,
        id: &Id<Backend>,
        endpoint: Endpoint,
        connection: h2::ClientConnection,
    ) {
        let mut backends = self.backends.borrow_mut();
        let pool = backends.get_mut(slot.index()).and_then(Option::as_mut);
        let Some(pool) = pool.filter(|pool| pool.id == *id) else { return };
        if let Some(pool) = pool.endpoint(endpoint) {
            pool.shared.push(Shared { connection, since: self.sweeps.get() });
        }
    }

    /// A place among the requests that wait for a connection; none where `waiting_max` do already.
    pub(crate) fn wait(&self, slot: BackendSlot, waiting_max: usize) -> Option<Waiting> {
        let backends = self.backends.borrow();
        let pool = backends.get(slot.index()).and_then(Option::as_ref);
        // A backend that an edit took away has no pool, and none that come later.
        let waiting = pool.map(|pool| pool.waiting.clone()).unwrap_or_default();
        if waiting.get() >= waiting_max {
            return None;
        }
        waiting.set(waiting.get() + 1);
        Some(Waiting(waiting))
    }

    /// What to hold while opening a connection to be shared. None where the endpoint is gone.
    pub(crate) fn gate(&self, slot: BackendSlot, endpoint: Endpoint) -> Option<Rc<Semaphore>> {
        let mut backends = self.backends.borrow_mut();
        let pool = backends.get_mut(slot.index())?.as_mut()?;
        pool.endpoint(endpoint).map(|pool| pool.gate.clone())
    }

    /// Closes connections that have waited too long or that their endpoint closed. To be called
    /// every [`limits::POOL_SWEEP`].
    pub(crate) fn sweep(&self) {
        let now = self.sweeps.get() + 1;
        self.sweeps.set(now);
        let sweeps_max = defaults::UPSTREAM_IDLE_TIME.div_duration_f32(limits::POOL_SWEEP) as u64;
        for pool in self.backends.borrow_mut().iter_mut().flatten() {
            for endpoint in &mut pool.endpoints {
                endpoint
                    .idle
                    .retain_mut(|idle| now - idle.since <= sweeps_max && idle.conn.is_alive());
                endpoint.shared.retain_mut(|shared| {
                    if shared.connection.streams() > 0 {
                        shared.since = now;
                    }
                    now - shared.since <= sweeps_max && shared.connection.is_open()
                });
            }
        }
    }
}

impl BackendPool {
    fn succeed(old: Option<Self>, backend: &Arc<BackendLive>) -> Self {
        let (id, protocol) = (backend.id.clone(), backend.protocol);
        let same = old.filter(|old| old.id == id && old.protocol == protocol);
        let (mut old, waiting) = same.map(|old| (old.endpoints, old.waiting)).unwrap_or_default();
        let endpoints = backend.endpoints.iter().map(|endpoint| {
            match old.binary_search_by_key(endpoint, |pool| pool.endpoint) {
                Ok(at) => std::mem::replace(&mut old[at], EndpointPool::new(*endpoint)),
                Err(_) => EndpointPool::new(*endpoint),
            }
        });
        Self { id, protocol, endpoints: endpoints.collect(), waiting }
    }

    fn endpoint(&mut self, endpoint: Endpoint) -> Option<&mut EndpointPool> {
        let at = self.endpoints.binary_search_by_key(&endpoint, |pool| pool.endpoint).ok()?;
        self.endpoints.get_mut(at)
    }
}

impl EndpointPool {
    fn new(endpoint: Endpoint) -> Self {
        let gate = Rc::new(Semaphore::new(1));
        Self { endpoint, idle: Vec::new(), shared: Vec::new(), gate }
    }

    /// The connection used last that still stands. Those that do not are dropped on the way.
    fn idle(&mut self) -> Option<Box<ClientConn>> {
        while let Some(mut idle) = self.idle.pop() {
            if idle.conn.is_alive() {
                return Some(idle.conn);
            }
        }
        None
    }

    /// A stream on the connection with the fewest of them.
    fn stream(&mut self) -> Option<h2::ClientStream> {
        self.shared.retain(|shared| shared.connection.is_open());
        let connections = self.shared.iter().map(|shared| &shared.connection);
        let with_room = connections.filter(|c| c.has_room());
        with_room.min_by_key(|c| c.streams()).map(|c| c.stream())
    }
}
