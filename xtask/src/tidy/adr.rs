//! Decision records are numbered without gaps, titled with their number, and listed.
//!
//! A number is how the rest of the project names a decision, so it must lead to one page for ever.

use super::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let index = tree.text(INDEX).unwrap_or_default();
    let mut expected = 1;
    for file in tree.files.iter().filter(|file| file.path.starts_with(FOLDER)) {
        let name = file.name();
        if NOT_RECORDS.contains(&name) {
            continue;
        }
        let Some(number) = number(name) else {
            let message = "not the name of a record: `NNNN-what-was-decided.md`";
            findings.push(Finding::file(&file.path, message));
            continue;
        };
        if number != expected {
            let message = format!("the next number is {expected:04}: renumber it");
            findings.push(Finding::file(&file.path, message));
        }
        expected = number + 1;
        let title = file.text.lines().next().unwrap_or_default();
        if !title.starts_with(&format!("# {number:04}: ")) {
            let message = format!("begin with `# {number:04}: <what was decided>`");
            findings.push(Finding::at(&file.path, 1, message));
        }
        for heading in HEADINGS {
            if !file.text.lines().any(|line| line == *heading) {
                findings.push(Finding::file(&file.path, format!("no `{heading}`: add it")));
            }
        }
        if !index.contains(&format!("({name})")) {
            let message = format!("not listed in `{INDEX}`: add a line that links to it");
            findings.push(Finding::file(&file.path, message));
        }
    }
    findings
}

const FOLDER: &str = "docs/adr/";
const INDEX: &str = "docs/adr/README.md";
const NOT_RECORDS: &[&str] = &["README.md", "template.md"];
const HEADINGS: &[&str] = &["## Context", "## Decision", "## Consequences", "## Refused"];

fn number(name: &str) -> Option<u32> {
    let (digits, title) = name.strip_suffix(".md")?.split_once('-')?;
    let is_number = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
    if title.is_empty() || !is_number { None } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    const BODY: &str = "## Context\n## Decision\n## Consequences\n## Refused\n";

    #[test]
    fn records_are_numbered_titled_and_listed() {
        let tree = Tree::sample(&[
            ("docs/adr/0001-one.md", &format!("# 0001: One\n{BODY}")),
            ("docs/adr/0002-two.md", &format!("# Two\n{BODY}")),
            ("docs/adr/0004-four.md", "# 0004: Four\n## Context\n## Decision\n## Refused\n"),
            ("docs/adr/README.md", "[1](0001-one.md) [2](0002-two.md)"),
            ("docs/adr/notes.md", ""),
            ("docs/adr/template.md", ""),
        ]);
        let mut findings = check(&tree);
        findings.sort();
        let expected = [
            ("docs/adr/0002-two.md", 1),
            ("docs/adr/0004-four.md", 0),
            ("docs/adr/0004-four.md", 0),
            ("docs/adr/0004-four.md", 0),
            ("docs/adr/notes.md", 0),
        ];
        assert_eq!(positions(&findings), expected);
    }
}
