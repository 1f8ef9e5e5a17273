//! What each object is told, in the shape that Kubernetes prints.

use std::{collections::BTreeMap, fmt, sync::Arc};

use api::{
    gateway::GatewayStatus,
    gateway_class::GatewayClassStatus,
    kind::{Kind, ObjectKey},
    listener_set::ListenerSetStatus,
    policy::PolicyStatus,
    route::RouteStatus,
};
use serde::{Serialize, Serializer, ser::SerializeSeq};

pub(crate) mod gateway;
pub(crate) mod route;

/// The status of every object that we have something to say about, by object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status(pub(crate) BTreeMap<ObjectKey, Arc<ObjectStatus>>);

/// The complete status of one object, as far as it is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ObjectStatus {
    /// Of a GatewayClass.
    GatewayClass(GatewayClassStatus),
    /// Of a Gateway.
    Gateway(GatewayStatus),
    /// Of a ListenerSet.
    ListenerSet(ListenerSetStatus),
    /// Of a route of any kind.
    Route(RouteStatus),
    /// Of a policy of any kind.
    Policy(PolicyStatus),
}

impl Status {
    /// What an object is told, if anything.
    pub fn get(&self, object: &ObjectKey) -> Option<&ObjectStatus> {
        self.0.get(object).map(|status| &**status)
    }

    /// Everything, in order of the objects.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectKey, &ObjectStatus)> {
        self.0.iter().map(|(object, status)| (object, &**status))
    }

    /// Keeps only what `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&ObjectKey, &ObjectStatus) -> bool) {
        self.0.retain(|object, status| keep(object, status));
    }

    /// As a stream of YAML documents.
    ///
    /// # Errors
    /// None that these values can cause; the writer's own.
    pub fn to_yaml(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        for (object, status) in self.iter() {
            if !text.is_empty() {
                text.push_str("---\n");
            }
            let document = Document::new(object, status);
            text.push_str(&serde_saphyr::to_string(&document).map_err(|_| fmt::Error)?);
        }
        Ok(text)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (object, status) in self.iter() {
            list.serialize_element(&Document::new(object, status))?;
        }
        list.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: String,
    kind: Kind,
    metadata: Metadata<'a>,
    status: &'a ObjectStatus,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Document<'a> {
    fn new(object: &'a ObjectKey, status: &'a ObjectStatus) -> Self {
        let metadata = Metadata { namespace: &object.name.namespace, name: &object.name.name };
        Self { api_version: object.kind.api_version(), kind: object.kind, metadata, status }
    }
}
