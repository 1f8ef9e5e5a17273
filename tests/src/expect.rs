//! `expect.yaml`: what the status of each object must say. Compared with the status as it is
//! printed, so that nothing is seen here that a user would not see.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{Case, World};

/// Compares the status of all steps with what the case expects; what differs, one text for each.
///
/// # Errors
/// A case that cannot be read.
pub fn statuses(case: &Case, worlds: &[World]) -> Result<Vec<String>, String> {
    let mut differences = Vec::new();
    for (step, world) in (1..).zip(worlds) {
        let stale = generations(world)?;
        differences.extend(stale.iter().map(|problem| format!("{case}: step {step}: {problem}")));
    }
    let Some(text) = case.read("expect.yaml")? else { return Ok(differences) };
    let error = |error: String| case.error("expect.yaml", error);
    for expectation in &parse(&text).map_err(error)? {
        let step = expectation.step.unwrap_or(1);
        let world = worlds.get(step.wrapping_sub(1));
        let world = world.ok_or_else(|| error(format!("there is no step {step}")))?;
        let problems = expectation.compare(world).map_err(error)?;
        if !problems.is_empty() {
            let (place, object) = (case.place("expect.yaml"), &expectation.object);
            let problems = problems.join("\n    ");
            differences.push(format!("{place}: {object}, step {step}\n    {problems}"));
        }
    }
    Ok(differences)
}

/// Reads a list of expectations.
pub(crate) fn parse(text: &str) -> Result<Vec<Expectation>, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

/// What one object must be told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Expectation {
    step: Option<usize>,
    object: String,
    generation: Option<i64>,
    #[serde(default)]
    conditions: Vec<String>,
    addresses: Option<Addresses>,
    listeners: Option<BTreeMap<String, Listener>>,
    parents: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Addresses {
    Number(usize),
    Each(Vec<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Listener {
    #[serde(default)]
    conditions: Vec<String>,
    kinds: Option<Vec<String>>,
    attached_routes: Option<u64>,
}

impl Expectation {
    pub(crate) fn compare(&self, world: &World) -> Result<Vec<String>, String> {
        let key = key(&self.object)?;
        let Some(status) = world.output.status.get(&key) else {
            return Ok(vec!["it has no status".to_owned()]);
        };
        let status = serde_json::to_value(status).map_err(|error| error.to_string())?;
        let mut problems = conditions("", &self.conditions, &status["conditions"])?;
        if let Some(expected) = &self.addresses {
            problems.extend(addresses(expected, &status["addresses"]));
        }
        if let Some(expected) = &self.listeners {
            problems.extend(listeners(expected, &status["listeners"])?);
        }
        if let Some(expected) = &self.parents {
            problems.extend(parents(expected, &key.name.namespace, &status["parents"])?);
        }
        if let Some(expected) = self.generation {
            let found = observed(&status);
            if found != BTreeSet::from([expected]) {
                problems.push(format!("generation: expected {expected}, got {found:?}"));
            }
        }
        Ok(problems)
    }
}

/// Every condition must be made of the generation that its object has.
fn generations(world: &World) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for (key, status) in world.output.status.iter() {
        let status = serde_json::to_value(status).map_err(|error| error.to_string())?;
        let Some(object) = world.resources.get(key) else {
            problems.push(format!("{key} has a status and does not exist"));
            continue;
        };
        let expected = object.metadata().generation();
        let found = observed(&status);
        if found.iter().any(|generation| *generation != expected) {
            problems.push(format!("{key}: conditions of generation {expected}, got {found:?}"));
        }
    }
    Ok(problems)
}

/// The generations that conditions carry, wherever they stand; -1 for one without.
fn observed(status: &Value) -> BTreeSet<i64> {
    match status {
        Value::Object(fields) => {
            let conditions = fields.get("conditions").and_then(Value::as_array);
            let own = conditions
                .into_iter()
                .flatten()
                .map(|condition| condition["observedGeneration"].as_i64().unwrap_or(-1));
            own.chain(fields.values().flat_map(observed)).collect()
        }
        Value::Array(items) => items.iter().flat_map(observed).collect(),
        _ => BTreeSet::new(),
    }
}

fn addresses(expected: &Addresses, found: &Value) -> Option<String> {
    let found: Vec<&str> =
        found.as_array().into_iter().flatten().filter_map(|one| one["value"].as_str()).collect();
    let same = match expected {
        Addresses::Number(number) => found.len() == *number,
        Addresses::Each(each) => found == *each,
    };
    let expected = match expected {
        Addresses::Number(number) => number.to_string(),
        Addresses::Each(each) => format!("{each:?}"),
    };
    (!same).then(|| format!("addresses: expected {expected}, got {found:?}"))
}

fn listeners(expected: &BTreeMap<String, Listener>, found: &Value) -> Result<Vec<String>, String> {
    let found: BTreeMap<&str, &Value> = found
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|listener| Some((listener["name"].as_str()?, listener)))
        .collect();
    let mut problems = same_names("listeners", expected.keys(), found.keys());
    for (name, expected) in expected {
        let Some(found) = found.get(name.as_str()) else { continue };
        let place = format!("listener {name}: ");
        problems.extend(conditions(&place, &expected.conditions, &found["conditions"])?);
        let routes = found["attachedRoutes"].as_u64();
        if expected.attached_routes.is_some() && expected.attached_routes != routes {
            let expected = expected.attached_routes.unwrap_or_default();
            problems.push(format!("{place}attachedRoutes: expected {expected}, got {routes:?}"));
        }
        if let Some(expected) = &expected.kinds {
            let kinds = found["supportedKinds"].as_array().into_iter().flatten();
            let kinds: Vec<&str> = kinds.filter_map(|kind| kind["kind"].as_str()).collect();
            let all = expected.iter().all(|kind| kinds.contains(&kind.as_str()));
            if !all || expected.is_empty() != kinds.is_empty() {
                problems.push(format!("{place}kinds: expected {expected:?}, got {kinds:?}"));
            }
        }
    }
    Ok(problems)
}

/// A parent without a namespace is in the route's own, `home`.
fn parents(
    expected: &BTreeMap<String, Vec<String>>,
    home: &str,
    found: &Value,
) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    let mut by_name = BTreeMap::new();
    for parent in found.as_array().into_iter().flatten() {
        let reference = &parent["parentRef"];
        let text = |field: &str| reference[field].as_str();
        if text("group").is_none() || text("kind").is_none() {
            problems.push(format!("a parent without group and kind: {reference}"));
        }
        let namespace = text("namespace").unwrap_or(home);
        let mut name = format!("{namespace}/{}", text("name").unwrap_or_default());
        if let Some(section) = text("sectionName") {
            name = format!("{name}/{section}");
        }
        if let Some(port) = reference["port"].as_u64() {
            name = format!("{name}:{port}");
        }
        by_name.insert(name, parent);
    }
    problems.extend(same_names("parents", expected.keys(), by_name.keys()));
    for (name, expected) in expected {
        if let Some(found) = by_name.get(name) {
            let place = format!("parent {name}: ");
            problems.extend(conditions(&place, expected, &found["conditions"])?);
        }
    }
    Ok(problems)
}

fn same_names<'a, A: AsRef<str> + 'a, B: AsRef<str> + 'a>(
    what: &str,
    expected: impl Iterator<Item = &'a A>,
    found: impl Iterator<Item = &'a B>,
) -> Vec<String> {
    let expected: BTreeSet<&str> = expected.map(AsRef::as_ref).collect();
    let found: BTreeSet<&str> = found.map(AsRef::as_ref).collect();
    match expected == found {
        true => Vec::new(),
        false => vec![format!("{what}: expected {expected:?}, got {found:?}")],
    }
}

/// Each of `Type=Status`, `Type=Status/Reason`, `Type=absent`.
fn conditions(place: &str, expected: &[String], found: &Value) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for text in expected {
        let (kind, value) = text.split_once('=').ok_or(format!("{text:?} is no condition"))?;
        let of_kind = found.as_array().into_iter().flatten();
        let of_kind: Vec<&Value> = of_kind.filter(|one| one["type"] == kind).collect();
        let same = match (value, of_kind.as_slice()) {
            ("absent", list) => list.is_empty(),
            (value, [condition]) => {
                let (status, reason) = value.split_once('/').unwrap_or((value, ""));
                condition["status"] == status
                    && (reason.is_empty() || condition["reason"] == reason)
            }
            _ => false,
        };
        if !same {
            let found: Vec<String> = of_kind
                .iter()
                .map(|one| {
                    let text = |field: &str| one[field].as_str().unwrap_or_default();
                    format!("{}/{} ({})", text("status"), text("reason"), text("message"))
                })
                .collect();
            problems.push(format!("{place}expected {text}, got {found:?}"));
        }
    }
    Ok(problems)
}

fn key(object: &str) -> Result<ObjectKey, String> {
    let unknown = || format!("{object:?} is no Kind/namespace/name");
    let (kind, rest) = object.split_once('/').ok_or_else(unknown)?;
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(unknown)?;
    let (namespace, name) = rest.split_once('/').unwrap_or(("", rest));
    Ok(ObjectKey { kind, name: NamespacedName::new(namespace, name) })
}
