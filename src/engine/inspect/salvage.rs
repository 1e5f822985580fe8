//! Copies the valid commits of a store, damaged or not, into a new store.
//!
//! Never changes the source. Positions of a log are dense, so a gap in the source cannot be kept:
//! what lies behind it moves down, and the report says which positions became which. So do the
//! revisions of a store's streams and the checkpoints of its consumers, which would not lead to the
//! same events any more. The lists of unfinished sagas stay behind. The copy is a store of its own
//! with an identity of its own.

use super::{
    Damage, Judged, OnProgress,
    bodies::{Streams, append_in, body_of, damaged_body, damaged_rest, holds_events},
    check::Meter,
    sweep::{Item, Sweep},
};
use crate::{
    commit::{Appended, Commit},
    engine::{log::Log, openings::EngineRuntime, sagas::names::is_of_lists, scan::Group},
    error::{CommitError, LogError, OpenError},
    ids::{Position, StoreId},
    limits::GROUP_BYTES_MAX,
    log::{
        fields::{len_u64, usize_from},
        group::{CommitView, Commits},
        segment,
        superblock::Chosen,
    },
    options::Options,
    runtime::{Disk as _, Runtime},
};
use bytes::Bytes;
use std::{collections::VecDeque, error::Error, fmt, future::Future, io, pin::Pin};

/// How many commits may wait for their acknowledgement.
const COPIES_WAITING_MAX: usize = 1024;

/// Positions of the source that follow each other in the copy too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SalvagedRange {
    /// The first position in the source.
    pub source: Position,
    /// The first position in the copy.
    pub target: Position,
    /// How many positions.
    pub positions: u64,
}

/// What was copied and what was not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SalvageReport {
    /// The damaged store's identity.
    pub source: StoreId,
    /// The copy's identity.
    pub target: StoreId,
    /// Which positions became which, in order.
    pub ranges: Vec<SalvagedRange>,
    /// How many commits were copied.
    pub commits: u64,
    /// How many positions they take.
    pub positions: u64,
    /// Bytes of their bodies.
    pub body_bytes: u64,
    /// How many commits were written with other revisions, because appends to their streams before
    /// them are lost, or with another checkpoint, because the positions have moved.
    pub rewritten: u64,
    /// The damaged ranges that could not be copied, and damage that did not matter.
    pub damages: Vec<Damage>,
}

/// Why nothing, or not everything that is valid, was copied. The source is as it was.
#[derive(Debug)]
#[non_exhaustive]
pub enum SalvageError {
    /// The source is no store, has a newer format or cannot be read at all.
    Source(OpenError),
    /// The target directory is not empty. Name another one.
    TargetNotEmpty,
    /// The target store cannot be made.
    Target(OpenError),
    /// A commit could not be written to the target. Remove the target and try again elsewhere.
    Append(CommitError),
    /// The target could not be closed in order. Remove it and try again elsewhere.
    Close(LogError),
}

impl fmt::Display for SalvageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => write!(f, "cannot salvage: {error}"),
            Self::TargetNotEmpty => {
                f.write_str("the target directory is not empty; name one that is, or a new one")
            }
            Self::Target(error) => write!(f, "the target cannot be made: {error}"),
            Self::Append(error) => write!(f, "the copy is incomplete: {error}"),
            Self::Close(error) => write!(f, "the copy could not be closed: {error}"),
        }
    }
}

impl Error for SalvageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Source(error) | Self::Target(error) => Some(error),
            Self::Append(error) => Some(error),
            Self::Close(error) => Some(error),
            Self::TargetNotEmpty => None,
        }
    }
}

/// Copies the valid commits of the store in the directory of `source`, in order, into a new store
/// in an empty directory. `make_target` is asked for that directory once the source has proved to
/// be a store, so that a wrong source leaves nothing behind.
///
/// Groups that are whole but not proven durable are copied too: the last ones that were
/// acknowledged may be among them. The copy of a store opens as a store: a commit that is no append
/// of events stays behind, and where appends are lost the streams that they belong to go on without
/// a gap in their revisions. A consumer's checkpoint is moved with the positions; one that lies
/// where events are lost moves to the event before, so that a consumer is given an event twice
/// rather than never.
///
/// # Errors
/// [`SalvageError`] says what to do.
///
/// # Cancel safety
/// Dropping the future leaves an incomplete copy behind, and the source as it was.
pub async fn salvage<S: Runtime, T: EngineRuntime>(
    source: &S,
    make_target: impl FnOnce() -> io::Result<T>,
    progress: OnProgress<'_>,
) -> Result<SalvageReport, SalvageError> {
    let disk = source.disk();
    let judged = Judged::of(&disk).await.map_err(SalvageError::Source)?;
    let map = &judged.map;
    let streams = holds_events(&disk, &judged).await.then(Streams::default);
    let target = make_target().map_err(|error| SalvageError::Target(error.into()))?;
    let names = target.disk().list().await;
    let names = names.map_err(|error| SalvageError::Target(error.into()))?;
    if !names.is_empty() {
        return Err(SalvageError::TargetNotEmpty);
    }
    let chosen = map.superblock.map_or_else(Chosen::default, |superblock| superblock.chosen);
    let mut copy = Copying::begin(&target, map.store, chosen, streams).await?;
    let mut sweep = Sweep::new(&disk, map, judged.end());
    let mut gaps = Vec::new();
    let mut meter = Meter::new(map.bytes, progress);
    while let Some(item) = sweep.next().await {
        match item {
            Item::Group(group) => {
                meter.advance(group.header.padded_bytes());
                copy.take(&group).await?;
            }
            Item::Gap(gap) => gaps.push(gap),
        }
    }
    let anchor = map.superblock.map(|superblock| superblock.anchor);
    let lost = gaps.iter().filter_map(|gap| gap.damage(sweep.proven, anchor));
    let damages = map.damages.iter().cloned().chain(lost);
    copy.report.damages.splice(..0, damages);
    meter.finish();
    copy.finish().await
}

/// What becomes of a checkpoint in a commit at `here`, behind `ranges`. One that does not lead to a
/// position of the copy leads to the one before: whether it names the last event that was handled
/// or the next one is its consumer's to know, and either way none is left out.
fn moved(checkpoint: Position, ranges: &[SalvagedRange], here: SalvagedRange) -> Position {
    let before = ranges.partition_point(|range| range.source <= checkpoint);
    let range = if here.source <= checkpoint {
        here
    } else {
        let Some(range) = before.checked_sub(1).and_then(|at| ranges.get(at)) else {
            return Position::new(0);
        };
        *range
    };
    let behind = checkpoint.get() - range.source.get();
    if behind < range.positions {
        range.target.plus(behind)
    } else {
        Position::new(range.target.get() + range.positions.saturating_sub(1))
    }
}

type Waiting = Pin<Box<dyn Future<Output = Result<Appended, CommitError>> + Send>>;

struct Copying {
    log: Log,
    waiting: VecDeque<Waiting>,
    next: Position,
    /// The streams of the copy, if it is one of a store of events.
    streams: Option<Streams>,
    report: SalvageReport,
}

impl Copying {
    /// The target goes on with what was chosen for the source, but for the largest group: whatever
    /// ever fitted into one has to fit here.
    async fn begin<T: EngineRuntime>(
        target: &T,
        source: StoreId,
        chosen: Chosen,
        streams: Option<Streams>,
    ) -> Result<Self, SalvageError> {
        let prepared = usize_from(chosen.prepared_segments);
        let options = Options::default()
            .segment_bytes(chosen.segment_bytes.max(segment::bytes_min_for(GROUP_BYTES_MAX)))
            .group_bytes_max(GROUP_BYTES_MAX)
            .prepared_segments(prepared)
            .key_horizon_events(chosen.key_horizon_events)
            .queue_bytes_max(4 * GROUP_BYTES_MAX);
        let (log, _) = Log::open_with(target, options).await.map_err(SalvageError::Target)?;
        let report = SalvageReport {
            source,
            target: log.store(),
            ranges: Vec::new(),
            commits: 0,
            positions: 0,
            body_bytes: 0,
            rewritten: 0,
            damages: Vec::new(),
        };
        let next = Position::new(0);
        Ok(Self { log, waiting: VecDeque::new(), next, streams, report })
    }

    async fn take(&mut self, group: &Group) -> Result<(), SalvageError> {
        let mut next = group.header.first;
        for commit in Commits::new(&group.header, &group.payload) {
            let Ok(commit) = commit else {
                let rest = damaged_rest(group, next, "its frame does not hold");
                self.report.damages.push(rest);
                return Ok(());
            };
            let positions = u64::from(commit.positions);
            next = commit.first.plus(positions);
            let Some(body) = self.body_for(group, &commit) else { continue };
            self.append(Commit::new(body).with_positions(commit.positions))
                .await
                .map_err(SalvageError::Append)?;
            self.report.commits += 1;
            self.report.positions += positions;
            self.report.body_bytes += len_u64(commit.body);
            self.map(commit.first, positions);
            self.next = self.next.plus(positions);
        }
        Ok(())
    }

    /// The body that stands for `commit` in the copy; `None` if none may, since a store with a
    /// commit that is no append of events does not open.
    fn body_for(&mut self, group: &Group, commit: &CommitView<'_>) -> Option<Bytes> {
        let Some(streams) = &mut self.streams else {
            return Some(body_of(group, commit));
        };
        let append = match append_in(group, commit) {
            Ok(append) => append,
            Err(fault) => {
                self.report.damages.push(damaged_body(group, commit, &fault));
                return None;
            }
        };
        // A list names positions of the source: an executor of the copy that believed it would not
        // find its sagas again. Without a list it reads all journals.
        if append.is_of(is_of_lists) {
            return None;
        }
        let here = SalvagedRange { source: commit.first, target: self.next, positions: u64::MAX };
        let ranges = &self.report.ranges;
        let rejoined = streams.rejoin(&append, |checkpoint| moved(checkpoint, ranges, here));
        self.report.rewritten += u64::from(rejoined.is_some());
        Some(rejoined.unwrap_or_else(|| body_of(group, commit)))
    }

    /// Notes that `source` became the next position.
    fn map(&mut self, source: Position, positions: u64) {
        let target = self.next;
        match self.report.ranges.last_mut() {
            Some(last) if last.source.plus(last.positions) == source => {
                last.positions += positions;
            }
            _ => self.report.ranges.push(SalvagedRange { source, target, positions }),
        }
    }

    async fn append(&mut self, commit: Commit) -> Result<(), CommitError> {
        loop {
            if self.waiting.len() < COPIES_WAITING_MAX {
                match self.log.try_append(&commit) {
                    Ok(waiting) => {
                        self.waiting.push_back(Box::pin(waiting));
                        return Ok(());
                    }
                    Err(CommitError::Overloaded) => {}
                    Err(error) => return Err(error),
                }
            }
            match self.waiting.pop_front() {
                Some(oldest) => drop(oldest.await?),
                None => return self.log.append(commit).await.map(drop),
            }
        }
    }

    async fn finish(self) -> Result<SalvageReport, SalvageError> {
        for waiting in self.waiting {
            waiting.await.map_err(SalvageError::Append)?;
        }
        assert_eq!(self.log.head(), self.next, "positions of a log are dense");
        self.log.close().await.map_err(SalvageError::Close)?;
        Ok(self.report)
    }
}
