//! What goes into the commit pipeline and what comes out: sizes, segments, tickets, writes.
//!
//! Plain data without behaviour; the rules are in the [pipeline](super).

use crate::{
    ids::{Position, SegmentId, Sequence},
    log::{Place, segment::SegmentEntry},
};

/// The sizes that a pipeline works with.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record of arguments, constructed in place")]
pub struct PipelineLimits {
    /// The largest group in bytes, header included.
    pub group_bytes_max: u64,
    /// How many bytes of commits may wait for their acknowledgement.
    pub queue_bytes_max: u64,
}

/// A segment that is ready to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record of arguments, constructed in place")]
pub struct Prepared {
    /// Its number.
    pub segment: SegmentId,
    /// The size of its file.
    pub segment_bytes: u64,
}

/// Where a commit was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an answer of two numbers")]
pub struct Ticket {
    /// The group; the commit is durable when this group is.
    pub sequence: Sequence,
    /// The position of the commit's first event.
    pub first: Position,
    /// Where the group begins.
    pub group: Place,
    /// Where the commit's frame begins.
    pub frame: Place,
}

/// Why a commit was not taken. It has no position and will never be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the shell answers each")]
pub enum Refusal {
    /// The queue is full, or the next segment is still being prepared; ask again later.
    NoRoom,
    /// It does not fit into a group.
    TooLarge {
        /// Bytes of the commit with its frame.
        bytes: u64,
        /// Bytes that a group takes.
        limit: u64,
    },
    /// The next segment could not be prepared.
    Unprepared,
    /// A write or sync failed.
    Poisoned,
    /// The log is being closed.
    Closed,
}

/// A write of one group. The shell writes the segment's header if there is one, then the group,
/// then syncs, and reports [`written`](super::Pipeline::written) or
/// [`failed`](super::Pipeline::failed).
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an effect, taken apart by the shell")]
pub struct Write {
    /// The group's number.
    pub sequence: Sequence,
    /// Where the group goes.
    pub place: Place,
    /// The group, padded.
    pub bytes: Vec<u8>,
    /// The table entry and the header block of the segment, if this is its first group.
    pub start: Option<(SegmentEntry, Vec<u8>)>,
}
