//! The log: groups of opaque commits, as bytes and decisions. Pure: no clock, no files, no tasks.
//!
//! A log is a row of segments. A segment is a header block and then groups, each on a block
//! boundary, each chained to the one before. Everything that a reader or a recovery believes is
//! bound by checksums to the store, the segment, the offset, the group's number, the epoch and the
//! chain.
//!
//! ```text
//! STORE                two superblock slots: epoch, floor, prepared_through, anchor, clean mark
//! log-…01.seg          [header | group 1 | group 2 | … ]        ended by the base of segment 2
//! log-…02.seg          [header | group 9 | group 10 | …zeros ]  the active segment
//! log-…03.seg          [ zeros ]                                prepared ahead
//! checkpoint-….ckpt    the table of segments, named by the superblock
//! ```
//!
//! Reading order: [`group`], [`segment`], [`superblock`], [`checkpoint`], [`pipeline`] (an append
//! becomes a write becomes an acknowledgement), [`recovery`] (what a torn end means),
//! [`retention`]. The bytes are drawn in `docs/FORMAT.md`.

#![warn(clippy::as_conversions, clippy::indexing_slicing)]

pub mod checkpoint;
pub(crate) mod fields;
pub mod group;
pub mod pipeline;
pub mod recovery;
pub mod retention;
pub mod segment;
pub mod superblock;

use crate::ids::{Position, SegmentId, Sequence};
use std::fmt;

/// A byte place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a pair that will stay one")]
pub struct Place {
    /// The segment.
    pub segment: SegmentId,
    /// Bytes from the start of the segment's file.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} offset {}", self.segment, self.offset)
    }
}

/// Ties a group to the one before: the header checksum of that group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chain(u32);

impl Chain {
    /// The value before the first group of a store.
    pub const START: Self = Self(0);

    /// The link with this value.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The bare value.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A point between two groups from which the log can be read on: everything before is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes its fields")]
pub struct Anchor {
    /// Where the next group begins.
    pub next: Place,
    /// The next group's number.
    pub sequence: Sequence,
    /// The next position.
    pub position: Position,
    /// Chain value of the group before.
    pub chain: Chain,
    /// Where the group before begins, if there is one; it proves that the anchor holds.
    pub last: Option<Place>,
}

impl Anchor {
    /// The point behind the group with this header.
    pub fn behind(header: &group::GroupHeader) -> Self {
        Self {
            next: Place {
                segment: header.place.segment,
                offset: header.place.offset + header.padded_bytes(),
            },
            sequence: header.sequence.next(),
            position: header.next_position(),
            chain: header.link,
            last: Some(header.place),
        }
    }
}
