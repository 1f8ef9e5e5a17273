//! The API server judges our parsing: what it takes we take, what it refuses we refuse.
//!
//! Three sources of objects: every object of `fixtures/`; the cases of the validation tests (a file
//! that those tests write when `PORTCULLIS_CASES` names it); and, for every rule that the upstream
//! CRDs state, an object that keeps all rules but this one. Each goes through our reader of
//! manifests and, as a dry run, through the API server. A rule of the schema counts as judged when
//! the server itself named its field and its fault; a rule in CEL when the server said its message.
//!
//! `cargo xtask cluster judge` does all of it.

// So that clippy sees what it is: panics are how a test fails.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    sync::Arc,
};

use api::{kind::Kind, manifest};
use kube::Client;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

mod mutate;
mod rules;
mod server;

use rules::Rule;
use server::Verdict;

/// An object to be judged.
#[derive(Clone)]
struct Case {
    /// Where it comes from.
    source: String,
    object: Value,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let client = Client::try_default().await.expect("a kubeconfig");
    server::prepare(&client).await;
    let rules = rules::of(&server::definitions(&client).await);
    let seeds = documents("tests/judge/seeds.yaml", include_str!("seeds.yaml"));
    let fixtures = fixtures();
    let table: Vec<Case> = std::env::args().skip(1).flat_map(|path| table(&path)).collect();
    let own = seeds.iter().chain(&fixtures).chain(&table);
    let mut given: Vec<Case> = own.cloned().collect();
    given.extend(other_versions(&given));
    let judged = judge(&client, &given).await;
    let good: Vec<&Value> = given
        .iter()
        .zip(&judged)
        .filter(|(case, verdict)| verdict.takes && ours(&case.object))
        .map(|(case, _)| &case.object)
        .collect();
    let made: Vec<Case> = rules
        .iter()
        .filter_map(|rule| {
            let object = mutate::break_rule(rule, &good)?;
            Some(Case { source: rule.to_string(), object })
        })
        .collect();
    let verdicts = judge(&client, &made).await;
    server::clean(&client).await;

    let all = || given.iter().chain(&made).zip(judged.iter().chain(&verdicts));
    let broken = broken(&rules, all());
    let disagreements: BTreeSet<String> =
        all().filter_map(|(case, verdict)| disagreement(case, verdict)).collect();
    let open: Vec<String> = rules
        .iter()
        .enumerate()
        .filter(|(index, rule)| !broken.contains(index) && !rule.is_beyond_reach())
        .map(|(_, rule)| rule.to_string())
        .collect();
    disagreements.iter().for_each(|one| println!("DISAGREE {one}"));
    open.iter().for_each(|rule| println!("NOT BROKEN {rule}"));
    let count = all().filter(|(_, verdict)| verdict.judged).count();
    println!(
        "rules of the CRDs: {}, of which broken alone or together: {}",
        rules.len(),
        broken.len()
    );
    println!(
        "objects: {} with every field, {} of fixtures, {} of the validation tests, {} in other \
         versions, {} made for a rule",
        seeds.len(),
        fixtures.len(),
        table.len(),
        given.len() - seeds.len() - fixtures.len() - table.len(),
        made.len()
    );
    let refused = all().filter(|(_, verdict)| verdict.judged && !verdict.takes).count();
    println!("judged: {count}, of which the server refused {refused}");
    println!("agreements: {}, disagreements: {}", count - disagreements.len(), disagreements.len());
    match disagreements.is_empty() && open.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Whether our reader of manifests takes an object without complaint.
fn ours(object: &Value) -> bool {
    let manifest = manifest::parse("judged.json", &object.to_string());
    manifest.diagnostics.is_empty() && manifest.objects.len() == 1
}

fn disagreement(case: &Case, verdict: &Verdict) -> Option<String> {
    let takes = ours(&case.object);
    if !verdict.judged || takes == verdict.takes || verdict.excused {
        return None;
    }
    let manifest = manifest::parse("judged.json", &case.object.to_string());
    let ours: Vec<String> = manifest.diagnostics.iter().map(ToString::to_string).collect();
    let who = if takes { "only the server refuses" } else { "only we refuse" };
    let kind = &case.object["kind"];
    let stricter =
        |(of, part): &(&str, &str)| kind == of && ours.iter().any(|one| one.contains(part));
    if !takes && STRICTER.iter().any(stricter) {
        return None;
    }
    let text: String = case.object.to_string().chars().take(600).collect();
    Some(format!("{}: {who}: {:?} {ours:?}\n    {text}", case.source, verdict.causes))
}

/// The rules that some refusal was about.
fn broken<'a>(
    rules: &[Rule],
    all: impl Iterator<Item = (&'a Case, &'a Verdict)>,
) -> BTreeSet<usize> {
    let mut by_kind: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        by_kind.entry((&rule.kind, &rule.version)).or_default().push(index);
    }
    let mut broken = BTreeSet::new();
    for (case, verdict) in all.filter(|(_, verdict)| verdict.judged && !verdict.takes) {
        let kind = case.object["kind"].as_str().unwrap_or_default();
        let version = case.object["apiVersion"].as_str().unwrap_or_default();
        let version = version.rsplit('/').next().unwrap_or_default();
        let of_kind = by_kind.get(&(kind, version)).map(Vec::as_slice).unwrap_or_default();
        for index in of_kind {
            let told = |(field, message): &(String, String)| rules[*index].is_told(field, message);
            if verdict.causes.iter().any(told) {
                broken.insert(*index);
            }
        }
    }
    broken
}

async fn judge(client: &Client, cases: &[Case]) -> Vec<Verdict> {
    let places = Arc::new(Semaphore::new(PARALLEL));
    let mut tasks = JoinSet::new();
    for (index, case) in cases.iter().enumerate() {
        let (client, object, places) = (client.clone(), case.object.clone(), places.clone());
        tasks.spawn(async move {
            let _place = places.acquire().await.expect("it is never closed");
            (index, server::verdict(&client, object).await)
        });
    }
    let mut verdicts: Vec<(usize, Verdict)> = tasks.join_all().await;
    verdicts.sort_by_key(|(index, _)| *index);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

/// Every object of every case on disk.
fn fixtures() -> Vec<Case> {
    let mut found = BTreeMap::new();
    for case in portcullis_tests::cases().expect("the cases can be read") {
        for (file, text) in case.steps().expect("the steps can be read").into_iter().flatten() {
            for made in documents(&format!("{case}/{file}"), &text) {
                found.insert(made.object.to_string(), made);
            }
        }
    }
    found.into_values().collect()
}

fn documents(source: &str, text: &str) -> Vec<Case> {
    let text = format!("\n{text}");
    let parts = text.split("\n---\n");
    let objects = parts.map(|part| serde_saphyr::from_str(part).expect("a document is YAML"));
    let case = |object| Case { source: source.to_owned(), object };
    objects.filter(known).map(case).collect()
}

/// The cases of the validation tests, one in each line.
fn table(path: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(path).expect("the file of cases can be read");
    let lines: BTreeSet<&str> = text.lines().collect();
    let objects = lines.into_iter().map(|line| serde_json::from_str(line).expect("a case is JSON"));
    let objects = objects.filter(known);
    objects.map(|object| Case { source: "table".to_owned(), object }).collect()
}

fn known(object: &Value) -> bool {
    kind(object).is_some()
}

fn kind(object: &Value) -> Option<Kind> {
    let (version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
    Kind::find(version.split_once('/').map_or("", |(group, _)| group), kind)
}

/// The same objects in the other versions of their kind.
fn other_versions(cases: &[Case]) -> Vec<Case> {
    let mut others = Vec::new();
    for case in cases {
        let Some(kind) = kind(&case.object) else { continue };
        let own = case.object["apiVersion"].as_str().unwrap_or_default();
        let versions = kind.versions().iter().map(|version| format!("{}/{version}", kind.group()));
        for version in versions.filter(|version| kind.versions().len() > 1 && *version != own) {
            let mut object = case.object.clone();
            object["apiVersion"] = json!(version);
            others.push(Case { source: format!("{} as {version}", case.source), object });
        }
    }
    others
}

/// Where we ask more on purpose: the CRD lacks the rule that the same listener has on a Gateway
/// (GEP-5224), and nobody can connect to port 0.
const STRICTER: [(&str, &str); 2] = [
    ("ListenerSet", "filters may only be set when protocol is HTTP or HTTPS"),
    ("EndpointSlice", "port: should be greater than or equal to 1"),
];
/// Dry runs at once.
const PARALLEL: usize = 16;
