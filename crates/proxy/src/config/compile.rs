//! What a `Live` is made of. Every part that an edit does not touch is carried over from the
//! `Live` before, so that an edit costs what it changes. No sockets, no clocks.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use ir::{Backend, Bind, Endpoint, Id, Key, Kind, Protocol, Rejection, Snapshot, Target};
use router::Table;

use super::users::Users;
use crate::{
    dns::Names,
    live::{BackendLive, BindLive, Live},
    slots::Slots,
    tls,
};

/// What a `Live` is made from.
pub(super) struct Source<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) users: &'s Users,
    pub(super) names: &'s Names,
}

/// The state after a change of some keys. Rejections are none if nothing was looked at that could
/// be rejected, so that those of before still hold.
pub(super) fn next(
    previous: &Live,
    revision: u64,
    source: &Source<'_>,
    changed: &BTreeSet<Key>,
) -> (Live, Option<Vec<Rejection>>) {
    let snapshot = source.snapshot;
    let table = if changed.iter().any(|key| concerns_table(key.kind)) {
        Arc::new(Table::compile(snapshot, &previous.table, Some(changed)))
    } else {
        previous.table.clone()
    };
    let (tls, rejected) = if changed.iter().any(|key| tls::concerns(key.kind)) {
        let (tls, rejected) = tls::configs(snapshot, &previous.tls, changed);
        (tls, Some(rejected))
    } else {
        (previous.tls.clone(), None)
    };
    let binds = binds(snapshot, &table);
    let backends = backends(previous, source, &table, touched(source, changed));
    (Live { revision, table, binds, tls, backends }, rejected)
}

/// The same state with what is known about some names now.
pub(super) fn with_names(previous: &Live, source: &Source<'_>, hosts: &BTreeSet<Arc<str>>) -> Live {
    let touched = hosts.iter().flat_map(|host| source.users.of_host(host)).cloned().collect();
    Live {
        revision: previous.revision,
        table: previous.table.clone(),
        binds: previous.binds.clone(),
        tls: previous.tls.clone(),
        backends: backends(previous, source, &previous.table, touched),
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

/// The backends that a change of these keys concerns.
fn touched(source: &Source<'_>, changed: &BTreeSet<Key>) -> BTreeSet<Id<Backend>> {
    let mut touched = BTreeSet::new();
    for key in changed {
        match key.kind {
            Kind::Backend => drop(touched.insert(Id::new(key.name.clone()))),
            Kind::Endpoints => {
                let endpoints = Id::new(key.name.clone());
                touched.extend(source.users.of_endpoints(&endpoints).cloned());
            }
            _ => {}
        }
    }
    touched
}

fn backends(
    previous: &Live,
    source: &Source<'_>,
    table: &Table,
    touched: BTreeSet<Id<Backend>>,
) -> Slots<BackendLive> {
    let mut live = previous.backends.clone();
    // A slot that one backend leaves another may take: first all leave.
    for id in &touched {
        let slots = (previous.table.backends().slot(id), table.backends().slot(id));
        if let (Some(before), after) = slots
            && after != Some(before)
        {
            live.set(before.index(), None);
        }
    }
    for id in &touched {
        let Some(slot) = table.backends().slot(id) else { continue };
        let backend = table.backends().get(slot).and_then(|entry| entry.backend.as_ref());
        let old = previous.backend(slot).filter(|old| old.id == *id);
        let new = backend.map(|backend| backend_live(old, id, backend, source));
        live.set(slot.index(), new);
    }
    live
}

fn backend_live(
    old: Option<&Arc<BackendLive>>,
    id: &Id<Backend>,
    backend: &Backend,
    source: &Source<'_>,
) -> Arc<BackendLive> {
    let named: Vec<Endpoint>;
    let endpoints: &[Endpoint] = match &backend.target {
        Target::Endpoints(id) => source.snapshot.endpoints.get(id).map_or(&[], |of| &of.endpoints),
        Target::Dns { host, port } => {
            let addresses = source.names.addresses(host).iter();
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
