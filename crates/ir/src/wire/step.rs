//! Steps and greetings, cut into messages of bounded size and put together again.

use std::{collections::HashMap, mem};

use prost::Message;

use super::{
    Encoded, Hash, VERSION, WireError,
    frame::{Held, HelloPart, Name, Part, Upsert},
    limits::{HELD_MAX, HELLO_BYTES_MAX, NAME_BYTES_MAX, PART_BYTES, STEP_BYTES_MAX},
};
use crate::Key;

/// A whole step: what leads from what a proxy holds to a revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// See [`Part::epoch`].
    pub epoch: String,
    /// See [`Part::revision`].
    pub revision: u64,
    /// New or changed resources.
    pub upserts: Vec<Upsert>,
    /// Resources that are gone.
    pub removals: Vec<Name>,
}

impl Step {
    /// Puts a new or changed resource in. Its payload is shared, not copied.
    pub fn upsert(&mut self, key: &Key, encoded: &Encoded) {
        let Name { kind, name } = Name::from(key);
        let (hash, payload) = (encoded.hash.to_bytes(), encoded.payload.clone());
        self.upserts.push(Upsert { kind, name, hash, payload });
    }

    /// Says that a resource is gone.
    pub fn remove(&mut self, key: &Key) {
        self.removals.push(Name::from(key));
    }

    /// The messages that carry it, at least one.
    pub fn into_parts(self) -> Vec<Part> {
        let Self { epoch, revision, upserts, removals } = self;
        let blank = Part { epoch, revision, more: true, ..Part::default() };
        let (mut parts, mut part, mut size) = (Vec::new(), blank.clone(), Size::default());
        for upsert in upserts {
            if size.overflows(&upsert) {
                parts.push(mem::replace(&mut part, blank.clone()));
            }
            part.upserts.push(upsert);
        }
        for removal in removals {
            if size.overflows(&removal) {
                parts.push(mem::replace(&mut part, blank.clone()));
            }
            part.removals.push(removal);
        }
        parts.push(Part { more: false, ..part });
        parts
    }
}

/// Puts the parts of steps together.
#[derive(Debug, Default)]
pub struct Collector {
    step: Option<Step>,
    bytes: usize,
}

impl Collector {
    /// Takes the next part in; the step, once that was its last.
    ///
    /// # Errors
    /// A part of another step, or too much for one step. The stream is of no more use then.
    pub fn add(&mut self, part: Part) -> Result<Option<Step>, WireError> {
        self.bytes = self.bytes.saturating_add(part.encoded_len());
        if self.bytes > STEP_BYTES_MAX {
            return Err(WireError::Stream("a step is too large"));
        }
        let Part { epoch, revision, upserts, removals, more } = part;
        let begun = || Step { epoch: epoch.clone(), revision, ..Step::default() };
        let step = self.step.get_or_insert_with(begun);
        if (&step.epoch, step.revision) != (&epoch, revision) {
            return Err(WireError::Stream("a step began before the one before it had ended"));
        }
        step.upserts.extend(upserts);
        step.removals.extend(removals);
        if more {
            return Ok(None);
        }
        self.bytes = 0;
        Ok(self.step.take())
    }
}

/// Who a proxy is and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// See [`VERSION`].
    pub wire_version: u32,
    /// Name and version of the program, for people.
    pub software: String,
    /// Of the last step that is served; empty before the first.
    pub epoch: String,
    /// Of the last step that is served.
    pub revision: u64,
    /// Everything that it holds.
    pub held: HashMap<Key, Hash>,
    /// What it holds of kinds that are not known here: a newer proxy, and an older controller, for
    /// which these must be gone.
    pub unknown: Vec<Name>,
    /// Of the parts that were put together.
    bytes: usize,
    /// What they said is held, whatever became of it here.
    entries: usize,
}

impl Hello {
    /// The greeting of this build.
    pub fn new(epoch: String, revision: u64, held: HashMap<Key, Hash>) -> Self {
        let software = concat!("portcullis/", env!("CARGO_PKG_VERSION")).to_owned();
        Self { wire_version: VERSION, software, epoch, revision, held, ..Self::default() }
    }

    /// The messages that carry it, at least one.
    pub fn into_parts(self) -> Vec<HelloPart> {
        let mut part = HelloPart {
            wire_version: self.wire_version,
            software: self.software,
            epoch: self.epoch,
            revision: self.revision,
            held: Vec::new(),
            more: true,
        };
        let blank = HelloPart { software: String::new(), ..part.clone() };
        let (mut parts, mut size) = (Vec::new(), Size::default());
        for (key, hash) in self.held {
            let Name { kind, name } = Name::from(&key);
            let held = Held { kind, name, hash: hash.to_bytes() };
            if size.overflows(&held) {
                parts.push(mem::replace(&mut part, blank.clone()));
            }
            part.held.push(held);
        }
        parts.push(HelloPart { more: false, ..part });
        parts
    }

    /// The greeting that starts with this part, and whether more follow: see [`Hello::add`].
    ///
    /// # Errors
    /// More than a proxy can hold.
    pub fn begin(part: HelloPart) -> Result<(Self, bool), WireError> {
        let mut hello = Self {
            wire_version: part.wire_version,
            software: part.software.clone(),
            epoch: part.epoch.clone(),
            revision: part.revision,
            ..Self::default()
        };
        let more = hello.add(part)?;
        Ok((hello, more))
    }

    /// Takes the next part in; whether more follow.
    ///
    /// # Errors
    /// More than a proxy can hold.
    pub fn add(&mut self, part: HelloPart) -> Result<bool, WireError> {
        self.bytes = self.bytes.saturating_add(part.encoded_len());
        self.entries = self.entries.saturating_add(part.held.len());
        if self.bytes > HELLO_BYTES_MAX || self.entries > HELD_MAX {
            return Err(WireError::Stream("a proxy says that it holds too much"));
        }
        let names = part.held.iter().flat_map(|held| [&held.kind, &held.name]);
        if names.chain([&part.software, &part.epoch]).any(|name| name.len() > NAME_BYTES_MAX) {
            return Err(WireError::Stream("a name is too long"));
        }
        for Held { kind, name, hash } in part.held {
            let name = Name { kind, name };
            match (name.key(), Hash::from_bytes(&hash)) {
                (Some(key), Some(hash)) => drop(self.held.insert(key, hash)),
                // Without a hash to compare it is sent anew.
                (Some(_), None) => {}
                (None, _) => self.unknown.push(name),
            }
        }
        Ok(part.more)
    }
}

/// What a message has come to.
#[derive(Default)]
struct Size(usize);

impl Size {
    /// Counts an item; whether it has to go into the next message.
    fn overflows(&mut self, item: &impl Message) -> bool {
        // A field's tag and length come before it.
        let bytes = item.encoded_len() + 12;
        let overflows = self.0 > 0 && self.0 + bytes > PART_BYTES;
        self.0 = if overflows { bytes } else { self.0 + bytes };
        overflows
    }
}

#[cfg(test)]
mod tests;
