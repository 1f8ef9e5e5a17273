//! A hash map in pieces that successive tables share: an insertion copies one piece of many.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{BuildHasher, Hash},
    sync::Arc,
};

use foldhash::fast::RandomState;

/// A map whose copies are cheap, and whose changes cost a part of its size.
#[derive(Clone)]
pub(crate) struct Shards<K, V> {
    hasher: RandomState,
    shards: Option<Arc<[Shard<K, V>; SHARDS]>>,
}

type Shard<K, V> = Option<Arc<HashMap<K, V, RandomState>>>;

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self { hasher: RandomState::default(), shards: None }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Shards<K, V> {
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shards.as_ref()?[self.place(key)].as_ref()?.get(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let place = self.place(&key);
        let shards =
            self.shards.get_or_insert_with(|| Arc::new(std::array::from_fn(|_| Shard::None)));
        let shard = Arc::make_mut(shards)[place]
            .get_or_insert_with(|| Arc::new(HashMap::with_hasher(self.hasher.clone())));
        Arc::make_mut(shard).insert(key, value);
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let place = self.place(key);
        if self.get(key).is_none() {
            return;
        }
        let Some(shards) = &mut self.shards else { return };
        let slot = &mut Arc::make_mut(shards)[place];
        if let Some(shard) = slot {
            let shard = Arc::make_mut(shard);
            shard.remove(key);
            if shard.is_empty() {
                *slot = None;
            }
        }
        if self.is_empty() {
            self.shards = None;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shards| shards.iter()).flatten().flat_map(|shard| shard.iter())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shards.as_ref().is_none_or(|shards| shards.iter().all(Option::is_none))
    }

    fn place<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // The map inside a shard uses the lowest and the highest bits.
        (self.hasher.hash_one(key) >> 32) as usize % SHARDS
    }
}

/// At 10,000 entries an insertion copies 150 of them.
const SHARDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_its_content_when_the_original_changes() {
        let mut map: Shards<u32, u32> = Shards::default();
        (0..1000).for_each(|n| map.insert(n, n));
        let before = map.clone();
        map.insert(7, 70);
        (500..2000).for_each(|n| map.remove(&n));
        assert_eq!((map.get(&7), before.get(&7)), (Some(&70), Some(&7)));
        assert_eq!((map.iter().count(), before.iter().count()), (500, 1000));
    }

    #[test]
    fn an_insertion_copies_one_shard_only() {
        let mut map: Shards<u32, u32> = Shards::default();
        (0..1000).for_each(|n| map.insert(n, n));
        let before = map.clone();
        map.insert(7, 70);
        let (old, new) = (before.shards.unwrap(), map.shards.unwrap());
        let shared = old.iter().zip(new.iter()).filter(|(old, new)| match (old, new) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            _ => old.is_none() && new.is_none(),
        });
        assert_eq!(shared.count(), SHARDS - 1);
    }

    #[test]
    fn the_last_removal_leaves_nothing_behind() {
        let mut map: Shards<u32, u32> = Shards::default();
        map.insert(1, 1);
        map.remove(&1);
        map.remove(&1);
        assert!(map.is_empty() && map.shards.is_none());
    }
}
