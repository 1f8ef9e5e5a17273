//! What stands in files and folders now, compared with what stood there before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Its new text.
    Text(Arc<str>),
    /// It is gone, as its folder says.
    Gone,
    /// It, or the root, cannot be read; what it said before goes on to hold.
    Unreadable(Fault),
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub String);

/// What is remembered of a file, to tell whether it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    stamp: Option<Stamp>,
    fault: Option<Fault>,
}

/// Cheap marks of a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

/// The outcome of a scan.
pub struct Scan {
    changes: BTreeMap<PathBuf, Content>,
    found: BTreeMap<PathBuf, Found>,
    unsettled: bool,
}

impl Scan {
    /// Whether another look is due before long, whatever the system tells of.
    pub fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Only what changed.
    pub fn into_changes(self) -> BTreeMap<PathBuf, Content> {
        self.changes
    }

    /// What changed, and what to remember for the next scan.
    pub fn into_parts(self) -> (BTreeMap<PathBuf, Content>, BTreeMap<PathBuf, Found>) {
        (self.changes, self.found)
    }
}

/// Looks at every root. Files whose marks are as `known` are not read again, unless they are among
/// `touched`. A folder gives its `.yaml`, `.yml` and `.json` files and those below it; a file that
/// is named itself is read whatever it is called.
pub fn scan(
    roots: &[PathBuf],
    known: &BTreeMap<PathBuf, Found>,
    touched: &BTreeSet<PathBuf>,
) -> Scan {
    let mut scan = Scan { changes: BTreeMap::new(), found: BTreeMap::new(), unsettled: false };
    let mut lost = Vec::new();
    for root in roots {
        let listing = Listing::of(root);
        for file in listing.files {
            scan.look_at(file, root, known, touched);
        }
        for (folder, error) in listing.lost {
            scan.fault(&folder, known, error.to_string());
            lost.push(folder);
        }
    }
    for (path, before) in known {
        if scan.found.contains_key(path) {
            continue;
        }
        if lost.iter().any(|folder| path.starts_with(folder)) {
            scan.found.insert(path.clone(), before.clone());
        } else {
            scan.changes.insert(path.clone(), Content::Gone);
        }
    }
    scan
}

/// Looks only at what was touched, where that is enough: files that are known and are still there,
/// and others that are no manifests. None where only a look at everything can tell.
pub(super) fn again(
    roots: &[PathBuf],
    known: &BTreeMap<PathBuf, Found>,
    touched: &BTreeSet<PathBuf>,
) -> Option<Scan> {
    let mut scan = Scan { changes: BTreeMap::new(), found: BTreeMap::new(), unsettled: false };
    for path in touched {
        if !known.contains_key(path) {
            if !is_nothing(path, known) {
                return None;
            }
            continue;
        }
        if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) || !path.exists() {
            return None;
        }
        let root = roots.iter().find(|root| *root == path).map_or(Path::new(""), PathBuf::as_path);
        scan.look_at(path.clone(), root, known, touched);
        if scan.changes.get(path) == Some(&Content::Gone) {
            return None;
        }
    }
    Some(scan)
}

/// Whether an unknown path is not worth a look: the copy that an editor keeps, or one that it has
/// renamed. Folders and links may lead to manifests, whatever they are called.
fn is_nothing(path: &Path, known: &BTreeMap<PathBuf, Found>) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let shown = is_manifest(path) && !name.starts_with(b".");
    let below =
        || known.range(path.to_path_buf()..).next().is_some_and(|(at, _)| at.starts_with(path));
    match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.is_file() && !shown,
        Err(error) => error.kind() == io::ErrorKind::NotFound && !below(),
    }
}

impl Scan {
    fn look_at(
        &mut self,
        path: PathBuf,
        root: &Path,
        known: &BTreeMap<PathBuf, Found>,
        touched: &BTreeSet<PathBuf>,
    ) {
        let before = known.get(&path);
        for _ in 0..READS_MAX {
            let metadata = match fs::metadata(&path) {
                // Reading a pipe that nobody writes to would never end. One that is named is meant.
                Ok(metadata) if !metadata.is_file() && path != root => {
                    return self.fault(&path, known, "it is no regular file".to_owned());
                }
                Ok(metadata) => metadata,
                // Between the listing and this look it was replaced; the next event brings it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && before.is_some() => {
                    self.changes.insert(path, Content::Gone);
                    return;
                }
                Err(error) => return self.fault(&path, known, error.to_string()),
            };
            if let Some(before) = before.filter(|before| is_being_written(before, &metadata)) {
                self.found.insert(path, before.clone());
                self.unsettled = true;
                return;
            }
            let stamp = stamp(&metadata);
            let same = before.is_some_and(|b| b.fault.is_none() && b.stamp == Some(stamp));
            if !same || touched.contains(&path) {
                match text(&path, &metadata) {
                    Ok(Some(text)) => {
                        self.changes.insert(path.clone(), Content::Text(text.into()));
                    }
                    Ok(None) => continue,
                    Err(error) => return self.fault(&path, known, error),
                }
            }
            self.found.insert(path, Found { stamp: Some(stamp), fault: None });
            return;
        }
        self.unsettled = true;
        self.fault(&path, known, "it changed each time that it was read".to_owned());
    }

    fn fault(&mut self, path: &Path, known: &BTreeMap<PathBuf, Found>, error: String) {
        let fault = Fault(error);
        let before = known.get(path);
        if before.and_then(|b| b.fault.as_ref()) != Some(&fault) {
            self.changes.insert(path.to_owned(), Content::Unreadable(fault.clone()));
        }
        let stamp = before.and_then(|b| b.stamp);
        self.found.insert(path.to_owned(), Found { stamp, fault: Some(fault) });
    }
}

/// Whether a file was emptied just now: `tool > file` does that long before the tool has anything
/// to say, and what the file said must not be unserved meanwhile. A clock that is behind that of
/// the file's disk cannot tell how long ago it was.
fn is_being_written(before: &Found, metadata: &fs::Metadata) -> bool {
    let emptied = metadata.len() == 0 && before.stamp.is_some_and(|stamp| stamp.bytes > 0);
    let age = metadata.modified().ok().map(|at| at.elapsed());
    emptied && age.is_some_and(|age| age.map_or(true, |age| age < EMPTY_TIME))
}

/// What is found below a root.
#[derive(Default)]
struct Listing {
    files: BTreeSet<PathBuf>,
    /// The root or folders below it that cannot be looked into. What was known of them goes on to
    /// hold, and their neighbours are looked at all the same.
    lost: Vec<(PathBuf, io::Error)>,
    /// The folders on the way to the one that is being looked into.
    above: Vec<(u64, u64)>,
}

impl Listing {
    fn of(root: &Path) -> Self {
        let mut listing = Self::default();
        if let Err(error) = listing.look_into(root) {
            listing.lost.push((root.to_owned(), error));
        }
        if listing.files.len() > FILES_MAX {
            let error = io::Error::other(format!("more than {FILES_MAX} manifest files"));
            listing = Self { lost: vec![(root.to_owned(), error)], ..Self::default() };
        }
        listing
    }

    fn look_into(&mut self, path: &Path) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_dir() {
            self.files.insert(path.to_owned());
            return Ok(());
        }
        let identity = identity(&metadata);
        // A link back to where we come from has nothing that is not looked at already.
        if self.above.contains(&identity) {
            return Ok(());
        }
        if self.above.len() > DEPTH_MAX {
            return Err(io::Error::other(format!("folders are nested deeper than {DEPTH_MAX}")));
        }
        self.above.push(identity);
        let outcome = self.entries(path);
        self.above.pop();
        outcome
    }

    fn entries(&mut self, path: &Path) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            // Hidden names are swap files of editors and the `..data` links of mounted ConfigMaps.
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_dir() || (kind.is_symlink() && path.is_dir()) {
                match self.look_into(&path) {
                    Ok(()) => {}
                    // It vanished meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => self.lost.push((path, error)),
                }
            } else if is_manifest(&path) && self.files.len() <= FILES_MAX {
                self.files.insert(path);
            }
        }
        Ok(())
    }
}

/// Which file or folder it is, whatever its name.
pub(super) fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

pub(super) fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|ext| ["yaml", "yml", "json"].iter().any(|known| ext == *known))
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    let (_, inode) = identity(metadata);
    Stamp { modified: metadata.modified().ok(), bytes: metadata.len(), inode }
}

/// The text of a file that is still what `metadata` says when all of it is read. None where it was
/// emptied, written or replaced meanwhile: what was read may be of two versions, or of none.
fn text(path: &Path, metadata: &fs::Metadata) -> Result<Option<String>, String> {
    let mut file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let limit = api::limits::FILE_BYTES_MAX as u64;
    let read = file.by_ref().take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    let read = bytes.len() as u64;
    if read > limit {
        return Err(format!("the file has more than {limit} bytes: split it"));
    }
    if metadata.is_file() {
        let after = file.metadata().map_err(|error| error.to_string())?;
        // Two writes within a tick of the file system's clock leave the same marks. Some file
        // systems say of every file that it has no bytes.
        if stamp(&after) != stamp(metadata) || read < after.len() {
            return Ok(None);
        }
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        format!("the file is not UTF-8 text (byte {})", error.utf8_error().valid_up_to())
    })
}

/// How long a file has to be empty until it is meant so.
const EMPTY_TIME: Duration = Duration::from_secs(2);
/// How often a file is read that changes meanwhile, until the next look.
const READS_MAX: usize = 4;
/// Manifest files below all roots together.
const FILES_MAX: usize = 100_000;
/// Folders within folders.
const DEPTH_MAX: usize = 32;

#[cfg(test)]
mod tests;
