//! What a directory is, pieced together without trusting any single file of it.
//!
//! The identity comes from whichever source is left, the segments from their own headers or, where
//! a header is damaged, from the first sound group. Reads headers only where they hold.

use super::{Damage, DamageKind, sweep::first_group};
use crate::{
    engine::procedures::{read_file, read_full},
    error::OpenError,
    ids::{SegmentId, Sequence, StoreId},
    limits::BLOCK_BYTES,
    log::{
        checkpoint,
        fields::usize_from,
        segment::{self, FORMAT, SegmentEntry, SegmentFault, SegmentHeader, SegmentTable},
        superblock::{self, Choice, Slot, Superblock},
    },
    runtime::{Disk, File as _, OpenMode},
};
use std::collections::BTreeSet;

/// How often files that a writer replaces are read before their damage is believed.
const READS_MAX: usize = 3;

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

/// What stands in the superblock's file, and the table that it names.
struct Promises {
    slots: [Slot; 2],
    choice: Choice,
    checkpoint: Option<SegmentTable>,
    damages: Vec<Damage>,
}

impl Map {
    /// Draws the map; `through` is the last segment to look at, if that is known.
    pub(crate) async fn draw<D: Disk>(
        disk: &D,
        through: Option<SegmentId>,
    ) -> Result<Self, OpenError> {
        let names = disk.list().await?;
        let promises = Promises::read(disk, &names).await?;
        let superblock = match promises.choice {
            Choice::Use { superblock, .. } => Some(superblock),
            Choice::Damaged | Choice::Newer(_) => None,
        };
        let floor = superblock.map_or(SegmentId::new(0), |superblock| superblock.floor);
        let through = through.unwrap_or(SegmentId::new(u64::MAX));
        let segments: BTreeSet<SegmentId> = names
            .iter()
            .filter_map(|name| segment::parse_file_name(name))
            .filter(|segment| (floor..=through).contains(segment))
            .collect();
        let store = match superblock {
            Some(superblock) => superblock.store,
            None => identity(disk, &names, &segments).await?,
        };
        let anchored = superblock.map_or(0, |superblock| superblock.anchor.sequence.get());
        let mut map = Self {
            store,
            superblock,
            slots: promises.valid_slots(),
            runs: Vec::new(),
            proven: Sequence::new(anchored.saturating_sub(1)),
            bytes: 0,
            damages: promises.damages,
        };
        map.note_missing(&segments, through);
        map.place_segments(disk, &segments, promises.checkpoint.as_ref()).await?;
        Ok(map)
    }

    fn note_missing(&mut self, segments: &BTreeSet<SegmentId>, through: SegmentId) {
        let known = self
            .superblock
            .map(|superblock| (superblock.floor, superblock.prepared_through.min(through)));
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
            self.damages.push(whole_checkpoint(self.superblock.as_ref()));
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

impl Promises {
    /// Reads superblock and checkpoint, again if a writer seems to have been at them.
    async fn read<D: Disk>(disk: &D, names: &[String]) -> Result<Self, OpenError> {
        let mut reads = 1;
        loop {
            let promises = Self::read_once(disk, names).await?;
            if promises.damages.is_empty() || reads == READS_MAX {
                return Ok(promises);
            }
            reads += 1;
        }
    }

    async fn read_once<D: Disk>(disk: &D, names: &[String]) -> Result<Self, OpenError> {
        let slots = if names.iter().any(|name| name == superblock::FILE_NAME) {
            [read_slot(disk, 0).await?, read_slot(disk, superblock::SLOT_BYTES).await?]
        } else {
            [Slot::Damaged; 2]
        };
        let choice = superblock::choose(slots[0], slots[1]);
        if let Choice::Newer(found) = choice {
            return Err(OpenError::NewerFormat { found, supported: FORMAT });
        }
        let mut promises = Self { slots, choice, checkpoint: None, damages: Vec::new() };
        promises.note_slots();
        if let Choice::Use { superblock, .. } = choice
            && superblock.checkpoint.is_some()
        {
            promises.checkpoint = read_checkpoint(disk, &superblock).await;
            if promises.checkpoint.is_none() {
                promises.damages.push(whole_checkpoint(Some(&superblock)));
            }
        }
        Ok(promises)
    }

    fn valid_slots(&self) -> Vec<Superblock> {
        let valid = |slot: &Slot| match slot {
            Slot::Valid(superblock) => Some(*superblock),
            Slot::Zero | Slot::Damaged | Slot::Newer(_) => None,
        };
        self.slots.iter().filter_map(valid).collect()
    }

    fn note_slots(&mut self) {
        let other_counts = match self.choice {
            Choice::Use { damaged, .. } => damaged,
            Choice::Damaged | Choice::Newer(_) => true,
        };
        let offsets = [0, superblock::SLOT_BYTES];
        for (slot, offset) in self.slots.iter().zip(offsets) {
            if other_counts && !matches!(slot, Slot::Valid(_)) {
                self.damages.push(Damage {
                    kind: DamageKind::SuperblockSlot,
                    file: superblock::FILE_NAME.into(),
                    segment: None,
                    offset,
                    bytes: BLOCK_BYTES,
                    lost: None,
                });
            }
        }
    }
}

fn whole_checkpoint(superblock: Option<&Superblock>) -> Damage {
    let name = superblock.and_then(|superblock| superblock.checkpoint);
    Damage {
        kind: DamageKind::Checkpoint,
        file: name.map(checkpoint::file_name).unwrap_or_default(),
        segment: None,
        offset: 0,
        bytes: name.map_or(0, |name| u64::from(name.bytes)),
        lost: None,
    }
}

/// One slot; one that cannot be read counts as damaged.
async fn read_slot<D: Disk>(disk: &D, at: u64) -> Result<Slot, OpenError> {
    let file = disk.open(superblock::FILE_NAME, OpenMode::Read).await?;
    let mut block = vec![0; usize_from(BLOCK_BYTES)];
    Ok(match read_full(&file, &mut block, at).await {
        Ok(filled) => Superblock::decode(&block[..filled]),
        Err(_) => Slot::Damaged,
    })
}

async fn read_checkpoint<D: Disk>(disk: &D, superblock: &Superblock) -> Option<SegmentTable> {
    let name = superblock.checkpoint?;
    let bytes = checkpoint::bytes_to_read(name)?;
    let bytes = read_file(disk, &checkpoint::file_name(name), bytes).await.ok()?;
    let through = superblock.prepared_through;
    checkpoint::decode(&bytes, name, superblock.store, through)
}

async fn read_head<D: Disk>(
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

/// The store's identity without a superblock: the first segment header that holds, else a
/// checkpoint. Without it no group can be told from other bytes.
async fn identity<D: Disk>(
    disk: &D,
    names: &[String],
    segments: &BTreeSet<SegmentId>,
) -> Result<StoreId, OpenError> {
    for segment in segments {
        let name = segment::file_name(*segment);
        let Ok(block) = read_file(disk, &name, usize_from(segment::HEADER_BYTES)).await else {
            continue;
        };
        // A header that names another store than this made-up one holds otherwise.
        let nobody = StoreId::from_bytes([0; 16]);
        if let Err(SegmentFault::OtherStore(store)) =
            SegmentHeader::decode(&block, nobody, *segment)
        {
            return Ok(store);
        }
    }
    let bytes_max = usize_from(u64::from(checkpoint::FILE_BYTES_MAX));
    for name in names.iter().filter(|name| checkpoint::is_file_name(name)) {
        let bytes = read_whole(disk, name, bytes_max).await;
        if let Some(store) = bytes.as_deref().and_then(checkpoint::store_of) {
            return Ok(store);
        }
    }
    Err(OpenError::NotAStore {
        reason: "no superblock slot, segment header or checkpoint is left that names one".into(),
    })
}

async fn read_whole<D: Disk>(disk: &D, name: &str, bytes_max: usize) -> Option<Vec<u8>> {
    let file = disk.open(name, OpenMode::Read).await.ok()?;
    let bytes = usize::try_from(file.len().await.ok()?).ok()?;
    read_file(disk, name, bytes.min(bytes_max)).await.ok()
}
