//! The shape of `fixtures/<area>/<case>/`, which several crates read, and the tables of the wire.
//!
//! A misnamed file would silently test nothing, and a case without input cannot be one.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut cases: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in tree.paths.iter().filter(|path| path.starts_with("fixtures/")) {
        let parts: Vec<&str> = path.split('/').collect();
        let is_folder = tree.paths.range(format!("{path}/")..).next().is_some_and(|next| {
            next.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
        });
        match (parts.as_slice(), is_folder) {
            ([_, _] | [_, _, _], true) | ([_, "README.md"] | [_, _, "README.md"], false) => {}
            ([_, "wire", name], false) if WIRE.contains(name) => {}
            ([_, "wire", _, ..], _) => {
                let message = format!("the wire has tables and no cases: {}", WIRE.join(", "));
                findings.push(Finding::file(path, message));
            }
            ([_, _, name], false) if SHARED.contains(name) => {}
            ([_, _, _, name], false) if NAMES.contains(name) => {
                let case = path.rsplit_once('/').map_or(path.as_str(), |(case, _)| case);
                cases.entry(case).or_default().insert(name);
            }
            ([_, _, _, _], false) => {
                let message =
                    format!("not a file that anything reads: a case holds {}", NAMES.join(", "));
                findings.push(Finding::file(path, message));
            }
            _ => {
                let message = "not the shape of a fixture: `fixtures/<area>/<case>/<file>`";
                findings.push(Finding::file(path, message));
            }
        }
    }
    for (case, names) in cases {
        if !names.contains("in.yaml") {
            findings.push(Finding::file(case, "a case without `in.yaml`: add what a user applies"));
        }
        if names.len() == 1 {
            let message = "nothing is expected of this case: bless it, or add `requests.yaml`";
            findings.push(Finding::file(case, message));
        }
    }
    findings
}

/// Messages as bytes, one table for each direction.
const WIRE: &[&str] = &["requests.yaml", "responses.yaml"];

/// What all cases of an area have.
const SHARED: &[&str] = &["platform.yaml", "settings.yaml"];

/// `ir`, `status`, `diagnostics` and `infra` are written by `bless`, the others by people.
const NAMES: &[&str] = &[
    "in.yaml",
    "step2.yaml",
    "step3.yaml",
    "platform.yaml",
    "observations.yaml",
    "requests.yaml",
    "expect.yaml",
    "ir.yaml",
    "status.yaml",
    "diagnostics.yaml",
    "infra.yaml",
    "step2.infra.yaml",
    "step3.infra.yaml",
    "step2.ir.yaml",
    "step2.status.yaml",
    "step2.diagnostics.yaml",
    "step3.ir.yaml",
    "step3.status.yaml",
    "step3.diagnostics.yaml",
    "README.md",
];

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn a_case_has_input_and_known_names() {
        let tree = Tree::sample(&[
            ("fixtures/README.md", ""),
            ("fixtures/a/platform.yaml", ""),
            ("fixtures/a/bare/in.yaml", ""),
            ("fixtures/a/deep/er/in.yaml", ""),
            ("fixtures/a/good/in.yaml", ""),
            ("fixtures/a/good/ir.yaml", ""),
            ("fixtures/a/good/requests.yaml", ""),
            ("fixtures/a/inputless/status.yaml", ""),
            ("fixtures/a/inputless/request.yaml", ""),
            ("fixtures/a/stray.yaml", ""),
            ("fixtures/wire/requests.yaml", ""),
            ("fixtures/wire/request.yaml", ""),
            ("fixtures/wire/case/in.yaml", ""),
        ]);
        let mut findings = check(&tree);
        findings.sort();
        let expected = [
            ("fixtures/a/bare", 0),
            ("fixtures/a/deep/er", 0),
            ("fixtures/a/deep/er/in.yaml", 0),
            ("fixtures/a/inputless", 0),
            ("fixtures/a/inputless", 0),
            ("fixtures/a/inputless/request.yaml", 0),
            ("fixtures/a/stray.yaml", 0),
            ("fixtures/wire/case/in.yaml", 0),
            ("fixtures/wire/request.yaml", 0),
        ];
        assert_eq!(positions(&findings), expected);
    }
}
