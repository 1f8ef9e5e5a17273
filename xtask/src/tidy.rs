//! `tidy`: the rules of the house, as a program.
//!
//! Each rule is one small file below, with its reason and with tests that show it fire and keep
//! silent. A rule looks at the files or at the packages and returns findings; it repairs nothing.
//! What rustfmt or clippy already hold is not repeated here.

use std::fmt;
use std::path::Path;

use anyhow::Result;

use crate::cargo::{self, Outcome};
use crate::graph::Graph;
use crate::tree::Tree;

mod adr;
mod attributes;
mod chart;
mod documents;
mod duplicates;
mod exceptions;
mod fixtures;
mod header;
mod layers;
mod licences;
mod manifests;
mod markers;
mod names;
mod places;
mod ports;
mod sizes;
mod waits;
mod whitespace;

/// Prints the findings and says whether there were none.
pub(crate) fn run() -> Result<bool> {
    let outcome = outcome(&cargo::root()?)?;
    print!("{}", outcome.output);
    Ok(outcome.success)
}

/// The same as one step of `check`.
pub(crate) fn outcome(root: &Path) -> Result<Outcome> {
    let tree = Tree::load(root)?;
    let mut findings: Vec<Finding> = TREE_RULES.iter().flat_map(|rule| rule(&tree)).collect();
    // A stale lock file must not hide what the files have to say.
    match Graph::load(root) {
        Ok(graph) => findings.extend(GRAPH_RULES.iter().flat_map(|rule| rule(&graph))),
        Err(error) => findings.push(Finding::file("Cargo.lock", format!("{error:#}"))),
    }
    findings.sort();
    let mut output: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    output.push_str(&match findings.len() {
        0 => format!("tidy: {} files in order\n", tree.files.len()),
        n => format!("tidy: {n} findings\n"),
    });
    Ok(Outcome { success: findings.is_empty(), output })
}

const TREE_RULES: &[fn(&Tree) -> Vec<Finding>] = &[
    adr::check,
    attributes::check,
    chart::check,
    documents::check,
    fixtures::check,
    header::check,
    manifests::check,
    markers::check,
    names::check,
    places::check,
    ports::check,
    sizes::check,
    waits::check,
    whitespace::check,
];

const GRAPH_RULES: &[fn(&Graph) -> Vec<Finding>] =
    &[layers::check, licences::check, duplicates::check];

/// One thing that is not in order, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// From 1; 0 means the file as a whole.
    line: usize,
    message: String,
}

impl Finding {
    fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }

    fn file(path: &str, message: impl Into<String>) -> Self {
        Self::at(path, 0, message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// The places of the findings, for the tests of the rules.
#[cfg(test)]
fn positions(findings: &[Finding]) -> Vec<(&str, usize)> {
    findings.iter().map(|finding| (finding.path.as_str(), finding.line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_prints_as_editors_read_it() {
        assert_eq!(Finding::at("a/b.rs", 3, "x: do y").to_string(), "a/b.rs:3: x: do y");
        assert_eq!(Finding::file("a/b.rs", "x: do y").to_string(), "a/b.rs: x: do y");
    }
}
