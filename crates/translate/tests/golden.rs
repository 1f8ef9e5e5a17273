//! Every case of `fixtures/`, translated and compared byte for byte with what stands beside it.
//! `PORTCULLIS_BLESS=1` writes the files instead; then read the difference against the
//! specification, since a golden file is only as good as the eye on it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use api::{kind::ObjectKey, manifest, meta::NamespacedName, resources::Resources};
use ir::{BindFailure, BindFault, Id, Snapshot};
use portcullis_translate::{Observations, Output, Served, Settings, Translator, translate};
use serde::Deserialize;

#[test]
fn every_case_becomes_what_is_written_down() {
    let bless = std::env::var("PORTCULLIS_BLESS").is_ok_and(|value| value == "1");
    let mut wrong = Vec::new();
    let mut cases = 0;
    for area in folders(&root().join("fixtures")) {
        let shared = read(&area.join("platform.yaml")).map(|text| ("platform".to_owned(), text));
        let settings = settings(&area);
        let base = base(shared.as_ref(), &settings);
        for case in folders(&area) {
            if read(&case.join("in.yaml")).is_none() {
                continue;
            }
            cases += 1;
            for (file, text) in outcomes(&case, shared.as_ref(), &settings, &base) {
                let path = case.join(&file);
                if bless {
                    write(&path, &text);
                } else if read(&path).unwrap_or_default() != text {
                    wrong.push(difference(&path, &text));
                }
            }
        }
    }
    assert!(cases > 0, "there are no cases");
    assert!(wrong.is_empty(), "{}\nbless them with `cargo xtask bless`", wrong.join("\n"));
}

/// The expected files of a case, those that must be absent with an empty text.
fn outcomes(
    case: &Path,
    shared: Option<&(String, String)>,
    settings: &Settings,
    base: &(Output, String),
) -> Vec<(String, String)> {
    let own = read(&case.join("platform.yaml")).map(|text| ("platform.yaml".to_owned(), text));
    let observations = observations(case);
    let mut translator = Translator::new(settings.clone());
    let mut before = Resources::default();
    let mut files = Vec::new();
    for (step, prefix) in [("in.yaml", ""), ("step2.yaml", "step2."), ("step3.yaml", "step3.")] {
        let Some(text) = read(&case.join(step)) else { break };
        let manifests = shared.cloned().into_iter().chain(own.clone());
        let (resources, complaints) = load(manifests.chain([(step.to_owned(), text)]));
        let changed = changed(&before, &resources);
        translator.update(&resources, &observations, &changed);
        let output = translator.output();
        let definition = translate(&resources, &observations, settings);
        assert_eq!(*output, definition, "{}: {step}: not what comes from nothing", case.display());
        let diagnostics = diagnostics(output, &complaints, base);
        files.push((format!("{prefix}ir.yaml"), ir_text(output, &base.0)));
        files.push((format!("{prefix}status.yaml"), status_text(output, &base.0)));
        files.push((format!("{prefix}infra.yaml"), infra_text(output, &base.0)));
        files.push((format!("{prefix}diagnostics.yaml"), diagnostics));
        before = resources;
    }
    files
}

/// What the platform of an area gives alone.
fn base(shared: Option<&(String, String)>, settings: &Settings) -> (Output, String) {
    let (resources, complaints) = load(shared.cloned().into_iter());
    (translate(&resources, &Observations::all_open(), settings), complaints)
}

/// The objects of several manifests, of which the first with a name counts, and what the reader of
/// manifests has to say.
fn load(manifests: impl Iterator<Item = (String, String)>) -> (Resources, String) {
    let mut resources = Resources::default();
    let mut complaints = String::new();
    for (file, text) in manifests {
        let manifest = manifest::parse(&file, &text);
        for diagnostic in manifest.diagnostics {
            line(&mut complaints, &diagnostic.to_string());
        }
        for ignored in manifest.ignored {
            let text =
                format!("{}: {} is of a kind that is not read", ignored.source, ignored.object);
            line(&mut complaints, &text);
        }
        for object in manifest.objects {
            let key = object.value.key();
            if resources.get(&key).is_some() {
                let text = format!("{}: {key} stands there twice; the first counts", object.source);
                line(&mut complaints, &text);
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

fn ir_text(output: &Output, base: &Output) -> String {
    let delta = ir::diff(0, &base.ir, &output.ir, None);
    let mut added = Snapshot::default();
    added.apply(&ir::Delta { removals: Vec::new(), ..delta.clone() });
    let mut text = match added == Snapshot::default() {
        true => String::new(),
        // Kinds without an entry are left out.
        false => {
            let text = yaml(&added);
            let lines =
                text.lines().filter(|line| line.starts_with(' ') || !line.ends_with(": {}"));
            lines.map(|line| format!("{line}\n")).collect()
        }
    };
    for key in &delta.removals {
        writeln!(text, "# gone: {key}").unwrap();
    }
    text
}

fn status_text(output: &Output, base: &Output) -> String {
    let mut status = output.status.clone();
    status.retain(|key, value| base.status.get(key) != Some(value));
    status.to_yaml().unwrap()
}

/// What must be there for each Gateway, by the name of the objects and of the Service.
fn infra_text(output: &Output, base: &Output) -> String {
    let mut text = String::new();
    for (gateway, infra) in &output.infra {
        if base.infra.get(gateway) != Some(infra) {
            let names = format!("# {} behind Service {}", infra.name(), infra.service_name());
            writeln!(text, "---\n{names}\n{}", yaml(infra).trim_end()).unwrap();
        }
    }
    for gateway in output.released.difference(&base.released) {
        writeln!(text, "# another controller's: {gateway}").unwrap();
    }
    text
}

fn diagnostics(output: &Output, complaints: &str, base: &(Output, String)) -> String {
    let mut text = String::new();
    for complaint in complaints.lines().filter(|one| !base.1.lines().any(|known| known == *one)) {
        writeln!(text, "{complaint}").unwrap();
    }
    for diagnostic in output.diagnostics.difference(&base.0.diagnostics) {
        let one = format!("{}: {diagnostic}", diagnostic.severity);
        line(&mut text, &one);
    }
    text
}

/// Each as an item of a YAML list of texts.
fn line(text: &mut String, item: &str) {
    writeln!(text, "- {}", yaml(&item).trim_end()).unwrap();
}

fn yaml(value: &impl serde::Serialize) -> String {
    serde_saphyr::to_string(value).unwrap()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Flags {
    address_pool: Option<ipnet::IpNet>,
    #[serde(default)]
    cluster: bool,
}

fn settings(area: &Path) -> Settings {
    let Some(text) = read(&area.join("settings.yaml")) else { return Settings::default() };
    let flags: Flags = serde_saphyr::from_str(&text).unwrap();
    match flags.cluster {
        true => Settings::cluster(),
        false => Settings::standalone(flags.address_pool),
    }
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
    fault: String,
    message: String,
}

fn observations(case: &Path) -> Observations {
    let mut observations = Observations::all_open();
    let Some(text) = read(&case.join("observations.yaml")) else { return observations };
    let observed: Observed = serde_saphyr::from_str(&text).unwrap();
    let mut closed: BTreeMap<NamespacedName, Served> = BTreeMap::new();
    for Closed { bind, fault, message } in observed.closed {
        let fault = match fault.as_str() {
            "InUse" => BindFault::InUse,
            "Forbidden" => BindFault::Forbidden,
            "NoSuchAddress" => BindFault::NoSuchAddress,
            _ => BindFault::Other,
        };
        let mut parts = bind.split('/');
        let (Some(namespace), Some(name)) = (parts.next(), parts.next()) else { panic!("{bind}") };
        let served = closed.entry(NamespacedName::new(namespace, name)).or_default();
        let bind = Id::new(bind);
        served.closed.insert(bind.clone(), BindFailure { bind, fault, message });
    }
    for (gateway, served) in closed {
        observations.gateway(gateway, Some(served));
    }
    observations
}

/// The first line that differs, with the ones before it.
fn difference(path: &Path, text: &str) -> String {
    let expected = read(path).unwrap_or_default();
    let mut old = expected.lines();
    let mut context = Vec::new();
    for (number, new) in text.lines().enumerate() {
        let line = old.next();
        if line != Some(new) {
            let before = context[context.len().saturating_sub(3)..].join("\n    ");
            let line = line.unwrap_or("(end)");
            let at = format!("{}:{}", path.display(), number + 1);
            return format!("{at}\n    {before}\n  - {line}\n  + {new}");
        }
        context.push(new);
    }
    format!("{}: lines are gone, from {:?}", path.display(), old.next())
}

fn write(path: &Path, text: &str) {
    match text.is_empty() {
        true => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        },
        false => fs::write(path, text).unwrap(),
    }
}

fn read(path: &Path) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
