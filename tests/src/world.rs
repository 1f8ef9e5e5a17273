//! Manifests become tables, step by step, as in a running process: each step is translated and
//! compiled from the one before, and must equal what comes out from nothing.

use std::collections::{BTreeMap, BTreeSet};

use api::{kind::ObjectKey, manifest, meta::NamespacedName, resources::Resources};
use ipnet::IpNet;
use ir::{BindFailure, BindFault, Id};
use router::Table;
use serde::Deserialize;
use translate::{Observations, Output, Served, Settings, Translator, translate};

use crate::{Case, fixture};

/// What stands after one step.
pub struct World {
    /// The objects.
    pub resources: Resources,
    /// What the manifests did not let through, and objects that stand there twice.
    pub complaints: Vec<String>,
    /// What became of them.
    pub output: Output,
    /// The binds that did not open.
    pub closed: BTreeSet<Id<ir::Bind>>,
    /// The compiled tables.
    pub table: Table,
}

/// The steps of a case, one after the other.
///
/// # Errors
/// A case that cannot be read, or a step that comes out otherwise than from nothing.
pub fn worlds(case: &Case) -> Result<Vec<World>, String> {
    let settings = settings(case)?;
    let (observations, closed) = observations(case)?;
    let mut translator = Translator::new(settings.clone());
    let mut worlds: Vec<World> = Vec::new();
    for manifests in case.steps()? {
        let (resources, complaints) = load(&manifests);
        let nothing = (Resources::default(), Table::default());
        let (before, table) = worlds
            .last()
            .map_or((&nothing.0, &nothing.1), |world| (&world.resources, &world.table));
        let step = translator.update(&resources, &observations, &changed(before, &resources));
        let output = translator.output().clone();
        if output != translate(&resources, &observations, &settings) {
            return Err(format!("{case}: step {}: not what comes from nothing", worlds.len() + 1));
        }
        let table = Table::compile(&output.ir, table, Some(&step.changed_keys));
        worlds.push(World { resources, complaints, output, closed: closed.clone(), table });
    }
    Ok(worlds)
}

/// What stands when a folder of `examples/` is run.
///
/// # Errors
/// A file that cannot be read.
pub fn example(name: &str) -> Result<World, String> {
    let (resources, complaints) = load(&fixture::example(name)?);
    let output = translate(&resources, &Observations::all_open(), &Settings::default());
    let table = Table::compile(&output.ir, &Table::default(), None);
    Ok(World { resources, complaints, output, closed: BTreeSet::new(), table })
}

/// The objects of several manifests. Of two objects with one name the first one counts.
fn load(manifests: &[(String, String)]) -> (Resources, Vec<String>) {
    let mut resources = Resources::default();
    let mut complaints = Vec::new();
    for (file, text) in manifests {
        let manifest = manifest::parse(file, text);
        complaints.extend(manifest.diagnostics.iter().map(ToString::to_string));
        for object in manifest.objects {
            let key = object.value.key();
            if resources.get(&key).is_some() {
                complaints.push(format!("{}: {key} stands there twice", object.source));
            } else {
                resources.apply(object.value);
            }
        }
    }
    (resources, complaints)
}

fn changed(before: &Resources, after: &Resources) -> BTreeSet<ObjectKey> {
    let keys = before.objects().chain(after.objects()).map(|object| object.key());
    keys.filter(|key| before.get(key) != after.get(key)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Flags {
    address_pool: Option<IpNet>,
    #[serde(default)]
    cluster: bool,
}

fn settings(case: &Case) -> Result<Settings, String> {
    let Some(text) = case.read_shared("settings.yaml")? else { return Ok(Settings::default()) };
    let flags: Flags = serde_saphyr::from_str(&text)
        .map_err(|error| format!("{case}: settings.yaml of the area: {error}"))?;
    Ok(match flags.cluster {
        true => Settings::cluster(),
        false => Settings::standalone(flags.address_pool),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Observed {
    closed: Vec<Closed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closed {
    bind: String,
    fault: Fault,
    message: String,
}

#[derive(Clone, Copy, Deserialize)]
enum Fault {
    InUse,
    Forbidden,
    NoSuchAddress,
    Other,
}

fn observations(case: &Case) -> Result<(Observations, BTreeSet<Id<ir::Bind>>), String> {
    let mut observations = Observations::all_open();
    let mut closed = BTreeSet::new();
    if let Some(text) = case.read("observations.yaml")? {
        let observed: Observed = serde_saphyr::from_str(&text)
            .map_err(|error| case.error("observations.yaml", error))?;
        let mut by_gateway: BTreeMap<NamespacedName, Served> = BTreeMap::new();
        for Closed { bind, fault, message } in observed.closed {
            let mut parts = bind.split('/');
            let (Some(namespace), Some(name)) = (parts.next(), parts.next()) else {
                return Err(case.error("observations.yaml", format!("no bind: {bind}")));
            };
            let served = by_gateway.entry(NamespacedName::new(namespace, name)).or_default();
            let bind = Id::new(bind);
            let fault = match fault {
                Fault::InUse => BindFault::InUse,
                Fault::Forbidden => BindFault::Forbidden,
                Fault::NoSuchAddress => BindFault::NoSuchAddress,
                Fault::Other => BindFault::Other,
            };
            closed.insert(bind.clone());
            served.closed.insert(bind.clone(), BindFailure { bind, fault, message });
        }
        for (gateway, served) in by_gateway {
            observations.gateway(gateway, Some(served));
        }
    }
    Ok((observations, closed))
}
