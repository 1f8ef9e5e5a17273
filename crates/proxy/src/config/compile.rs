//! What a `Live` is made of. Every part that an edit does not touch is carried over from the
//! `Live` before, so that an edit costs what it changes. No sockets, no clocks.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use ir::{Backend, Bind, Endpoint, Id, Key, Kind, Protocol, Rejection, Snapshot, Target};
use router::Table;

use crate::{
    dns::Names,
    live::{BackendLive, BindLive, Live},
    tls,
};

/// The state after a change of some keys. Rejections are none if nothing was looked at that could
/// be rejected, so that those of before still hold.
pub(super) fn next(
    previous: &Live,
    revision: u64,
    snapshot: Arc<Snapshot>,
    changed: &BTreeSet<Key>,
    names: &Names,
) -> (Live, Option<Vec<Rejection>>) {
    let table = if changed.iter().any(|key| concerns_table(key.kind)) {
        Arc::new(Table::compile(&snapshot, &previous.table, Some(changed)))
    } else {
        previous.table.clone()
    };
    let (tls, rejected) = if changed.iter().any(|key| tls::concerns(key.kind)) {
        let (tls, rejected) = tls::configs(&snapshot, &previous.tls, changed);
        (tls, Some(rejected))
    } else {
        (previous.tls.clone(), None)
    };
    let binds = binds(&snapshot, &table);
    let backends = backends(previous, &snapshot, &table, names);
    (Live { revision, snapshot, table, binds, tls, backends }, rejected)
}

/// The same state with what is known about names now.
pub(super) fn with_names(previous: &Live, names: &Names) -> Live {
    Live {
        revision: previous.revision,
        snapshot: previous.snapshot.clone(),
        table: previous.table.clone(),
        binds: previous.binds.clone(),
        tls: previous.tls.clone(),
        backends: backends(previous, &previous.snapshot, &previous.table, names),
    }
}

/// Whether routing depends on a kind. Endpoints and certificates come and go without a compile.
fn concerns_table(kind: Kind) -> bool {
    match kind {
        Kind::Bind | Kind::Listener | Kind::Route | Kind::Rule | Kind::Backend => true,
        Kind::Endpoints | Kind::Certificate | Kind::TrustBundle => false,
    }
}

fn binds(snapshot: &Snapshot, table: &Table) -> HashMap<Id<Bind>, BindLive> {
    let mut secure = HashMap::new();
    for listener in snapshot.listeners.values() {
        let here = matches!(listener.protocol, Protocol::Https(_));
        *secure.entry(&listener.bind).or_insert(here) |= here;
    }
    let live = |id: &Id<Bind>| {
        let table = table.bind(id)?.clone();
        Some((id.clone(), BindLive { table, secure: secure.get(id).copied().unwrap_or(false) }))
    };
    snapshot.binds.keys().filter_map(live).collect()
}

fn backends(
    previous: &Live,
    snapshot: &Snapshot,
    table: &Table,
    names: &Names,
) -> Vec<Option<Arc<BackendLive>>> {
    let mut live = vec![None; table.backends().slots()];
    for (slot, entry) in table.backends().iter() {
        let (Some(backend), Some(place)) = (&entry.backend, live.get_mut(slot.index())) else {
            continue;
        };
        let old = previous.backend(slot).filter(|old| old.id == entry.id);
        *place = Some(backend_live(old, &entry.id, backend, snapshot, names));
    }
    live
}

fn backend_live(
    old: Option<&Arc<BackendLive>>,
    id: &Id<Backend>,
    backend: &Backend,
    snapshot: &Snapshot,
    names: &Names,
) -> Arc<BackendLive> {
    let named: Vec<Endpoint>;
    let endpoints: &[Endpoint] = match &backend.target {
        Target::Endpoints(id) => snapshot.endpoints.get(id).map_or(&[], |of| &of.endpoints),
        Target::Dns { host, port } => {
            let addresses = names.addresses(host).iter();
            named = addresses.map(|&address| Endpoint { address, port: *port }).collect();
            &named
        }
    };
    match old {
        Some(old) if old.protocol == backend.protocol && *old.endpoints == *endpoints => {
            old.clone()
        }
        _ => Arc::new(BackendLive {
            id: id.clone(),
            protocol: backend.protocol,
            endpoints: endpoints.into(),
        }),
    }
}
