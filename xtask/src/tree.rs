//! The files of the repository, read once, for the rules to look at.
//!
//! The walk obeys the anchored lines of `.gitignore` and needs no git, so an unpacked archive can
//! be checked as well as a clone. Files that are not UTF-8 are known by path only.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::source::Source;

/// Every file below the root.
pub(crate) struct Tree {
    /// The text files, in path order.
    pub(crate) files: Vec<File>,
    /// Every file and folder, text or not, with `/` between the parts and none at the end.
    pub(crate) paths: BTreeSet<String>,
}

/// One text file.
pub(crate) struct File {
    /// Relative to the root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Present for Rust files.
    pub(crate) rust: Option<Source>,
}

impl Tree {
    /// Reads the repository.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        let ignored: Vec<&str> = ignored.lines().filter_map(|l| l.strip_prefix('/')).collect();
        let mut tree = Self { files: Vec::new(), paths: BTreeSet::new() };
        tree.walk(root, "", &ignored)?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn walk(&mut self, root: &Path, folder: &str, ignored: &[&str]) -> Result<()> {
        let here = root.join(folder);
        let entries = fs::read_dir(&here).with_context(|| format!("{folder}: cannot be listed"))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("{folder}: cannot be listed"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if path == ".git" || ignored.iter().any(|i| i.trim_end_matches('/') == path) {
                continue;
            }
            let kind = entry.file_type().with_context(|| format!("{path}: cannot be read"))?;
            if kind.is_dir() {
                self.walk(root, &path, ignored)?;
            } else if kind.is_file() {
                let bytes = fs::read(root.join(&path)).with_context(|| path.clone())?;
                if let Ok(text) = String::from_utf8(bytes) {
                    self.files.push(File::new(path.clone(), text));
                }
            }
            self.paths.insert(path);
        }
        Ok(())
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        let at = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some(&self.files[at].text)
    }

    /// The Rust files with their lexed text.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&File, &Source)> {
        self.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }

    /// A tree of the given files, for the tests of the rules.
    #[cfg(test)]
    pub(crate) fn sample(files: &[(&str, &str)]) -> Self {
        let mut tree = Self { files: Vec::new(), paths: BTreeSet::new() };
        for (path, text) in files {
            tree.files.push(File::new((*path).to_owned(), (*text).to_owned()));
            for (at, _) in path.match_indices('/') {
                tree.paths.insert(path[..at].to_owned());
            }
            tree.paths.insert((*path).to_owned());
        }
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        tree
    }
}

impl File {
    fn new(path: String, text: String) -> Self {
        let rust = path.ends_with(".rs").then(|| Source::new(&path, &text));
        Self { path, text, rust }
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }
}
