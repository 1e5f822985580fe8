//! What can go wrong, one enum for each decision that a caller has to take.
//!
//! A variant exists only if a caller would act differently on it, and its text says what to do.
//! Bugs panic; what stands here are the world's faults.

use crate::{
    ids::{FencingToken, Position, Revision, SegmentId, Sequence, StoreId},
    log::{Place, recovery::BlockClass},
    names::{CommandKey, FenceName, StreamId},
    query::QueryError,
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
    /// A commit's checksum holds, yet it is no append of events: the directory holds a bare log,
    /// or another program wrote to it. Open it as a [`crate::Log`].
    Undecodable {
        /// Where the commit begins.
        position: Position,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The index lacks and may not be written. Open the store for writing once.
    IndexMissing,
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
            Self::Undecodable { position, reason } => {
                write!(f, "the commit at position {position} is no append of events: {reason}")
            }
            Self::IndexMissing => {
                f.write_str("the index is missing; open the store for writing once to rebuild it")
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

/// A guard that did not hold, and what was there instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedGuard {
    /// Which guard of the append, counted from 0.
    pub guard: usize,
    /// What was there.
    pub actual: Actual,
}

/// What a guard met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Actual {
    /// The stream has no events.
    NoStream,
    /// The stream's last event has this revision.
    Revision(Revision),
    /// The newest event that matches the query stands here.
    Match(Position),
}

/// Why an append was not committed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AppendError {
    /// Guards did not hold: all of those that failed, in order. Nothing was stored. Read what has
    /// changed, decide again.
    Conflict(Vec<FailedGuard>),
    /// Some of the events stand already where a guard names their place, others do not. Nothing
    /// was stored. The command was repeated with other events, or ids were used twice: a person
    /// has to look.
    PartlyCommitted {
        /// The stream in which the first difference shows.
        stream: StreamId,
        /// The revision at which it shows.
        revision: Revision,
    },
    /// The key belongs to an earlier append with other content. Nothing was stored. Use a key for
    /// one command only.
    KeyReused {
        /// The key.
        key: CommandKey,
        /// Where the earlier append begins.
        first: Position,
    },
    /// Somebody with a newer right to act has been here. Nothing was stored. Stop acting on the
    /// old one.
    Fenced {
        /// The fence.
        fence: FenceName,
        /// The highest token that it has seen.
        current: FencingToken,
    },
    /// The append exceeds a limit. Nothing was stored. Make it smaller or split it.
    Limit {
        /// What is too large or too many.
        what: &'static str,
        /// How much of it there is.
        size: usize,
        /// How much is allowed.
        limit: usize,
    },
    /// The query of a guard is not answered. Nothing was stored.
    Query {
        /// Which guard, counted from 0.
        guard: usize,
        /// Why not.
        error: QueryError,
    },
    /// The queue is full. Nothing was stored; try again later, or use `append`, which waits.
    Overloaded,
    /// There is no space for the next segment or index. Nothing was stored; free space and try
    /// again.
    StorageFull,
    /// The next segment or index could not be prepared. Nothing was stored; see the source and try
    /// again.
    Unprepared(Arc<io::Error>),
    /// What the decision depends on could not be read. Nothing was stored.
    Read(ReadError),
    /// The write or its sync failed: the append **may or may not** be stored. Reopen the store;
    /// with a key, [`Store::resolve`](crate::Store::resolve) tells what became of it, or the append
    /// can simply be repeated.
    Unknown {
        /// The append's key.
        key: Option<CommandKey>,
    },
    /// An earlier write or sync failed, and the store only reads. Nothing was stored; reopen it.
    Poisoned,
    /// The store was closed. Nothing was stored.
    Closed,
}

impl AppendError {
    /// Whether the append may have been stored all the same.
    pub const fn is_unknown_outcome(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// Whether the same call can succeed later on the same handle.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Overloaded | Self::StorageFull | Self::Unprepared(_))
    }

    /// The error of an append whose commit was not taken.
    pub(crate) fn of_commit(error: CommitError, key: Option<&CommandKey>) -> Self {
        match error {
            CommitError::TooLarge { bytes, limit } => Self::Limit {
                what: "the append in bytes",
                size: usize::try_from(bytes).unwrap_or(usize::MAX),
                limit: usize::try_from(limit).unwrap_or(usize::MAX),
            },
            CommitError::Overloaded => Self::Overloaded,
            CommitError::StorageFull => Self::StorageFull,
            CommitError::Unprepared(source) => Self::Unprepared(source),
            CommitError::Unknown => Self::Unknown { key: key.cloned() },
            CommitError::Poisoned => Self::Poisoned,
            CommitError::Closed => Self::Closed,
        }
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(failed) => {
                f.write_str("guards did not hold, nothing was stored:")?;
                failed.iter().try_for_each(|failed| match failed.actual {
                    Actual::NoStream => write!(f, " guard {}: no such stream;", failed.guard),
                    Actual::Revision(revision) => {
                        write!(f, " guard {}: the stream is at {revision};", failed.guard)
                    }
                    Actual::Match(position) => {
                        write!(f, " guard {}: an event matches at {position};", failed.guard)
                    }
                })
            }
            Self::PartlyCommitted { stream, revision } => write!(
                f,
                "some of the events stand in the log already, others do not: they differ from \
                 {stream} at revision {revision} on; nothing was stored"
            ),
            Self::KeyReused { key, first } => write!(
                f,
                "key {key} belongs to another append, at position {first}; nothing was stored"
            ),
            Self::Fenced { fence, current } => {
                write!(f, "fence {fence} has seen token {current}; nothing was stored")
            }
            Self::Limit { what, size, limit } => {
                write!(f, "{what}: {size}, the limit is {limit}; nothing was stored")
            }
            Self::Query { guard, error } => write!(f, "guard {guard}: {error}"),
            Self::Overloaded => f.write_str("the queue is full; try again later"),
            Self::StorageFull => f.write_str("no space is left; nothing was stored, free space"),
            Self::Unprepared(source) => {
                write!(f, "a file could not be prepared, nothing was stored: {source}")
            }
            Self::Read(error) => {
                write!(
                    f,
                    "what the decision depends on cannot be read, nothing was stored: {error}"
                )
            }
            Self::Unknown { .. } => f.write_str(
                "a write or sync failed: the append may or may not be stored; reopen and look",
            ),
            Self::Poisoned => {
                f.write_str("an earlier write or sync failed; nothing was stored, reopen the store")
            }
            Self::Closed => f.write_str("the store is closed; nothing was stored"),
        }
    }
}

impl Error for AppendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unprepared(source) => Some(source.as_ref()),
            Self::Read(error) => Some(error),
            Self::Query { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Why events or commits cannot be read.
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
    /// A file of the index is damaged and cannot be rebuilt by who only reads, or not now. Open the
    /// store for writing, or try again.
    IndexDamaged {
        /// The file.
        file: String,
    },
    /// A damaged file of the index could not be written anew. Free space, then try again.
    IndexUnwritten {
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// Whether the answer is durable is unknown until the store is reopened: a write or sync
    /// failed.
    Unresolved,
    /// The stream has no events, or had none at the moment that was asked for.
    StreamNotFound(StreamId),
    /// The query is not answered.
    Query(QueryError),
    /// The request contradicts itself; the text says how.
    Request(&'static str),
    /// A commit's checksum holds, yet it is no append of events: another program wrote it.
    Undecodable {
        /// Where it begins.
        position: Position,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(report) => write!(f, "damaged: {report}"),
            Self::Retired(segment) => write!(f, "segment {segment} was retired"),
            Self::Io { place, source } => write!(f, "cannot read {place}: {source}"),
            Self::Closed => f.write_str("the log is closed"),
            Self::IndexDamaged { file } => write!(f, "index file {file} is damaged"),
            Self::IndexUnwritten { source } => {
                write!(f, "a damaged file of the index could not be rebuilt: {source}")
            }
            Self::Unresolved => {
                f.write_str("a write or sync failed: reopen the store to learn what is stored")
            }
            Self::StreamNotFound(stream) => write!(f, "stream {stream} has no events"),
            Self::Query(error) => error.fmt(f),
            Self::Request(reason) => write!(f, "the request cannot be met: {reason}"),
            Self::Undecodable { position, reason } => {
                write!(f, "the commit at position {position} is no append of events: {reason}")
            }
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::IndexUnwritten { source } => Some(source.as_ref()),
            Self::Query(error) => Some(error),
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
