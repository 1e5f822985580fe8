//! What can go wrong, one enum for each decision that a caller has to take.
//!
//! A variant exists only if a caller would act differently on it, and its text says what to do.
//! Bugs panic; what stands here are the world's faults.

use crate::{
    ids::{Position, SegmentId, Sequence, StoreId},
    log::{Place, recovery::BlockClass},
};
use std::{error::Error, fmt, io, sync::Arc};

/// Damage in what was acknowledged: where it is and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorruptionReport {
    /// Where the damage begins.
    pub place: Place,
    /// Bytes of the damaged range that are known to be affected, from `place` on.
    pub bytes: u64,
    /// The first group that is missing.
    pub first_missing: Sequence,
    /// The last group that is known to have been durable.
    pub durable_through: Sequence,
    /// The first position that is missing.
    pub position: Position,
    /// What stands there instead.
    pub found: BlockClass,
    /// Why this is damage and not the torn end of the log; the row of the recovery table.
    pub row: char,
    /// The row's reason.
    pub reason: &'static str,
}

impl fmt::Display for CorruptionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} bytes: groups {} to {} (from position {}) are damaged or missing, found {:?}; \
             {} (recovery row {})",
            self.place,
            self.bytes,
            self.first_missing,
            self.durable_through,
            self.position,
            self.found,
            self.reason,
            self.row,
        )
    }
}

/// Why a log cannot be opened. Nothing was changed, unless a variant says so.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no store in the directory. Create one, or correct the path.
    NotAStore {
        /// What was found instead.
        reason: String,
    },
    /// Another process, or another handle of this one, has the store open for writing. Close it,
    /// or use [`crate::ReadOnlyLog`].
    Locked,
    /// The store was written by a newer version of the format. Upgrade this program.
    NewerFormat {
        /// The version found.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// Acknowledged data is damaged or missing. Restore a backup, or copy what is left with
    /// `sagalog salvage`; opening never repairs by deleting.
    Corrupt(Box<CorruptionReport>),
    /// Both superblock slots are damaged: the store does not know what it promised. Copy what is
    /// left with `sagalog salvage`.
    SuperblockDamaged,
    /// A segment is missing between others, or the last one that was prepared is.
    SegmentMissing(SegmentId),
    /// A segment's header is damaged although the segment was in use.
    SegmentDamaged(SegmentId),
    /// A file belongs to another store, or to no store: the directory is a mixture of two.
    ForeignFile {
        /// The file.
        name: String,
        /// The store that it belongs to, if it says so.
        store: Option<StoreId>,
    },
    /// The options contradict each other or the format; the text says which.
    Options(String),
    /// The disk or the operating system refused a call. Try again, or see the source.
    Io(Arc<io::Error>),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAStore { reason } => write!(f, "no sagalog store here: {reason}"),
            Self::Locked => {
                f.write_str("the store is open for writing elsewhere; close it or open read-only")
            }
            Self::NewerFormat { found, supported } => write!(
                f,
                "the store has format {found}, this program reads up to {supported}; upgrade it"
            ),
            Self::Corrupt(report) => write!(f, "acknowledged data is damaged: {report}"),
            Self::SuperblockDamaged => f.write_str(
                "both superblock slots are damaged; `sagalog salvage` copies what is left",
            ),
            Self::SegmentMissing(segment) => write!(f, "segment {segment} is missing"),
            Self::SegmentDamaged(segment) => {
                write!(f, "the header of segment {segment} is damaged although it was in use")
            }
            Self::ForeignFile { name, store: Some(store) } => {
                write!(f, "file {name} belongs to another store, {store}")
            }
            Self::ForeignFile { name, store: None } => {
                write!(f, "file {name} could be a segment but does not belong to this store")
            }
            Self::Options(reason) => write!(f, "the options do not fit: {reason}"),
            Self::Io(source) => write!(f, "the disk refused: {source}"),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(source: io::Error) -> Self {
        Self::Io(Arc::new(source))
    }
}

/// Why a commit was not acknowledged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CommitError {
    /// The commit does not fit into a group. Nothing was stored; split it.
    TooLarge {
        /// Bytes of the commit.
        bytes: u64,
        /// Bytes that the options allow.
        limit: u64,
    },
    /// The queue is full. Nothing was stored; try again later, or use `append`, which waits.
    Overloaded,
    /// There is no space for the next segment. Nothing was stored; free space and try again.
    StorageFull,
    /// The next segment could not be prepared. Nothing was stored; see the source and try again.
    Unprepared(Arc<io::Error>),
    /// The write or its sync failed: the commit **may or may not** be stored, and may appear after
    /// reopening. Reopen the log and look before you append it again.
    Unknown,
    /// An earlier write or sync failed. Nothing was stored; reopen the log.
    Poisoned,
    /// The log was closed. Nothing was stored.
    Closed,
}

impl CommitError {
    /// Whether the commit may have been stored all the same.
    pub const fn is_unknown_outcome(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether the same call can succeed later on the same handle.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Overloaded | Self::StorageFull | Self::Unprepared(_))
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(f, "the commit has {bytes} bytes, the limit is {limit}; split it")
            }
            Self::Overloaded => f.write_str("the queue is full; try again later"),
            Self::StorageFull => {
                f.write_str("no space for the next segment; nothing was stored, free space")
            }
            Self::Unprepared(source) => {
                write!(f, "the next segment could not be prepared, nothing was stored: {source}")
            }
            Self::Unknown => f.write_str(
                "a write or sync failed: the commit may or may not be stored; reopen and look",
            ),
            Self::Poisoned => {
                f.write_str("an earlier write or sync failed; nothing was stored, reopen the log")
            }
            Self::Closed => f.write_str("the log is closed; nothing was stored"),
        }
    }
}

impl Error for CommitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unprepared(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

/// Why commits cannot be read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The range is damaged. What lies before it, and in later segments, can still be read.
    Corrupt(Box<CorruptionReport>),
    /// The segment was retired while it was being read.
    Retired(SegmentId),
    /// The disk refused to read the range; other ranges may still be readable.
    Io {
        /// Where.
        place: Place,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The log was closed, and what is read has changed since. Read from a new handle.
    Closed,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(report) => write!(f, "damaged: {report}"),
            Self::Retired(segment) => write!(f, "segment {segment} was retired"),
            Self::Io { place, source } => write!(f, "cannot read {place}: {source}"),
            Self::Closed => f.write_str("the log is closed"),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

/// Why the log could not be closed in order, or a segment not be retired.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LogError {
    /// An earlier write or sync failed: reopen the log. What was acknowledged is safe.
    Poisoned,
    /// The log was closed.
    Closed,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned => f.write_str("an earlier write or sync failed; reopen the log"),
            Self::Closed => f.write_str("the log is closed"),
        }
    }
}

impl Error for LogError {}
