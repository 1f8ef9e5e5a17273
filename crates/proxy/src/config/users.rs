//! Which backends hang on endpoints or on a name, so that a change there looks at no others.

use std::{collections::BTreeSet, sync::Arc};

use ir::{Backend, Endpoints, Id, Target};

/// Both, in order of what they hang on.
#[derive(Default)]
pub(crate) struct Users {
    endpoints: BTreeSet<(Id<Endpoints>, Id<Backend>)>,
    hosts: BTreeSet<(Arc<str>, Id<Backend>)>,
}

impl Users {
    /// A backend has another value now, or came, or went.
    pub(super) fn change(
        &mut self,
        id: &Id<Backend>,
        before: Option<&Backend>,
        after: Option<&Backend>,
    ) {
        match before.map(|backend| &backend.target) {
            Some(Target::Endpoints(on)) => drop(self.endpoints.remove(&(on.clone(), id.clone()))),
            Some(Target::Dns { host, .. }) => drop(self.hosts.remove(&(host.clone(), id.clone()))),
            None => {}
        }
        match after.map(|backend| &backend.target) {
            Some(Target::Endpoints(on)) => drop(self.endpoints.insert((on.clone(), id.clone()))),
            Some(Target::Dns { host, .. }) => drop(self.hosts.insert((host.clone(), id.clone()))),
            None => {}
        }
    }

    pub(super) fn of_endpoints(&self, on: &Id<Endpoints>) -> impl Iterator<Item = &Id<Backend>> {
        let from = self.endpoints.range((on.clone(), Id::new(""))..);
        from.take_while(move |(it, _)| it == on).map(|(_, backend)| backend)
    }

    pub(super) fn of_host(&self, host: &Arc<str>) -> impl Iterator<Item = &Id<Backend>> {
        let from = self.hosts.range((host.clone(), Id::new(""))..);
        from.take_while(move |(it, _)| it == host).map(|(_, backend)| backend)
    }
}
