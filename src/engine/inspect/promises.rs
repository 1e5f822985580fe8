//! What the superblock and its checkpoint promise, read for an inspection.
//!
//! Says what of it does not hold. Whether that is damage is judged by whoever asked.

use super::{Damage, DamageKind};
use crate::{
    engine::{
        procedures::{read_file, read_full},
        view::View,
    },
    error::OpenError,
    limits::BLOCK_BYTES,
    log::{
        checkpoint,
        fields::usize_from,
        segment::{FORMAT, SegmentTable},
        superblock::{self, CheckpointName, Choice, Slot, Superblock},
    },
    runtime::{Disk, OpenMode},
};

/// How often files that a writer replaces are read before their damage is believed.
const READS_MAX: usize = 3;

/// What stands in the superblock's file, and the table that it names.
pub(super) struct Promises {
    pub(super) slots: [Slot; 2],
    pub(super) choice: Choice,
    pub(super) checkpoint: Option<SegmentTable>,
    pub(super) damages: Vec<Damage>,
}

impl Promises {
    /// Reads superblock and checkpoint, again if a writer seems to have been at them.
    pub(super) async fn read<D: Disk>(disk: &D, names: &[String]) -> Result<Self, OpenError> {
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
                promises.damages.push(checkpoint_damage(superblock.checkpoint));
            }
        }
        Ok(promises)
    }

    fn note_slots(&mut self) {
        let other_counts = match self.choice {
            Choice::Use { damaged, .. } => damaged,
            Choice::Damaged | Choice::Newer(_) => true,
        };
        let offsets = [0, superblock::SLOT_BYTES];
        for (slot, offset) in self.slots.iter().zip(offsets) {
            if other_counts && !matches!(slot, Slot::Valid(_)) {
                self.damages.push(slot_damage(offset));
            }
        }
    }
}

pub(super) fn slot_damage(offset: u64) -> Damage {
    Damage {
        kind: DamageKind::SuperblockSlot,
        file: superblock::FILE_NAME.into(),
        segment: None,
        offset,
        bytes: BLOCK_BYTES,
        lost: None,
        commit: None,
    }
}

pub(super) fn checkpoint_damage(name: Option<CheckpointName>) -> Damage {
    Damage {
        kind: DamageKind::Checkpoint,
        file: name.map(checkpoint::file_name).unwrap_or_default(),
        segment: None,
        offset: 0,
        bytes: name.map_or(0, |name| u64::from(name.bytes)),
        lost: None,
        commit: None,
    }
}

/// The slots that hold, as they were when `view` was seen: a writer may have written one since.
pub(super) async fn slots_of<D: Disk>(disk: &D, view: &View) -> Result<Vec<Superblock>, OpenError> {
    let slots = [read_slot(disk, 0).await?, read_slot(disk, superblock::SLOT_BYTES).await?];
    let mut seen = valid(&slots);
    seen.retain(|slot| slot.generation <= view.superblock.generation);
    Ok(seen)
}

pub(super) fn valid(slots: &[Slot]) -> Vec<Superblock> {
    let valid = |slot: &Slot| match slot {
        Slot::Valid(superblock) => Some(*superblock),
        Slot::Zero | Slot::Damaged | Slot::Newer(_) => None,
    };
    slots.iter().filter_map(valid).collect()
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
