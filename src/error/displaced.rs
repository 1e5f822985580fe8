//! What of an open store is not any more where the next opening would look for it.

use crate::{
    ids::SegmentId,
    log::{segment, superblock},
};
use std::{error::Error, fmt};

/// Why a store that is open for writing has stopped: somebody removed, renamed, replaced or
/// overwrote its files or its directory by name. What was acknowledged before stands in the files
/// that are gone, as far as they can be brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Displaced {
    /// The directory: whoever opens its path next would not meet this writer.
    Directory,
    /// The superblock's file: whoever opens the directory next would not find a store, or another.
    Superblock,
    /// The file of the segment that is written to: it is gone once this process has closed it.
    Segment(SegmentId),
    /// The superblock is not the one that this writer has written last: another writer was here, or
    /// an older store was copied over this one.
    Overwritten,
}

impl fmt::Display for Displaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gone = "removed, renamed or replaced while it was open";
        match self {
            Self::Directory => write!(f, "the store's directory was {gone}"),
            Self::Superblock => write!(f, "the store's file {} was {gone}", superblock::FILE_NAME),
            Self::Segment(segment) => {
                write!(f, "the store's file {} was {gone}", segment::file_name(*segment))
            }
            Self::Overwritten => f.write_str(
                "the store was overwritten while it was open, by another writer or an older store",
            ),
        }?;
        f.write_str("; bring back what was taken away, then reopen it and look what it holds")
    }
}

impl Error for Displaced {}
