//! Documents name only paths that exist.
//!
//! Two things are looked at: relative links, and words in code spans and code blocks that look like
//! a path of the repository. A path may be written in full, from the document's own folder, or from
//! the source of a crate (`proxy/http.rs`). Words with a placeholder (`<area>`, `…`) are left out.

use super::Finding;
use crate::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        let mut fenced = false;
        for (at, line) in file.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
                continue;
            }
            let mut claims = Vec::new();
            if fenced {
                claims.extend(line.split_whitespace().filter(|word| in_top_folder(word)));
            } else {
                claims.extend(code_spans(line).flat_map(str::split_whitespace).filter(is_path));
                claims.extend(links(line).filter(|link| is_relative(link)));
            }
            for claim in claims {
                if let Some(missing) =
                    spelled_out(claim).into_iter().find(|p| !exists(tree, file, p))
                {
                    let message = format!("`{missing}` does not exist: name what does, or cut it");
                    findings.push(Finding::at(&file.path, at, message));
                }
            }
        }
    }
    findings
}

/// The folders at the root, those that are planned too: a document must not promise them.
const TOP: &[&str] = &[
    "bench",
    "charts",
    "conformance",
    "crates",
    "docs",
    "examples",
    "fixtures",
    "fuzz",
    "tests",
    "xtask",
    ".ci",
    ".cargo",
];

/// What ends like this names a file, wherever it lies.
const EXTENSIONS: &[&str] = &[".rs", ".md", ".toml", ".yaml"];

fn in_top_folder(word: &str) -> bool {
    let first = word.trim_start_matches("./").split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| TOP.contains(&first)) && plain(strip(word))
}

/// Whether a word in a code span claims to be a path.
fn is_path(word: &&str) -> bool {
    let in_top_folder = in_top_folder(word);
    let word = strip(word);
    let file = EXTENSIONS.iter().any(|extension| word.ends_with(extension)) && plain(word);
    in_top_folder || (file && (word.contains('/') || is_root_document(word)))
}

/// `ARCHITECTURE.md` and its like; `lib.rs` or `in.yaml` alone may lie anywhere.
fn is_root_document(word: &str) -> bool {
    let stem = word.strip_suffix(".md").or_else(|| word.strip_suffix(".toml"));
    stem.is_some_and(|stem| stem.len() > 1 && stem.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// No placeholder, no URL, no address outside the repository.
fn plain(word: &str) -> bool {
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "._-/{},#:".contains(c));
    !word.contains(odd) && !word.contains("NNNN") && !word.contains("://") && !word.starts_with('/')
}

fn is_relative(link: &str) -> bool {
    !link.contains(':') && !link.starts_with('#') && !link.is_empty()
}

/// A word without the punctuation of its sentence, its line number and its anchor.
fn strip(word: &str) -> &str {
    let word = word.trim_matches(|c: char| ",;()\"'".contains(c)).trim_start_matches("./");
    let word = word.split('#').next().unwrap_or(word);
    let word = match word.rsplit_once(':') {
        Some((path, line)) if line.bytes().all(|b| b.is_ascii_digit()) => path,
        _ => word,
    };
    word.trim_end_matches('/')
}

/// Writes `a/{b,c}.rs` out as `a/b.rs` and `a/c.rs`.
fn spelled_out(word: &str) -> Vec<String> {
    let word = strip(word);
    let Some((before, rest)) = word.split_once('{') else { return vec![word.to_owned()] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![word.to_owned()] };
    choices.split(',').flat_map(|choice| spelled_out(&format!("{before}{choice}{after}"))).collect()
}

fn exists(tree: &Tree, document: &File, path: &str) -> bool {
    let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from_document = resolve(folder, path);
    let in_crate = path
        .split_once('/')
        .map(|(room, rest)| format!("crates/{room}/src/{rest}"))
        .unwrap_or_default();
    let module = format!("{in_crate}.rs");
    [path, &from_document, &in_crate, &module].into_iter().any(|path| tree.paths.contains(path))
}

/// Applies a relative path to a folder.
fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The targets of `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, opening)| {
        let rest = &line[at + opening.len()..];
        let target = &rest[..rest.find(')')?];
        Some(target.split_whitespace().next().unwrap_or(target))
    })
}

#[cfg(test)]
mod tests {
    use super::super::positions;
    use super::*;

    fn lines_refused(document: &str) -> Vec<usize> {
        let tree = Tree::sample(&[
            ("ARCHITECTURE.md", ""),
            ("crates/proxy/src/http.rs", ""),
            ("crates/proxy/src/http/request.rs", ""),
            ("docs/STYLE.md", ""),
            ("docs/guide.md", document),
            ("examples/quickstart/in.yaml", ""),
        ]);
        let findings = check(&tree);
        positions(&findings).into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn what_exists_passes() {
        let document = "[a](STYLE.md) [b](../ARCHITECTURE.md#top) [c](https://a.example) [d](#e)\n\
                        `crates/proxy/src/{http,http/request}.rs`, `proxy/http/request.rs:12`,\n\
                        `proxy/http/` and `docs/STYLE.md`; `ARCHITECTURE.md`.\n\
                        `application/json`, `fixtures/<area>/<case>/`, `lib.rs`, `a.example/v1`\n\
                        `cargo run -- run examples/quickstart --echo` docs/gone.md\n\
                        ```\ncargo run -- run examples/quickstart\ncurl localhost/docs/gone\n```\n";
        assert_eq!(lines_refused(document), [0usize; 0]);
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        let document = "[a](GONE.md)\n\
                        `crates/proxy/src/{http,gone}.rs`\n\
                        `proxy/gone.rs`\n\
                        `GONE.md`\n\
                        `conformance/`\n\
                        `cargo run -- run examples/gone`\n\
                        ```\nrun examples/gone --echo\n```\n";
        assert_eq!(lines_refused(document), [1, 2, 3, 4, 5, 6, 8]);
    }
}
