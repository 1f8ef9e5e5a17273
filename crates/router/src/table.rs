//! The compiled tables: binds, their listeners, the hostnames and routes of each.
//!
//! A table is a value. Its successor shares with it all that an edit does not concern.

use std::sync::Arc;

use ir::{Bind, Hostname, Id, Listener, Protocol, Route, Rule};

use crate::{
    Backends, Head, Plan, Prefix, host::ByHost, paths::Paths, pattern::Request, shards::Shards,
};

/// Everything that a snapshot says about requests. Made by [`Table::compile`]; empty by default.
#[derive(Clone, Default)]
pub struct Table {
    pub(crate) binds: Shards<Id<Bind>, Arc<BindTable>>,
    pub(crate) backends: Backends,
    pub(crate) index: Index,
}

/// What the next table is made from.
#[derive(Clone, Default)]
pub(crate) struct Index {
    /// All routes with the plans of their rules.
    pub(crate) routes: Shards<Id<Route>, Arc<RouteEntry>>,
    /// Whose each rule is.
    pub(crate) rules: Shards<Id<Rule>, Id<Route>>,
    /// All listeners, with or without their bind.
    pub(crate) listeners: Shards<Id<Listener>, Arc<Listener>>,
    /// What routes attach to each listener, whether it exists or not.
    pub(crate) hosts: Shards<Id<Listener>, ByHost<Arc<HostTable>>>,
}

/// A route with its rules.
pub(crate) struct RouteEntry {
    pub(crate) id: Id<Route>,
    /// None where there are rules of a route that is not there: they serve nobody.
    pub(crate) route: Option<Arc<Route>>,
    /// By their place in the route.
    pub(crate) plans: Vec<Arc<Plan>>,
}

/// The listeners of one address and port.
#[derive(Clone)]
pub struct BindTable {
    /// Its name.
    pub id: Id<Bind>,
    /// The address and port.
    pub bind: Arc<Bind>,
    pub(crate) listeners: ByHost<Arc<ListenerTable>>,
}

/// The routes of one listener.
#[derive(Clone)]
pub struct ListenerTable {
    /// Its name.
    pub id: Id<Listener>,
    /// Its value.
    pub listener: Arc<Listener>,
    pub(crate) hosts: ByHost<Arc<HostTable>>,
}

/// The routes of one listener that name the same hostname.
pub(crate) struct HostTable {
    pub(crate) hostname: Hostname,
    pub(crate) routes: Vec<Arc<RouteEntry>>,
    pub(crate) paths: Paths,
}

/// The rule that a request found.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'t> {
    /// What happens to the request.
    pub plan: &'t Arc<Plan>,
    /// Which of the rule's matches it was.
    pub place: usize,
    /// How much of the path was matched as a prefix.
    pub prefix: Prefix,
}

impl Table {
    /// The listeners of a bind.
    pub fn bind(&self, id: &Id<Bind>) -> Option<&Arc<BindTable>> {
        self.binds.get(id)
    }

    /// All binds, in no order.
    pub fn binds(&self) -> impl Iterator<Item = &Arc<BindTable>> {
        self.binds.iter().map(|(_, bind)| bind)
    }

    /// All backends.
    pub fn backends(&self) -> &Backends {
        &self.backends
    }
}

impl BindTable {
    /// The listener that answers for a host: the one with the most specific hostname, and no other
    /// (listener isolation). `host` is [`Head::host`] as normalised, or a server name in lower
    /// case; empty for none.
    pub fn listener(&self, host: &[u8]) -> Option<&Arc<ListenerTable>> {
        self.listeners.covering(host).next()
    }

    /// All listeners, in no order.
    pub fn listeners(&self) -> impl Iterator<Item = &Arc<ListenerTable>> {
        self.listeners.values()
    }

    /// The port that the user wrote.
    pub fn port(&self) -> u16 {
        self.bind.port
    }
}

impl ListenerTable {
    /// What is spoken.
    pub fn protocol(&self) -> &Protocol {
        &self.listener.protocol
    }

    /// The rule for a request whose head went through [`crate::path::normalise`].
    ///
    /// What the routes of a more specific hostname do not match falls to those of a less specific
    /// one (Gateway API v1.7, hostname intersection precedence).
    pub fn route(&self, head: &Head) -> Option<Matched<'_>> {
        let request = Request::new(head);
        self.hosts.covering(head.bytes(head.host)).find_map(|host| host.paths.find(&request))
    }
}

#[cfg(test)]
mod tests;
