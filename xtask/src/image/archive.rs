//! Writes an OCI image archive of one layer, as `ctr images import` and other tools take it.
//!
//! No container daemon, no base image, no compression: the layer holds the files it is given and
//! the folders above them. The same input gives the same bytes, so an image has one digest.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What goes into an image.
pub(crate) struct Image<'a> {
    /// Full references, `registry/name:tag`; each names the same content.
    pub(crate) names: &'a [String],
    /// The program inside, which is also what the container starts.
    pub(crate) entrypoint: &'a str,
    /// The file on this machine that becomes the entrypoint.
    pub(crate) program: &'a Path,
}

/// Who a container runs as, unless its pod says otherwise.
const USER: &str = "65532:65532";

/// Writes the archive to `path`.
pub(crate) fn write(path: &Path, image: &Image<'_>) -> Result<()> {
    let program = fs::read(image.program)
        .with_context(|| format!("{}: cannot be read", image.program.display()))?;
    let layer = layer(image.entrypoint, &program)?;
    let config = to_bytes(&json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": [image.entrypoint], "User": USER, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
    }))?;
    let manifest = to_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob("application/vnd.oci.image.config.v1+json", &config),
        "layers": [blob("application/vnd.oci.image.layer.v1.tar", &layer)],
    }))?;
    let named = image.names.iter().map(|name| {
        let mut entry = blob(MANIFEST, &manifest);
        entry["annotations"] = json!({"io.containerd.image.name": name});
        entry["platform"] = json!({"architecture": architecture(), "os": "linux"});
        entry
    });
    let index = to_bytes(&json!({"schemaVersion": 2, "manifests": named.collect::<Vec<_>>()}))?;

    let file = fs::File::create(path).with_context(|| format!("{}", path.display()))?;
    let mut archive = tar::Builder::new(io::BufWriter::new(file));
    add(&mut archive, "oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    add(&mut archive, "index.json", 0o644, &index)?;
    add(&mut archive, "blobs/", 0o755, &[])?;
    add(&mut archive, "blobs/sha256/", 0o755, &[])?;
    for content in [&config, &manifest, &layer] {
        add(&mut archive, &format!("blobs/sha256/{}", hex(content)), 0o644, content)?;
    }
    archive.into_inner()?.flush()?;
    Ok(())
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn layer(entrypoint: &str, program: &[u8]) -> Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    let path = entrypoint.trim_start_matches('/');
    let folders: BTreeSet<&str> = path.match_indices('/').map(|(at, _)| &path[..=at]).collect();
    for folder in folders {
        add(&mut layer, folder, 0o755, &[])?;
    }
    add(&mut layer, path, 0o755, program)?;
    Ok(layer.into_inner()?)
}

/// Adds a file, or a folder when the name ends in `/`; owned by root, dated 1970.
fn add<W: Write>(to: &mut tar::Builder<W>, name: &str, mode: u32, content: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(match name.ends_with('/') {
        true => tar::EntryType::Directory,
        false => tar::EntryType::Regular,
    });
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    to.append_data(&mut header, name, content).with_context(|| name.to_owned())
}

fn blob(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(content), "size": content.len()})
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(content))
}

/// The SHA-256 of some bytes, as text.
pub(crate) fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn to_bytes(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec(value).context("an image description cannot be written")
}

/// As Go and the OCI call this machine's architecture.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    fn entries(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().to_string_lossy().into_owned(), content)
        });
        entries.collect()
    }

    #[test]
    fn every_digest_names_a_blob_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, b"a program").unwrap();
        let names = ["a.example/one:1".to_owned(), "a.example/one:2".to_owned()];
        let image = Image { names: &names, entrypoint: "/bin/one", program: &program };
        let path = folder.path().join("one.tar");
        write(&path, &image).unwrap();
        let bytes = fs::read(&path).unwrap();
        write(&path, &image).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes, "the same input gave other bytes");

        let files = entries(&bytes);
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
            let content = files.get(&format!("blobs/sha256/{digest}")).unwrap();
            assert_eq!(hex(content), digest);
            assert_eq!(descriptor["size"], content.len());
            content.as_slice()
        };
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
        for (descriptor, name) in index["manifests"].as_array().unwrap().iter().zip(&names) {
            assert_eq!(descriptor["annotations"]["io.containerd.image.name"], name.as_str());
            let manifest: Value = serde_json::from_slice(blob(descriptor)).unwrap();
            let config: Value = serde_json::from_slice(blob(&manifest["config"])).unwrap();
            assert_eq!(config["config"]["User"], "65532:65532");
            let layer = blob(&manifest["layers"][0]);
            assert_eq!(config["rootfs"]["diff_ids"][0], digest(layer));
            let inside = entries(layer);
            assert_eq!(inside.keys().collect::<Vec<_>>(), ["bin/", "bin/one"]);
            assert_eq!(inside["bin/one"], b"a program");
        }
    }
}
