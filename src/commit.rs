//! What goes into the log and what comes out: opaque commits.

use crate::{
    ids::Position,
    limits::COMMIT_POSITIONS_MAX,
    log::{group::Frame, pipeline::Ticket},
};
use bytes::Bytes;

/// One atomic entry of the log: all of it becomes durable, or nothing.
///
/// ```
/// let one = sagalog::Commit::new("an event");
/// let three = sagalog::Commit::new("three events in one").with_positions(3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    body: Bytes,
    positions: u32,
}

impl Commit {
    /// A commit of one position with this body.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), positions: 1 }
    }

    /// Lets the commit take `positions` places in the log, one for each event it holds.
    ///
    /// # Panics
    /// If it is 0 or above [`COMMIT_POSITIONS_MAX`].
    #[must_use]
    pub fn with_positions(mut self, positions: u32) -> Self {
        let bounded = (1..=COMMIT_POSITIONS_MAX).contains(&positions);
        assert!(bounded, "a commit takes 1 to {COMMIT_POSITIONS_MAX} positions, not {positions}");
        self.positions = positions;
        self
    }

    /// The bytes that are stored.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// How many positions the commit takes.
    pub fn positions(&self) -> u32 {
        self.positions
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame::new(&self.body, self.positions)
    }
}

/// A commit as it was read from the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedCommit {
    /// Position of its first event.
    pub first: Position,
    /// How many positions it takes.
    pub positions: u32,
    /// Its body, a slice of the buffer that was read.
    pub body: Bytes,
}

/// The answer to a durable append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// Position of the commit's first event.
    pub first: Position,
    /// Position of its last event.
    pub last: Position,
}

impl Appended {
    /// The answer to `commit` once the group of `ticket` is durable.
    pub(crate) fn at(ticket: &Ticket, commit: &Commit) -> Self {
        let last = ticket.first.plus(u64::from(commit.positions) - 1);
        Self { first: ticket.first, last }
    }
}
