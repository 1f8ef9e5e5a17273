//! Cases on disk: which there are, and the manifests of each step.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// One folder of `fixtures/<area>/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    area: PathBuf,
    /// `<area>/<case>`.
    pub name: String,
    folder: PathBuf,
}

impl Case {
    /// The text of one of its files, if it has it.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn read(&self, file: &str) -> Result<Option<String>, String> {
        read(&self.folder.join(file))
    }

    /// The text of a file that all cases of its area share, if there is one.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn read_shared(&self, file: &str) -> Result<Option<String>, String> {
        read(&self.area.join(file))
    }

    /// The manifests of each step: a name for messages, and the text.
    ///
    /// # Errors
    /// A file that cannot be read, or no manifest at all.
    pub fn steps(&self) -> Result<Vec<Vec<(String, String)>>, String> {
        let mut platform = Vec::new();
        if let Some(text) = self.read_shared("platform.yaml")? {
            platform.push(("platform of the area".to_owned(), text));
        }
        if let Some(text) = self.read("platform.yaml")? {
            platform.push(("platform.yaml".to_owned(), text));
        }
        let mut steps = Vec::new();
        for file in STEPS {
            let Some(text) = self.read(file)? else { break };
            let mut manifests = platform.clone();
            manifests.push((file.to_string(), text));
            steps.push(manifests);
        }
        if steps.is_empty() { Err(format!("{self}: no in.yaml")) } else { Ok(steps) }
    }

    /// Where a file of the case is, for messages.
    pub fn place(&self, file: &str) -> String {
        format!("fixtures/{}/{file}", self.name)
    }

    pub(crate) fn error(&self, file: &str, error: impl fmt::Display) -> String {
        format!("{}: {error}", self.place(file))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// All cases, in order of their names.
///
/// # Errors
/// A folder that cannot be read.
pub fn cases() -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for area in folders(&root().join("fixtures"))? {
        for folder in folders(&area)? {
            let name = format!("{}/{}", last(&area), last(&folder));
            cases.push(Case { area: area.clone(), name, folder });
        }
    }
    cases.sort();
    Ok(cases)
}

/// The manifests of a folder of `examples/`, by name: a name for messages, and the text.
pub(crate) fn example(name: &str) -> Result<Vec<(String, String)>, String> {
    let paths = entries(&root().join("examples").join(name))?;
    let mut manifests = Vec::new();
    for path in paths.into_iter().filter(|path| path.extension() == Some("yaml".as_ref())) {
        manifests.push((last(&path), read(&path)?.unwrap_or_default()));
    }
    Ok(manifests)
}

/// The root of the repository.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

fn folders(path: &Path) -> Result<Vec<PathBuf>, String> {
    Ok(entries(path)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn entries(path: &Path) -> Result<Vec<PathBuf>, String> {
    let fault = |error: io::Error| format!("{}: {error}", path.display());
    let entries = fs::read_dir(path).map_err(fault)?;
    let mut paths =
        entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>().map_err(fault)?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn last(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

const STEPS: [&str; 3] = ["in.yaml", "step2.yaml", "step3.yaml"];
