//! The page cache and the files of a log: out of it, into it, and reading as fast as it goes.
//!
//! Knows nothing of what the files hold, except which bytes of them are the log.

use super::{Failure, prepare::superblock};
use sagalog::{SegmentId, log::segment};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How much the raw reader reads at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Writes out the files of `dir` and drops them from the page cache.
pub(crate) fn evict(dir: &Path) -> Result<(), Failure> {
    for path in files(dir)? {
        let file = File::open(&path)?;
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

/// Reads the files of `dir` into the page cache.
pub(crate) fn warm(dir: &Path) -> Result<(), Failure> {
    for path in files(dir)? {
        let bytes = fs::metadata(&path)?.len();
        let _ = read(&path, bytes)?;
    }
    Ok(())
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The files of a log that was closed in order, and how many bytes of each are log.
pub(crate) fn log_files(dir: &Path) -> Result<Vec<(PathBuf, u64)>, Failure> {
    let superblock = superblock(dir)?;
    let end = superblock.anchor.next;
    let mut files = Vec::new();
    for number in superblock.floor.get()..=end.segment.get() {
        let path = dir.join(segment::file_name(SegmentId::new(number)));
        let bytes =
            if number == end.segment.get() { end.offset } else { fs::metadata(&path)?.len() };
        files.push((path, bytes));
    }
    Ok(files)
}

/// Reads `files` from front to back; returns how long that took.
pub(crate) fn read_raw(files: &[(PathBuf, u64)]) -> Result<Duration, Failure> {
    let began = Instant::now();
    for (path, bytes) in files {
        let _ = read(path, *bytes)?;
    }
    Ok(began.elapsed())
}

fn read(path: &Path, bytes: u64) -> Result<u64, Failure> {
    let file = File::open(path)?;
    // The log asks for the same, so that the ratio is about checksums and not about read-ahead.
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < bytes {
        let taken = file.read_at(&mut piece, at)?;
        if taken == 0 {
            break;
        }
        at += taken as u64;
    }
    Ok(at)
}

/// The most memory that this process has held, in MiB.
pub(crate) fn rss_peak_mib() -> Option<f64> {
    status_mib("VmHWM:")
}

/// The memory that this process holds, in MiB.
pub(crate) fn rss_mib() -> Option<f64> {
    status_mib("VmRSS:")
}

fn status_mib(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
