//! One Event of `events.k8s.io/v1`, and how it is written.

use std::time::Duration;

use kube::{
    Client,
    api::{Patch, PatchParams, PostParams},
    core::Request,
};
use serde_json::{Value, json};

use super::Notice;
use crate::report::clock;

/// An Event to be.
pub(super) struct Event<'a> {
    pub(super) regarding: Value,
    pub(super) related: Option<Value>,
    pub(super) reporter: &'a str,
    pub(super) instance: &'a str,
    pub(super) notice: &'a Notice,
}

/// Why an Event was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum EventError {
    #[error(transparent)]
    Client(#[from] kube::Error),
    #[error("no answer in time")]
    Late,
}

/// Whether trying again cannot help.
pub(super) fn is_final(error: &EventError) -> bool {
    match error {
        EventError::Client(kube::Error::Api(status)) => (400..429).contains(&status.code),
        EventError::Client(kube::Error::SerdeError(_)) => true,
        EventError::Client(_) | EventError::Late => false,
    }
}

impl Event<'_> {
    /// Writes it for the first time, or as the next of a series after `times`. That it is there
    /// already is well: an earlier leader told the same.
    pub(super) async fn send(&self, client: &Client, times: u32) -> Result<(), EventError> {
        let name = self.name();
        let namespace = self.regarding["namespace"].as_str().unwrap_or("default");
        let request = Request::new(format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events"));
        if times > 0 {
            let again = Patch::Merge(json!({
                "series": {"count": times + 1, "lastObservedTime": clock::micros()},
            }));
            let patch = request.patch(&name, &PatchParams::default(), &again);
            match send(client, patch).await {
                Err(error) if code(&error) == Some(404) => {}
                result => return result,
            }
        }
        let event = self.object(&name, namespace);
        let create = request.create(&PostParams::default(), event.to_string().into_bytes());
        match send(client, create).await {
            Err(error) if code(&error) == Some(409) => Ok(()),
            result => result,
        }
    }

    fn object(&self, name: &str, namespace: &str) -> Value {
        let mut event = json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": clock::micros(),
            "reportingController": reporter(self.reporter),
            "reportingInstance": cut(self.instance, INSTANCE_BYTES_MAX),
            "action": self.notice.action,
            "reason": self.notice.reason,
            "type": "Warning",
            "note": cut(&self.notice.note, NOTE_BYTES_MAX),
            "regarding": self.regarding,
        });
        if let Some(related) = &self.related {
            event["related"] = related.clone();
        }
        event
    }

    /// The same for the same notice, whoever writes it; other for another note, or a new object of
    /// the same name.
    fn name(&self) -> String {
        let object = self.regarding["name"].as_str().unwrap_or("");
        let mut hash = FNV_OFFSET;
        let related = self.related.as_ref().map_or(&Value::Null, |related| &related["name"]);
        let fields = [&self.regarding["kind"], &self.regarding["uid"], related];
        let texts = fields.map(|field| field.as_str().unwrap_or(""));
        for text in texts.into_iter().chain([self.notice.reason, &self.notice.note]) {
            for byte in text.bytes().chain([0]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
            }
        }
        format!("{}.{hash:016x}", cut(object, OBJECT_BYTES_MAX).trim_end_matches(['-', '.']))
    }
}

/// A controller's name may be a path; who reports has to be a domain and one plain name.
fn reporter(controller: &str) -> String {
    let (domain, path) = controller.split_once('/').unwrap_or((controller, ""));
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = path.chars().map(plain).take(REPORTER_NAME_MAX).collect();
    match name.trim_matches(['-', '_', '.']) {
        "" => domain.to_owned(),
        name => format!("{domain}/{name}"),
    }
}

async fn send(
    client: &Client,
    request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<(), EventError> {
    let request = request.map_err(kube::Error::BuildRequest)?;
    let answer = tokio::time::timeout(PATIENCE, client.request::<Value>(request)).await;
    answer.map_err(|_| EventError::Late)?.map(drop).map_err(EventError::from)
}

fn code(error: &EventError) -> Option<u16> {
    match error {
        EventError::Client(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// What the API server takes (`events.k8s.io/v1` validation).
const NOTE_BYTES_MAX: usize = 1024;
const INSTANCE_BYTES_MAX: usize = 128;
const REPORTER_NAME_MAX: usize = 63;
/// Leaves room for the hash in a name of 253 characters.
const OBJECT_BYTES_MAX: usize = 230;
const PATIENCE: Duration = Duration::from_secs(10);

/// FNV-1a: names must be the same in every build and replica, and nobody attacks them.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reports_has_a_plain_name() {
        let cases = [
            ("portcullis.dev/gateway-controller", "portcullis.dev/gateway-controller"),
            ("a.example/b/c~d/", "a.example/b-c-d"),
            ("a.example/", "a.example"),
            ("a.example", "a.example"),
        ];
        for (controller, expected) in cases {
            assert_eq!(reporter(controller), expected);
        }
    }
}
