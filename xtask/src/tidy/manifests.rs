//! Every package takes its lints and its dependencies from the workspace.
//!
//! So a lint holds everywhere, and the root manifest is the one page that lists what we depend on,
//! each with one version. What is a workspace of its own has nothing to inherit from.

use super::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let manifests = tree.files.iter().filter(|f| f.name() == "Cargo.toml");
    let manifests = manifests.filter(|f| !f.lines().any(|(_, line)| line.trim() == "[workspace]"));
    for file in manifests {
        let mut section = "";
        let mut lints = false;
        for (at, line) in file.lines() {
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
            } else if section == "lints" && line == "workspace = true" {
                lints = true;
            } else if section.ends_with("dependencies") && names_package(line) {
                let inherits = line.contains("workspace = true");
                if !inherits {
                    let message = "a dependency of its own: put it into the root manifest's \
                                   table and write `<name>.workspace = true`";
                    findings.push(Finding::at(&file.path, at, message));
                }
            }
        }
        if !lints {
            let message = "no lints: add `[lints]` with `workspace = true`";
            findings.push(Finding::file(&file.path, message));
        }
    }
    findings
}

fn names_package(line: &str) -> bool {
    line.contains('=') && !line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn packages_inherit() {
        let good = "[lints]\nworkspace = true\n[dependencies]\nir.workspace = true\n\
                    # why: a = b\ntokio = { workspace = true, features = [\"rt\"] }\n";
        let bad = "[package]\nname = \"b\"\n[dev-dependencies]\nserde = \"1\"\n\
                   ir = { path = \"../ir\" }\n";
        let tree = Tree::sample(&[
            ("Cargo.toml", "[workspace]\n[workspace.dependencies]\nserde = \"1\"\n"),
            ("fuzz/engine/Cargo.toml", "[workspace]\n[dependencies]\nx = \"1\"\n"),
            ("crates/a/Cargo.toml", good),
            ("crates/b/Cargo.toml", bad),
        ]);
        let mut findings = check(&tree);
        findings.sort();
        let at = |line| ("crates/b/Cargo.toml", line);
        assert_eq!(positions(&findings), [at(0), at(4), at(5)]);
    }
}
