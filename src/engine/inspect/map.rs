//! What a directory is: as opening sees it where it opens, and else pieced together without
//! trusting any single file of it.
//!
//! Pieced together, the identity comes from whichever source is left, the segments from their own
//! headers or, where a header is damaged, from the first sound group. The invariant it guards: of a
//! log that opens nothing is called damage that opening takes for an interrupted write.

use super::{
    Damage, DamageKind,
    promises::{Promises, checkpoint_damage, slot_damage, slots_of, valid},
    sweep::first_group,
};
use crate::{
    engine::{
        directory::FileKind,
        procedures::read_full,
        survey::{OpenWarning, identity},
        view::View,
    },
    error::OpenError,
    ids::{SegmentId, Sequence, StoreId},
    log::{
        fields::usize_from,
        segment::{self, FORMAT, SegmentEntry, SegmentFault, SegmentHeader, SegmentTable},
        superblock::{self, Choice, Superblock},
    },
    runtime::{Disk, File as _, OpenMode},
};
use std::{collections::BTreeSet, io};

/// The directory.
pub(crate) struct Map {
    pub(crate) store: StoreId,
    pub(crate) superblock: Option<Superblock>,
    /// The superblock's slots that hold.
    pub(crate) slots: Vec<Superblock>,
    /// The started segments, broken where one is missing or cannot be placed.
    pub(crate) runs: Vec<SegmentTable>,
    /// The highest group that anything but a group says to be durable.
    pub(crate) proven: Sequence,
    /// Bytes of the started segments' files.
    pub(crate) bytes: u64,
    /// Whether a file of the index lies here, which only a store of events has.
    pub(crate) indexed: bool,
    pub(crate) damages: Vec<Damage>,
}

/// What stands in the first block of a segment's file.
enum Head {
    Sound(SegmentHeader),
    /// Not started, as far as the block tells.
    Blank,
    Damaged,
    Foreign,
}

impl Map {
    /// The map of a log that opens: what was seen counts. Read besides are the headers that opening
    /// need not read.
    pub(crate) async fn of_view<D: Disk>(disk: &D, view: &View) -> Result<Self, OpenError> {
        let mut map = Self {
            store: view.superblock.store,
            superblock: Some(view.superblock),
            slots: slots_of(disk, view).await?,
            runs: Vec::new(),
            proven: view.durable.sequence.before(),
            bytes: 0,
            indexed: view.indexed,
            damages: Vec::new(),
        };
        // One that does not hold may be a write that a crash has torn, and so have promised
        // nothing, unless the log itself proves that there was a newer one than that which is left.
        let slot_damaged = view.warnings.contains(&OpenWarning::SuperblockSlotDamaged);
        if slot_damaged && view.outlived_superblock() {
            let offset = superblock::SLOT_BYTES - view.superblock.slot_offset();
            map.damages.push(slot_damage(offset));
        }
        if let Some(name) = view.lost_checkpoint {
            map.damages.push(checkpoint_damage(Some(name)));
        }
        let mut table = (*view.table).clone();
        for entry in view.table.entries() {
            map.verify(disk, entry, &mut table).await?;
        }
        if let Some(head) = begun(disk, view).await? {
            map.bytes += head.segment_bytes;
            table.push(head);
        }
        if !table.entries().is_empty() {
            map.runs.push(table);
        }
        Ok(map)
    }

    /// Sees whether a segment's header is what opening knows of it from elsewhere, and lets `table`
    /// learn what only the header says.
    async fn verify<D: Disk>(
        &mut self,
        disk: &D,
        entry: &SegmentEntry,
        table: &mut SegmentTable,
    ) -> Result<(), OpenError> {
        let segment = entry.segment;
        let (head, file_bytes) = match read_head(disk, self.store, segment).await {
            Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                self.note(DamageKind::SegmentMissing, segment, 0);
                return Ok(());
            }
            read => read?,
        };
        self.bytes += file_bytes;
        match head {
            Head::Sound(header) if entry.agrees_with(&header) => {
                self.proven = self.proven.max(header.durable_through);
                table.learn(&header);
            }
            Head::Sound(_) => {
                let name = self.superblock.and_then(|superblock| superblock.checkpoint);
                self.damages.push(checkpoint_damage(name));
            }
            Head::Foreign => self.note(DamageKind::ForeignSegment, segment, file_bytes),
            Head::Blank | Head::Damaged => {
                self.note(DamageKind::SegmentHeader, segment, segment::HEADER_BYTES);
            }
        }
        Ok(())
    }

    /// Draws the map of a directory that does not open.
    pub(crate) async fn draw<D: Disk>(disk: &D) -> Result<Self, OpenError> {
        let names = disk.list().await?;
        let promises = Promises::read(disk, &names).await?;
        let superblock = match promises.choice {
            Choice::Use { superblock, .. } => Some(superblock),
            Choice::Damaged | Choice::Newer(_) => None,
        };
        let floor = superblock.map_or(SegmentId::new(0), |superblock| superblock.floor);
        let segments: BTreeSet<SegmentId> = names
            .iter()
            .filter_map(|name| segment::parse_file_name(name))
            .filter(|segment| *segment >= floor)
            .collect();
        let store = match superblock {
            Some(superblock) => superblock.store,
            // Without it no group can be told from other bytes.
            None => identity(disk, &names).await?.ok_or(OpenError::IdentityLost)?,
        };
        let anchored = superblock.map_or(0, |superblock| superblock.anchor.sequence.get());
        let mut map = Self {
            store,
            superblock,
            slots: valid(&promises.slots),
            runs: Vec::new(),
            proven: Sequence::new(anchored.saturating_sub(1)),
            bytes: 0,
            indexed: names.iter().any(|name| FileKind::of(name) == FileKind::Run),
            damages: promises.damages,
        };
        map.note_missing(&segments);
        map.place_segments(disk, &segments, promises.checkpoint.as_ref()).await?;
        Ok(map)
    }

    fn note_missing(&mut self, segments: &BTreeSet<SegmentId>) {
        let known =
            self.superblock.map(|superblock| (superblock.floor, superblock.prepared_through));
        let listed = segments.first().copied().zip(segments.last().copied());
        let Some((first, last)) = known.or(listed) else {
            return;
        };
        // A superblock's numbers are bounded by what it was checked for, not by what is there.
        let missing = (first.get()..=last.get())
            .map(SegmentId::new)
            .filter(|segment| !segments.contains(segment))
            .take(1024);
        for segment in missing {
            self.note(DamageKind::SegmentMissing, segment, 0);
        }
    }

    fn note(&mut self, kind: DamageKind, segment: SegmentId, bytes: u64) {
        self.damages.push(Damage {
            kind,
            file: segment::file_name(segment),
            segment: Some(segment),
            offset: 0,
            bytes,
            lost: None,
            commit: None,
        });
    }

    async fn place_segments<D: Disk>(
        &mut self,
        disk: &D,
        segments: &BTreeSet<SegmentId>,
        checkpoint: Option<&SegmentTable>,
    ) -> Result<(), OpenError> {
        let mut unplaced = Vec::new();
        let mut checkpoint_agrees = true;
        for segment in segments.iter().copied() {
            let (head, file_bytes) = read_head(disk, self.store, segment).await?;
            let entry = match head {
                Head::Sound(header) => {
                    let listed = checkpoint.and_then(|table| table.entry(segment));
                    checkpoint_agrees &= listed.is_none_or(|entry| entry.agrees_with(&header));
                    self.proven = self.proven.max(header.durable_through);
                    Some(SegmentEntry::from(&header))
                }
                Head::Foreign => {
                    self.note(DamageKind::ForeignSegment, segment, file_bytes);
                    continue;
                }
                Head::Blank | Head::Damaged => {
                    let found = first_group(disk, self.store, segment, file_bytes).await;
                    if found.is_some() {
                        self.note(DamageKind::SegmentHeader, segment, segment::HEADER_BYTES);
                    }
                    found
                }
            };
            let Some(entry) = entry else {
                unplaced.push(segment);
                continue;
            };
            // Segments are started in order, so those before this one were in use too.
            for before in unplaced.drain(..) {
                self.note(DamageKind::SegmentHeader, before, segment::HEADER_BYTES);
            }
            self.bytes += file_bytes;
            self.add(entry);
        }
        if !checkpoint_agrees {
            let name = self.superblock.and_then(|superblock| superblock.checkpoint);
            self.damages.push(checkpoint_damage(name));
        }
        Ok(())
    }

    fn add(&mut self, entry: SegmentEntry) {
        let before = entry.sequence.get().saturating_sub(1);
        self.proven = self.proven.max(Sequence::new(before));
        let follows = |last: &SegmentEntry| {
            last.segment.next() == entry.segment && last.sequence <= entry.sequence
        };
        match self.runs.last_mut() {
            Some(run) if run.last().is_some_and(follows) => run.push(entry),
            _ => {
                let mut run = SegmentTable::new();
                run.push(entry);
                self.runs.push(run);
            }
        }
    }
}

/// The segment without a header whose groups opening carries over: they count as if the header were
/// written.
async fn begun<D: Disk>(disk: &D, view: &View) -> Result<Option<SegmentEntry>, OpenError> {
    let Some(segment) = view.begun() else {
        return Ok(None);
    };
    let file_bytes = disk.open(&segment::file_name(segment), OpenMode::Read).await?.len().await?;
    let head = first_group(disk, view.superblock.store, segment, file_bytes).await;
    Ok(head.filter(|head| head.sequence < view.walked.sequence))
}

/// The header of a segment's file, and the file's length. Bad news is asked for twice, since a read
/// can be misdirected too.
async fn read_head<D: Disk>(
    disk: &D,
    store: StoreId,
    segment: SegmentId,
) -> Result<(Head, u64), OpenError> {
    match read_head_once(disk, store, segment).await? {
        sound @ (Head::Sound(_), _) => Ok(sound),
        _ => read_head_once(disk, store, segment).await,
    }
}

async fn read_head_once<D: Disk>(
    disk: &D,
    store: StoreId,
    segment: SegmentId,
) -> Result<(Head, u64), OpenError> {
    let name = segment::file_name(segment);
    let file = disk.open(&name, OpenMode::Read).await?;
    let file_bytes = file.len().await?;
    let mut block = vec![0; usize_from(segment::HEADER_BYTES)];
    let head = match read_full(&file, &mut block, 0).await {
        Err(_) => Head::Damaged,
        Ok(filled) => match SegmentHeader::decode(&block[..filled], store, segment) {
            Ok(header) => Head::Sound(header),
            Err(SegmentFault::Zero) => Head::Blank,
            Err(SegmentFault::OtherSegment(other)) if other < segment => Head::Blank,
            Err(SegmentFault::OtherSegment(_) | SegmentFault::Damaged) => Head::Damaged,
            Err(SegmentFault::OtherStore(_)) => Head::Foreign,
            Err(SegmentFault::Newer(found)) => {
                return Err(OpenError::NewerFormat { found, supported: FORMAT });
            }
        },
    };
    Ok((head, file_bytes))
}
