//! The admin server of a running process, as an operator's tools see it.

use std::net::SocketAddr;

use serde_json::Value;

use super::{answer::Answer, http1::Http1, wait};

/// One process's admin server.
#[derive(Clone, Copy)]
pub(crate) struct Admin(SocketAddr);

/// A condition of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Admin {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0
    }

    /// One page; none while nobody answers.
    pub(crate) async fn page(&self, path: &str) -> Option<Answer> {
        let mut client = Http1::connect(self.0).await.ok()?;
        client.get("localhost", path).await.ok()
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.page("/ready").await.is_some_and(|page| page.status == 200)
    }

    /// The status of an object.
    pub(crate) async fn status(&self, kind: &str, name: &str) -> Option<Value> {
        let text = self.page("/status").await?.text();
        let (namespace, name) = name.split_once('/').unwrap_or(("", name));
        let of = |object: &Value| {
            let metadata = &object["metadata"];
            object["kind"] == kind
                && metadata["name"] == name
                && metadata["namespace"].as_str().unwrap_or_default() == namespace
        };
        // There may be thousands of others, which need not be parsed.
        let wanted = format!("kind: {kind}\n");
        let near = text.split("---\n").filter(|part| part.contains(&wanted) && part.contains(name));
        near.flat_map(documents).find(of).map(|mut object| object["status"].take())
    }

    /// A condition of a Gateway.
    pub(crate) async fn gateway(&self, name: &str, type_: &str) -> Option<Condition> {
        condition(&self.status("Gateway", name).await?["conditions"], type_)
    }

    /// A condition of a listener of a Gateway.
    pub(crate) async fn listener(
        &self,
        gateway: &str,
        name: &str,
        type_: &str,
    ) -> Option<Condition> {
        let status = self.status("Gateway", gateway).await?;
        let listeners = status["listeners"].as_array()?;
        let listener = listeners.iter().find(|listener| listener["name"] == name)?;
        condition(&listener["conditions"], type_)
    }

    /// A condition of an HTTPRoute at its first parent.
    pub(crate) async fn route(&self, name: &str, type_: &str) -> Option<Condition> {
        condition(&self.status("HTTPRoute", name).await?["parents"][0]["conditions"], type_)
    }

    /// Waits until all listeners of a Gateway serve.
    pub(crate) async fn programmed(&self, gateway: &str) {
        wait::until(&format!("Programmed=True of {gateway}"), async || {
            let condition = self.gateway(gateway, "Programmed").await?;
            (condition.status == "True").then_some(())
        })
        .await;
    }
}

fn condition(conditions: &Value, type_: &str) -> Option<Condition> {
    let found = conditions.as_array()?.iter().find(|condition| condition["type"] == type_)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Some(Condition { status: text("status"), reason: text("reason"), message: text("message") })
}

/// The documents of a YAML text.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("not YAML: {error}\n{text}"))
}
