//! Bytes that a store takes on the disk, by what they are for.
//!
//! Measures no time. The invariant: every file of the directory is counted once, and space that is
//! only prepared for the future is kept apart.

use super::{Failure, cache};
use sagalog::log::{segment, superblock};
use std::{fs, path::Path};

/// Bytes of each kind.
#[derive(Debug, Default)]
pub(crate) struct Space {
    pub(crate) log: u64,
    pub(crate) index: u64,
    /// Of segments behind the end of the log.
    pub(crate) prepared: u64,
}

/// The space of the store in `dir`, which was closed in order.
pub(crate) fn measure(dir: &Path) -> Result<Space, Failure> {
    let mut bytes = Space::default();
    bytes.log = cache::log_files(dir)?.iter().map(|(_, bytes)| bytes).sum();
    let mut segments = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or("a file whose name is no text")?;
        let len = entry.metadata()?.len();
        if segment::parse_file_name(name).is_some() {
            segments += len;
        } else if name == superblock::FILE_NAME {
            bytes.log += len;
        } else {
            bytes.index += len;
        }
    }
    let blocks = bytes.log.saturating_sub(superblock::SLOT_BYTES * 2);
    bytes.prepared = segments.saturating_sub(blocks);
    Ok(bytes)
}
