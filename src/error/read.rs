//! What stands in the way of a read: damage, a request that cannot be met, or the disk.

use super::CorruptionReport;
use crate::{
    ids::{Position, SegmentId},
    log::Place,
    names::StreamId,
    query::QueryError,
};
use std::{error::Error, fmt, io, sync::Arc};

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
    /// A commit's checksum holds, yet it is no append of events: another program wrote it, or a
    /// newer version of this one. What lies before it and behind it can be read: a read goes on
    /// behind it with the next call.
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
