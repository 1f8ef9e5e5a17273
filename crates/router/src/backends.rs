//! The backends that rules point to, under small numbers that stay the same while one is in use.

use std::sync::Arc;

use ir::{Backend, Id};

use crate::shards::Shards;

/// The place of a backend in a [`crate::Table`] and in what a proxy keeps beside it.
///
/// It stays the same from table to table as long as the backend exists or a rule names it. It means
/// something only together with a table: a later one may give the number to another backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendSlot(u32);

/// One backend.
#[derive(Clone, Debug)]
pub struct BackendEntry {
    /// Its name, which outlives the slot.
    pub id: Id<Backend>,
    /// Its value; none where a rule names a backend that the snapshot does not have (answer 500).
    pub backend: Option<Arc<Backend>>,
    /// How often rules name it.
    users: u32,
}

/// All backends of a table.
#[derive(Clone, Default)]
pub struct Backends {
    chunks: Vec<Arc<Vec<Option<BackendEntry>>>>,
    by_id: Shards<Id<Backend>, BackendSlot>,
    free: Vec<BackendSlot>,
}

impl BackendSlot {
    /// The number, to index a list of [`Backends::slots`] places with.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Backends {
    /// The backend of a slot.
    pub fn get(&self, slot: BackendSlot) -> Option<&BackendEntry> {
        let (chunk, at) = place(slot);
        self.chunks.get(chunk)?.get(at)?.as_ref()
    }

    /// The slot of a backend.
    pub fn slot(&self, id: &Id<Backend>) -> Option<BackendSlot> {
        self.by_id.get(id).copied()
    }

    /// All backends, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (BackendSlot, &BackendEntry)> {
        let entries = self.chunks.iter().flat_map(|chunk| chunk.iter());
        (0u32..).map(BackendSlot).zip(entries).filter_map(|(slot, e)| Some((slot, e.as_ref()?)))
    }

    /// One more than the highest slot that was ever given.
    pub fn slots(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Sets or removes the value of a backend.
    pub(crate) fn set(&mut self, id: &Id<Backend>, backend: Option<Arc<Backend>>) {
        if backend.is_none() && self.slot(id).is_none() {
            return;
        }
        let slot = self.find(id);
        self.change(slot, |entry| entry.backend = backend);
    }

    /// The slot of a backend that a rule names, until [`Backends::release`].
    pub(crate) fn acquire(&mut self, id: &Id<Backend>) -> BackendSlot {
        let slot = self.find(id);
        self.change(slot, |entry| entry.users += 1);
        slot
    }

    /// The end of an [`Backends::acquire`].
    pub(crate) fn release(&mut self, slot: BackendSlot) {
        self.change(slot, |entry| entry.users = entry.users.saturating_sub(1));
    }

    fn find(&mut self, id: &Id<Backend>) -> BackendSlot {
        if let Some(slot) = self.slot(id) {
            return slot;
        }
        let slot = self.free.pop().unwrap_or(BackendSlot(self.slots() as u32));
        let entry = Some(BackendEntry { id: id.clone(), backend: None, users: 0 });
        let (chunk, at) = place(slot);
        if chunk == self.chunks.len() {
            self.chunks.push(Arc::default());
        }
        let chunk = Arc::make_mut(&mut self.chunks[chunk]);
        if at == chunk.len() {
            chunk.push(entry)
        } else {
            chunk[at] = entry
        }
        self.by_id.insert(id.clone(), slot);
        slot
    }

    /// Changes an entry, and frees its slot when nothing is left of it.
    fn change(&mut self, slot: BackendSlot, change: impl FnOnce(&mut BackendEntry)) {
        let (chunk, at) = place(slot);
        let Some(chunk) = self.chunks.get_mut(chunk) else { return };
        let Some(Some(entry)) = Arc::make_mut(chunk).get_mut(at) else { return };
        change(entry);
        if entry.users == 0 && entry.backend.is_none() {
            let id = entry.id.clone();
            Arc::make_mut(chunk)[at] = None;
            self.by_id.remove(&id);
            self.free.push(slot);
        }
    }
}

fn place(slot: BackendSlot) -> (usize, usize) {
    (slot.index() / CHUNK, slot.index() % CHUNK)
}

/// A change copies so many entries.
const CHUNK: usize = 64;

#[cfg(test)]
mod tests {
    use ir::{Endpoints, Target, UpstreamProtocol};

    use super::*;

    fn backend() -> Option<Arc<Backend>> {
        let target = Target::Endpoints(Id::<Endpoints>::new("e"));
        Some(Arc::new(Backend { protocol: UpstreamProtocol::Http1, target }))
    }

    #[test]
    fn a_slot_lives_while_the_backend_exists_or_is_named() {
        let mut backends = Backends::default();
        let (a, b) = (Id::new("a"), Id::new("b"));
        let named = backends.acquire(&a);
        assert!(backends.get(named).unwrap().backend.is_none());
        backends.set(&a, backend());
        backends.set(&b, backend());
        assert_eq!(backends.slot(&a), Some(named));
        backends.set(&a, None);
        assert_eq!(backends.slot(&a), Some(named), "a rule still names it");
        backends.release(named);
        assert_eq!(backends.slot(&a), None);
        assert_eq!(backends.acquire(&Id::new("c")), named, "a free slot is used again");
        let ids: Vec<_> = backends.iter().map(|(_, entry)| entry.id.as_str()).collect();
        assert_eq!((ids, backends.slots()), (vec!["c", "b"], 2));
    }

    #[test]
    fn a_removal_of_the_unknown_takes_no_slot() {
        let mut backends = Backends::default();
        backends.set(&Id::new("a"), None);
        assert_eq!(backends.slots(), 0);
    }
}
