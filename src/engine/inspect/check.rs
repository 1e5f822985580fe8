//! Reads everything that a store holds and reports every damaged range.
//!
//! Judges, changes nothing. What an interrupted write left behind the last durable group is the
//! torn tail and no damage; the same rule as in recovery separates the two.

use super::{
    Damage, DamageKind, OnProgress, Progress,
    fork::Forks,
    map::Map,
    sweep::{Gap, Item, Sweep},
};
use crate::{
    engine::{
        openings::EngineRuntime,
        scan::{CHUNK_BYTES, DiskSource, Group, Source},
        view::{View, look},
    },
    error::OpenError,
    ids::{Epoch, Position, StoreId},
    limits::BLOCK_BYTES,
    log::{
        Anchor, Place,
        fields::{len_u64, u64_from},
        group::Commits,
        recovery::BlockClass,
        segment::{self, FORMAT},
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
    /// Every damaged range, files of the store first, then the log in order.
    pub damages: Vec<Damage>,
    /// What an interrupted write left.
    pub tail: Option<TornTail>,
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
    let (view, refusal) = look_or_refusal(&disk).await?;
    let map = draw(&disk, view.as_ref()).await?;
    let end = view.as_ref().map(|view| view.walked.sequence);
    let mut sweep = Sweep::new(&disk, &map, end);
    let mut report = CheckReport::of(&map, refusal);
    let mut gaps = Vec::new();
    let mut forks = Forks::new(&disk, &map);
    let mut meter = Meter::new(map.bytes, progress);
    while let Some(item) = sweep.next().await {
        match item {
            Item::Group(group) => {
                meter.advance(group.header.padded_bytes());
                report.count(&group);
                forks.follow(&group.header).await;
            }
            Item::Gap(gap) => gaps.push(gap),
        }
    }
    meter.finish();
    report.head = report.head.max(sweep_head(&sweep, &map));
    report.judge(&gaps, &sweep, &map);
    if report.damages.is_empty() {
        forks.finish();
    }
    report.damages.append(&mut forks.found);
    if let Some(view) = &view {
        report.take_tail_of(view);
        report.drop_retired(&disk).await;
    }
    Ok(report)
}

/// Draws the map, up to what was seen if something was.
pub(super) async fn draw<D: Disk>(disk: &D, view: Option<&View>) -> Result<Map, OpenError> {
    let mut map = Map::draw(disk, view.map(|view| view.walked.next.segment)).await?;
    let begun = view.and_then(View::begun);
    map.damages.retain(|damage| {
        damage.kind != DamageKind::SegmentHeader
            || damage.segment.is_none()
            || damage.segment != begun
    });
    Ok(map)
}

/// What there is to see, or why the store does not open; an error if it cannot be inspected.
pub(super) async fn look_or_refusal<D: Disk>(
    disk: &D,
) -> Result<(Option<View>, Option<OpenError>), OpenError> {
    match look(disk).await {
        Ok(view) => Ok((Some(view), None)),
        Err(
            error @ (OpenError::NotAStore { .. }
            | OpenError::Occupied { .. }
            | OpenError::NewerFormat { .. }
            | OpenError::Options(_)
            | OpenError::Locked),
        ) => Err(error),
        Err(
            error @ (OpenError::Corrupt(_)
            | OpenError::SuperblockDamaged
            | OpenError::SegmentMissing(_)
            | OpenError::SegmentDamaged(_)
            | OpenError::ForeignFile { .. }
            | OpenError::Undecodable { .. }
            | OpenError::IndexMissing
            | OpenError::Io(_)),
        ) => Ok((None, Some(error))),
    }
}

fn sweep_head<S: Source>(sweep: &Sweep<'_, S>, map: &Map) -> Position {
    // Without any segment the superblock alone knows where the log begins.
    match map.runs.first() {
        Some(_) => sweep.at().position,
        None => map.superblock.map_or(Position::new(0), |s| s.anchor.position),
    }
}

impl CheckReport {
    fn of(map: &Map, refusal: Option<OpenError>) -> Self {
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
            damages: map.damages.clone(),
            tail: None,
            refusal,
        }
    }

    fn count(&mut self, group: &Group) {
        let header = &group.header;
        self.groups += 1;
        self.padding_bytes += header.padded_bytes() - header.bytes();
        let first = self.epochs.as_ref().map_or(header.epoch, |e| *e.start());
        self.epochs = Some(first..=header.epoch);
        for commit in Commits::new(header, &group.payload) {
            let Ok(commit) = commit else {
                self.damages.push(Damage {
                    kind: DamageKind::Commit,
                    file: segment::file_name(header.place.segment),
                    segment: Some(header.place.segment),
                    offset: header.place.offset,
                    bytes: header.padded_bytes(),
                    lost: None,
                });
                return;
            };
            self.commits += 1;
            self.positions += u64::from(commit.positions);
            self.body_bytes += len_u64(commit.body);
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
