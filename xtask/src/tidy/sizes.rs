//! Limits on files, lines and inline test modules.
//!
//! What outgrows a screen stops being read. Function length is clippy's, line width of code that
//! rustfmt can break is rustfmt's; this rule holds the rest.

use super::Finding;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust() {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            let message =
                format!("{lines} lines, at most {FILE_LINES_MAX}: split it by what the parts do");
            findings.push(Finding::file(&file.path, message));
        }
        for (at, line) in file.lines() {
            let columns = line.chars().count();
            if columns > LINE_COLUMNS_MAX && !(is_comment(line) && line.contains("://")) {
                let message = format!("{columns} columns: break it at {LINE_COLUMNS_MAX}");
                findings.push(Finding::at(&file.path, at, message));
            }
        }
        for item in source.test_items.iter().filter(|item| item.is_module) {
            let (start, lines) = (*item.lines.start(), item.lines.clone().count());
            if lines > TEST_LINES_MAX {
                let target = file.path.trim_end_matches(".rs");
                let message = format!(
                    "{lines} lines of inline tests, at most {TEST_LINES_MAX}: move them to \
                     `{target}/tests.rs`"
                );
                findings.push(Finding::at(&file.path, start, message));
            }
        }
    }
    findings
}

const FILE_LINES_MAX: usize = 800;
const LINE_COLUMNS_MAX: usize = 100;
const TEST_LINES_MAX: usize = 100;

/// A link cannot be broken, so a comment that holds one may be as wide as it must.
fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    #[test]
    fn each_limit_fires_one_past_it() {
        let module = |lines: usize| {
            format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    // x\n".repeat(lines - 3))
        };
        let tree = Tree::sample(&[
            ("file_over.rs", &"// x\n".repeat(801)),
            ("file_within.rs", &"// x\n".repeat(800)),
            ("line_over.rs", &format!("//! y\n// {}\n", "é".repeat(98))),
            ("line_url.rs", &format!("// https://example.com/{}\n", "x".repeat(100))),
            ("line_url_code.rs", &format!("let a = \"https://{}\";\n", "x".repeat(100))),
            ("line_within.rs", &format!("// {}\n", "é".repeat(97))),
            ("tests_over.rs", &module(101)),
            ("tests_within.rs", &module(100)),
        ]);
        let expected = [
            ("file_over.rs", 0),
            ("line_over.rs", 2),
            ("line_url_code.rs", 1),
            ("tests_over.rs", 1),
        ];
        assert_eq!(positions(&check(&tree)), expected);
    }
}
