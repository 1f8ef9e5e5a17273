//! A queue that cannot grow: of each key it holds the latest value, and it never makes a sender
//! wait.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A handle to a mailbox; clones share it. One task takes, any number may put.
pub struct Mailbox<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    waiting: Mutex<BTreeMap<K, V>>,
    filled: Notify,
}

impl<K: Ord, V> Mailbox<K, V> {
    /// Leaves a value, in place of one of that key which nobody has taken yet.
    pub fn put(&self, key: K, value: V) {
        self.0.waiting.lock().insert(key, value);
        self.0.filled.notify_one();
    }

    /// Takes all that waits, now or as soon as something does. Nothing is lost when the future is
    /// dropped.
    pub async fn take(&self) -> BTreeMap<K, V> {
        loop {
            let taken = self.try_take();
            if !taken.is_empty() {
                return taken;
            }
            self.0.filled.notified().await;
        }
    }

    /// Takes all that waits now.
    pub fn try_take(&self) -> BTreeMap<K, V> {
        std::mem::take(&mut *self.0.waiting.lock())
    }
}

impl<K, V> Default for Mailbox<K, V> {
    fn default() -> Self {
        let waiting = Mutex::new(BTreeMap::new());
        Self(Arc::new(Inner { waiting, filled: Notify::new() }))
    }
}

impl<K, V> Clone for Mailbox<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_latest_value_of_each_key_is_taken_once() {
        let mailbox = Mailbox::default();
        mailbox.put("a", 1);
        mailbox.put("b", 2);
        mailbox.put("a", 3);
        assert_eq!(mailbox.take().await, BTreeMap::from([("a", 3), ("b", 2)]));
        assert_eq!(mailbox.try_take(), BTreeMap::new());
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let mailbox = Mailbox::default();
        let (taker, putter) = (mailbox.clone(), mailbox);
        let waiting = tokio::spawn(async move { taker.take().await });
        tokio::task::yield_now().await;
        putter.put("a", 1);
        assert_eq!(waiting.await.unwrap(), BTreeMap::from([("a", 1)]));
    }
}
