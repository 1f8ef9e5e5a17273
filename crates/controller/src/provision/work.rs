//! The requests of a plan.

use api::meta::NamespacedName;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
};
use serde_json::Value;

use super::{
    fault::Fault,
    owned::{Made, Owned, Seen},
    plan::{self, Step},
};

/// What became of a plan.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What is there now, as far as requests told.
    pub(super) seen: Vec<Seen>,
    /// Whether something was there that no watch had told of: the plan was made without it.
    pub(super) surprised: bool,
    /// The first thing that went wrong.
    pub(super) fault: Option<Fault>,
}

impl Outcome {
    /// Nothing was done.
    pub(super) fn refused(fault: Fault) -> Self {
        Self { seen: Vec::new(), surprised: false, fault: Some(fault) }
    }
}

/// Does what a plan says. What does not need each other is done at once; after a failure, nothing
/// is removed.
pub(super) async fn execute(client: &Client, steps: Vec<Step>) -> Outcome {
    let mut outcome = Outcome { seen: Vec::new(), surprised: false, fault: None };
    let mut waves: [Vec<Step>; 3] = Default::default();
    for step in steps {
        waves[wave(&step)].push(step);
    }
    for wave in waves {
        let mut requests: FuturesUnordered<_> =
            wave.into_iter().map(|step| execute_one(client, step)).collect();
        while let Some(result) = requests.next().await {
            match result {
                Ok(Done::Found(owned)) => {
                    outcome.surprised = true;
                    outcome.seen.push(Seen::There(owned));
                }
                Ok(Done::Applied(owned)) => outcome.seen.push(Seen::There(owned)),
                Ok(Done::Removed) => {}
                Err(fault) => outcome.fault = outcome.fault.or(Some(fault)),
            }
        }
        if outcome.fault.is_some() {
            break;
        }
    }
    outcome
}

/// What pods live on, then pods, then what is not wanted any more.
fn wave(step: &Step) -> usize {
    match step {
        Step::Make { made, .. } | Step::Change { made, .. } if *made < Made::Deployment => 0,
        Step::Make { .. } | Step::Change { .. } => 1,
        Step::Remove { .. } => 2,
    }
}

/// What became of one step.
enum Done {
    /// It is there as it was applied.
    Applied(Owned),
    /// It was there already, and is ours.
    Found(Owned),
    /// It goes when its finalizers let it; the watch tells.
    Removed,
}

async fn execute_one(client: &Client, step: Step) -> Result<Done, Fault> {
    match step {
        Step::Make { made, gateway, object } => make(client, made, &gateway, object).await,
        Step::Change { made, object, kept } => apply(client, made, object, kept, true).await,
        Step::Remove { made, name, uid } => remove(client, made, name, uid).await,
    }
}

/// Makes an object that is not known, without taking over one of somebody else.
async fn make(
    client: &Client,
    made: Made,
    gateway: &NamespacedName,
    object: Value,
) -> Result<Done, Fault> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let full = format!("{} {}/{name}", made.as_str(), gateway.namespace);
    let api = api(client, made, &gateway.namespace);
    let there = api.get_opt(&name).await.map_err(|error| Fault::of_request(&full, &error))?;
    if let Some(there) = there {
        let owned = Owned::new(made, there);
        if !owned.is_of(gateway) {
            return Err(Fault::lasting(format!(
                "{full} is there already and was not made for this Gateway; remove or rename it"
            )));
        }
        return Ok(Done::Found(owned));
    }
    // Not by force: who makes one of that name in this moment keeps it.
    apply(client, made, object, None, false).await
}

async fn apply(
    client: &Client,
    made: Made,
    object: Value,
    kept: Option<Value>,
    force: bool,
) -> Result<Done, Fault> {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let mut params = PatchParams::apply(FIELD_MANAGER);
    params.force = force;
    let mut wish = object.clone();
    if let Some(number) = kept {
        wish["spec"]["replicas"] = number;
    }
    let answer = api(client, made, namespace).patch(name, &params, &Patch::Apply(&wish)).await;
    let there = answer.map_err(|error| {
        Fault::of_request(&format!("{} {namespace}/{name}", made.as_str()), &error)
    })?;
    let mut owned = Owned::new(made, there);
    owned.settled = Some(plan::settled(&object, &owned));
    Ok(Done::Applied(owned))
}

async fn remove(
    client: &Client,
    made: Made,
    name: NamespacedName,
    uid: String,
) -> Result<Done, Fault> {
    let mut params = DeleteParams::background();
    params.preconditions = Some(Preconditions { resource_version: None, uid: Some(uid) });
    let answer = api(client, made, &name.namespace).delete(&name.name, &params).await;
    match answer {
        Ok(_) => tracing::info!(kind = made.as_str(), %name, "removed"),
        Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => {}
        Err(error) => {
            return Err(Fault::of_request(&format!("{} {name}", made.as_str()), &error));
        }
    }
    Ok(Done::Removed)
}

fn api(client: &Client, made: Made, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &made.resource())
}

const FIELD_MANAGER: &str = "portcullis";
