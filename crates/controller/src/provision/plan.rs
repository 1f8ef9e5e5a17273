//! What to write so that a Gateway has what it needs: the difference, and nothing when there is
//! none. Pure.

use api::meta::NamespacedName;
use serde_json::Value;
use translate::Infra;

use super::{
    Install,
    agree::{projection, same},
    fault::Fault,
    owned::{Made, Owned},
    render::{ANNOTATION_DIGEST, render, render_trust},
};

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Nothing of that name is known: make it, unless there is one that is not ours.
    Make { made: Made, gateway: NamespacedName, object: Value },
    /// What is there differs. `kept` is a number of pods that nobody asked for and that stays.
    Change { made: Made, object: Value, kept: Option<Value> },
    /// It is not wanted any more.
    Remove { made: Made, name: NamespacedName, uid: String },
}

/// The writes that bring what is there in line with what a Gateway needs.
pub(super) fn plan(infra: &Infra, install: &Install, there: &[Owned]) -> Result<Vec<Step>, Fault> {
    let objects = render(infra, install)?;
    if let Some(rival) =
        there.iter().filter_map(Owned::installation).find(|i| *i != install.installation)
    {
        return Err(rivalry(infra, rival));
    }
    let mut steps = Vec::new();
    let mut wanted: Vec<(Made, String)> = Vec::new();
    for mut object in objects {
        let Some(made) = Made::of(&object) else { continue };
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let owned = there.iter().find(|o| o.made == made && *o.name.name == *name);
        wanted.push((made, name));
        match owned {
            None => {
                let gateway = infra.gateway.clone();
                steps.push(Step::Make { made, gateway, object });
            }
            Some(owned) if !says(owned, &object) => {
                // Of this object, not of one that took its place meanwhile.
                object["metadata"]["uid"] = owned.uid.as_str().into();
                let kept = kept(owned, &object);
                steps.push(Step::Change { made, object, kept });
            }
            Some(_) => {}
        }
    }
    let is_wanted = |owned: &Owned| {
        wanted.iter().any(|(made, name)| *made == owned.made && **name == *owned.name.name)
    };
    let serves = |owned: &Owned| owned.made.is_workload() && owned.is_rolled_out();
    let rolled_out = there.iter().any(|owned| serves(owned) && is_wanted(owned));
    for owned in there {
        // The new pods serve before the old ones, and what those live on, may go.
        let awaited = match owned.made {
            Made::Deployment | Made::DaemonSet | Made::ServiceAccount | Made::ConfigMap => {
                !rolled_out
            }
            Made::Service => infra.ports.is_empty(),
            Made::PodDisruptionBudget | Made::HorizontalPodAutoscaler => false,
        };
        if !is_wanted(owned) && !awaited {
            steps.push(removal(owned));
        }
    }
    Ok(steps)
}

/// The one write that proxies of a frozen Gateway need, where it differs: without the authorities
/// of now they could not come back.
pub(super) fn trust(infra: &Infra, install: &Install, there: &[Owned]) -> Vec<Step> {
    let mut object = render_trust(infra, install);
    let made = Made::ConfigMap;
    let own = |owned: &&Owned| {
        owned.made == made
            && *owned.name.name == *infra.name()
            && owned.installation() == Some(&install.installation)
    };
    match there.iter().find(own) {
        Some(owned) if !says(owned, &object) => {
            object["metadata"]["uid"] = owned.uid.as_str().into();
            vec![Step::Change { made, object, kept: None }]
        }
        _ => Vec::new(),
    }
}

/// The number of pods that is there, where we say none. Did we just say it no more, the API server
/// would fall back to one pod, in the moment in which an autoscaler takes over.
fn kept(owned: &Owned, object: &Value) -> Option<Value> {
    let there = owned.says["spec"].get("replicas")?;
    let silent = owned.made == Made::Deployment && object["spec"].get("replicas").is_none();
    silent.then(|| there.clone())
}

/// The writes that leave nothing of a Gateway that needs nothing any more.
pub(super) fn remove(installation: &str, there: &[Owned]) -> Vec<Step> {
    let ours = there.iter().filter(|owned| owned.installation() == Some(installation));
    ours.map(removal).collect()
}

fn removal(owned: &Owned) -> Step {
    Step::Remove { made: owned.made, name: owned.name.clone(), uid: owned.uid.clone() }
}

/// Whether an object says what was rendered: it was applied (its digest says so), and nobody
/// changed what we said since.
fn says(owned: &Owned, object: &Value) -> bool {
    let digest = object["metadata"]["annotations"][ANNOTATION_DIGEST].as_str();
    if owned.digest() != digest {
        return false;
    }
    let mut object = object.clone();
    strip(&mut object);
    let now = projection(&object, &owned.says);
    same(&object, &now) || owned.settled.as_ref() == Some(&now)
}

/// What the API server made of an object, as far as we said anything.
pub(super) fn settled(object: &Value, owned: &Owned) -> Value {
    let mut object = object.clone();
    strip(&mut object);
    projection(&object, &owned.says)
}

/// Takes out what names an object, which is the same by the way it was found.
fn strip(object: &mut Value) {
    if let Some(object) = object.as_object_mut() {
        object.retain(|key, _| key != "apiVersion" && key != "kind");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|key, _| key != "name" && key != "namespace" && key != "uid");
    }
}

fn rivalry(infra: &Infra, rival: &str) -> Fault {
    Fault::lasting(format!(
        "the proxies of this Gateway belong to an installation of Portcullis in namespace {rival}; \
         give one of the two another controllerName, or, if that one is gone: kubectl annotate \
         --namespace {} --selector app.kubernetes.io/instance={} \
         serviceaccounts,configmaps,services,deployments,daemonsets,poddisruptionbudgets,\
         horizontalpodautoscalers portcullis.dev/installation-",
        infra.gateway.namespace,
        infra.name(),
    ))
}

#[cfg(test)]
mod tests;
