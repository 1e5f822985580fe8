//! The state: all that memory knows of the log, from some position to its end.
//!
//! A row of tables, each for a contiguous piece; only the last one grows. What lies before them is
//! in runs of the index, of which nothing is known here. The invariant: tables touch, so that what
//! no table knows stands below [`State::from`] or nowhere.

use super::{
    answer::KeyAnswer,
    body::{BodyFault, BodyView, Stamp},
    draft::Draft,
    memory::{GroupStart, Memory},
    posting::Posting,
    term::TermKind,
};
use crate::{
    event::EventId,
    ids::{FencingToken, Position, Revision},
    log::{Place, fields::Fields},
    names::{CommandKey, ConsumerId, FenceName, StreamId},
    query::Query,
    time::WallTime,
};
use std::{collections::VecDeque, sync::Arc};

/// An event that memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldEvent {
    pub(crate) posting: Posting,
    /// The first position of its commit.
    pub(crate) commit_first: Position,
    /// How many positions its commit takes.
    pub(crate) commit_positions: u32,
    /// Whether it has the id that was asked for.
    pub(crate) is_it: bool,
}

/// What memory knows of the log.
#[derive(Debug)]
pub(crate) struct State {
    seed: u64,
    /// The oldest first; shared with whoever writes them into runs.
    frozen: VecDeque<Arc<Memory>>,
    active: Memory,
    recorded_at: WallTime,
    key_horizon_events: u64,
}

impl State {
    /// A state that knows nothing of what lies before `from`; the last commit there was recorded
    /// at `recorded_at`.
    pub(crate) fn new(
        seed: u64,
        from: Position,
        recorded_at: WallTime,
        key_horizon_events: u64,
    ) -> Self {
        let active = Memory::new(seed, from);
        Self { seed, frozen: VecDeque::new(), active, recorded_at, key_horizon_events }
    }

    /// A state of the same store that knows nothing yet and begins at `from`.
    pub(crate) fn empty_like(other: &Self, from: Position) -> Self {
        Self::new(other.seed, from, WallTime::default(), other.key_horizon_events)
    }

    /// The first position that memory holds, or would hold.
    pub(crate) fn from(&self) -> Position {
        self.frozen.front().map_or(self.active.first(), |oldest| oldest.first())
    }

    /// The position of the next event.
    pub(crate) fn next(&self) -> Position {
        self.active.next()
    }

    /// When the last commit was recorded.
    pub(crate) fn recorded_at(&self) -> WallTime {
        self.recorded_at
    }

    /// For how many positions a key is kept.
    pub(crate) fn key_horizon_events(&self) -> u64 {
        self.key_horizon_events
    }

    /// The table that grows.
    pub(crate) fn active(&self) -> &Memory {
        &self.active
    }

    /// All tables, the oldest first.
    pub(crate) fn tables(&self) -> impl DoubleEndedIterator<Item = &Memory> {
        self.frozen.iter().map(Arc::as_ref).chain([&self.active])
    }

    /// The frozen tables, the oldest first: what is to be written into runs.
    pub(crate) fn frozen(&self) -> impl ExactSizeIterator<Item = &Arc<Memory>> {
        self.frozen.iter()
    }

    /// About how many bytes of memory all tables take.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.tables().map(Memory::memory_bytes).sum()
    }

    /// The commits that follow stand in this group. One of a new segment begins a new table.
    pub(crate) fn group_started(&mut self, group: GroupStart) {
        if self.active.segment().is_some_and(|segment| segment != group.place.segment) {
            self.cut();
        }
        self.active.group_started(group);
    }

    /// Takes in an append that was decided: see [`Memory::apply`].
    pub(crate) fn apply(
        &mut self,
        draft: &Draft,
        stamp: &Stamp,
        first: Position,
        place: Place,
        bytes: u32,
    ) {
        self.recorded_at = self.recorded_at.max(stamp.recorded_at);
        self.active.apply(draft, stamp, first, place, bytes);
    }

    /// Takes in a commit from the log: see [`Memory::apply_body`].
    ///
    /// # Errors
    /// If this is no body that the store writes. Nothing has changed then.
    pub(crate) fn apply_body(
        &mut self,
        body: &mut BodyView,
        place: Place,
        bytes: u32,
    ) -> Result<(), BodyFault> {
        self.active.apply_body(body, place, bytes)?;
        self.recorded_at = self.recorded_at.max(body.recorded_at());
        Ok(())
    }

    /// Passes over a commit of `bytes` that cannot be read, up to `next`.
    pub(crate) fn skip(&mut self, next: Position, bytes: u64) {
        self.active.skip(next, bytes);
    }

    /// The first position of the commit that memory holds at `position`, and how many it takes.
    pub(crate) fn commit_of(&self, position: Position) -> Option<(Position, u32)> {
        let table = self.tables().find(|table| position < table.next())?;
        table.commit_of(position).filter(|_| position >= table.first())
    }

    /// Freezes the active table, between two groups, and begins another. A table that covers
    /// nothing stays, and stays bound to its segment no longer.
    pub(crate) fn cut(&mut self) {
        let active = Memory::new(self.seed, self.next());
        let cut = std::mem::replace(&mut self.active, active);
        if !cut.is_empty() {
            self.frozen.push_back(Arc::new(cut));
        }
    }

    /// Drops the frozen tables whose events all lie below `through`: runs cover them now.
    pub(crate) fn release(&mut self, through: Position) {
        while self.frozen.front().is_some_and(|oldest| oldest.next() <= through) {
            self.frozen.pop_front();
        }
    }

    /// The revision of the last event of `stream`, if memory holds one of its events.
    pub(crate) fn head(&self, stream: &StreamId) -> Option<Revision> {
        self.newest(|table| table.head(stream.as_str()))
    }

    /// What the append with this key came to, if memory holds it.
    pub(crate) fn key(&self, key: &CommandKey) -> Option<KeyAnswer> {
        let value = self.value(TermKind::CommandKey, key.as_str())?;
        Some(KeyAnswer::decode(value).expect("an answer in memory was encoded there"))
    }

    /// The highest token of a fence, if memory holds an append that carried one.
    pub(crate) fn fence(&self, fence: &FenceName) -> Option<FencingToken> {
        let token = Fields::new(self.value(TermKind::Fence, fence.as_str())?).u64();
        Some(FencingToken::new(token.expect("a token in memory was encoded there")))
    }

    /// A consumer's checkpoint, if memory holds an append that moved it.
    pub(crate) fn checkpoint(&self, consumer: &ConsumerId) -> Option<Position> {
        let position = Fields::new(self.value(TermKind::Checkpoint, consumer.as_str())?).u64();
        Some(Position::new(position.expect("a checkpoint in memory was encoded there")))
    }

    /// The newest event that memory holds behind `after` and that matches, events of system
    /// streams left out.
    pub(crate) fn newest_match(&self, query: &Query, after: Option<Position>) -> Option<Position> {
        self.newest(|table| table.newest_match(query, after, table.next()))
    }

    /// The lowest revision of `stream` that memory holds.
    pub(crate) fn lowest(&self, stream: &StreamId) -> Option<Revision> {
        let name = stream.as_str().as_bytes();
        let first = |table: &Memory| Some(table.postings_of(TermKind::Stream, name)?.0);
        self.tables().find_map(first).map(Revision::new)
    }

    /// The event with `revision` of `stream`, compared with `id`, if memory holds it.
    pub(crate) fn event(
        &self,
        stream: &StreamId,
        revision: Revision,
        id: EventId,
    ) -> Option<HeldEvent> {
        self.newest(|table| {
            let posting = table.event(stream.as_str(), revision)?;
            let (commit_first, commit_positions) = table.commit_of(posting.position)?;
            let (_, same) = table.postings_of(TermKind::EventId, id.as_bytes()).unwrap_or_default();
            let found = same.binary_search_by_key(&posting.position, |posting| posting.position);
            Some(HeldEvent { posting, commit_first, commit_positions, is_it: found.is_ok() })
        })
    }

    fn value(&self, kind: TermKind, name: &str) -> Option<&[u8]> {
        self.newest(|table| table.value_of(kind, name.as_bytes()))
    }

    fn newest<'a, T>(&'a self, look_up: impl FnMut(&'a Memory) -> Option<T>) -> Option<T> {
        self.tables().rev().find_map(look_up)
    }
}

#[cfg(test)]
mod tests;
