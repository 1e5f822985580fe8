//! Reads everything that a store holds and reports every damaged range.
//!
//! Changes nothing. Whether the store opens, and where its log ends, is what opening says; behind
//! that end lies the torn tail, which is no damage. What is judged here is what opening does not
//! read.

use super::{
    Damage, Judged, OnProgress, Progress,
    bodies::{Streams, append_in, damaged_body, damaged_rest, holds_events},
    fork::Forks,
    map::Map,
    sweep::{Gap, Item, Sweep},
};
use crate::{
    engine::{
        openings::EngineRuntime,
        scan::{CHUNK_BYTES, DiskSource, Group, Source},
        survey::OpenWarning,
        view::{View, look},
    },
    error::OpenError,
    ids::{Epoch, Position, SegmentId, StoreId},
    limits::BLOCK_BYTES,
    log::{
        Anchor, Place,
        fields::{len_u64, u64_from},
        group::Commits,
        recovery::BlockClass,
        segment::FORMAT,
    },
    runtime::{Disk, Runtime},
};
use std::ops::RangeInclusive;

/// What an interrupted write left behind the last group. Normal after a crash, and never
/// acknowledged; the next opening for writing discards it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TornTail {
    /// Where it begins.
    pub place: Place,
    /// Bytes up to the last that was written.
    pub bytes: u64,
    /// What stands there.
    pub found: BlockClass,
}

/// What a check has found.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckReport {
    /// The store's identity.
    pub store: StoreId,
    /// The version of the on-disk format.
    pub format: u32,
    /// The first and the last epoch that groups were written in.
    pub epochs: Option<RangeInclusive<Epoch>>,
    /// How many segments hold groups.
    pub segments: usize,
    /// How many sound groups there are.
    pub groups: u64,
    /// How many sound commits there are.
    pub commits: u64,
    /// How many positions they take.
    pub positions: u64,
    /// Bytes of the commits' bodies.
    pub body_bytes: u64,
    /// Bytes between the groups, to the next block.
    pub padding_bytes: u64,
    /// The lowest position that is kept.
    pub floor: Position,
    /// The position behind the last sound commit.
    pub head: Position,
    /// How many positions below the head are whole but not proven durable.
    pub unproven_positions: u64,
    /// Whether the commits are appends of events. Of a bare log nothing says what they have to be.
    pub holds_events: bool,
    /// Every damaged range, files of the store first, then the log in order.
    pub damages: Vec<Damage>,
    /// What an interrupted write left.
    pub tail: Option<TornTail>,
    /// What an opening notices and opens in spite of.
    pub warnings: Vec<OpenWarning>,
    /// Why the store does not open, if it does not.
    pub refusal: Option<OpenError>,
}

impl CheckReport {
    /// Whether every byte that counts is as it was written.
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty() && self.refusal.is_none()
    }
}

/// Reads the whole store in the directory of `runtime`, and goes on behind damage.
///
/// Works beside a running writer: it then reads what was whole when it began.
///
/// # Errors
/// [`OpenError`] if there is no store, if it has a newer format, or if its directory cannot be
/// read. Damage is no error but in the report.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn check<R: EngineRuntime>(
    runtime: &R,
    progress: OnProgress<'_>,
) -> Result<CheckReport, OpenError> {
    (R::openings().check)(runtime, progress).await
}

pub(in crate::engine) async fn check_on<R: Runtime>(
    runtime: &R,
    progress: OnProgress<'_>,
) -> Result<CheckReport, OpenError> {
    let disk = runtime.disk();
    let judged = Judged::of(&disk).await?;
    let mut report = CheckReport::of(&judged.map);
    report.holds_events = holds_events(&disk, &judged).await;
    let mut sweep = Sweep::new(&disk, &judged.map, judged.end());
    let mut gaps = Vec::new();
    let mut forks = Forks::new(&disk, &judged.map);
    let mut meter = Meter::new(judged.map.bytes, progress);
    let mut bodies = Bodies::default();
    while let Some(item) = sweep.next().await {
        match item {
            Item::Group(group) => {
                meter.advance(group.header.padded_bytes());
                report.count(&group, &mut bodies);
                forks.follow(&group.header).await;
            }
            Item::Gap(gap) => {
                bodies.streams.forget();
                gaps.push(gap);
            }
        }
    }
    meter.finish();
    report.head = report.head.max(sweep_head(&sweep, &judged.map));
    report.judge(&gaps, &sweep, &judged.map);
    if report.damages.is_empty() {
        forks.finish();
    }
    report.damages.append(&mut forks.found);
    match judged.opening {
        Ok(view) => {
            report.take_tail_of(&view);
            report.warnings = view.warnings;
            report.drop_retired(&disk).await;
        }
        Err(refusal) => report.refusal = Some(refusal),
    }
    Ok(report)
}

/// What is known of a store's appends while they are read.
#[derive(Default)]
struct Bodies {
    streams: Streams,
    segment: Option<SegmentId>,
}

fn sweep_head<S: Source>(sweep: &Sweep<'_, S>, map: &Map) -> Position {
    // Without any segment the superblock alone knows where the log begins.
    match map.runs.first() {
        Some(_) => sweep.at().position,
        None => map.superblock.map_or(Position::new(0), |s| s.anchor.position),
    }
}

impl CheckReport {
    fn of(map: &Map) -> Self {
        let first = map.runs.first().and_then(|run| run.entries().first());
        let start = map.superblock.map_or(Position::new(0), |s| s.anchor.position);
        Self {
            store: map.store,
            format: FORMAT,
            epochs: None,
            segments: map.runs.iter().map(|run| run.entries().len()).sum(),
            groups: 0,
            commits: 0,
            positions: 0,
            body_bytes: 0,
            padding_bytes: 0,
            floor: first.map_or(start, |entry| entry.first),
            head: Position::new(0),
            unproven_positions: 0,
            holds_events: false,
            damages: map.damages.clone(),
            tail: None,
            warnings: Vec::new(),
            refusal: None,
        }
    }

    fn count(&mut self, group: &Group, bodies: &mut Bodies) {
        let header = &group.header;
        self.groups += 1;
        self.padding_bytes += header.padded_bytes() - header.bytes();
        let first = self.epochs.as_ref().map_or(header.epoch, |e| *e.start());
        self.epochs = Some(first..=header.epoch);
        // As an opening, which begins a table with each segment: memory stays bounded so.
        if bodies.segment.replace(header.place.segment) != Some(header.place.segment) {
            bodies.streams.forget();
        }
        let mut next = header.first;
        for commit in Commits::new(header, &group.payload) {
            let Ok(commit) = commit else {
                self.damages.push(damaged_rest(group, next, "its frame does not hold"));
                return;
            };
            next = commit.first.plus(commit.positions.into());
            self.commits += 1;
            self.positions += u64::from(commit.positions);
            self.body_bytes += len_u64(commit.body);
            if self.holds_events {
                let append = append_in(group, &commit);
                if let Err(fault) = append.and_then(|append| bodies.streams.follow(&append)) {
                    self.damages.push(damaged_body(group, &commit, &fault));
                }
            }
        }
        if next != header.next_position() {
            let reason = "its group takes other positions than its commits";
            self.damages.push(damaged_rest(group, next, reason));
        }
    }

    /// Tells damage from the torn tail, now that it is known what was durable.
    fn judge<D: Disk>(&mut self, gaps: &[Gap], sweep: &Sweep<'_, DiskSource<D>>, map: &Map) {
        let anchor: Option<Anchor> = map.superblock.map(|superblock| superblock.anchor);
        for gap in gaps {
            match gap.damage(sweep.proven, anchor) {
                Some(damage) => self.damages.push(damage),
                None if self.tail.is_none() && gap.bytes > 0 => {
                    self.tail = Some(TornTail {
                        place: gap.expected.next,
                        bytes: gap.bytes,
                        found: gap.found,
                    });
                }
                None => {}
            }
        }
    }

    fn take_tail_of(&mut self, view: &View) {
        self.unproven_positions = view.walked.position.get() - view.durable.position.get();
        if view.torn_bytes > 0 {
            self.tail = Some(TornTail {
                place: view.walked.next,
                bytes: view.torn_bytes.max(BLOCK_BYTES),
                found: view.class,
            });
        }
    }

    /// Forgets what a running writer retired while it was being read.
    async fn drop_retired<D: Disk>(&mut self, disk: &D) {
        if self.damages.is_empty() {
            return;
        }
        let Ok(view) = look(disk).await else {
            return;
        };
        let floor = view.first_segment();
        self.damages.retain(|damage| damage.segment.is_none_or(|segment| segment >= floor));
    }
}

/// Tells of progress about once a megabyte.
pub(super) struct Meter<'a> {
    now: Progress,
    told: u64,
    progress: OnProgress<'a>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(bytes_total: u64, progress: OnProgress<'a>) -> Self {
        let now = Progress { bytes_done: 0, bytes_total };
        Self { now, told: 0, progress }
    }

    pub(super) fn advance(&mut self, bytes: u64) {
        self.now.bytes_done += bytes;
        if self.now.bytes_done - self.told >= u64_from(CHUNK_BYTES) {
            self.told = self.now.bytes_done;
            (self.progress)(self.now);
        }
    }

    pub(super) fn finish(&mut self) {
        self.now.bytes_done = self.now.bytes_total;
        (self.progress)(self.now);
    }
}
