//! Watches: what happened since a version, then what happens.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{
    Shared, State,
    answer::status,
    catalog::Resource,
    journal::Call,
    select::Selection,
    storage::{Refusal, Step},
};

/// A watch that was let in.
pub(super) struct Watch {
    selection: Selection,
    bookmarks: bool,
    /// The version up to which everything was told.
    position: u64,
    /// How often history was forgotten when it began.
    expired: u64,
    until: Instant,
    waiting: VecDeque<Bytes>,
    over: bool,
}

impl Watch {
    pub(super) fn new(state: &State, call: &Call, selection: Selection) -> Result<Self, Refusal> {
        let text = |field: &str| call.query.get(field).map_or("", String::as_str);
        let version: u64 = match text("resourceVersion") {
            "" => 0,
            version => version
                .parse()
                .map_err(|_| Refusal::new(400, "BadRequest", "invalid resource version"))?,
        };
        let storage = &state.storage;
        let (oldest, expired) = storage.expired(selection.resource);
        let seconds = text("timeoutSeconds").parse().unwrap_or(1800);
        let mut watch = Self {
            bookmarks: text("allowWatchBookmarks") == "true",
            position: version,
            expired,
            until: Instant::now() + Duration::from_secs(seconds),
            waiting: VecDeque::new(),
            over: false,
            selection,
        };
        let streamed = text("sendInitialEvents") == "true";
        if version > 0 && version < oldest && !streamed {
            watch.end();
        } else if version == 0 || streamed {
            for (_, object) in storage.list(watch.selection.resource, None) {
                if watch.selection.holds(object) {
                    watch.tell("ADDED", watch.selection.show(object));
                }
            }
            watch.position = storage.version;
            if streamed {
                watch.tell("BOOKMARK", initial_end(&watch.selection.resource, storage.version));
            }
        }
        Ok(watch)
    }

    /// The body of the answer.
    pub(super) fn into_stream(
        self,
        shared: Arc<Shared>,
    ) -> impl Stream<Item = Bytes> + Send + 'static {
        let open = Open::new(&shared, self.selection.resource.plural);
        let changes = shared.changes.subscribe();
        stream::unfold(
            (self, shared, changes, open),
            |(mut watch, shared, mut changes, open)| async move {
                let next = watch.next(&shared, &mut changes).await?;
                Some((next, (watch, shared, changes, open)))
            },
        )
    }

    async fn next(&mut self, shared: &Shared, changes: &mut watch::Receiver<u64>) -> Option<Bytes> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            changes.mark_unchanged();
            self.catch_up(&shared.state.lock());
            if self.waiting.is_empty() {
                tokio::time::timeout_at(self.until, changes.changed()).await.ok()?.ok()?;
            }
        }
    }

    fn catch_up(&mut self, state: &State) {
        let storage = &state.storage;
        if storage.expired(self.selection.resource).1 != self.expired {
            self.end();
            return;
        }
        let begin = storage.history.partition_point(|step| step.version <= self.position);
        for step in &storage.history[begin..] {
            self.position = step.version;
            if step.resource == self.selection.resource {
                self.take(step);
            }
        }
    }

    fn take(&mut self, step: &Step) {
        let shown = self.selection.show(&step.object);
        if step.event == "BOOKMARK" {
            if self.bookmarks {
                self.tell("BOOKMARK", shown);
            }
            return;
        }
        let held = step.before.as_ref().is_some_and(|before| self.selection.holds(before));
        let holds = self.selection.holds(&step.object);
        match (step.event, held, holds) {
            ("DELETED", true, _) | (_, true, false) => self.tell("DELETED", shown),
            ("DELETED", ..) | (_, false, false) => {}
            (_, true, true) => self.tell("MODIFIED", shown),
            (_, false, true) => self.tell("ADDED", shown),
        }
    }

    fn end(&mut self) {
        self.tell("ERROR", status(410, "Expired", "too old resource version"));
        self.over = true;
    }

    fn tell(&mut self, event: &str, object: Value) {
        let line = format!("{}\n", json!({"type": event, "object": object}));
        self.waiting.push_back(line.into());
    }
}

fn initial_end(resource: &Resource, version: u64) -> Value {
    json!({
        "apiVersion": resource.api_version(resource.versions[0]),
        "kind": resource.kind,
        "metadata": {
            "resourceVersion": version.to_string(),
            "annotations": {"k8s.io/initial-events-end": "true"},
        },
    })
}

/// Counts the watch among those that are open.
struct Open {
    shared: Arc<Shared>,
    plural: &'static str,
}

impl Open {
    fn new(shared: &Arc<Shared>, plural: &'static str) -> Self {
        shared.change(|state| state.watches.push(plural));
        Self { shared: shared.clone(), plural }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.change(|state| {
            let at = state.watches.iter().position(|open| *open == self.plural);
            at.map(|at| state.watches.swap_remove(at))
        });
    }
}
