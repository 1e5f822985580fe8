//! What the commit pipeline keeps between two inputs. Private to it.

use super::Prepared;
use crate::{
    ids::{Position, Sequence},
    log::{
        Anchor, Place,
        group::{GroupBuilder, GroupKind},
    },
};
use std::collections::VecDeque;

/// A group that takes no more commits and waits for its turn. Its header is made when it is
/// written, so that it says how far the log is durable then.
#[derive(Debug)]
pub(super) struct Full {
    pub(super) group: GroupBuilder,
    pub(super) kind: GroupKind,
    pub(super) place: Place,
    pub(super) sequence: Sequence,
    pub(super) first: Position,
    pub(super) segment: Prepared,
    /// It is the first one of its segment.
    pub(super) starts: bool,
}

/// What becomes true once a group is durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub(super) sequence: Sequence,
    pub(super) after: Anchor,
    pub(super) queued_bytes: u64,
    pub(super) kind: GroupKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Closed,
    Poisoned,
}

/// Where the open group will stand.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) segment: Prepared,
    pub(super) offset: u64,
    pub(super) sequence: Sequence,
    pub(super) position: Position,
    /// The open group is the first one of its segment.
    pub(super) starts: bool,
}

impl Tail {
    pub(super) fn room(&self) -> u64 {
        self.segment.segment_bytes - self.offset
    }

    pub(super) fn place(&self) -> Place {
        Place { segment: self.segment.segment, offset: self.offset }
    }
}

/// Segments prepared ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pub(super) ready: VecDeque<Prepared>,
    pub(super) failed: bool,
    pub(super) awaited: bool,
}
