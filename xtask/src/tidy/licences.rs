//! Every dependency can be used under a licence that we accept.
//!
//! The list holds permissive licences, and MPL-2.0, whose terms stop at the file. The expression is
//! read as SPDX: one side of an `OR` is enough, both sides of an `AND` are needed.

use super::Finding;
use crate::graph::Graph;

pub(super) fn check(graph: &Graph) -> Vec<Finding> {
    let refused = graph.built.iter().filter(|package| !accepted(&package.licence));
    refused
        .map(|package| {
            let message = format!(
                "{} {} has the licence `{}`, which is not on the list: replace it, or put the \
                 licence into `xtask/src/tidy/licences.rs`",
                package.name, package.version, package.licence
            );
            Finding::file("Cargo.lock", message)
        })
        .collect()
}

const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression can be met; one that cannot be read is not.
fn accepted(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest) == Some(true) && rest.is_empty()
}

/// `all [OR all]…`: every side is read to its end, whether or not the first one already settles it.
fn any(words: &mut &[&str]) -> Option<bool> {
    let mut met = all(words)?;
    while let Some((&"OR", rest)) = words.split_first() {
        *words = rest;
        met |= all(words)?;
    }
    Some(met)
}

/// `one [AND one]…`
fn all(words: &mut &[&str]) -> Option<bool> {
    let mut met = one(words)?;
    while let Some((&"AND", rest)) = words.split_first() {
        *words = rest;
        met &= one(words)?;
    }
    Some(met)
}

/// A licence, with its exception if any (an exception only grants more), or a group.
fn one(words: &mut &[&str]) -> Option<bool> {
    let (&first, rest) = words.split_first()?;
    *words = rest;
    if first == "(" {
        let met = any(words)?;
        let (&closing, rest) = words.split_first()?;
        *words = rest;
        return (closing == ")").then_some(met);
    }
    if let [exception_follows, _, rest @ ..] = *words
        && *exception_follows == "WITH"
    {
        *words = rest;
    }
    let is_licence = !["AND", "OR", "WITH", ")"].contains(&first);
    is_licence.then(|| ACCEPTED.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read() {
        let cases = [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT", true),
            ("MIT OR GPL-3.0-only", true),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("(MIT OR GPL-2.0) AND (GPL-2.0 OR AGPL-3.0)", false),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true),
            ("ISC AND (Apache-2.0 OR ISC) AND OpenSSL", true),
            ("", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("MIT)", false),
            ("OR MIT", false),
        ];
        for (expression, expected) in cases {
            assert_eq!(accepted(expression), expected, "{expression}");
        }
    }

    #[test]
    fn the_package_and_its_licence_are_named() {
        let packages =
            [("good", "1.0.0", "MIT"), ("bad", "2.0.0", "AGPL-3.0"), ("bare", "3.0.0", "")];
        let findings = check(&Graph::of_built(&packages));
        assert_eq!(findings.len(), 2);
        assert!(findings[0].message.contains("bad 2.0.0 has the licence `AGPL-3.0`"));
        assert!(findings[1].message.contains("bare 3.0.0"));
    }
}
