//! Discovery, plain and aggregated, and what else is asked without a resource.

use serde_json::{Value, json};

use super::{
    answer::Answer,
    catalog::{Catalog, Resource},
    storage::Refusal,
};

pub(super) fn answer(catalog: &Catalog, path: &str, accept: &str) -> Result<Answer, Refusal> {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let aggregated = accept.contains("as=APIGroupDiscoveryList");
    let body = match segments[..] {
        ["version"] => json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3"}),
        ["livez" | "readyz" | "healthz"] => json!("ok"),
        ["api"] if aggregated => groups(catalog, |group| group.is_empty()),
        ["apis"] if aggregated => groups(catalog, |group| !group.is_empty()),
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"],
                          "serverAddressByClientCIDRs": []}),
        ["apis"] => {
            let groups: Vec<Value> = names(catalog)
                .into_iter()
                .filter(|group| !group.is_empty())
                .map(|group| plain_group(catalog, group))
                .collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["api", version] => resources(catalog, "", version)?,
        ["apis", group] if names(catalog).contains(&group) => plain_group(catalog, group),
        ["apis", group, version] => resources(catalog, group, version)?,
        _ => return Err(unknown()),
    };
    Ok(Answer::of(200, body))
}

fn unknown() -> Refusal {
    Refusal::new(404, "NotFound", "the server could not find the requested resource")
}

/// The groups in order of their first resource.
fn names(catalog: &Catalog) -> Vec<&'static str> {
    let mut names = Vec::new();
    for resource in catalog.all() {
        if !names.contains(&resource.group) {
            names.push(resource.group);
        }
    }
    names
}

fn versions(catalog: &Catalog, group: &str) -> Vec<&'static str> {
    let mut versions = Vec::new();
    for resource in catalog.all().iter().filter(|resource| resource.group == group) {
        for version in resource.versions {
            if !versions.contains(version) {
                versions.push(*version);
            }
        }
    }
    versions
}

fn within<'a>(
    catalog: &'a Catalog,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = &'a Resource> {
    let meant =
        move |resource: &&Resource| resource.group == group && resource.versions.contains(&version);
    catalog.all().iter().filter(meant)
}

fn plain_group(catalog: &Catalog, group: &str) -> Value {
    let versions: Vec<Value> = versions(catalog, group)
        .iter()
        .map(|version| json!({"groupVersion": format!("{group}/{version}"), "version": version}))
        .collect();
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": versions,
           "preferredVersion": versions[0], "serverAddressByClientCIDRs": []})
}

fn resources(catalog: &Catalog, group: &str, version: &str) -> Result<Value, Refusal> {
    let mut list = Vec::new();
    for resource in within(catalog, group, version) {
        let Resource { plural, kind, namespaced, status, .. } = resource;
        list.push(json!({"name": plural, "singularName": kind.to_lowercase(), "kind": kind,
                         "namespaced": namespaced, "verbs": VERBS}));
        if *status {
            list.push(json!({"name": format!("{plural}/status"), "singularName": "",
                             "kind": kind, "namespaced": namespaced, "verbs": STATUS_VERBS}));
        }
    }
    if list.is_empty() {
        return Err(unknown());
    }
    let full = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": full,
              "resources": list}))
}

fn groups(catalog: &Catalog, wanted: impl Fn(&str) -> bool) -> Value {
    let groups = names(catalog).into_iter().filter(|group| wanted(group));
    let items: Vec<Value> = groups
        .map(|group| {
            let versions = versions(catalog, group).into_iter();
            let versions: Vec<Value> =
                versions.map(|version| group_version(catalog, group, version)).collect();
            json!({"metadata": {"name": group}, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
           "metadata": {}, "items": items})
}

fn group_version(catalog: &Catalog, group: &str, version: &str) -> Value {
    let resources: Vec<Value> = within(catalog, group, version)
        .map(|resource| {
            let Resource { plural, kind, namespaced, status, .. } = resource;
            let full = json!({"group": group, "version": version, "kind": kind});
            let scope = if *namespaced { "Namespaced" } else { "Cluster" };
            let mut found = json!({
                "resource": plural, "responseKind": full, "scope": scope,
                "singularResource": kind.to_lowercase(), "verbs": VERBS,
            });
            if *status {
                found["subresources"] = json!([
                    {"subresource": "status", "responseKind": full, "verbs": STATUS_VERBS},
                ]);
            }
            found
        })
        .collect();
    json!({"version": version, "freshness": "Current", "resources": resources})
}

const VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
const STATUS_VERBS: &[&str] = &["get", "patch", "update"];
