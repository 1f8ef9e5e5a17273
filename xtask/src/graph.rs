//! What cargo says about the packages: which arrows we declare, and what a build really contains.
//!
//! `cargo metadata` lists our packages and what their manifests name. What gets built comes from
//! `cargo tree`, because the resolve section of the metadata also holds optional packages that no
//! feature turns on, and a ban that fires on those would be noise.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use crate::cargo;

/// The packages of one build of the workspace.
pub(crate) struct Graph {
    pub(crate) ours: Vec<Ours>,
    /// Every package from elsewhere that the workspace's build and tests contain.
    pub(crate) built: Vec<Built>,
    /// For each of ours, the names of all packages that its library or binary contains; tests are
    /// left out.
    pub(crate) contains: BTreeMap<String, BTreeSet<String>>,
}

/// A package of this workspace.
pub(crate) struct Ours {
    /// The folder's name, which is the name of the room: `api`, `proxy`, `xtask`.
    pub(crate) room: String,
    /// What cargo calls it.
    pub(crate) package: String,
    /// Relative to the root.
    pub(crate) manifest: String,
    pub(crate) needs: Vec<Need>,
}

/// One declared dependency.
pub(crate) struct Need {
    /// The package name.
    pub(crate) name: String,
    /// The room, when the package is ours.
    pub(crate) room: Option<String>,
    pub(crate) for_tests: bool,
}

/// A package from elsewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Built {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The SPDX expression, empty when the package states none.
    pub(crate) licence: String,
}

/// What ships runs on Linux; one target makes the answer the same on every machine.
const TARGET: &str = "x86_64-unknown-linux-gnu";

impl Graph {
    /// Asks cargo.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .current_dir(root)
            .no_deps()
            .other_options(["--locked".to_owned()])
            .exec()
            .context("cargo metadata failed")?;
        let ours = ours(&metadata)?;
        let listing = tree(root, &["--workspace", "--edges", "all"])?;
        let mut built: BTreeSet<Built> = listing.lines().filter_map(built).collect();
        let names: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
        built.retain(|package| !names.contains(package.name.as_str()));
        let mut contains = BTreeMap::new();
        for package in &metadata.packages {
            let name = package.name.as_str();
            let listing = tree(root, &["--package", name, "--edges", "normal,build"])?;
            let inside = listing.lines().filter_map(self::built).map(|b| b.name);
            let inside = inside.filter(|inside| inside != name).collect();
            contains.insert(room(package.manifest_path.as_str())?, inside);
        }
        Ok(Self { ours, built: built.into_iter().collect(), contains })
    }

    /// A workspace of the given rooms, for the tests of the rules: `(room, needs, contains)`.
    #[cfg(test)]
    pub(crate) fn sample(rooms: &[(&str, &[&str], &[&str])]) -> Self {
        let names: BTreeSet<&str> = rooms.iter().map(|(room, ..)| *room).collect();
        let ours = rooms.iter().map(|(room, needs, _)| Ours {
            room: (*room).to_owned(),
            package: format!("portcullis-{room}"),
            manifest: format!("crates/{room}/Cargo.toml"),
            needs: needs
                .iter()
                .map(|need| Need {
                    name: (*need).to_owned(),
                    room: names.contains(need).then(|| (*need).to_owned()),
                    for_tests: false,
                })
                .collect(),
        });
        let contains = rooms.iter().map(|(room, _, contains)| {
            ((*room).to_owned(), contains.iter().map(|&name| name.to_owned()).collect())
        });
        Self { ours: ours.collect(), built: Vec::new(), contains: contains.collect() }
    }

    /// A build of the given packages, for the tests of the rules: `(name, version, licence)`.
    #[cfg(test)]
    pub(crate) fn of_built(packages: &[(&str, &str, &str)]) -> Self {
        let built = packages.iter().map(|(name, version, licence)| Built {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            licence: (*licence).to_owned(),
        });
        Self { ours: Vec::new(), built: built.collect(), contains: BTreeMap::new() }
    }
}

fn ours(metadata: &Metadata) -> Result<Vec<Ours>> {
    let mut rooms = BTreeMap::new();
    for package in &metadata.packages {
        rooms.insert(package.name.to_string(), room(package.manifest_path.as_str())?);
    }
    let root = format!("{}/", metadata.workspace_root);
    let needs = |package: &cargo_metadata::Package| -> Vec<Need> {
        let needs = package.dependencies.iter().map(|dependency| Need {
            name: dependency.name.clone(),
            room: rooms.get(&dependency.name).cloned(),
            for_tests: dependency.kind == DependencyKind::Development,
        });
        needs.collect()
    };
    let ours = metadata.packages.iter().map(|package| {
        let manifest = package.manifest_path.as_str();
        Ok(Ours {
            room: room(manifest)?,
            package: package.name.to_string(),
            manifest: manifest.strip_prefix(&root).unwrap_or(manifest).to_owned(),
            needs: needs(package),
        })
    });
    ours.collect()
}

/// The name of the folder in which a manifest lies.
fn room(manifest: &str) -> Result<String> {
    let folder = Path::new(manifest).parent().and_then(Path::file_name);
    let folder = folder.with_context(|| format!("{manifest} lies in no folder"))?;
    Ok(folder.to_string_lossy().into_owned())
}

fn tree(root: &Path, which: &[&str]) -> Result<String> {
    let mut args = vec!["tree", "--locked", "--target", TARGET, "--prefix", "none"];
    args.extend(["--format", "{p}|{l}"]);
    args.extend(which);
    cargo::read(root, &args)
}

/// Reads `name v1.2.3 (proc-macro)|MIT` and its kin.
fn built(line: &str) -> Option<Built> {
    let (package, licence) = line.split_once('|')?;
    let mut words = package.split_whitespace();
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    // A package that was listed before carries a star.
    let licence = licence.trim_end_matches("(*)").trim();
    let (name, version) = (name.to_owned(), version.to_owned());
    Some(Built { name, version, licence: licence.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_tree_is_read() {
        let cases = [
            ("serde v1.0.229|MIT OR Apache-2.0", Some(("serde", "1.0.229", "MIT OR Apache-2.0"))),
            ("syn v2.0.119 (proc-macro)|MIT (*)", Some(("syn", "2.0.119", "MIT"))),
            ("bare v0.1.0 (folder)|", Some(("bare", "0.1.0", ""))),
            ("", None),
            ("[dev-dependencies]", None),
        ];
        for (line, expected) in cases {
            let built = built(line);
            let got =
                built.as_ref().map(|b| (b.name.as_str(), b.version.as_str(), b.licence.as_str()));
            assert_eq!(got, expected, "{line}");
        }
    }
}
