//! Opening a log for writing: lock, survey, find the end, begin a new epoch.
//!
//! Steps, each durable before the next: the superblock gets the new epoch and loses its clean
//! mark; then the first group of the epoch is written. After a clean close it goes behind the last
//! group. Otherwise the log goes on in a fresh segment, to which whole groups that are not proven
//! durable are copied first: a clean read after a failed sync proves nothing, so they are written
//! again and synced before anybody may rely on them. The fresh segment's header, written last,
//! makes the copies count. A crash anywhere leaves the old end in force.

use super::{
    procedures::{
        LOCK_FILE, create_segment, create_store, put_superblock, read_full, remove_files,
        write_all, write_superblock,
    },
    recover::{Finding, find_end},
    report::RecoveryReport,
    scan::Group,
    survey::{Found, Survey, survey_for},
};
use crate::{
    error::OpenError,
    ids::{SegmentId, Sequence},
    limits::{BLOCK_BYTES, BLOCK_LEN, SEGMENT_BYTES_MAX},
    log::{
        Anchor, Place,
        group::{Closing, GroupBuilder, GroupHeader, GroupKind},
        pipeline::Prepared,
        recovery::{Row, Verdict},
        segment::{self, SegmentEntry, SegmentHeader, SegmentTable},
        superblock::{self, Superblock},
    },
    options::{Options, Settings},
    runtime::{Disk, File, OpenMode, Runtime},
};
use std::{io, sync::Arc, time::Duration};

/// An opened log: what the engine's tasks start from.
pub(crate) struct Opened<R: Runtime> {
    pub(crate) lock: <R::Disk as Disk>::Lock,
    pub(crate) superblock: Superblock,
    pub(crate) superblock_file: <R::Disk as Disk>::File,
    pub(crate) table: SegmentTable,
    pub(crate) tail: Anchor,
    pub(crate) active: Prepared,
    pub(crate) active_file: Arc<<R::Disk as Disk>::File>,
    /// Prepared segments behind the active one, in order.
    pub(crate) prepared: Vec<(Prepared, DiskFile<R>)>,
    /// Segments to cut, and to how many bytes: what lies behind is no log any more.
    pub(crate) given_up: Vec<(SegmentId, u64)>,
    pub(crate) settings: Settings,
    pub(crate) report: RecoveryReport,
}

/// Opens the log in the runtime's directory.
pub(crate) async fn open<R: Runtime>(
    runtime: &R,
    options: &Options,
) -> Result<Opened<R>, OpenError> {
    let started = runtime.now();
    let disk = runtime.disk();
    // Looking comes before locking: nothing is written to a directory that is not a store of ours.
    // What else such a look finds may be a running writer's doing and is judged under the lock.
    if let Err(
        error @ (OpenError::NotAStore { .. }
        | OpenError::Occupied { .. }
        | OpenError::Options(_)
        | OpenError::NewerFormat { .. }),
    ) = survey_for(&disk, options).await
    {
        return Err(error);
    }
    let lock = match disk.lock(LOCK_FILE).await {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(OpenError::Locked),
        other => other?,
    };
    let (found, settings) = survey_for(&disk, options).await?;
    let (mut survey, created) = match found {
        Found::Store(survey) => (*survey, false),
        Found::Empty(_) => {
            let superblock = create_store(runtime, settings.chosen).await?;
            (Survey::of_new_store(superblock), true)
        }
    };
    let finding = if created {
        // Only a store that this opening made is known to be empty: claims can be lost.
        Finding::of_unstarted(survey.superblock.anchor, survey.superblock.epoch)
    } else {
        find_end(&disk, &survey).await?
    };
    survey.keep(finding.walked.next.segment);
    let mut opening = Opening { runtime, settings, lock, survey, finding, given_up: Vec::new() };
    let superblock_file = opening.claim_epoch().await?;
    let (tail, active, active_file) = opening.begin_epoch(&superblock_file).await?;
    let prepared = opening.prepared_behind(active.segment).await?;
    let mut report = opening.report(created, &tail);
    report.elapsed = runtime.now().since(started);
    tracing::info!(store = %report.store, epoch = %report.epoch, head = %report.head,
        row = ?report.row, discarded_bytes = report.discarded_bytes, "opened");
    let Opening { lock, survey, given_up, settings, .. } = opening;
    Ok(Opened {
        lock,
        superblock: survey.superblock,
        superblock_file,
        table: survey.table,
        tail,
        active,
        active_file,
        prepared,
        given_up,
        settings,
        report,
    })
}

impl Survey {
    fn of_new_store(superblock: Superblock) -> Self {
        Self {
            superblock,
            table: SegmentTable::new(),
            durable_through: Sequence::default(),
            checkpoint_used: false,
            lost_checkpoint: None,
            leftovers: Vec::new(),
            indexed: false,
            warnings: Vec::new(),
        }
    }
}

struct Opening<'a, R: Runtime> {
    runtime: &'a R,
    settings: Settings,
    lock: <R::Disk as Disk>::Lock,
    survey: Survey,
    finding: Finding,
    given_up: Vec<(SegmentId, u64)>,
}

type DiskFile<R> = <<R as Runtime>::Disk as Disk>::File;

impl<R: Runtime> Opening<'_, R> {
    /// Raises the epoch and clears the clean mark, durably, before anything else is written.
    async fn claim_epoch(&mut self) -> Result<DiskFile<R>, OpenError> {
        let disk = self.runtime.disk();
        let file = disk.open(superblock::FILE_NAME, OpenMode::ReadWrite).await?;
        // The newest slot may have been read from the page cache and not be durable. It is written
        // again before the other slot, which may be the only durable one, is overwritten.
        put_superblock(&file, &self.survey.superblock).await?;
        self.survey.superblock.epoch = self.finding.epoch.next();
        self.survey.superblock.clean = false;
        self.survey.superblock.chosen = self.settings.chosen;
        write_superblock(&file, &mut self.survey.superblock).await?;
        // Names that a dead writer created may not be durable yet, and what the superblock does
        // not name goes.
        disk.sync_dir().await?;
        remove_files(&disk, &self.survey.leftovers).await?;
        Ok(file)
    }

    async fn begin_epoch(
        &mut self,
        superblock_file: &DiskFile<R>,
    ) -> Result<(Anchor, Prepared, Arc<DiskFile<R>>), OpenError> {
        let here = self.finding.row.is_some_and(|row| row.verdict == Verdict::GoOnHere);
        let entry = self.survey.table.entry(self.finding.durable.next.segment).copied();
        match entry {
            Some(entry) if here && self.epoch_start_fits(&entry) => self.go_on_here(entry).await,
            _ => self.go_on_fresh(superblock_file).await,
        }
    }

    fn epoch_start_fits(&self, entry: &SegmentEntry) -> bool {
        self.finding.durable.next.offset + 2 * BLOCK_BYTES <= entry.segment_bytes
    }

    async fn go_on_here(
        &mut self,
        entry: SegmentEntry,
    ) -> Result<(Anchor, Prepared, Arc<DiskFile<R>>), OpenError> {
        let name = segment::file_name(entry.segment);
        let file = self.runtime.disk().open(&name, OpenMode::ReadWrite).await?;
        let at = self.finding.durable;
        let last = at.sequence.before();
        let (tail, mut bytes) = self.epoch_start(at, last);
        let active = Prepared { segment: entry.segment, segment_bytes: entry.segment_bytes };
        bytes.resize(bytes.len() + BLOCK_LEN, 0);
        write_all(&file, &bytes, at.next.offset).await?;
        file.sync_data().await?;
        Ok((tail, active, Arc::new(file)))
    }

    async fn go_on_fresh(
        &mut self,
        superblock_file: &DiskFile<R>,
    ) -> Result<(Anchor, Prepared, Arc<DiskFile<R>>), OpenError> {
        let (file, fresh) = self.fresh_segment(superblock_file).await?;
        let before = self.finding.durable;
        let proven = before.sequence.before();
        let start = Place { segment: fresh.segment, offset: segment::HEADER_BYTES };
        let mut at = Anchor { next: start, ..before };
        let mut bytes = Vec::new();
        let mut first_epoch = None;
        for group in &self.finding.doubted {
            let (copied, copy) = self.copy_group(at, group, proven);
            bytes.extend_from_slice(&copy);
            at = Anchor::behind(&copied);
            first_epoch.get_or_insert(copied.epoch);
        }
        if !bytes.is_empty() {
            write_all(&file, &bytes, start.offset).await?;
            file.sync_data().await?;
        }
        self.rewrite_unproven_headers().await?;
        // From here on the copies count and the old end does not. They are durable, and the header
        // says so: if the disk loses them, nothing else would tell that they were there.
        let header = SegmentHeader {
            store: self.survey.superblock.store,
            segment: fresh.segment,
            segment_bytes: fresh.segment_bytes,
            sequence: before.sequence,
            first: before.position,
            durable_through: at.sequence.before(),
            epoch: first_epoch.unwrap_or(self.survey.superblock.epoch),
            chain: before.chain,
        };
        write_all(&file, &header.encode(), 0).await?;
        if !bytes.is_empty() {
            // The first group behind the copies calls them durable, so they have to count by then.
            file.sync_data().await?;
        }
        let (tail, mut epoch_start) = self.epoch_start(at, at.sequence.before());
        epoch_start.resize(epoch_start.len() + BLOCK_LEN, 0);
        write_all(&file, &epoch_start, at.next.offset).await?;
        file.sync_data().await?;
        self.survey.table.push(SegmentEntry::from(&header));
        self.given_up = self.given_up(before.next);
        Ok((tail, fresh, Arc::new(file)))
    }

    /// A segment in which no group is proven may have its header in the page cache only. It is
    /// about to become one between others, so its header is written again, byte for byte.
    async fn rewrite_unproven_headers(&self) -> Result<(), OpenError> {
        let proven = self.finding.durable.sequence;
        let entries = self.survey.table.entries().iter();
        for entry in entries.rev().take_while(|entry| entry.sequence >= proven) {
            let name = segment::file_name(entry.segment);
            let file = self.runtime.disk().open(&name, OpenMode::ReadWrite).await?;
            let header = self.read_header(&file, entry).await?;
            write_all(&file, &header, 0).await?;
            file.sync_data().await?;
        }
        Ok(())
    }

    /// The header block of `entry`'s segment as it stands in `file`. A read can be misdirected:
    /// what is not the header is looked at twice and then not written over it.
    async fn read_header(
        &self,
        file: &DiskFile<R>,
        entry: &SegmentEntry,
    ) -> Result<[u8; BLOCK_LEN], OpenError> {
        let store = self.survey.superblock.store;
        for _ in 0..2 {
            let mut block = [0; BLOCK_LEN];
            read_full(file, &mut block, 0).await?;
            let header = SegmentHeader::decode(&block, store, entry.segment);
            if header.is_ok_and(|header| entry.agrees_with(&header)) {
                return Ok(block);
            }
        }
        Err(OpenError::SegmentDamaged(entry.segment))
    }

    /// The segment behind the last started one, prepared and named by the superblock.
    async fn fresh_segment(
        &mut self,
        superblock_file: &DiskFile<R>,
    ) -> Result<(DiskFile<R>, Prepared), OpenError> {
        let disk = self.runtime.disk();
        let last = self.survey.table.last().map(|entry| entry.segment);
        let segment = last.map_or(self.survey.superblock.floor, SegmentId::next);
        let copied: u64 = self.finding.doubted.iter().map(|g| g.header.padded_bytes()).sum();
        let needed = (copied + 4 * BLOCK_BYTES + self.settings.chosen.group_bytes_max)
            .next_power_of_two()
            .max(segment::bytes_min_for(self.settings.chosen.group_bytes_max));
        if segment <= self.survey.superblock.prepared_through {
            let file = disk.open(&segment::file_name(segment), OpenMode::ReadWrite).await?;
            let bytes = prepared_bytes(file.len().await?, needed);
            file.reserve(bytes).await?;
            return Ok((file, Prepared { segment, segment_bytes: bytes }));
        }
        let bytes = segment::bytes_for(
            self.survey.table.bytes(),
            self.settings.chosen.group_bytes_max,
            self.settings.chosen.segment_bytes,
        )
        .max(needed);
        let file = create_segment(&disk, segment, bytes).await?;
        self.survey.superblock.prepared_through = segment;
        write_superblock(superblock_file, &mut self.survey.superblock).await?;
        Ok((file, Prepared { segment, segment_bytes: bytes }))
    }

    /// The started segments that were given up, and how many bytes of each lie before `end`, the
    /// proven one. Behind it are unproven copies and torn writes only: the fresh segment, which
    /// counts by now, holds what is kept of them.
    fn given_up(&self, end: Place) -> Vec<(SegmentId, u64)> {
        let fresh = self.survey.table.last().map(|entry| entry.segment);
        let entries = self.survey.table.entries().iter();
        let given_up = entries
            .map(|entry| entry.segment)
            .filter(|segment| *segment >= end.segment && Some(*segment) != fresh);
        let bytes =
            |segment| if segment == end.segment { end.offset } else { segment::HEADER_BYTES };
        given_up.map(|segment| (segment, bytes(segment))).collect()
    }

    fn copy_group(&self, at: Anchor, group: &Group, proven: Sequence) -> (GroupHeader, Vec<u8>) {
        let header = &group.header;
        assert_eq!(header.sequence, at.sequence, "copies keep their numbers");
        let mut builder = GroupBuilder::new(Vec::new());
        builder.extend(&group.payload, header.commits, header.positions);
        let mut closing = self.closing(header.kind, at, proven);
        if header.place == at.next {
            // It stands there already, and maybe nowhere else: a write that a crash tears must not
            // change a byte of it.
            closing.epoch = header.epoch;
            closing.durable_through = header.durable_through;
        }
        builder.close(closing)
    }

    fn epoch_start(&self, at: Anchor, proven: Sequence) -> (Anchor, Vec<u8>) {
        let mut builder = GroupBuilder::new(Vec::new());
        builder.extend(&self.runtime.wall().as_unix_nanos().to_le_bytes(), 0, 0);
        let (header, bytes) = builder.close(self.closing(GroupKind::EpochStart, at, proven));
        (Anchor::behind(&header), bytes)
    }

    fn closing(&self, kind: GroupKind, at: Anchor, durable_through: Sequence) -> Closing {
        Closing {
            kind,
            store: self.survey.superblock.store,
            place: at.next,
            epoch: self.survey.superblock.epoch,
            sequence: at.sequence,
            first: at.position,
            durable_through,
            chain: at.chain,
        }
    }

    /// The prepared segments behind the active one.
    async fn prepared_behind(
        &self,
        active: SegmentId,
    ) -> Result<Vec<(Prepared, DiskFile<R>)>, OpenError> {
        let mut prepared = Vec::new();
        let smallest = segment::bytes_min_for(self.settings.chosen.group_bytes_max);
        for number in active.get() + 1..=self.survey.superblock.prepared_through.get() {
            let segment = SegmentId::new(number);
            let name = segment::file_name(segment);
            let file = self.runtime.disk().open(&name, OpenMode::ReadWrite).await?;
            let bytes = file.len().await?;
            let segment_bytes = prepared_bytes(bytes, smallest);
            if segment_bytes > bytes {
                file.reserve(segment_bytes).await?;
                file.sync_data().await?;
            }
            prepared.push((Prepared { segment, segment_bytes }, file));
        }
        Ok(prepared)
    }

    fn report(&self, created: bool, tail: &Anchor) -> RecoveryReport {
        RecoveryReport {
            store: self.survey.superblock.store,
            created,
            epoch: self.survey.superblock.epoch,
            head: tail.position,
            floor: self.survey.table.entries().first().map_or(tail.position, |entry| entry.first),
            clean: self.finding.row.is_some_and(Row::proves_clean_close),
            row: self.finding.row.map(|row| row.letter),
            found: self.finding.class,
            discarded_bytes: self.finding.discarded_bytes,
            rewritten_groups: self.finding.doubted.len(),
            segments_scanned: self.finding.segments_scanned,
            checkpoint_used: self.survey.checkpoint_used,
            runs_rebuilt: 0,
            warnings: self.survey.warnings.clone(),
            elapsed: Duration::ZERO,
        }
    }
}

/// The size that a prepared file of `bytes` is brought to, so that it takes at least `needed`.
fn prepared_bytes(bytes: u64, needed: u64) -> u64 {
    bytes.min(SEGMENT_BYTES_MAX).max(needed).next_power_of_two()
}
