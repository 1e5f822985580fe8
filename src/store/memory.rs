//! Memory: the index of the log's tail, which no run covers yet.
//!
//! One table covers whole groups of one segment, a contiguous range of positions. It is filled
//! from appends as they are decided, and from the log when it is opened; both ways give the same
//! content. It answers what a run answers, from memory, and is written out as one. Decides
//! nothing, and never forgets: a table is dropped as a whole.

mod apply;
mod matching;
mod places;
mod terms;

use self::{
    places::Places,
    terms::{Held, Terms},
};
use super::{body::EventView, mark::Mark, posting::Posting, term::TermKind};
use crate::{
    event::EventId,
    ids::{Position, Revision, SegmentId, Sequence},
    log::{Place, fields::u64_from},
    query::Query,
    time::WallTime,
};
use std::collections::BTreeMap;

/// A group gets a mark if this much log lies between it and the one before: 32 KiB.
const MARK_LOG_BYTES: u64 = 32 << 10;

/// A group whose commits are about to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupStart {
    /// Where its header stands.
    pub(crate) place: Place,
    /// Its number.
    pub(crate) sequence: Sequence,
    /// The position of its first event.
    pub(crate) first: Position,
    /// When its first commit was recorded.
    pub(crate) recorded_at: WallTime,
}

/// What stands behind a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// Postings, ascending; of a stream, the first one has the revision `first_ordinal`, of
    /// anything else that is 0.
    Postings { first_ordinal: u64, postings: &'a [Posting] },
    /// The newest value.
    Value(&'a [u8]),
}

/// A term and what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryEntry<'a> {
    pub(crate) kind: TermKind,
    /// The term without the byte of its kind.
    pub(crate) name: &'a [u8],
    pub(crate) content: Content<'a>,
}

/// The index of a piece of the log, in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    first: Position,
    next: Position,
    segment: Option<SegmentId>,
    last_sequence: Option<Sequence>,
    terms: Terms,
    /// All events, in order.
    events: Vec<(EventId, Posting)>,
    /// The place of the newest event with each id among them.
    ids: Places,
    /// All events of the ids that were used more than once, which is no error.
    twins: BTreeMap<EventId, Vec<Posting>>,
    marks: Vec<Mark>,
    /// The first position of each commit.
    commits: Vec<Position>,
    log_bytes: u64,
    /// Whether the last commit was skipped.
    ends_in_gap: bool,
    scratch: Scratch,
}

/// Memory that is used anew for each commit.
#[derive(Debug, Default)]
struct Scratch {
    slots: Vec<Slot>,
    /// How many events the commit has.
    events: usize,
    views: Vec<EventView>,
    value: Vec<u8>,
    /// The type of the last event: many commits have one type only.
    event_type: Option<usize>,
}

/// A stream of the commit that is being applied.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The places of the stream and of its category among the terms, once it has an event.
    terms: Option<(usize, usize)>,
    next: Revision,
}

impl Memory {
    /// A table that begins at `first`. Whoever does not know `seed` cannot choose names that
    /// collide.
    pub(crate) fn new(seed: u64, first: Position) -> Self {
        Self {
            first,
            next: first,
            segment: None,
            last_sequence: None,
            terms: Terms::new(seed),
            events: Vec::new(),
            ids: Places::default(),
            twins: BTreeMap::new(),
            marks: Vec::new(),
            commits: Vec::new(),
            log_bytes: 0,
            ends_in_gap: false,
            scratch: Scratch::default(),
        }
    }

    /// The commits that follow stand in this group.
    ///
    /// # Panics
    /// If it does not follow the last commit, or lies in another segment than the group before.
    pub(crate) fn group_started(&mut self, group: GroupStart) {
        assert_eq!(group.first, self.next, "groups follow each other without a gap");
        let segment = *self.segment.get_or_insert(group.place.segment);
        assert_eq!(segment, group.place.segment, "a table covers groups of one segment");
        self.last_sequence = Some(group.sequence);
        let far = |last: &Mark| group.place.offset >= last.place.offset + MARK_LOG_BYTES;
        if self.marks.last().is_none_or(far) {
            let GroupStart { place, first: position, recorded_at, .. } = group;
            let mark = Mark { position, place, recorded_at };
            self.terms.set(TermKind::PlaceMark, &Mark::place_name(position), &mark.value());
            self.terms.set(TermKind::TimeMark, &Mark::time_name(recorded_at, position), &[]);
            self.marks.push(mark);
        }
    }

    /// The first position that it covers.
    pub(crate) fn first(&self) -> Position {
        self.first
    }

    /// The position behind the last one that it covers.
    pub(crate) fn next(&self) -> Position {
        self.next
    }

    /// Whether it covers nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.first == self.next
    }

    /// The segment in which all of it lies; `None` before the first group.
    pub(crate) fn segment(&self) -> Option<SegmentId> {
        self.segment
    }

    /// The number of its last group.
    pub(crate) fn last_sequence(&self) -> Option<Sequence> {
        self.last_sequence
    }

    /// Bytes of log that its commits take.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.log_bytes
    }

    /// Passes over a commit of `bytes` that cannot be read, up to `next`. No commit may follow in
    /// this table: a stream's postings stand for consecutive revisions, and here some may lack.
    pub(crate) fn skip(&mut self, next: Position, bytes: u64) {
        assert!(next > self.next, "a commit takes a position at least");
        self.commits.push(self.next);
        self.next = next;
        self.log_bytes += bytes;
        self.ends_in_gap = true;
    }

    /// Whether the last commit was skipped.
    pub(crate) fn ends_in_gap(&self) -> bool {
        self.ends_in_gap
    }

    /// Its marks, ascending.
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.terms.memory_bytes()
            + self.ids.memory_bytes()
            + self.events.capacity() * size_of::<(EventId, Posting)>()
            + self.commits.capacity() * size_of::<Position>()
    }

    /// The postings behind a term, and the revision of the first one if it is a stream's.
    pub(crate) fn postings(&self, term: &[u8]) -> Option<(u64, &[Posting])> {
        let (_, name) = term.split_first()?;
        self.postings_of(TermKind::of(term)?, name)
    }

    /// As [`Self::postings`], with the term in two parts.
    pub(crate) fn postings_of(&self, kind: TermKind, name: &[u8]) -> Option<(u64, &[Posting])> {
        if kind == TermKind::EventId {
            let id = EventId::from_bytes(name.try_into().ok()?);
            return Some((0, self.postings_of_id(id)?));
        }
        match self.terms.find(kind, name)?.content() {
            Content::Postings { first_ordinal, postings } => Some((first_ordinal, postings)),
            Content::Value(_) => None,
        }
    }

    /// The value behind a term, in two parts.
    pub(crate) fn value_of(&self, kind: TermKind, name: &[u8]) -> Option<&[u8]> {
        match self.terms.find(kind, name)?.content() {
            Content::Postings { .. } => None,
            Content::Value(value) => Some(value),
        }
    }

    /// The revision of the last event of `stream`, if it has one here.
    pub(crate) fn head(&self, stream: &str) -> Option<Revision> {
        let (first, postings) = self.postings_of(TermKind::Stream, stream.as_bytes())?;
        let further = u64_from(postings.len()).checked_sub(1)?;
        Some(Revision::new(first + further))
    }

    /// Where the event with `revision` of `stream` lies, if it is here.
    pub(crate) fn event(&self, stream: &str, revision: Revision) -> Option<Posting> {
        let (first, postings) = self.postings_of(TermKind::Stream, stream.as_bytes())?;
        let ordinal = usize::try_from(revision.get().checked_sub(first)?).ok()?;
        postings.get(ordinal).copied()
    }

    fn postings_of_id(&self, id: EventId) -> Option<&[Posting]> {
        let hash = self.terms.hash_id(id);
        let is_it = |at: usize| self.events.get(at).is_some_and(|(known, _)| *known == id);
        let (_, newest) = self.events.get(self.ids.find(hash, is_it)?)?;
        Some(self.twins.get(&id).map_or(std::slice::from_ref(newest), Vec::as_slice))
    }

    /// The first position of the commit in which the event at `position` stands, and how many it
    /// takes.
    pub(crate) fn commit_of(&self, position: Position) -> Option<(Position, u32)> {
        if position >= self.next {
            return None;
        }
        let behind = self.commits.partition_point(|first| *first <= position);
        let first = *self.commits.get(behind.checked_sub(1)?)?;
        let next = self.commits.get(behind).copied().unwrap_or(self.next);
        Some((first, u32::try_from(next.get() - first.get()).ok()?))
    }

    /// The newest event that matches `query` among those behind `after` and below `before`,
    /// events of system streams left out.
    pub(crate) fn newest_match(
        &self,
        query: &Query,
        after: Option<Position>,
        before: Position,
    ) -> Option<Position> {
        let after = after.filter(|after| *after >= self.first);
        let before = before.min(self.next);
        // Whoever has seen the last position below the bound has seen all; `after` may be any
        // number at all, so nothing is added to it before this is known.
        let last = before.get().checked_sub(1)?;
        if before <= self.first || after.is_some_and(|after| after.get() >= last) {
            return None;
        }
        matching::newest(self, query, after, before)
    }

    /// The names of a kind that begin with `prefix`, sorted. Walks all terms.
    pub(crate) fn names(&self, kind: TermKind, prefix: &[u8]) -> Vec<&[u8]> {
        let mut names: Vec<&[u8]> = self
            .terms
            .iter()
            .filter(|term| term.kind == kind && term.name.starts_with(prefix))
            .map(|term| &*term.name)
            .collect();
        names.sort_unstable();
        names
    }

    /// All terms in ascending order, as a run takes them.
    pub(crate) fn sorted_entries(&self) -> Vec<MemoryEntry<'_>> {
        let mut entries = Vec::with_capacity(self.terms.len() + self.ids.len());
        entries.extend(self.terms.iter().map(|term| MemoryEntry {
            kind: term.kind,
            name: &term.name,
            content: term.held.content(),
        }));
        let newest_of_each = self.ids.iter().filter_map(|at| self.events.get(at));
        entries.extend(newest_of_each.map(|(id, newest)| {
            let all = self.twins.get(id).map(Vec::as_slice);
            let postings = all.unwrap_or(std::slice::from_ref(newest));
            MemoryEntry {
                kind: TermKind::EventId,
                name: id.as_bytes(),
                content: Content::Postings { first_ordinal: 0, postings },
            }
        }));
        entries.sort_unstable_by_key(|entry| (entry.kind.code(), entry.name));
        entries
    }
}

impl MemoryEntry<'_> {
    /// Writes the term into `term`, in place of what was there.
    pub(crate) fn write_term(&self, term: &mut Vec<u8>) {
        self.kind.write(self.name, term);
    }
}

impl Held {
    fn content(&self) -> Content<'_> {
        match self {
            Self::One(first_ordinal, posting) => Content::Postings {
                first_ordinal: *first_ordinal,
                postings: std::slice::from_ref(posting),
            },
            Self::Many(first_ordinal, postings) => {
                Content::Postings { first_ordinal: *first_ordinal, postings }
            }
            Self::Value(value) => Content::Value(value),
        }
    }
}

#[cfg(test)]
mod tests;
