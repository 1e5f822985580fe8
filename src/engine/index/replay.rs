//! Reads a piece of the log again, into memory and from there into runs: what an open does with
//! the tail, and what a rebuilding does with any part.

use super::write::write_table;
use crate::{
    engine::{
        scan::{DiskSource, Group, Step, Walk, Window},
        unreadable::Unreadable,
    },
    error::{CorruptionReport, OpenError, ReadError},
    ids::{Epoch, Position, StoreId},
    limits::{BLOCK_BYTES, FRAME_BYTES},
    log::{
        Anchor, Place,
        fields::u64_from,
        group::{CommitView, Commits, GroupKind, HEADER_BYTES},
        recovery::BlockClass,
        segment::{self, SegmentTable},
    },
    runtime::Disk,
    store::{
        body::{BodyFault, BodyView},
        memory::{GroupStart, Memory},
        run::RunHeader,
        state::State,
    },
};
use std::{collections::VecDeque, io, sync::Arc};

/// How much log one run takes that is made while the log is read again, in bytes.
const PIECE_BYTES: u64 = 32 << 20;
/// How much log an open leaves in memory, to be written into runs behind it, in bytes.
const HELD_BYTES_MAX: u64 = 64 << 20;
/// How much log a store that is only read takes into memory if its index lacks, in bytes.
const UNWRITTEN_BYTES_MAX: u64 = 256 << 20;

/// Why the log could not be read again.
#[derive(Debug)]
pub(crate) enum Unread {
    /// What was acknowledged is damaged.
    Corrupt(Box<CorruptionReport>),
    /// A commit is no append of events.
    Undecodable { position: Position, reason: &'static str },
    /// The disk refused.
    Io { place: Place, source: Arc<io::Error> },
    /// A run could not be written.
    Unwritten(io::Error),
    /// So much of the index lacks that it does not fit memory, and it may not be written.
    TooMuch,
}

impl From<Unread> for OpenError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Corrupt(report) => Self::Corrupt(report),
            Unread::Undecodable { position, reason } => Self::Undecodable { position, reason },
            Unread::Io { source, .. } => Self::Io(source),
            Unread::Unwritten(error) => Self::from(error),
            Unread::TooMuch => Self::IndexMissing,
        }
    }
}

impl From<Unread> for ReadError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Corrupt(report) => Self::Corrupt(report),
            Unread::Undecodable { position, reason } => Self::Undecodable { position, reason },
            Unread::Io { place, source } => Self::Io { place, source },
            Unread::Unwritten(error) => Self::IndexUnwritten { source: Arc::new(error) },
            Unread::TooMuch => unreachable!("only a store that is only read is refused for that"),
        }
    }
}

/// Reads the log from some point on.
pub(super) struct Replay<'a, D: Disk> {
    disk: &'a D,
    store: StoreId,
    table: &'a SegmentTable,
    walk: Walk,
    window: Window<DiskSource<D>>,
    /// Where memory begins.
    begun: Anchor,
    state: State,
    /// Where the frozen tables end, in order.
    cuts: VecDeque<Anchor>,
    writes: Writes,
    made: Vec<RunHeader>,
    /// What was passed over: nothing, if runs may be written.
    unreadable: Vec<Unreadable>,
}

/// What reading the log again has come to.
pub(super) struct Replayed {
    /// The runs that were written.
    pub(super) made: Vec<RunHeader>,
    /// Memory of the rest.
    pub(super) state: State,
    /// Where that begins.
    pub(super) begun: Anchor,
    /// Where its frozen tables end, in order.
    pub(super) cuts: VecDeque<Anchor>,
    /// The commits that were passed over, in order.
    pub(super) unreadable: Vec<Unreadable>,
}

/// Whether runs may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    Runs,
    Nothing,
}

impl<'a, D: Disk> Replay<'a, D> {
    /// Reads from `from` on; `state` is empty and begins there.
    pub(super) fn new(
        disk: &'a D,
        store: StoreId,
        table: &'a SegmentTable,
        from: Anchor,
        state: State,
        writes: Writes,
    ) -> Self {
        Self {
            disk,
            store,
            table,
            walk: Walk::new(store, from, Epoch::new(0)),
            window: Window::new(DiskSource::new(disk.clone())),
            begun: from,
            state,
            cuts: VecDeque::new(),
            writes,
            made: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    /// Reads up to `to`, which is a point between two groups of this log.
    pub(super) async fn read_to(&mut self, to: &Anchor) -> Result<(), Unread> {
        while self.walk.at.sequence < to.sequence {
            let before = self.walk.at;
            match self.walk.step(&mut self.window, self.table).await {
                Step::Group(group) => self.take(&group, before).await?,
                Step::Doubt(_, Some(error)) => {
                    let place = self.walk.at.next;
                    return Err(Unread::Io { place, source: Arc::new(error) });
                }
                Step::Doubt(class, None) => {
                    return Err(Unread::Corrupt(Box::new(self.report(class, to))));
                }
            }
        }
        if self.walk.at.chain == to.chain {
            Ok(())
        } else {
            Err(Unread::Corrupt(Box::new(self.report(BlockClass::Discontinuous, to))))
        }
    }

    async fn take(&mut self, group: &Group, before: Anchor) -> Result<(), Unread> {
        if group.header.kind != GroupKind::Commits {
            return Ok(());
        }
        let active = self.state.active();
        let elsewhere =
            active.segment().is_some_and(|segment| segment != group.header.place.segment);
        if !active.is_empty() && (elsewhere || active.log_bytes() >= PIECE_BYTES) {
            self.state.cut();
            self.cuts.push_back(before);
            self.write_down_to(HELD_BYTES_MAX).await?;
        }
        self.apply(group)
    }

    /// Takes a group's commits into memory.
    fn apply(&mut self, group: &Group) -> Result<(), Unread> {
        let header = &group.header;
        let mut started = false;
        for commit in Commits::new(header, &group.payload) {
            let undecodable = |reason| Unread::Undecodable { position: header.first, reason };
            let commit = commit.map_err(|_| undecodable("a frame does not hold"))?;
            self.take_commit(group, &commit, &mut started)?;
        }
        if self.state.next() != header.next_position() {
            let reason = "its group takes other positions than its commits";
            return Err(Unread::Undecodable { position: header.first, reason });
        }
        Ok(())
    }

    /// Takes a commit into memory, or notes that it cannot be read. `started` says whether memory
    /// knows of its group.
    fn take_commit(
        &mut self,
        group: &Group,
        commit: &CommitView<'_>,
        started: &mut bool,
    ) -> Result<(), Unread> {
        let header = &group.header;
        let body = group.payload.slice(commit.body_offset..commit.body_offset + commit.body.len());
        let bytes = FRAME_BYTES + u64_from(commit.body.len());
        let mut view = match BodyView::decode(body, commit.first, commit.positions) {
            Ok(view) => view,
            Err(fault) => return self.pass(commit, bytes, None, fault),
        };
        if self.state.active().ends_in_gap() {
            self.state.cut();
            *started = false;
        }
        if !std::mem::replace(started, true) {
            self.state.group_started(GroupStart {
                place: header.place,
                sequence: header.sequence,
                first: commit.first,
                recorded_at: view.recorded_at(),
            });
        }
        let frame_offset = u64_from(commit.body_offset) - FRAME_BYTES;
        let place = Place {
            offset: header.place.offset + u64_from(HEADER_BYTES) + frame_offset,
            ..header.place
        };
        match self.state.apply_body(&mut view, place, u32::try_from(bytes).unwrap_or(0)) {
            Ok(()) => Ok(()),
            Err(fault) => self.pass(commit, bytes, Some(&view), fault),
        }
    }

    /// Passes over a commit that cannot be read, if nobody is going to write: of such a commit the
    /// streams, keys and fences are unknown, so that no guard could be judged behind it.
    fn pass(
        &mut self,
        commit: &CommitView<'_>,
        bytes: u64,
        head: Option<&BodyView>,
        fault: BodyFault,
    ) -> Result<(), Unread> {
        let (first, reason) = (commit.first, fault.0);
        if self.writes == Writes::Runs {
            return Err(Unread::Undecodable { position: first, reason });
        }
        let passed = Unreadable::new(first, commit.positions, head, reason);
        self.state.skip(passed.end, bytes);
        self.unreadable.push(passed);
        Ok(())
    }

    /// Writes frozen tables into runs, the oldest first, until memory holds no more than
    /// `bytes_max` of log.
    async fn write_down_to(&mut self, bytes_max: u64) -> Result<(), Unread> {
        let mut held: u64 = self.state.tables().map(Memory::log_bytes).sum();
        if self.writes == Writes::Nothing {
            return if held > UNWRITTEN_BYTES_MAX { Err(Unread::TooMuch) } else { Ok(()) };
        }
        while held > bytes_max {
            let oldest = self.state.frozen().next().cloned();
            let Some((oldest, end)) = oldest.zip(self.cuts.front().copied()) else {
                return Ok(());
            };
            let made = write_table(self.disk, self.store, &oldest, self.begun, end).await;
            match made {
                Ok(made) => self.made.push(made),
                // Memory keeps it, and the indexer tries again once the store is open.
                Err(error) if bytes_max > 0 && held <= UNWRITTEN_BYTES_MAX => {
                    tracing::warn!(%error, "the index could not be written; memory keeps it");
                    return Ok(());
                }
                Err(error) => return Err(Unread::Unwritten(error)),
            }
            self.cuts.pop_front();
            self.state.release(end.position);
            self.begun = end;
            held -= oldest.log_bytes();
        }
        Ok(())
    }

    /// Writes all that was read into runs.
    pub(super) async fn into_runs(mut self) -> Result<Vec<RunHeader>, Unread> {
        if !self.state.active().is_empty() {
            self.state.cut();
            self.cuts.push_back(self.walk.at);
        }
        self.write_down_to(0).await?;
        Ok(self.made)
    }

    /// The runs that were written, and the rest.
    pub(super) fn finish(self) -> Replayed {
        let Self { made, state, begun, cuts, unreadable, .. } = self;
        Replayed { made, state, begun, cuts, unreadable }
    }

    fn report(&self, found: BlockClass, to: &Anchor) -> CorruptionReport {
        CorruptionReport {
            place: self.walk.at.next,
            bytes: BLOCK_BYTES,
            first_missing: self.walk.at.sequence,
            durable_through: to.sequence.before(),
            position: self.walk.at.position,
            found,
            row: 'R',
            reason: "a durable group does not read back as it was written",
        }
    }
}

/// Where a log begins that has started.
pub(super) fn log_start(table: &SegmentTable) -> Option<Anchor> {
    table.entries().first().map(|entry| Anchor {
        next: Place { segment: entry.segment, offset: segment::HEADER_BYTES },
        sequence: entry.sequence,
        position: entry.first,
        chain: entry.chain,
        last: None,
    })
}
