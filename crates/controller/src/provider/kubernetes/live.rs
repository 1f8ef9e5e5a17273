//! What the API server holds of the objects whose status is ours to write: the status as it stands
//! there, and the marks that a write needs. Translation never sees it; report does.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use api::kind::{Kind, ObjectKey};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::mailbox::Mailbox;

/// Live objects by key. Clones share them.
#[derive(Clone, Default)]
pub struct LiveObjects {
    objects: Arc<Mutex<BTreeMap<ObjectKey, Arc<Live>>>>,
    changed: Mailbox<ObjectKey, ()>,
}

/// An object as the API server holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The version of its kind that it was read in.
    pub version: &'static str,
    /// Survives neither deletion nor re-creation.
    pub uid: String,
    /// For optimistic writes.
    pub resource_version: String,
    /// Counts changes of what is wanted.
    pub generation: i64,
    /// JSON, as text: most is looked at once or never.
    status: Option<Box<str>>,
}

impl Live {
    /// The status as it stands there; null where nobody wrote one.
    pub fn status(&self) -> Value {
        self.status.as_ref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }
}

impl LiveObjects {
    /// The object of this key, if it is there.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<Live>> {
        self.objects.lock().get(key).cloned()
    }

    /// The keys of all objects.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.objects.lock().keys().cloned().collect()
    }

    /// Keys of objects that are new, other or gone since the last call. For one task.
    pub async fn changed(&self) -> BTreeSet<ObjectKey> {
        self.changed.take().await.into_keys().collect()
    }

    /// Takes in an object as JSON, if the status of its kind is ours to write.
    pub(crate) fn put(&self, key: &ObjectKey, version: &'static str, json: &[u8]) {
        if !is_reported(key.kind) {
            return;
        }
        let Ok(Fields { metadata, status }) = serde_json::from_slice(json) else { return };
        let live = Live {
            version,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            generation: metadata.generation,
            status: status.map(|status| status.get().into()),
        };
        self.objects.lock().insert(key.clone(), Arc::new(live));
        self.changed.put(key.clone(), ());
    }

    pub(crate) fn remove(&self, key: &ObjectKey) {
        if self.objects.lock().remove(key).is_some() {
            self.changed.put(key.clone(), ());
        }
    }
}

/// Whether objects of the kind have a status that a controller of the Gateway API writes.
fn is_reported(kind: Kind) -> bool {
    !kind.group().is_empty() && !matches!(kind, Kind::ReferenceGrant | Kind::EndpointSlice)
}

#[derive(Deserialize)]
struct Fields<'a> {
    metadata: Metadata,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    uid: String,
    resource_version: String,
    generation: i64,
}

#[cfg(test)]
mod tests {
    use api::meta::NamespacedName;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_status_is_kept_as_it_stands_there() {
        let live = LiveObjects::default();
        let key = |kind| ObjectKey { kind, name: NamespacedName::new("ns", "a") };
        let object = json!({
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "generation": 3},
            "spec": {"any": "thing"}, "status": {"parents": [{"foreign": true}]},
        });
        let text = object.to_string();
        live.put(&key(Kind::HTTPRoute), "v1", text.as_bytes());
        live.put(&key(Kind::Service), "v1", text.as_bytes());
        let found = live.get(&key(Kind::HTTPRoute)).unwrap();
        assert_eq!(found.status(), object["status"]);
        assert_eq!((&*found.uid, &*found.resource_version, found.generation), ("u", "7", 3));
        assert!(live.get(&key(Kind::Service)).is_none(), "not ours to write");
        assert_eq!((found.version, live.keys()), ("v1", vec![key(Kind::HTTPRoute)]));
        assert_eq!(live.changed().await, BTreeSet::from([key(Kind::HTTPRoute)]));
        live.remove(&key(Kind::HTTPRoute));
        assert_eq!(live.changed().await, BTreeSet::from([key(Kind::HTTPRoute)]));
    }
}
