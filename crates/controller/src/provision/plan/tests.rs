//! Which writes a difference becomes, without an API server.

use serde_json::{Value, json};
use translate::Infra;

use super::{Step, plan, remove, settled};
use crate::provision::{
    owned::{Made, Owned},
    render::render,
    samples::{infra, install},
};

/// What an API server keeps of an object, with what it adds to every one.
fn kept(mut object: Value) -> Owned {
    let made = Made::of(&object).unwrap();
    object["metadata"]["uid"] = "of-the-object".into();
    object["metadata"]["resourceVersion"] = "7".into();
    object["metadata"]["labels"]["somebody"] = "else".into();
    if made.is_workload() {
        object["spec"]["revisionHistoryLimit"] = 10.into();
        object["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst".into();
    }
    Owned::new(made, serde_json::from_value(object).unwrap())
}

fn all_kept(infra: &Infra) -> Vec<Owned> {
    render(infra, &install()).unwrap().into_iter().map(kept).collect()
}

fn steps(infra: &Infra, there: &[Owned]) -> Vec<String> {
    let names = plan(infra, &install(), there).unwrap().into_iter().map(|step| match step {
        Step::Make { made, .. } => format!("make {made:?}"),
        Step::Change { made, .. } => format!("change {made:?}"),
        Step::Remove { made, .. } => format!("remove {made:?}"),
    });
    names.collect()
}

fn deployment(there: &mut [Owned]) -> &mut Owned {
    there.iter_mut().find(|owned| owned.made == Made::Deployment).unwrap()
}

#[test]
fn what_is_there_as_it_should_be_is_left_alone() {
    let infra = infra(json!({}));
    let made = ["ServiceAccount", "ConfigMap", "Service", "Deployment", "PodDisruptionBudget"];
    assert_eq!(steps(&infra, &[]), made.map(|kind| format!("make {kind}")));
    assert_eq!(steps(&infra, &all_kept(&infra)), [""; 0]);
}

#[test]
fn an_edit_by_somebody_is_taken_back_and_only_that() {
    let infra = infra(json!({}));
    let edits: [(&str, Value); 4] = [
        ("/spec/template/spec/containers/0/image", json!("evil")),
        ("/spec/template/spec/securityContext/runAsNonRoot", json!(false)),
        ("/spec/template/spec/containers", json!([])),
        ("/metadata/labels/app.kubernetes.io~1managed-by", json!("me")),
    ];
    for (at, value) in edits {
        let mut there = all_kept(&infra);
        *deployment(&mut there).says.pointer_mut(at).unwrap() = value;
        assert_eq!(steps(&infra, &there), ["change Deployment"], "{at}");
    }
    let mut there = all_kept(&infra);
    deployment(&mut there).says["spec"]["replicas"] = 7.into();
    assert_eq!(steps(&infra, &there), [""; 0], "nobody said how many");
}

#[test]
fn a_value_that_the_api_server_writes_differently_is_settled_once() {
    let infra = infra(json!({ "provider": { "type": "Kubernetes", "kubernetes": {
        "envoyDeployment": { "container": { "resources": { "limits": { "cpu": 0.5 } } } },
    }}}));
    let mut there = all_kept(&infra);
    let limit = "/spec/template/spec/containers/0/resources/limits/cpu";
    *deployment(&mut there).says.pointer_mut(limit).unwrap() = "500m".into();
    let changed = plan(&infra, &install(), &there).unwrap();
    let [Step::Change { object, .. }] = &*changed else { panic!("{changed:?}") };
    assert_eq!(object["metadata"]["uid"], "of-the-object");
    let said = settled(object, deployment(&mut there));
    deployment(&mut there).settled = Some(said);
    assert_eq!(steps(&infra, &there), [""; 0]);
    *deployment(&mut there).says.pointer_mut(limit).unwrap() = "600m".into();
    assert_eq!(steps(&infra, &there), ["change Deployment"]);
}

#[test]
fn what_is_asked_for_no_more_goes_even_where_it_only_was_a_field() {
    let before = infra(json!({ "provider": { "type": "Kubernetes", "kubernetes": {
        "envoyDeployment": { "replicas": 3, "pod": { "nodeSelector": { "disk": "ssd" } } },
        "envoyHpa": { "maxReplicas": 3 },
    }}}));
    let there = all_kept(&before);
    let expected = ["change Deployment", "remove HorizontalPodAutoscaler"];
    assert_eq!(steps(&infra(json!({})), &there), expected);
}

#[test]
fn old_pods_serve_until_new_ones_do() {
    let daemons = infra(json!({ "provider": { "type": "Kubernetes", "kubernetes": {
        "envoyDaemonSet": {},
    }}}));
    let mut there = all_kept(&infra(json!({})));
    let first = ["make DaemonSet", "remove PodDisruptionBudget"];
    assert_eq!(steps(&daemons, &there), first);
    let objects = render(&daemons, &install()).unwrap();
    let mut daemon_set = objects.into_iter().find(|o| o["kind"] == "DaemonSet").unwrap();
    daemon_set["status"] = json!({
        "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1,
    });
    there.push(kept(daemon_set.clone()));
    assert_eq!(steps(&daemons, &there), ["remove PodDisruptionBudget"]);
    there.pop();
    daemon_set["status"]["numberAvailable"] = 2.into();
    there.push(kept(daemon_set));
    assert_eq!(steps(&daemons, &there), ["remove Deployment", "remove PodDisruptionBudget"]);
}

#[test]
fn a_service_without_ports_keeps_its_address() {
    let mut infra = infra(json!({}));
    let there = all_kept(&infra);
    infra.ports.clear();
    assert_eq!(steps(&infra, &there), [""; 0]);
}

#[test]
fn another_installation_is_not_fought() {
    let infra = infra(json!({}));
    let mut there = all_kept(&infra);
    let at = "/metadata/annotations/portcullis.dev~1installation";
    *deployment(&mut there).says.pointer_mut(at).unwrap() = "other".into();
    let fault = plan(&infra, &install(), &there).unwrap_err().to_string();
    assert!(fault.contains("namespace other") && fault.contains("controllerName"), "{fault}");
    let left = remove("portcullis-system", &there);
    assert_eq!(left.len(), there.len() - 1);
    assert!(!left.iter().any(|step| matches!(step, Step::Remove { made: Made::Deployment, .. })));
}

/// An autoscaler that takes over must not begin with one pod.
#[test]
fn a_number_of_pods_outlives_the_wish_for_it() {
    let settings = |deployment: Value, more: Value| {
        let mut kubernetes = json!({ "envoyDeployment": deployment });
        kubernetes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        infra(json!({ "provider": { "type": "Kubernetes", "kubernetes": kubernetes } }))
    };
    let there = all_kept(&settings(json!({ "replicas": 3 }), json!({})));
    let scaled = settings(json!({ "replicas": 3 }), json!({ "envoyHpa": { "maxReplicas": 9 } }));
    let asked = settings(json!({ "replicas": 4 }), json!({}));
    for (infra, number, kept) in [(scaled, None, Some(3)), (asked, Some(4), None)] {
        let steps = plan(&infra, &install(), &there).unwrap();
        let found = steps.iter().find_map(|step| match step {
            Step::Change { made: Made::Deployment, object, kept } => Some((object, kept)),
            _ => None,
        });
        let (object, found) = found.unwrap();
        assert_eq!(object["spec"].get("replicas").and_then(Value::as_u64), number);
        assert_eq!(*found, kept.map(Value::from));
    }
}
