//! What stands in the way of a commit to the log: was it stored or not, and what now.

use super::Displaced;
use std::{error::Error, fmt, io, sync::Arc};

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
    /// Files of the log, or its directory, were taken away while it was open. Nothing was stored;
    /// see what was done to them, then reopen the log.
    Displaced(Displaced),
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
            Self::Displaced(displaced) => write!(f, "nothing was stored: {displaced}"),
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
            Self::Displaced(displaced) => Some(displaced),
            _ => None,
        }
    }
}
