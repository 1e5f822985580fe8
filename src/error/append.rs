//! What stands in the way of an append to the store: was it stored or not, and what now.

use super::{CommitError, Displaced, ReadError};
use crate::{
    append::{ExpectedRevision, Guard},
    ids::{FencingToken, Position, Revision},
    names::{CommandKey, FenceName, StreamId},
    query::QueryError,
};
use std::{error::Error, fmt, io, sync::Arc};

/// A guard that did not hold, and what was there instead.
///
/// Prints as a sentence that names the stream, or what the query asked for: `stream order-17 is at
/// revision 2, expected revision 1`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedGuard {
    /// Which guard of the append, counted from 0.
    pub guard: usize,
    /// What it asked for.
    pub expected: Guard,
    /// What was there.
    pub actual: Actual,
}

impl FailedGuard {
    /// The stream that is not as expected; `None` if the guard was on a query.
    pub fn stream(&self) -> Option<&StreamId> {
        match &self.expected {
            Guard::Stream { stream, .. } => Some(stream),
            Guard::NoMatch { .. } => None,
        }
    }
}

impl fmt::Display for FailedGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expected {
            Guard::Stream { stream, .. } => write!(f, "stream {stream}")?,
            Guard::NoMatch { .. } => f.write_str("the newest event")?,
        }
        match (&self.actual, &self.expected) {
            (Actual::NoStream, _) => f.write_str(" has no events")?,
            (Actual::Revision(revision), _) => write!(f, " is at revision {revision}")?,
            (Actual::Match(position), _) => write!(f, " stands at position {position}")?,
        }
        match &self.expected {
            Guard::Stream { expected, .. } => write!(f, ", expected {expected}"),
            Guard::NoMatch { query, after: None } => write!(f, ", expected none with {query}"),
            Guard::NoMatch { query, after: Some(after) } => {
                write!(f, ", expected none behind position {after} with {query}")
            }
        }
    }
}

impl fmt::Display for ExpectedRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("anything"),
            Self::NoStream => f.write_str("no events"),
            Self::Exists => f.write_str("events"),
            Self::Exact(revision) => write!(f, "revision {revision}"),
        }
    }
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
    /// Files of the store, or its directory, were taken away while it was open. Nothing was stored;
    /// see what was done to them, then reopen the store.
    Displaced(Displaced),
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
            CommitError::Displaced(displaced) => Self::Displaced(displaced),
            CommitError::Closed => Self::Closed,
        }
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(failed) => {
                failed.iter().try_for_each(|failed| write!(f, "{failed}; "))?;
                f.write_str("nothing was stored")
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
            Self::Displaced(displaced) => write!(f, "nothing was stored: {displaced}"),
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
            Self::Displaced(displaced) => Some(displaced),
            _ => None,
        }
    }
}
