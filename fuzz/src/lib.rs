//! Fuzz targets: functions that take any bytes and fail where we do what we must not.
//!
//! `cargo xtask fuzz` runs them under libFuzzer (`engine/`, a workspace of its own). The tests
//! below run their seeds, and every input that once made one fail (`crashes/<target>/`), in each
//! check.

mod exchanges;
mod frames;
mod manifests;
mod pieces;
mod preambles;
mod reading;
mod routes;
mod wire;

/// One function with what it starts from.
pub struct Target {
    /// What it is called by.
    pub name: &'static str,
    /// Fails by a panic.
    pub run: fn(&[u8]),
    /// Inputs that lead deep into what it is about.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "requests", run: exchanges::requests, seeds: || wire::table("requests.yaml") },
    Target {
        name: "responses",
        run: exchanges::responses,
        seeds: || wire::table("responses.yaml"),
    },
    Target { name: "routes", run: routes::run, seeds: routes::seeds },
    Target { name: "manifests", run: manifests::run, seeds: manifests::seeds },
    Target { name: "preambles", run: preambles::run, seeds: preambles::seeds },
    Target { name: "frames", run: frames::run, seeds: frames::seeds },
];

/// The target of a name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn seeds_pass() {
        for target in TARGETS {
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{} has no seeds", target.name);
            for seed in seeds {
                (target.run)(&seed);
            }
        }
    }

    #[test]
    fn what_failed_once_passes() {
        let crashes = Path::new(env!("CARGO_MANIFEST_DIR")).join("crashes");
        for folder in fs::read_dir(crashes).into_iter().flatten() {
            let folder = folder.unwrap().path();
            let name = folder.file_name().unwrap().to_str().unwrap();
            let target = find(name).unwrap_or_else(|| panic!("{name} is no target"));
            for input in fs::read_dir(&folder).unwrap() {
                (target.run)(&fs::read(input.unwrap().path()).unwrap());
            }
        }
    }
}
