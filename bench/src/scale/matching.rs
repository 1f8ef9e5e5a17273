//! In this process: manifests to resources, to IR, to a table, and requests through that table.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use api::{
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
    object::Object,
    resources::Resources,
};
use router::{BindTable, Head, Table, head::Span};
use translate::{Observations, Settings, Translator};

use super::{
    Gate,
    town::{self, Shape},
};

/// What one number of routes of one shape costs.
struct Row {
    shape: Shape,
    routes: usize,
    translate: Duration,
    compile: Duration,
    edit: Duration,
    found: Duration,
}

/// For each shape and number of routes.
pub(super) fn measure(quick: bool, gates: &mut Vec<Gate>) -> anyhow::Result<String> {
    let counts: &[usize] = if quick { &[10, 1_000, 10_000] } else { &[10, 1_000, 10_000, 100_000] };
    let mut rows = Vec::new();
    for shape in Shape::ALL {
        for &routes in counts {
            // Ten thousand automata are enough to see what one costs.
            if shape == Shape::Regex && routes > 10_000 {
                continue;
            }
            eprintln!("bench: {routes} routes, {}", shape.label());
            rows.push(row(shape, routes)?);
        }
    }
    let mut text = String::from(
        "\n### Routes in one table\n\n| routes | | translate, ms | compile, ms | edit of one, µs | \
         match, ns |\n|---|---|---|---|---|---|\n",
    );
    for Row { shape, routes, translate, compile, edit, found } in &rows {
        let _ = writeln!(
            text,
            "| {routes} | {} | {:.1} | {:.1} | {:.0} | {} |",
            shape.label(),
            1e3 * translate.as_secs_f64(),
            1e3 * compile.as_secs_f64(),
            1e6 * edit.as_secs_f64(),
            found.as_nanos(),
        );
    }
    let found = |routes| {
        let mut rows = rows.iter();
        let row = rows.find(|row| row.shape == Shape::OneHost && row.routes == routes);
        row.map(|row| row.found.as_secs_f64())
    };
    if let Some(at) = found(10_000) {
        let what = "match at 10,000 routes on one host";
        gates.push(Gate { what, limit: 500.0, found: 1e9 * at, unit: "ns" });
    }
    if let (Some(few), Some(many)) = (found(1_000), found(100_000)) {
        let what = "match at 100,000 routes on one host, against 1,000";
        gates.push(Gate { what, limit: 1.5, found: many / few, unit: "times" });
    }
    Ok(text)
}

fn row(shape: Shape, routes: usize) -> anyhow::Result<Row> {
    let mut resources = Resources::default();
    let gateway = town::gateway(80, &[]);
    for text in std::iter::once(gateway).chain(town::files(shape, routes, 1)) {
        let manifest = api::manifest::parse("town.yaml", &text);
        ensure!(manifest.diagnostics.is_empty(), "{:?}", manifest.diagnostics);
        for object in manifest.objects {
            resources.apply(object.value);
        }
    }
    let all: BTreeSet<ObjectKey> = resources.objects().map(|object| object.key()).collect();
    let observations = Observations::all_open();
    let mut translator = Translator::new(Settings::default());
    let began = Instant::now();
    translator.update(&resources, &observations, &all);
    let translate = began.elapsed();
    let began = Instant::now();
    let mut table = Table::compile(&translator.output().ir, &Table::default(), None);
    let compile = began.elapsed();
    let found = requests(&table, shape, routes)?;

    let mut edit = Duration::MAX;
    for n in 0..EDITS {
        let name = NamespacedName::new("default", format!("route-{}", n * routes / EDITS));
        let key = ObjectKey { kind: Kind::HTTPRoute, name };
        let object = resources.get(&key).context("a route is missing")?;
        let Object::HTTPRoute(route) = object else { continue };
        let mut route = (*route).clone();
        route.spec.rules[0].backend_refs[0].backend_ref.weight = 2 + n as u32;
        resources.apply(route.into());
        let began = Instant::now();
        let step = translator.update(&resources, &observations, &BTreeSet::from([key]));
        let next = Table::compile(&translator.output().ir, &table, Some(&step.changed_keys));
        edit = edit.min(began.elapsed());
        table = next;
    }
    Ok(Row { shape, routes, translate, compile, edit, found })
}

/// The time to find the rule of a request, in the best of many rounds: others use the machine too.
/// Requests are spread over all routes, so that the table's memory is as cold as in a busy proxy.
fn requests(table: &Table, shape: Shape, routes: usize) -> anyhow::Result<Duration> {
    let mut head = Head::default();
    let count = routes.min(4096);
    let mut asked = Vec::new();
    for n in (0..count).map(|n| n * routes / count) {
        let tenant = format!("tenant-{}", n % 10);
        let texts = [shape.host(n), shape.path(n), tenant];
        asked.push(texts.map(|text| put(&mut head, &text)));
    }
    // Neighbours in the manifests are neighbours in memory; requests come in no such order.
    (1..count).for_each(|n| asked.swap(n, n * 7919 % count));
    head.method = head.store(b"GET");
    for name in ["user-agent", "accept", "accept-encoding", "cookie", "x-stage"] {
        head.append(name.as_bytes(), b"live");
    }
    let bind = table.binds().next().context("the town has no bind")?.clone();
    let fields = head.fields().count();
    let mut best = Duration::MAX;
    for _ in 0..(400_000 / count).max(3) {
        let began = Instant::now();
        for [host, path, tenant] in &asked {
            (head.host, head.path) = (*host, *path);
            if shape == Shape::Headers {
                head.append_span(b"x-tenant", *tenant);
            }
            let found = found(&bind, &head);
            ensure!(found, "a request finds no rule");
            if shape == Shape::Headers {
                head.remove(b"x-tenant");
            }
        }
        best = best.min(began.elapsed());
    }
    ensure!(head.fields().count() == fields, "the head grew");
    Ok(best / u32::try_from(count)?)
}

fn found(bind: &BindTable, head: &Head) -> bool {
    let listener = bind.listener(head.bytes(head.host));
    listener.is_some_and(|listener| black_box(listener.route(head)).is_some())
}

fn put(head: &mut Head, text: &str) -> Span {
    let start = head.raw().len();
    head.raw_mut().extend_from_slice(text.as_bytes());
    Span::raw(start, text.len())
}

const EDITS: usize = 20;
