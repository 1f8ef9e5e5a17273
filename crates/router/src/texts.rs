//! A map from texts to numbers that is built once: all texts in one run of bytes, found with one
//! hash. A look-up touches two places in memory, which is what counts when there are many.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// The map.
#[derive(Default)]
pub(crate) struct Texts {
    /// A power of two of them, at least half of them empty; none for an empty map.
    slots: Box<[Slot]>,
    bytes: Box<[u8]>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// Part of the hash; 0 where the slot is empty.
    tag: u32,
    start: u32,
    len: u32,
    value: u32,
}

impl Texts {
    /// Of texts that differ.
    pub(crate) fn new(entries: &[(&[u8], u32)]) -> Self {
        if entries.is_empty() {
            return Self::default();
        }
        let hasher = RandomState::default();
        let mut slots = vec![Slot::default(); (entries.len() * 2).next_power_of_two()];
        let mask = slots.len() - 1;
        let mut bytes = Vec::with_capacity(entries.iter().map(|(text, _)| text.len()).sum());
        for &(text, value) in entries {
            let (mut at, tag) = place(&hasher, text);
            while slots[at & mask].tag != 0 {
                at += 1;
            }
            let (start, len) = (bytes.len() as u32, text.len() as u32);
            slots[at & mask] = Slot { tag, start, len, value };
            bytes.extend_from_slice(text);
        }
        Self { slots: slots.into(), bytes: bytes.into(), hasher }
    }

    pub(crate) fn get(&self, text: &[u8]) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let (mut at, tag) = place(&self.hasher, text);
        loop {
            let slot = self.slots[at & mask];
            if slot.tag == 0 {
                return None;
            }
            let range = slot.start as usize..(slot.start + slot.len) as usize;
            if slot.tag == tag && self.bytes.get(range) == Some(text) {
                return Some(slot.value);
            }
            at += 1;
        }
    }
}

fn place(hasher: &RandomState, text: &[u8]) -> (usize, u32) {
    let hash = hasher.hash_one(text);
    // Never 0, which means empty; the top of the hash is not part of the place.
    (hash as u32 as usize, (hash >> 32) as u32 | 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_found_and_no_other() {
        for count in [0, 1, 2, 3, 1000] {
            let texts: Vec<String> = (0..count).map(|n| format!("/{n}")).collect();
            let entries: Vec<(&[u8], u32)> =
                texts.iter().zip(0..).map(|(text, n)| (text.as_bytes(), n)).collect();
            let map = Texts::new(&entries);
            for (text, n) in &entries {
                assert_eq!(map.get(text), Some(*n));
            }
            for other in ["", "/", "/x", "/01", "/1000"] {
                assert_eq!(map.get(other.as_bytes()), None, "{other} of {count}");
            }
        }
        assert_eq!(Texts::new(&[(b"", 7)]).get(b""), Some(7));
    }
}
