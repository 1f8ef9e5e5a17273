//! Disks that are full, files that are moved away, writers that do not keep up.

use std::fs;

use super::*;

/// Takes so many bytes, then is full until it is emptied.
#[derive(Default)]
struct Disk {
    written: Vec<u8>,
    room: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let n = bytes.len().min(self.room);
        self.written.extend_from_slice(&bytes[..n]);
        self.room -= n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn block(lines: &[&str]) -> Block {
    let bytes = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
    Block { bytes, lines: lines.len() as u64 }
}

#[test]
fn a_full_disk_loses_lines_counts_them_and_heals() {
    let counts = Arc::new(LogCounts::default());
    let out = Disk { room: 10, ..Disk::default() };
    let mut writer = Writer { out, counts: counts.clone(), torn: false, failing: false };
    let seen = || (counts.written.get(), counts.failed.get());

    writer.write(&block(&["one", "two", "three"]));
    assert_eq!((seen(), writer.failing), ((2, 1), true));
    writer.write(&block(&["four", "five"]));
    assert_eq!((seen(), writer.failing), ((2, 3), true));
    writer.out.room = 100;
    writer.write(&block(&["six"]));
    assert_eq!((seen(), writer.failing), ((3, 3), false));
    assert_eq!(String::from_utf8(writer.out.written).unwrap(), "one\ntwo\nth\nsix\n");
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let counts = Arc::new(LogCounts::default());
    let file = LogFile::open(&path).unwrap();
    let mut writer = Writer { out: file, counts, torn: false, failing: false };
    writer.write(&block(&["before"]));
    fs::rename(&path, &old).unwrap();
    writer.write(&block(&["after"]));
    writer.write(&block(&["more"]));
    assert_eq!(fs::read_to_string(&old).unwrap(), "before\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "after\nmore\n");
}

#[test]
fn the_writer_takes_all_that_was_handed_over_and_then_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let target = AccessLogTarget::File(path.clone());
    let counts = Arc::new(LogCounts::default());
    let (queue, writer) = start(&target, counts.clone()).unwrap().unwrap();
    let clone = queue.clone();
    assert!(queue.offer(block(&["a", "b"])).is_ok() && clone.offer(block(&["c"])).is_ok());
    drop((queue, clone));
    writer.wait();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a\nb\nc\n");
    assert_eq!(counts.written.get(), 3);
}

#[test]
fn a_queue_that_is_full_gives_the_block_back() {
    let (sender, blocks) = sync_channel(1);
    let queue = LogQueue(sender);
    assert!(queue.offer(block(&["a"])).is_ok());
    assert_eq!(queue.offer(block(&["b", "c"])).err().map(|block| block.lines), Some(2));
    drop(blocks);
    assert!(queue.offer(block(&["d"])).is_err());
}

#[test]
fn a_file_in_a_folder_that_is_missing_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let target = AccessLogTarget::File(folder.path().join("none").join("access.log"));
    assert!(start(&target, Arc::default()).is_err());
    assert!(start(&AccessLogTarget::Off, Arc::default()).unwrap().is_none());
}
