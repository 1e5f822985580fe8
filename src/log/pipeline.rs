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
//!  append ──> open ──(full)──> closed ──> take_write ──> in flight ──> written ──> durable
//!                └────────(idle)────────────┘                └──────> failed  ──> poisoned
//! ```

use crate::{
    ids::{Epoch, Position, SegmentId, Sequence, StoreId},
    limits::{BLOCK_BYTES, GROUP_BYTES_MAX},
    log::{
        Anchor, Place,
        fields::{len_u64, usize_from},
        group::{Closing, Frame, GroupBuilder, GroupKind, HEADER_BYTES},
        segment::{self, SegmentEntry, SegmentHeader},
    },
};
use std::collections::VecDeque;

/// The sizes that a pipeline works with.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a record of arguments, constructed in place"
)]
pub struct PipelineLimits {
    /// The largest group in bytes, header included.
    pub group_bytes_max: u64,
    /// How many bytes of commits may wait for their acknowledgement.
    pub queue_bytes_max: u64,
}

/// A segment that is ready to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a record of arguments, constructed in place"
)]
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
/// then syncs, and reports [`Pipeline::written`] or [`Pipeline::failed`].
#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an effect, taken apart by the shell"
)]
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

/// What becomes true once a group is durable.
#[derive(Clone, Copy, Debug)]
struct Promise {
    sequence: Sequence,
    after: Anchor,
    queued_bytes: u64,
    kind: GroupKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Closed,
    Poisoned,
}

/// Where the open group will stand.
#[derive(Debug)]
struct Tail {
    anchor: Anchor,
    segment: Prepared,
    /// The header that goes out with the segment's first group.
    start: Option<(SegmentEntry, Vec<u8>)>,
}

impl Tail {
    fn room(&self) -> u64 {
        self.segment.segment_bytes - self.anchor.next.offset
    }
}

/// Segments prepared ahead.
#[derive(Debug, Default)]
struct Ahead {
    ready: VecDeque<Prepared>,
    failed: bool,
    awaited: bool,
}

/// The commit pipeline.
#[derive(Debug)]
pub struct Pipeline {
    limits: PipelineLimits,
    store: StoreId,
    epoch: Epoch,
    tail: Tail,
    ahead: Ahead,
    open: GroupBuilder,
    closed: VecDeque<(Write, Promise)>,
    in_flight: Option<Promise>,
    durable: Anchor,
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
        assert_eq!(
            anchor.next.segment, segment.segment,
            "the anchor lies in the segment"
        );
        assert!(
            anchor.next.offset <= segment.segment_bytes,
            "the anchor lies in the segment"
        );
        assert!(
            limits.group_bytes_max <= GROUP_BYTES_MAX,
            "groups obey the format's bound"
        );
        Self {
            limits,
            store,
            epoch,
            tail: Tail {
                anchor,
                segment,
                start: None,
            },
            ahead: Ahead::default(),
            open: GroupBuilder::new(Vec::new()),
            closed: VecDeque::new(),
            in_flight: None,
            durable: anchor,
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
        let limit = self.limits.group_bytes_max - len_u64(&[0; HEADER_BYTES]);
        if bytes > limit {
            return Err(Refusal::TooLarge { bytes, limit });
        }
        // A commit larger than the whole queue still gets its turn when the queue is empty.
        if self.queued_bytes > 0 && self.queued_bytes + bytes > self.limits.queue_bytes_max {
            return Err(Refusal::NoRoom);
        }
        self.make_room(bytes)?;
        let first = self
            .tail
            .anchor
            .position
            .plus(u64::from(self.open.positions()));
        self.open.push(frame, first);
        self.queued_bytes += bytes;
        Ok(Ticket {
            sequence: self.tail.anchor.sequence,
            first,
        })
    }

    /// Makes sure that `payload_bytes` more fit into the open group, closing it or starting a
    /// prepared segment if they do not.
    fn make_room(&mut self, payload_bytes: u64) -> Result<(), Refusal> {
        let room = self.tail.room().min(self.limits.group_bytes_max);
        if self.open.padded_bytes_with(payload_bytes) <= room {
            return Ok(());
        }
        let alone = GroupBuilder::padded_bytes_of(payload_bytes);
        let behind = if self.open.is_empty() {
            0
        } else {
            self.open.padded_bytes_with(0)
        };
        let rolls = alone > self.tail.room() - behind;
        if rolls && self.ahead.ready.is_empty() {
            self.ahead.awaited = true;
            return Err(if self.ahead.failed {
                Refusal::Unprepared
            } else {
                Refusal::NoRoom
            });
        }
        if !self.open.is_empty() {
            self.close_open(GroupKind::Commits);
        }
        if rolls {
            self.start_next_segment();
        }
        assert!(
            alone <= self.tail.room(),
            "a prepared segment takes a full group"
        );
        Ok(())
    }

    fn start_next_segment(&mut self) {
        let segment = self
            .ahead
            .ready
            .pop_front()
            .expect("the caller saw a prepared segment");
        let anchor = &mut self.tail.anchor;
        let header = SegmentHeader {
            store: self.store,
            segment: segment.segment,
            segment_bytes: segment.segment_bytes,
            sequence: anchor.sequence,
            first: anchor.position,
            durable_through: last_before(self.durable.sequence),
            epoch: self.epoch,
            chain: anchor.chain,
        };
        anchor.next = Place {
            segment: segment.segment,
            offset: segment::HEADER_BYTES,
        };
        self.tail.segment = segment;
        self.tail.start = Some((SegmentEntry::from(&header), header.encode()));
    }

    fn close_open(&mut self, kind: GroupKind) {
        let fresh = GroupBuilder::new(std::mem::take(&mut self.buffer));
        let open = std::mem::replace(&mut self.open, fresh);
        let at = self.tail.anchor;
        let queued_bytes = open.payload_bytes();
        let (header, mut bytes) = open.close(Closing {
            kind,
            store: self.store,
            place: at.next,
            epoch: self.epoch,
            sequence: at.sequence,
            first: at.position,
            durable_through: last_before(self.durable.sequence),
            chain: at.chain,
        });
        self.tail.anchor = Anchor::behind(&header);
        if self.tail.room() >= BLOCK_BYTES {
            // A zero block behind the group: a recycled file's former life never looks torn.
            bytes.resize(bytes.len() + usize_from(BLOCK_BYTES), 0);
        }
        let queued_bytes = if kind == GroupKind::Commits {
            queued_bytes
        } else {
            0
        };
        let promise = Promise {
            sequence: at.sequence,
            after: self.tail.anchor,
            queued_bytes,
            kind,
        };
        let write = Write {
            sequence: at.sequence,
            place: at.next,
            bytes,
            start: self.tail.start.take(),
        };
        self.closed.push_back((write, promise));
    }

    /// The next group to write, if none is in flight and there is one.
    pub fn take_write(&mut self) -> Option<Write> {
        if self.in_flight.is_some() {
            return None;
        }
        if self.closed.is_empty() && !self.open.is_empty() {
            self.close_open(GroupKind::Commits);
        }
        let (write, promise) = self.closed.pop_front()?;
        self.in_flight = Some(promise);
        Some(write)
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
        let promise = self
            .in_flight
            .take()
            .expect("only a group in flight can be written");
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
        self.closed.clear();
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
        let before = self
            .ahead
            .ready
            .back()
            .unwrap_or(&self.tail.segment)
            .segment;
        assert_eq!(
            segment.segment,
            before.next(),
            "segments are prepared in order"
        );
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
        let idle = self.in_flight.is_none() && self.closed.is_empty() && self.open.is_empty();
        if idle && self.uncovered && self.state != State::Poisoned && self.make_room(0).is_ok() {
            self.close_open(GroupKind::Heartbeat);
        }
    }

    /// Whether a heartbeat would say something new.
    pub fn wants_heartbeat(&self) -> bool {
        self.uncovered
    }

    /// Whether a group waits to be written.
    pub fn has_work(&self) -> bool {
        !self.open.is_empty() || !self.closed.is_empty()
    }

    /// Whether a write is under way.
    pub fn is_writing(&self) -> bool {
        self.in_flight.is_some()
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

    /// Whether a write or sync failed.
    pub fn is_poisoned(&self) -> bool {
        self.state == State::Poisoned
    }
}

/// The number of the last group before the group numbered `sequence`; 0 if there is none.
fn last_before(sequence: Sequence) -> Sequence {
    Sequence::new(sequence.get().saturating_sub(1))
}

#[cfg(test)]
mod tests;
