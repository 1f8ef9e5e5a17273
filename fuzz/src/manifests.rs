//! Manifests: no text makes a panic, and what is read, printed and read again is the same.

use std::{fs, path::Path};

use api::{kind::Kind, manifest};

pub(crate) fn run(bytes: &[u8]) {
    if bytes.starts_with(b"{") {
        for kind in Kind::ALL {
            for version in kind.versions() {
                let _ = manifest::from_server(kind, version, bytes);
            }
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for object in manifest::parse("in.yaml", text).objects {
        // Secrets do not print what they hold.
        if object.value.kind() == Kind::Secret {
            continue;
        }
        let printed = serde_json::to_string(&object.value).unwrap_or_default();
        let again = manifest::parse("in.json", &printed);
        let values: Vec<_> = again.objects.iter().map(|object| &object.value).collect();
        assert_eq!(values, [&object.value], "{printed}\n{:#?}", again.diagnostics);
    }
}

/// Every manifest of the fixtures that is not large.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures"), &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.file_name().is_some_and(|name| name == "in.yaml") {
            found.extend(fs::read(&path).ok().filter(|bytes| bytes.len() <= SEED_BYTES_MAX));
        }
    }
}

const SEED_BYTES_MAX: usize = 16 * 1024;
