//! One version of each package.
//!
//! Two versions cost build time and size, and their types do not fit each other. An exception is
//! listed with its reason in [`super::exceptions`], and goes when it is no longer needed.

use std::collections::BTreeMap;

use super::Finding;
use super::exceptions::DUPLICATES;
use crate::graph::Graph;

pub(super) fn check(graph: &Graph) -> Vec<Finding> {
    against(graph, DUPLICATES)
}

fn against(graph: &Graph, exceptions: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &graph.built {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    for (name, versions) in &versions {
        if !exceptions.iter().any(|(exception, _)| exception == name) {
            let message = format!(
                "`{name}` is built in versions {}: align them (`cargo tree -d` says who asks), or \
                 list it with a reason in `xtask/src/tidy/exceptions.rs`",
                versions.join(" and ")
            );
            findings.push(Finding::file("Cargo.lock", message));
        }
    }
    for (name, _) in exceptions.iter().filter(|(name, _)| !versions.contains_key(name)) {
        let message = format!("`{name}` is built once: cut the exception");
        findings.push(Finding::file("xtask/src/tidy/exceptions.rs", message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_versions_need_a_reason_and_a_reason_needs_two_versions() {
        let graph = Graph::of_built(&[
            ("a", "1.0.0", "MIT"),
            ("a", "2.0.0", "MIT"),
            ("b", "1.0.0", "MIT"),
            ("b", "2.0.0", "MIT"),
            ("c", "1.0.0", "MIT"),
        ]);
        let findings = against(&graph, &[("b", "why"), ("c", "why")]);
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].contains("`a` is built in versions 1.0.0 and 2.0.0"), "{texts:?}");
        assert!(texts[1].contains("`c` is built once"), "{texts:?}");
    }
}
