//! What a directory is that has no superblock: a store that lost it, or one that was never made.
//!
//! The invariant it guards: a directory in which a group may have been acknowledged is never taken
//! for an empty one.

use crate::{
    engine::{
        directory::FileKind,
        procedures::{SUPERBLOCK_DRAFT, read_file},
    },
    error::OpenError,
    ids::{SegmentId, StoreId},
    limits::{BLOCK_LEN, GROUP_BYTES_MAX},
    log::{checkpoint, fields::usize_from, group, segment},
    runtime::{Disk, File as _, OpenMode},
};
use std::io;

/// Whether an interrupted creation may have left the file, where there is no superblock and no
/// segment was started.
pub(super) fn is_of_creation(name: &str) -> bool {
    matches!(FileKind::of(name), FileKind::Lock | FileKind::Segment(_)) || name == SUPERBLOCK_DRAFT
}

/// Why a directory without a superblock does not open. With a name of the store the groups can
/// still be told from other bytes, so that a salvage finds them.
pub(super) async fn without_superblock<D: Disk>(disk: &D, names: &[String]) -> OpenError {
    match identity(disk, names).await {
        Ok(Some(_)) => OpenError::SuperblockDamaged,
        Ok(None) => OpenError::IdentityLost,
        Err(error) => OpenError::from(error),
    }
}

/// The store that a directory without a superblock belongs to: as the first segment header that
/// holds says, else a checkpoint. An error only if nothing says it and something was unreadable.
pub(crate) async fn identity<D: Disk>(disk: &D, names: &[String]) -> io::Result<Option<StoreId>> {
    let mut unread = None;
    for name in names {
        let bytes_max = match FileKind::of(name) {
            FileKind::Segment(_) => BLOCK_LEN,
            FileKind::Checkpoint => usize_from(u64::from(checkpoint::FILE_BYTES_MAX)),
            _ => continue,
        };
        match read_whole(disk, name, bytes_max).await {
            Ok(bytes) => {
                let named = segment::store_of(&bytes).or_else(|| checkpoint::store_of(&bytes));
                if named.is_some() {
                    return Ok(named);
                }
            }
            Err(error) => unread = unread.or(Some(error)),
        }
    }
    unread.map_or(Ok(None), Err)
}

/// The whole file `name`, up to `bytes_max`. A file takes no more memory than it has bytes.
async fn read_whole<D: Disk>(disk: &D, name: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
    let bytes = disk.open(name, OpenMode::Read).await?.len().await?;
    read_file(disk, name, usize::try_from(bytes).unwrap_or(bytes_max).min(bytes_max)).await
}

/// Whether a directory that no file names a store of holds at most what an interrupted creation
/// left: the first segment, to which no group was ever written. What stands in that file instead
/// need not be zeros: where a disk cannot set space aside, zeros are written, and a power failure
/// may leave anything of a write that was not synced.
pub(super) async fn never_started<D: Disk>(disk: &D, names: &[String]) -> Result<bool, OpenError> {
    let first = FileKind::Segment(SegmentId::new(1));
    let later = |kind| match kind {
        FileKind::Segment(_) => kind != first,
        FileKind::Run => true,
        // Other programs have files of such names too.
        FileKind::Checkpoint
        | FileKind::MalformedSegment
        | FileKind::Lock
        | FileKind::Superblock
        | FileKind::Draft
        | FileKind::Request
        | FileKind::Unknown => false,
    };
    if names.iter().any(|name| later(FileKind::of(name))) {
        return Ok(false);
    }
    let Some(name) = names.iter().find(|name| FileKind::of(name) == first) else {
        return Ok(true);
    };
    // No first segment is larger than this, whatever the options.
    let bytes_max = segment::bytes_min_for(GROUP_BYTES_MAX);
    let bytes = read_whole(disk, name, usize_from(bytes_max)).await?;
    Ok(!bytes.chunks(BLOCK_LEN).any(|block| block.starts_with(&group::MAGIC)))
}
