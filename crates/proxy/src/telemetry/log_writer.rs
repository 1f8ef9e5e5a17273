//! Where access log lines leave the process: one thread takes blocks of them out of a bounded queue
//! and writes them. What the disk cannot take is counted and lost; no request ever waits for it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use crate::{AccessLogTarget, limits, telemetry::cell::Cell};

/// Some whole lines.
pub(crate) struct Block {
    /// The lines, each with its line end.
    pub(crate) bytes: Vec<u8>,
    /// How many they are.
    pub(crate) lines: u64,
}

/// The way to the writer. Each worker has its own; when the last is gone, the writer ends.
#[derive(Clone)]
pub(crate) struct LogQueue(SyncSender<Block>);

impl LogQueue {
    /// Hands a block over, or gives it back when the writer does not keep up.
    pub(crate) fn offer(&self, block: Block) -> Result<(), Block> {
        use std::sync::mpsc::TrySendError::{Disconnected, Full};
        self.0.try_send(block).map_err(|(Full(block) | Disconnected(block))| block)
    }
}

/// What became of the lines that reached the writer. It alone writes here.
#[derive(Debug, Default)]
pub(crate) struct LogCounts {
    /// Written.
    pub(crate) written: Cell,
    /// Lost, because writing failed.
    pub(crate) failed: Cell,
}

/// The thread that writes.
pub(crate) struct LogWriter {
    /// Hangs up when the thread ends.
    alive: Receiver<()>,
}

impl LogWriter {
    /// Waits until it has written all and ended. A pipe that nobody reads does not hold us up for
    /// ever.
    pub(crate) fn wait(self) {
        use std::sync::mpsc::RecvTimeoutError::Timeout;
        if self.alive.recv_timeout(limits::LOG_END_TIME) == Err(Timeout) {
            tracing::warn!("access log: its target does not take the last lines, they are lost");
        }
    }
}

/// Opens the target and starts the thread. No target: no thread.
///
/// # Errors
/// The file cannot be opened, or the thread cannot be started.
pub(crate) fn start(
    target: &AccessLogTarget,
    counts: Arc<LogCounts>,
) -> io::Result<Option<(LogQueue, LogWriter)>> {
    let (sender, blocks) = sync_channel(limits::LOG_BLOCKS_MAX);
    let (living, alive) = sync_channel(0);
    let thread = thread::Builder::new().name("access-log".to_owned());
    match target {
        AccessLogTarget::Off => return Ok(None),
        AccessLogTarget::Stdout => {
            thread.spawn(move || run(&blocks, io::stdout(), counts, living))?
        }
        AccessLogTarget::File(path) => {
            let file = LogFile::open(path)?;
            thread.spawn(move || run(&blocks, file, counts, living))?
        }
    };
    Ok(Some((LogQueue(sender), LogWriter { alive })))
}

fn run(blocks: &Receiver<Block>, out: impl Write, counts: Arc<LogCounts>, living: SyncSender<()>) {
    let mut writer = Writer { out, counts, torn: false, failing: false };
    while let Ok(block) = blocks.recv() {
        writer.write(&block);
    }
    drop(living);
}

struct Writer<W> {
    out: W,
    counts: Arc<LogCounts>,
    /// Whether the last write ended within a line.
    torn: bool,
    /// Whether the last write failed: that is said once, not for every block.
    failing: bool,
}

impl<W: Write> Writer<W> {
    fn write(&mut self, block: &Block) {
        let (written, fault) = self.put(&block.bytes);
        let written = block.bytes.get(..written).unwrap_or_default();
        let lines = written.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counts.written.add(lines);
        self.counts.failed.add(block.lines.saturating_sub(lines));
        if let Some(last) = written.last() {
            self.torn = *last != b'\n';
        }
        match fault {
            Some(error) if !self.failing => {
                tracing::error!(%error, "access log cannot be written: its lines are lost");
                self.failing = true;
            }
            None if self.failing => {
                tracing::info!("access log is written again");
                self.failing = false;
            }
            _ => {}
        }
    }

    /// Writes as much as goes; how much that was, and what stopped it.
    fn put(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        // The rest of a line that was cut off is lost; the next line starts on its own.
        while self.torn {
            match self.out.write(b"\n") {
                Ok(1..) => self.torn = false,
                Ok(_) => return (0, Some(io::ErrorKind::WriteZero.into())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (0, Some(error)),
            }
        }
        let mut written = 0;
        while let Some(rest @ [_, ..]) = bytes.get(written..) {
            match self.out.write(rest) {
                Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Some(error)),
            }
        }
        (written, self.out.flush().err())
    }
}

/// A file that is opened anew when somebody has moved it away, as log rotation does.
struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: append_to(path)? })
    }

    fn moved(&self) -> bool {
        let place = |data: std::fs::Metadata| (data.dev(), data.ino());
        match (self.file.metadata(), self.path.metadata()) {
            (Ok(open), Ok(named)) => place(open) != place(named),
            (Ok(_), Err(error)) => error.kind() == io::ErrorKind::NotFound,
            (Err(_), _) => false,
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once per block: a block is written by one call unless the disk is full.
        if self.moved()
            && let Ok(file) = append_to(&self.path)
        {
            self.file = file;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests;
