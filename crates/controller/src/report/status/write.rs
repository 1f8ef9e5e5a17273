//! One write: a merge patch of the status subresource that holds only on the version it is a
//! difference to. What comes of it is told in terms of what to do next.

use std::{sync::Arc, time::Duration};

use api::kind::ObjectKey;
use kube::{
    Client,
    api::{Patch, PatchParams},
    core::{Request, response::Status},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use translate::ObjectStatus;

/// What is written.
#[derive(Debug)]
pub(crate) struct Write {
    /// The version of the API that the object was read in.
    pub(crate) api_version: &'static str,
    /// The version of the object that this is a difference to.
    pub(crate) version: String,
    pub(crate) fields: Map<String, Value>,
    /// What it is to bring about.
    pub(crate) wanted: Option<Arc<ObjectStatus>>,
}

/// How it ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// This stands there now.
    Written { version: String, status: Value },
    /// Another write came first.
    Conflict,
    /// There is no such object.
    Gone,
    /// The same will be refused again.
    Refused(String),
    /// This object's write failed; others may not.
    Failed(String),
    /// Nothing can be written for now.
    Away { reason: String, retry_after: Option<Duration> },
}

impl Write {
    pub(crate) async fn send(&self, client: &Client, key: &ObjectKey) -> Outcome {
        let patch = Patch::Merge(json!({
            "metadata": {"resourceVersion": self.version},
            "status": self.fields,
        }));
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
        let request = Request::new(self.path(key)).patch_subresource(
            "status",
            &key.name.name,
            &params,
            &patch,
        );
        let request = match request {
            Ok(request) => request,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let answer = tokio::time::timeout(PATIENCE, client.request::<Answer>(request)).await;
        match answer {
            Ok(Ok(Answer { metadata, status })) => {
                Outcome::Written { version: metadata.resource_version, status }
            }
            Ok(Err(kube::Error::Api(status))) => refusal(&status),
            Ok(Err(error)) => Outcome::Away { reason: error.to_string(), retry_after: None },
            // It may have been done: the watch tells.
            Err(_) => Outcome::Failed(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    fn path(&self, key: &ObjectKey) -> String {
        let (group, plural) = (key.kind.group(), key.kind.plural());
        let base = format!("/apis/{group}/{}", self.api_version);
        match &*key.name.namespace {
            "" => format!("{base}/{plural}"),
            namespace => format!("{base}/namespaces/{namespace}/{plural}"),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    metadata: Metadata,
    #[serde(default)]
    status: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

fn refusal(status: &Status) -> Outcome {
    let reason = status.message.clone();
    match status.code {
        409 => Outcome::Conflict,
        404 => Outcome::Gone,
        // Malformed, too large, not valid: nothing that trying again would change.
        400 | 413 | 422 => Outcome::Refused(reason),
        429 => {
            let details = status.details.as_ref();
            let seconds = details.map_or(0, |details| details.retry_after_seconds);
            let retry_after = Some(Duration::from_secs(seconds.into()).min(RETRY_AFTER_MAX));
            Outcome::Away { reason, retry_after }
        }
        502..=504 => Outcome::Away { reason, retry_after: None },
        // An admission webhook may fail for one object; and an API server that has just started
        // does not know yet who may do what.
        code => Outcome::Failed(format!("{code}: {reason}")),
    }
}

/// Who wrote it, as `managedFields` tell.
const FIELD_MANAGER: &str = "portcullis";
/// Longer than the API server takes for anything but a request that it has lost.
const PATIENCE: Duration = Duration::from_secs(15);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
