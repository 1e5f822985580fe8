//! The commit pipeline: an append becomes part of a group, a group becomes a write, a durable
//! write becomes acknowledgements. Pure: no clock, no I/O, no tasks.
//!
//! Rules. When nothing is in flight a group closes at once; while a write is in flight the open
//! group fills. Groups are written one at a time, in order, and acknowledged in order. A commit is
//! given its position only when it is certain that its group has room in a prepared segment, so
//! nothing that was given a position is ever taken back. After a failed write or sync nothing is
//! ever written again: the shell reopens.
//!
//! ```text
//!  append ──> open ──(full)──> full ──> take_write ──> in flight ──> written ──> durable
//!                └────────(idle)────────────┘                └──────> failed  ──> poisoned
//! ```

mod parts;
mod vocabulary;

pub use vocabulary::{PipelineLimits, Prepared, Refusal, Ticket, Write};

use self::parts::{Ahead, Full, Promise, State, Tail};
use crate::{
    ids::{Epoch, Position, Sequence, StoreId},
    limits::{BLOCK_BYTES, GROUP_BYTES_MAX},
    log::{
        Anchor, Chain, Place,
        fields::{len_u64, usize_from},
        group::{Closing, Frame, GroupBuilder, GroupKind, HEADER_BYTES},
        segment::{self, SegmentEntry, SegmentHeader},
    },
};
use std::collections::VecDeque;

/// The commit pipeline.
#[derive(Debug)]
pub struct Pipeline {
    limits: PipelineLimits,
    store: StoreId,
    epoch: Epoch,
    tail: Tail,
    ahead: Ahead,
    open: GroupBuilder,
    full: VecDeque<Full>,
    in_flight: Option<Promise>,
    durable: Anchor,
    /// Chain value of the last group that was written.
    chain: Chain,
    queued_bytes: u64,
    /// Memory of a group that was written, for the next one.
    buffer: Vec<u8>,
    /// Whether the last durable group holds commits that no later group covers.
    uncovered: bool,
    state: State,
}

impl Pipeline {
    /// A pipeline that goes on at `anchor` in `segment`, which is started and durable so far.
    ///
    /// # Panics
    /// If the anchor does not lie in the segment, or a limit exceeds the format's.
    pub fn new(
        limits: PipelineLimits,
        store: StoreId,
        epoch: Epoch,
        anchor: Anchor,
        segment: Prepared,
    ) -> Self {
        let inside =
            anchor.next.segment == segment.segment && anchor.next.offset <= segment.segment_bytes;
        assert!(inside, "the anchor lies in the segment");
        assert!(limits.group_bytes_max <= GROUP_BYTES_MAX, "groups obey the format's bound");
        Self {
            limits,
            store,
            epoch,
            tail: Tail {
                segment,
                offset: anchor.next.offset,
                sequence: anchor.sequence,
                position: anchor.position,
                starts: false,
            },
            ahead: Ahead::default(),
            open: GroupBuilder::new(Vec::new()),
            full: VecDeque::new(),
            in_flight: None,
            durable: anchor,
            chain: anchor.chain,
            queued_bytes: 0,
            buffer: Vec::new(),
            uncovered: false,
            state: State::Running,
        }
    }

    /// Takes a commit into the open group, or says why not.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing has changed then, except that a full group may have closed.
    pub fn append(&mut self, frame: Frame<'_>) -> Result<Ticket, Refusal> {
        match self.state {
            State::Running => {}
            State::Closed => return Err(Refusal::Closed),
            State::Poisoned => return Err(Refusal::Poisoned),
        }
        let bytes = frame.bytes();
        let limit = self.commit_bytes_max();
        if bytes > limit {
            return Err(Refusal::TooLarge { bytes, limit });
        }
        // A commit larger than the whole queue still gets its turn when the queue is empty.
        if self.queued_bytes > 0 && self.queued_bytes + bytes > self.limits.queue_bytes_max {
            return Err(Refusal::NoRoom);
        }
        self.make_room(bytes)?;
        let first = self.tail.position.plus(u64::from(self.open.positions()));
        let group = self.tail.place();
        let before = len_u64(&[0; HEADER_BYTES]) + self.open.payload_bytes();
        self.open.push(frame, first);
        self.queued_bytes += bytes;
        let frame = Place { offset: group.offset + before, ..group };
        Ok(Ticket { sequence: self.tail.sequence, first, group, frame })
    }

    /// Makes sure that `payload_bytes` more fit into the open group, closing it or starting a
    /// prepared segment if they do not.
    fn make_room(&mut self, payload_bytes: u64) -> Result<(), Refusal> {
        let room = self.tail.room().min(self.limits.group_bytes_max);
        if self.open.padded_bytes_with(payload_bytes) <= room {
            return Ok(());
        }
        let alone = GroupBuilder::padded_bytes_of(payload_bytes);
        let behind = if self.open.is_empty() { 0 } else { self.open.padded_bytes_with(0) };
        let rolls = alone > self.tail.room() - behind;
        if rolls && self.ahead.ready.is_empty() {
            self.ahead.awaited = true;
            return Err(if self.ahead.failed { Refusal::Unprepared } else { Refusal::NoRoom });
        }
        if !self.open.is_empty() {
            self.fill_up(GroupKind::Commits);
        }
        if rolls {
            self.start_next_segment();
        }
        assert!(alone <= self.tail.room(), "a prepared segment takes a full group");
        Ok(())
    }

    fn start_next_segment(&mut self) {
        self.tail.segment = self.ahead.ready.pop_front().expect("the caller saw one");
        self.tail.offset = segment::HEADER_BYTES;
        self.tail.starts = true;
    }

    /// Puts the open group in line and opens another behind it.
    fn fill_up(&mut self, kind: GroupKind) {
        let fresh = GroupBuilder::new(std::mem::take(&mut self.buffer));
        let group = std::mem::replace(&mut self.open, fresh);
        let tail = &mut self.tail;
        let (bytes, positions) = (group.padded_bytes_with(0), group.positions());
        let starts = std::mem::take(&mut tail.starts);
        let (place, sequence, first) = (tail.place(), tail.sequence, tail.position);
        self.full.push_back(Full {
            group,
            kind,
            place,
            sequence,
            first,
            segment: tail.segment,
            starts,
        });
        tail.offset += bytes;
        tail.sequence = sequence.next();
        tail.position = first.plus(u64::from(positions));
    }

    /// The next group to write, if none is in flight and there is one.
    pub fn take_write(&mut self) -> Option<Write> {
        if self.in_flight.is_some() {
            return None;
        }
        if self.full.is_empty() && !self.open.is_empty() {
            self.fill_up(GroupKind::Commits);
        }
        let full = self.full.pop_front()?;
        Some(self.seal(full))
    }

    fn seal(&mut self, full: Full) -> Write {
        let Full { group, kind, place, sequence, first, segment, starts } = full;
        let start = starts.then(|| self.segment_start(segment, sequence, first));
        let queued_bytes = if kind == GroupKind::Commits { group.payload_bytes() } else { 0 };
        let (header, mut bytes) = group.close(Closing {
            kind,
            store: self.store,
            place,
            epoch: self.epoch,
            sequence,
            first,
            durable_through: self.durable.sequence.before(),
            chain: self.chain,
        });
        self.chain = header.link;
        let after = Anchor::behind(&header);
        if segment.segment_bytes - after.next.offset >= BLOCK_BYTES {
            // A zero block behind the group: a recycled file's former life never looks torn.
            bytes.resize(bytes.len() + usize_from(BLOCK_BYTES), 0);
        }
        self.in_flight = Some(Promise { sequence, after, queued_bytes, kind });
        Write { sequence, place, bytes, start }
    }

    fn segment_start(
        &self,
        segment: Prepared,
        sequence: Sequence,
        first: Position,
    ) -> (SegmentEntry, Vec<u8>) {
        let header = SegmentHeader {
            store: self.store,
            segment: segment.segment,
            segment_bytes: segment.segment_bytes,
            sequence,
            first,
            durable_through: self.durable.sequence.before(),
            epoch: self.epoch,
            chain: self.chain,
        };
        (SegmentEntry::from(&header), header.encode())
    }

    /// The write of group `sequence` is durable; `buffer` is its memory, given back. After a
    /// failure elsewhere, as of the superblock, it changes nothing: the callers were told that
    /// the outcome is unknown.
    ///
    /// # Panics
    /// If that group is not the one in flight.
    pub fn written(&mut self, sequence: Sequence, buffer: Vec<u8>) {
        if self.state == State::Poisoned {
            return;
        }
        let promise = self.in_flight.take().expect("only a group in flight can be written");
        assert_eq!(promise.sequence, sequence, "groups become durable in order");
        assert_eq!(self.durable.sequence, sequence, "no group is skipped");
        self.durable = promise.after;
        self.queued_bytes -= promise.queued_bytes;
        // A group of another kind covers what lies before it and carries nothing of its own.
        self.uncovered = promise.kind == GroupKind::Commits;
        self.buffer = buffer;
    }

    /// A write or sync failed: nothing more is written, and what was pending is unknown.
    pub fn failed(&mut self) {
        self.state = State::Poisoned;
        self.in_flight = None;
        self.full.clear();
        if !self.open.is_empty() {
            // Its number was given out, and nobody may take it for one that was written.
            self.tail.sequence = self.tail.sequence.next();
        }
        self.open = GroupBuilder::new(Vec::new());
        self.queued_bytes = 0;
        self.uncovered = false;
    }

    /// No more appends; what was taken is still written.
    pub fn close(&mut self) {
        if self.state == State::Running {
            self.state = State::Closed;
        }
    }

    /// A segment is ready.
    ///
    /// # Panics
    /// If it is not the one after the last.
    pub fn segment_ready(&mut self, segment: Prepared) {
        let before = self.ahead.ready.back().unwrap_or(&self.tail.segment).segment;
        assert_eq!(segment.segment, before.next(), "segments are prepared in order");
        self.ahead.ready.push_back(segment);
        self.ahead.failed = false;
        self.ahead.awaited = false;
    }

    /// The next segment could not be prepared: appends that need it are refused until one is.
    pub fn segment_failed(&mut self) {
        self.ahead.failed = true;
    }

    /// Puts an empty group in line that says how far the log is durable, if the log is idle and
    /// no written group says so yet. At most one for each idle period.
    pub fn heartbeat(&mut self) {
        let idle = self.in_flight.is_none() && self.full.is_empty() && self.open.is_empty();
        if idle && self.uncovered && self.state != State::Poisoned && self.make_room(0).is_ok() {
            self.fill_up(GroupKind::Heartbeat);
        }
    }

    /// Whether a heartbeat would say something new.
    pub fn wants_heartbeat(&self) -> bool {
        self.uncovered
    }

    /// Whether a group waits to be written.
    pub fn has_work(&self) -> bool {
        !self.open.is_empty() || !self.full.is_empty()
    }

    /// Whether a write is under way.
    pub fn is_writing(&self) -> bool {
        self.in_flight.is_some()
    }

    /// The number of the last group that a commit was put into, or that was written.
    pub fn last_sequence(&self) -> Sequence {
        if self.open.is_empty() { self.tail.sequence.before() } else { self.tail.sequence }
    }

    /// How many commits the open group holds.
    pub fn open_commits(&self) -> u32 {
        self.open.commits()
    }

    /// The point up to which the log is durable.
    pub fn durable(&self) -> &Anchor {
        &self.durable
    }

    /// How many segments are prepared and not started.
    pub fn prepared(&self) -> usize {
        self.ahead.ready.len()
    }

    /// Whether a commit was refused because no segment is ready.
    pub fn segment_is_awaited(&self) -> bool {
        self.ahead.awaited
    }

    /// Bytes of the active segment.
    pub fn segment_bytes(&self) -> u64 {
        self.tail.segment.segment_bytes
    }

    /// Bytes that are left in the active segment.
    pub fn segment_room_bytes(&self) -> u64 {
        self.tail.room()
    }

    /// The largest commit that a group takes, with its frame, in bytes.
    pub fn commit_bytes_max(&self) -> u64 {
        self.limits.group_bytes_max - len_u64(&[0; HEADER_BYTES])
    }

    /// Whether a write or sync failed.
    pub fn is_poisoned(&self) -> bool {
        self.state == State::Poisoned
    }
}

#[cfg(test)]
mod tests;
