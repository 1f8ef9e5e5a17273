//! The last good state in a file, for a proxy that is started again while no controller is there.
//!
//! The file holds private keys: it is this user's only, and belongs into a folder in memory. It is
//! replaced as a whole, and one that is not whole is not used.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use ir::wire::{Collector, Hash, Step, frame::Part};
use tokio::{
    sync::{Mutex, watch},
    task::spawn_blocking,
    time::sleep,
};

use super::held::Held;
use crate::{Shared, limits};

/// Writes what is held after each change, though not more often than there is a use.
pub(super) async fn keep(
    dir: PathBuf,
    held: Arc<Mutex<Held>>,
    shared: Arc<Shared>,
    mut changes: watch::Receiver<()>,
) {
    while changes.changed().await.is_ok() {
        sleep(limits::STATE_PAUSE).await;
        let (held, served) = {
            // While this is locked no step is between being held and being served.
            let held = held.lock().await;
            changes.mark_unchanged();
            (held.clone(), shared.snapshot())
        };
        let to = dir.clone();
        let written = spawn_blocking(move || save(&to, held.to_step(&served))).await;
        if let Err(error) = written.map_err(io::Error::other).and_then(|written| written) {
            let dir = dir.display();
            tracing::warn!(%dir, %error, "the state for a restart cannot be kept");
        }
    }
}

/// The state that was kept; none if there is none.
///
/// # Errors
/// It cannot be read, or is not whole.
pub(super) async fn load(dir: PathBuf) -> io::Result<Option<Step>> {
    spawn_blocking(move || read(&dir)).await.map_err(io::Error::other)?
}

fn read(dir: &Path) -> io::Result<Option<Step>> {
    let bytes = match fs::read(dir.join(FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "it is not whole");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (hash, body) = rest.split_at_checked(HASH_BYTES).ok_or_else(broken)?;
    if Hash::from_bytes(hash) != Some(Hash::of(FILE, body)) {
        return Err(broken());
    }
    let (mut body, mut collector) = (body, Collector::default());
    loop {
        let part = <Part as prost::Message>::decode_length_delimited(&mut body)?;
        if let Some(step) = collector.add(part).map_err(io::Error::other)? {
            return Ok(Some(step));
        }
    }
}

fn save(dir: &Path, step: Step) -> io::Result<()> {
    let mut body = Vec::new();
    for part in step.into_parts() {
        body.extend_from_slice(&prost::Message::encode_length_delimited_to_vec(&part));
    }
    let new = dir.join(NEW);
    // What a process of before left half written may be anybody's to read.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(MAGIC)?;
    file.write_all(&Hash::of(FILE, &body).to_bytes())?;
    file.write_all(&body)?;
    file.sync_all()?;
    fs::rename(new, dir.join(FILE))
}

const FILE: &str = "state";
const NEW: &str = "state.new";
/// What a file of this format starts with; a hash of the rest follows, and then the step in parts.
const MAGIC: &[u8] = b"portcullis state 1\n";
const HASH_BYTES: usize = 16;

#[cfg(test)]
mod tests;
