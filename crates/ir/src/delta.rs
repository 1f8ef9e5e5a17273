//! What travels from controller to proxy, and what comes back.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{BindFailure, Key, Resource, Snapshot};

/// A step from one snapshot to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delta {
    /// The position after this step. Revisions grow.
    pub revision: u64,
    /// New or changed resources.
    pub upserts: Vec<Upsert>,
    /// Resources that are gone.
    pub removals: Vec<Key>,
}

/// One new or changed resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upsert {
    /// Its name.
    pub key: Key,
    /// Its value.
    pub resource: Resource,
}

/// The proxy's answer to a delta.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ack {
    /// The revision that is now served.
    pub revision: u64,
    /// Resources that it could not use; it keeps serving the rest.
    pub rejected: Vec<Rejection>,
    /// Binds of that revision that are not open; every other one is.
    pub closed: Vec<BindFailure>,
}

/// A resource that a proxy could not use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rejection {
    /// Its name.
    pub key: Key,
    /// Why, for the operator.
    pub reason: String,
}

impl Delta {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.removals.is_empty()
    }
}

impl Snapshot {
    /// Takes a step.
    pub fn apply(&mut self, delta: &Delta) {
        for key in &delta.removals {
            self.remove(key);
        }
        for upsert in &delta.upserts {
            self.insert(upsert.key.name.clone(), upsert.resource.clone());
        }
    }
}

/// The step from `old` to `new`.
///
/// `changed` names the keys to look at; none means all of them. Equal values are silence.
pub fn diff(
    revision: u64,
    old: &Snapshot,
    new: &Snapshot,
    changed: Option<&BTreeSet<Key>>,
) -> Delta {
    let mut delta = Delta { revision, ..Delta::default() };
    let mut look = |key: Key| match (old.get(&key), new.get(&key)) {
        (_, None) => delta.removals.push(key),
        (before, Some(after)) if before.as_ref() != Some(&after) => {
            delta.upserts.push(Upsert { key, resource: after });
        }
        _ => {}
    };
    match changed {
        Some(keys) => keys
            .iter()
            .filter(|key| old.get(key).is_some() || new.get(key).is_some())
            .cloned()
            .for_each(look),
        None => {
            let keys: BTreeSet<Key> = old.keys().chain(new.keys()).collect();
            keys.into_iter().for_each(&mut look);
        }
    }
    delta
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Bind, Id};

    fn with(ports: &[(&'static str, u16)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (name, port) in ports {
            let bind = Bind { gateway: "a/b".into(), address: None, port: *port };
            snapshot.insert(*name, Resource::Bind(Arc::new(bind)));
        }
        snapshot
    }

    #[test]
    fn a_delta_leads_from_old_to_new_and_an_equal_value_is_silence() {
        let old = with(&[("kept", 1), ("changed", 2), ("gone", 3)]);
        let new = with(&[("kept", 1), ("changed", 4), ("new", 5)]);
        let delta = diff(7, &old, &new, None);
        assert_eq!(delta.removals, [Id::<Bind>::new("gone").key()]);
        let names: Vec<_> = delta.upserts.iter().map(|u| &*u.key.name).collect();
        assert_eq!(names, ["changed", "new"]);
        let mut stepped = old;
        stepped.apply(&delta);
        assert_eq!(stepped, new);
        assert!(diff(8, &stepped, &new, None).is_empty());
    }

    #[test]
    fn only_the_keys_that_are_named_are_looked_at() {
        let (old, new) = (with(&[("a", 1), ("b", 1)]), with(&[("a", 2), ("b", 2)]));
        let only = BTreeSet::from([Id::<Bind>::new("a").key(), Id::<Bind>::new("none").key()]);
        let delta = diff(1, &old, &new, Some(&only));
        assert_eq!(delta.upserts.len(), 1);
        assert!(delta.removals.is_empty());
    }
}
