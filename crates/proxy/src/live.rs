//! What all workers share: the compiled table and the live objects that belong to it.
//!
//! A `Live` never changes. An edit makes a new one that shares every unchanged part, and
//! [`crate::worker`] hands it to each worker. Nothing here counts or balances: that is
//! [`crate::local`].

use std::{collections::HashMap, sync::Arc};

use ir::{Backend, Bind, Endpoint, Id, UpstreamProtocol};
use router::{BackendSlot, BindTable, Table};

use crate::{slots::Slots, tls};

/// The state of one revision.
pub(crate) struct Live {
    /// Which.
    pub(crate) revision: u64,
    /// Where requests go.
    pub(crate) table: Arc<Table>,
    /// What is served where.
    pub(crate) binds: HashMap<Id<Bind>, BindLive>,
    /// How TLS ends at a listener. A listener of protocol `Https` that is not here cannot be
    /// served: its connections are closed.
    pub(crate) tls: tls::Configs,
    /// By slot; none where the table has no backend in that slot.
    pub(crate) backends: Slots<BackendLive>,
}

/// A bind as its connections see it.
#[derive(Clone)]
pub(crate) struct BindLive {
    /// Its listeners.
    pub(crate) table: Arc<BindTable>,
    /// Whether connections start with a ClientHello.
    pub(crate) secure: bool,
}

/// A backend with the endpoints that may take traffic now.
pub(crate) struct BackendLive {
    /// Which.
    pub(crate) id: Id<Backend>,
    /// What is spoken to it.
    pub(crate) protocol: UpstreamProtocol,
    /// Sorted, without repetition. Empty: 503.
    pub(crate) endpoints: Arc<[Endpoint]>,
}

impl Live {
    /// The state before the first revision: nothing is served.
    pub(crate) fn empty() -> Self {
        Self {
            revision: 0,
            table: Arc::default(),
            binds: HashMap::new(),
            tls: HashMap::new(),
            backends: Slots::default(),
        }
    }

    /// The backend in a slot of this table.
    pub(crate) fn backend(&self, slot: BackendSlot) -> Option<&Arc<BackendLive>> {
        self.backends.get(slot.index())
    }
}
