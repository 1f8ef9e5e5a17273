//! The sockets of all binds: which are open, which shall close, and what stood in the way of the
//! others.
//!
//! A bind is one group of SO_REUSEPORT sockets, one for each worker. Closing such a socket resets
//! the connections that wait in it, so a group lives as long as its address and port are wanted by
//! any bind, and is given over from one to the next; a group that nobody wants goes on accepting
//! through the minimum drain (DESIGN §4). Accepting is the workers' part (`worker/doors.rs`).

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::{IpAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use ir::{Bind, BindFailure, BindFault, Id};
use parking_lot::Mutex;

mod open;

pub(crate) use open::single;

/// All groups of sockets that are open.
pub(crate) struct Sockets {
    workers: usize,
    port_offset: u16,
    drain_min: Duration,
    groups: BTreeMap<Address, Group>,
}

/// Address and port as users wrote them; no address means all interfaces.
pub(crate) type Address = (Option<IpAddr>, u16);

/// One group as the workers see it.
#[derive(Clone)]
pub(crate) struct Door {
    /// Where.
    pub(crate) address: Address,
    /// Whose connections come in there.
    pub(crate) bind: Id<Bind>,
    /// Whether that bind is removed, so that its connections are asked to go.
    pub(crate) closing: bool,
    /// One socket for each worker, which takes its own the first time that it sees the group.
    pub(crate) shares: Arc<[Share]>,
}

/// A worker's socket, until the worker has taken it.
pub(crate) type Share = Mutex<Option<TcpListener>>;

struct Group {
    door: Door,
    /// When nothing accepts there any more, if the bind is removed.
    ends: Option<Instant>,
}

impl Sockets {
    /// None open.
    pub(crate) fn new(workers: usize, port_offset: u16, drain_min: Duration) -> Self {
        Self { workers, port_offset, drain_min, groups: BTreeMap::new() }
    }

    /// Opens what is wanted and missing, and begins to close what is not wanted. Returns the binds
    /// that are not open.
    pub(crate) fn reconcile(
        &mut self,
        binds: &BTreeMap<Id<Bind>, Arc<Bind>>,
        now: Instant,
    ) -> Vec<BindFailure> {
        let wanted = by_address(binds);
        for (address, group) in &mut self.groups {
            if !wanted.contains_key(address) && group.ends.is_none() {
                group.door.closing = true;
                group.ends = Some(now + self.drain_min);
            }
        }
        let mut failures = Vec::new();
        for (id, bind) in binds {
            let owner = wanted.get(&(bind.address, bind.port)).copied();
            if let Err(failure) = self.want(id, bind, owner) {
                failures.push(failure);
            }
        }
        failures
    }

    /// Takes the groups out that have drained. Whether there were any.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let before = self.groups.len();
        self.groups.retain(|_, group| group.ends.is_none_or(|ends| ends > now));
        self.groups.len() < before
    }

    /// Whether [`expire`](Self::expire) will have something to do.
    pub(crate) fn drains(&self) -> bool {
        self.groups.values().any(|group| group.ends.is_some())
    }

    /// What the workers shall serve.
    pub(crate) fn doors(&self) -> Vec<Door> {
        self.groups.values().map(|group| group.door.clone()).collect()
    }

    fn want(
        &mut self,
        id: &Id<Bind>,
        bind: &Bind,
        owner: Option<&Id<Bind>>,
    ) -> Result<(), BindFailure> {
        let fail = |fault, message| BindFailure { bind: id.clone(), fault, message };
        if let Some(owner) = owner.filter(|owner| *owner != id) {
            return Err(fail(BindFault::InUse, taken(bind.port, owner)));
        }
        let address = (bind.address, bind.port);
        // A group of our own that is closing shares the port with its successor until it ends.
        let overlapping = self.groups.iter().find(|((other, port), _)| {
            *port == bind.port
                && *other != bind.address
                && (other.is_none() || bind.address.is_none())
        });
        let shared = match overlapping {
            Some((_, group)) if !group.door.closing => {
                return Err(fail(BindFault::InUse, taken(bind.port, &group.door.bind)));
            }
            other => other.is_some(),
        };
        match self.groups.entry(address) {
            Entry::Occupied(mut open) => {
                let group = open.get_mut();
                group.ends = None;
                group.door.closing = false;
                group.door.bind = id.clone();
            }
            Entry::Vacant(place) => {
                let shares = open::group(address, self.port_offset, self.workers, shared)
                    .map_err(|(fault, message)| fail(fault, message))?;
                let door = Door { address, bind: id.clone(), closing: false, shares };
                place.insert(Group { door, ends: None });
            }
        }
        Ok(())
    }
}

/// Who gets an address and port: the first by name, should two binds want the same.
fn by_address(binds: &BTreeMap<Id<Bind>, Arc<Bind>>) -> BTreeMap<Address, &Id<Bind>> {
    let mut owners = BTreeMap::new();
    for (id, bind) in binds {
        owners.entry((bind.address, bind.port)).or_insert(id);
    }
    owners
}

fn taken(port: u16, owner: &Id<Bind>) -> String {
    format!("port {port} is taken by {owner}: give one of the two another port or address")
}
