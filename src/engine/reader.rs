//! Reading: walks from a position to the head that was durable when the reading began.
//!
//! A reader sees durable positions only and never asks the writer. Bytes come from the read pool
//! in pieces of a megabyte.

use super::{
    files::Door,
    scan::{Source, Step, Walk, Window},
    shared::Shared,
};
use crate::{
    commit::RecordedCommit,
    error::{CorruptionReport, ReadError},
    ids::{Epoch, Position, SegmentId, Sequence, StoreId},
    log::{
        Anchor, Place,
        group::Commits,
        recovery::BlockClass,
        segment::{self, SegmentTable},
    },
};
use bytes::Bytes;
use std::{collections::VecDeque, sync::Arc};

/// Where a reader stands, whatever its bytes come from.
pub(crate) struct Reading<S> {
    window: Window<S>,
    walk: Walk,
    table: Arc<SegmentTable>,
    /// Positions from here on are not given out.
    from: Position,
    head: Position,
    ready: VecDeque<RecordedCommit>,
}

impl<S: Source> Reading<S> {
    pub(crate) fn new(
        source: S,
        store: StoreId,
        table: Arc<SegmentTable>,
        from: Position,
        head: Position,
    ) -> Self {
        let start = table.holding(from).copied();
        let at = start.map_or(END, |entry| Anchor {
            next: Place { segment: entry.segment, offset: segment::HEADER_BYTES },
            sequence: entry.sequence,
            position: entry.first,
            chain: entry.chain,
            last: None,
        });
        let head = if start.is_some() { head } else { Position::new(0) };
        Self {
            window: Window::new(source),
            walk: Walk::new(store, at, Epoch::new(0)),
            table,
            from,
            head,
            ready: VecDeque::new(),
        }
    }

    /// A reading that goes on at a point between two groups, from which on everything up to `head`
    /// is durable.
    pub(crate) fn at(
        source: S,
        store: StoreId,
        table: Arc<SegmentTable>,
        at: Anchor,
        from: Position,
        head: Position,
    ) -> Self {
        let walk = Walk::new(store, at, Epoch::new(0));
        Self { window: Window::new(source), walk, table, from, head, ready: VecDeque::new() }
    }

    /// The segment that the reading has reached.
    pub(crate) fn segment(&self) -> SegmentId {
        self.walk.at.next.segment
    }

    /// The next commit below the head.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordedCommit>, ReadError> {
        loop {
            if let Some(commit) = self.ready.pop_front() {
                return Ok(Some(commit));
            }
            if self.walk.at.position >= self.head {
                return Ok(None);
            }
            let place = self.walk.at.next;
            match self.walk.step(&mut self.window, &self.table).await {
                Step::Group(group) => self.unpack(&group.header, &group.payload, place)?,
                Step::Doubt(_, Some(source)) => {
                    return Err(ReadError::Io { place, source: Arc::new(source) });
                }
                Step::Doubt(class, None) => return Err(self.corrupt(place, class)),
            }
        }
    }

    fn unpack(
        &mut self,
        header: &crate::log::group::GroupHeader,
        payload: &Bytes,
        place: Place,
    ) -> Result<(), ReadError> {
        for commit in Commits::new(header, payload) {
            let Ok(commit) = commit else {
                return Err(self.corrupt(place, BlockClass::TornPayload));
            };
            let past = commit.first.get() + u64::from(commit.positions) <= self.from.get();
            if past || commit.first >= self.head {
                continue;
            }
            let end = commit.body_offset + commit.body.len();
            self.ready.push_back(RecordedCommit {
                first: commit.first,
                positions: commit.positions,
                body: payload.slice(commit.body_offset..end),
            });
        }
        Ok(())
    }

    fn corrupt(&self, place: Place, found: BlockClass) -> ReadError {
        let at = self.walk.at;
        ReadError::Corrupt(Box::new(CorruptionReport {
            place,
            bytes: crate::limits::BLOCK_BYTES,
            first_missing: at.sequence,
            durable_through: at.sequence,
            position: at.position,
            found,
            row: 'R',
            reason: "a durable group does not read back as it was written",
        }))
    }
}

const END: Anchor = Anchor {
    next: Place { segment: SegmentId::new(0), offset: 0 },
    sequence: Sequence::new(0),
    position: Position::new(0),
    chain: crate::log::Chain::START,
    last: None,
};

/// Reads commits in order, up to the head that was durable when the reading began.
///
/// # Cancel safety
/// A dropped call to [`LogReader::next`] loses nothing: the next call goes on where it was.
pub struct LogReader {
    reading: Reading<Door>,
    shared: Arc<Shared>,
}

impl LogReader {
    pub(crate) fn new(shared: Arc<Shared>, door: Door, store: StoreId, from: Position) -> Self {
        // The head is read before the table: a table may know more than the head, never less.
        let head = shared.head();
        let table = shared.table();
        Self { reading: Reading::new(door, store, table, from, head), shared }
    }

    /// The next commit; `None` at the head.
    ///
    /// # Errors
    /// [`ReadError`] says what to do. After [`ReadError::Io`] the call can be repeated.
    pub async fn next(&mut self) -> Result<Option<RecordedCommit>, ReadError> {
        let segment = self.reading.segment();
        self.reading.next().await.map_err(|error| {
            let floor = self.shared.table().entries().first().map(|entry| entry.segment);
            if floor.is_some_and(|floor| segment < floor) {
                return ReadError::Retired(segment);
            }
            // Behind a closed log somebody else may retire segments that this reader counts on.
            // A poisoned one goes on being read, and says what is wrong.
            let closed = self.shared.writer_ended() && !self.shared.is_poisoned();
            if closed { ReadError::Closed } else { error }
        })
    }
}
