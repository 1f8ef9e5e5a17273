//! What a proxy holds, key by key, and what a step makes of it. No I/O.
//!
//! A resource that cannot be read is refused alone: what was served under its name before still is,
//! and everything else of the step is served. Where nothing was served under the name, and its
//! traffic would fall to something else, a stand-in closes the place (see [`Held::stand_ins`]).

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use ir::{
    Ack, Bind, Delta, Hostname, Id, Key, Kind, Listener, Protocol, Resource, Snapshot, Tls, Upsert,
    wire::{
        self, Hash, Hello, Outline, Step, WireError,
        frame::{self, Answer, Name, Refusal},
    },
};

/// What a proxy holds.
#[derive(Clone, Default)]
pub(super) struct Held {
    epoch: String,
    revision: u64,
    /// As the controller announced them.
    hashes: HashMap<Key, Hash>,
    /// What could not be read, as it came.
    refused: BTreeMap<Name, Refused>,
    /// What is served in place of some of it.
    stand_ins: BTreeMap<Key, Resource>,
}

#[derive(Clone)]
struct Refused {
    reason: String,
    upsert: frame::Upsert,
}

impl Held {
    /// What is to be applied for a step. `own` is a state of before a restart, written by a proxy;
    /// it may have written a resource in another way than the controller that announced its hash.
    pub(super) fn take(&mut self, step: Step, served: &Snapshot, own: bool) -> Delta {
        let mut delta = Delta { revision: step.revision, ..Delta::default() };
        (self.epoch, self.revision) = (step.epoch, step.revision);
        for name in step.removals {
            self.refused.remove(&name);
            let gone = name.key().filter(|key| self.hashes.remove(key).is_some());
            delta.removals.extend(gone);
        }
        for upsert in step.upserts {
            let name = Name { kind: upsert.kind.clone(), name: upsert.name.clone() };
            match read(&upsert, own) {
                Ok((key, hash, resource)) => {
                    self.refused.remove(&name);
                    self.hashes.insert(key.clone(), hash);
                    delta.upserts.push(Upsert { key, resource });
                }
                Err(error) => {
                    let reason = error.to_string();
                    tracing::warn!(kind = name.kind, name = name.name, reason, "not understood");
                    // Copies: the message around them is not kept for their sake.
                    let [hash, payload] =
                        [&upsert.hash, &upsert.payload].map(|bytes| Bytes::copy_from_slice(bytes));
                    let upsert = frame::Upsert { hash, payload, ..upsert };
                    self.refused.insert(name, Refused { reason, upsert });
                }
            }
        }
        self.stand_in(&mut delta, served);
        delta
    }

    /// Brings the stand-ins in line with what is refused now.
    fn stand_in(&mut self, delta: &mut Delta, served: &Snapshot) {
        if self.refused.is_empty() && self.stand_ins.is_empty() {
            return;
        }
        let mut next = served.clone();
        next.apply(delta);
        let now = self.stand_ins(&next);
        for key in self.stand_ins.keys() {
            if !now.contains_key(key) && !self.hashes.contains_key(key) {
                delta.removals.push(key.clone());
            }
        }
        for (key, resource) in &now {
            if self.stand_ins.get(key) != Some(resource) {
                delta.upserts.push(Upsert { key: key.clone(), resource: resource.clone() });
            }
        }
        self.stand_ins = now;
    }

    /// What closes the places of new resources that are refused.
    ///
    /// - A rule: one that answers 500 to the same requests. Otherwise they would go to a less
    ///   specific rule.
    /// - A listener: one without routes and certificates, under another name, so that its own
    ///   routes do not attach. Otherwise its hosts would be served by a less specific listener.
    ///   That one also decides how connections start; without any there is nothing to close.
    fn stand_ins(&self, next: &Snapshot) -> BTreeMap<Key, Resource> {
        let mut stand_ins = BTreeMap::new();
        for (name, Refused { upsert, .. }) in &self.refused {
            let Some(key) = name.key().filter(|key| !self.hashes.contains_key(key)) else {
                continue;
            };
            match wire::outline(&upsert.kind, &upsert.payload) {
                Some(Outline::Rule(rule)) => {
                    stand_ins.insert(key, Resource::Rule(rule.into()));
                }
                Some(Outline::Listener { bind, hostname }) => {
                    let listener = self.closed_listener(bind, hostname, next);
                    let name = format!("{} (not understood)", key.name).into();
                    let key = Key { kind: Kind::Listener, name };
                    stand_ins.extend(listener.map(|of| (key, Resource::Listener(of.into()))));
                }
                None => {}
            }
        }
        stand_ins
    }

    fn closed_listener(
        &self,
        bind: Id<Bind>,
        hostname: Hostname,
        next: &Snapshot,
    ) -> Option<Listener> {
        let neighbours = next.listeners.iter().filter(|(id, listener)| {
            listener.bind == bind && !self.stand_ins.contains_key(&id.key())
        });
        let secure = neighbours
            .map(|(_, listener)| matches!(listener.protocol, Protocol::Https(_)))
            .reduce(|one, other| one || other)?;
        let protocol = match secure {
            true => Protocol::Https(Tls { certificates: Vec::new(), client_validation: None }),
            false => Protocol::Http,
        };
        Some(Listener { bind, hostname, protocol })
    }

    /// What a controller is told first.
    pub(super) fn hello(&self) -> Hello {
        Hello::new(self.epoch.clone(), self.revision, self.hashes.clone())
    }

    /// What a controller is told of what came of its steps.
    pub(super) fn answer(&self, ack: &Ack) -> Answer {
        let mut answer = Answer::from(ack);
        answer.rejected.retain(|refusal| {
            let name = Name { kind: refusal.kind.clone(), name: refusal.name.clone() };
            !name.key().is_some_and(|key| self.stand_ins.contains_key(&key))
        });
        answer.rejected.extend(self.refused.iter().map(|(name, refused)| Refusal {
            kind: name.kind.clone(),
            name: name.name.clone(),
            reason: refused.reason.clone(),
        }));
        answer.within_bounds()
    }

    /// How many resources cannot be read.
    pub(super) fn refused(&self) -> usize {
        self.refused.len()
    }

    /// The step that is served.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// All of it as one step, to be taken after a restart.
    pub(super) fn to_step(&self, served: &Snapshot) -> Step {
        let mut step =
            Step { epoch: self.epoch.clone(), revision: self.revision, ..Step::default() };
        for (key, &hash) in &self.hashes {
            if let Some(resource) = served.get(key) {
                let payload = wire::encode(&resource).payload;
                step.upsert(key, &wire::Encoded { hash, payload });
            }
        }
        step.upserts.extend(self.refused.values().map(|refused| refused.upsert.clone()));
        step
    }
}

fn read(upsert: &frame::Upsert, own: bool) -> Result<(Key, Hash, Resource), WireError> {
    let frame::Upsert { kind, name, hash, payload } = upsert;
    let resource = wire::decode(kind, payload)?;
    let hash = Hash::from_bytes(hash)
        .filter(|hash| own || *hash == Hash::of(kind, payload))
        .ok_or(WireError::Hash)?;
    Ok((Key { kind: resource.kind(), name: name.as_str().into() }, hash, resource))
}

#[cfg(test)]
mod tests;
