//! What is slow to build, kept under the user's cache folder by a hash of what it is built from.
//!
//! Nothing is ever changed in place: a file appears under its name when it is complete. Nothing is
//! thrown away either; the folder may be deleted at any time.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::image::archive::hex;

/// The cache folder of this user.
pub(crate) fn folder() -> Result<PathBuf> {
    let chosen = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let folder = match chosen {
        Some(folder) => folder,
        None => PathBuf::from(env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    let folder = folder.join("portcullis");
    fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    Ok(folder)
}

/// The file or folder `<stem>-<key><extension>`, which `build` writes when it is not there yet.
pub(crate) fn keep(
    stem: &str,
    key: &str,
    extension: &str,
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = folder()?;
    let path = folder.join(format!("{stem}-{key}{extension}"));
    if path.exists() {
        return Ok(path);
    }
    // Two that start at once build it once.
    let lock = fs::File::create(folder.join(format!("{stem}.lock")))?;
    lock.lock()?;
    if path.exists() {
        return Ok(path);
    }
    println!("building {stem}{extension}, once");
    let started = Instant::now();
    let unfinished = folder.join(format!("{stem}-unfinished{extension}"));
    if unfinished.is_dir() {
        fs::remove_dir_all(&unfinished)?;
    }
    build(&unfinished).with_context(|| format!("{stem}{extension} was not built"))?;
    fs::rename(&unfinished, &path)?;
    println!("built {stem}{extension} in {:.0} s", started.elapsed().as_secs_f64());
    Ok(path)
}

/// A hash of every file below a folder and of some words that matter as much.
pub(super) fn key(folder: &Path, words: &[&str]) -> Result<String> {
    let mut text = words.join("\n");
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        let mut paths = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<PathBuf>>>()?;
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if BUILT_FROM.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                let content = fs::read(&path).with_context(|| format!("{}", path.display()))?;
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                text.push_str(&format!("\n{name} {}", hex(&content)));
            }
        }
    }
    let mut key = hex(text.as_bytes());
    key.truncate(16);
    Ok(key)
}

const BUILT_FROM: &[&str] = &[".go", "go.mod", "go.sum"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_follows_sources_and_words_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("go.mod", "module a");
        write("cmd/main.go", "package main");
        let key = |words: &[&str]| super::key(folder.path(), words).unwrap();
        let first = key(&["-s"]);
        write("node.sh", "exit");
        assert_eq!(key(&["-s"]), first, "a script is not built into anything");
        assert_ne!(key(&["-w"]), first);
        write("cmd/main.go", "package main // other");
        assert_ne!(key(&["-s"]), first);
    }
}
