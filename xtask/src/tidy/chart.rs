//! The rendered chart was rendered from the chart as it is.
//!
//! Rendering takes helm, which is a Go program; comparing a digest takes nothing.

use super::Finding;
use crate::chart::{DIGEST, FOLDER, INSTALL, digest};
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    if !tree.paths.contains(FOLDER) {
        return Vec::new();
    }
    let stated = tree.text(INSTALL).and_then(|text| text.lines().find_map(stated));
    if stated == Some(&*digest(tree)) {
        return Vec::new();
    }
    let message = "not rendered from the chart as it is: cargo xtask chart (needs Go)";
    vec![Finding::file(INSTALL, message)]
}

fn stated(line: &str) -> Option<&str> {
    line.strip_prefix(DIGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_from_other_sources_is_found() {
        let template = ("charts/portcullis/templates/a.yaml", "a: 1\n");
        let digest = digest(&Tree::sample(&[template]));
        let install = format!("{DIGEST}{digest}\na: 1\n");
        let fresh = Tree::sample(&[template, (INSTALL, &install)]);
        assert_eq!(check(&fresh), []);
        let edited = ("charts/portcullis/templates/a.yaml", "a: 2\n");
        assert_eq!(check(&Tree::sample(&[edited, (INSTALL, &install)])).len(), 1);
        assert_eq!(check(&Tree::sample(&[template])).len(), 1, "it is missing");
    }
}
