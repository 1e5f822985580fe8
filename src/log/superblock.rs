//! The superblock: what a store is and how far its log is known to go.
//!
//! Two slots of one file are written in turn, each generation into the slot of the one before the
//! last, so that a torn write leaves the other. Does no I/O; `engine::procedures` writes it.

use crate::{
    ids::{Epoch, Position, SegmentId, Sequence, StoreId},
    limits::{
        BLOCK_BYTES, GROUP_BYTES_MAX, GROUP_BYTES_MIN, KEY_HORIZON_EVENTS, SEGMENT_BYTES_MAX,
        SEGMENT_BYTES_MIN,
    },
    log::{
        Anchor, Chain, Place,
        fields::{Fields, usize_from},
        segment::{HEADER_BYTES, SealFault, bytes_min_for, is_zero, open_sealed, sealed},
    },
};

/// The name of the superblock's file.
pub const FILE_NAME: &str = "STORE";
/// Bytes from one slot to the other: a page, so that the slots never share one.
pub const SLOT_BYTES: u64 = 4096;
/// Bytes of the file.
pub const FILE_BYTES: u64 = 2 * SLOT_BYTES;

const MAGIC: [u8; 8] = *b"SgSuperb";

/// How the superblock names a checkpoint: by number and by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes its fields")]
pub struct CheckpointName {
    /// The last segment that the checkpoint's table holds; also its file's number.
    pub segment: SegmentId,
    /// Length of the checkpoint's file in bytes.
    pub bytes: u32,
    /// CRC-32 of the checkpoint's file.
    pub crc: u32,
}

/// What was chosen for the store, by whoever made it or by a later opening that chose anew. An
/// opening that chooses nothing goes on with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes its fields")]
pub struct Chosen {
    /// The size that segments grow to, in bytes.
    pub segment_bytes: u64,
    /// The largest group, and so the largest commit, in bytes.
    pub group_bytes_max: u64,
    /// For how many positions a command key is kept.
    pub key_horizon_events: u64,
    /// How many segments are kept prepared ahead of the active one.
    pub prepared_segments: u64,
}

impl Default for Chosen {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            group_bytes_max: 4 << 20,
            key_horizon_events: KEY_HORIZON_EVENTS,
            prepared_segments: 1,
        }
    }
}

impl Chosen {
    const fn fields(self) -> [u64; 4] {
        [self.segment_bytes, self.group_bytes_max, self.key_horizon_events, self.prepared_segments]
    }

    /// `None` if the numbers are beyond their bounds. All zero is what format 1 wrote, which knew
    /// no choices but those of each opening.
    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let chosen = Self {
            segment_bytes: fields.u64()?,
            group_bytes_max: fields.u64()?,
            key_horizon_events: fields.u64()?,
            prepared_segments: fields.u64()?,
        };
        if chosen.fields() == [0; 4] {
            return Some(Self::default());
        }
        let sound = (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&chosen.segment_bytes)
            && chosen.segment_bytes.is_power_of_two()
            && (GROUP_BYTES_MIN..=GROUP_BYTES_MAX).contains(&chosen.group_bytes_max)
            && bytes_min_for(chosen.group_bytes_max) <= chosen.segment_bytes
            && chosen.prepared_segments >= 1;
        sound.then_some(chosen)
    }
}

/// The superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes its fields")]
pub struct Superblock {
    /// The store's identity.
    pub store: StoreId,
    /// Counts the writes of the superblock; the higher valid slot counts.
    pub generation: u64,
    /// The epoch of the last writer.
    pub epoch: Epoch,
    /// The first segment that is kept. Lower ones are gone or on their way out.
    pub floor: SegmentId,
    /// The last segment that is prepared: nothing of the log lies beyond it.
    pub prepared_through: SegmentId,
    /// The newest checkpoint, if one was made.
    pub checkpoint: Option<CheckpointName>,
    /// A point up to which the log is durable, at most one checkpoint interval old.
    pub anchor: Anchor,
    /// The store was closed in order and nothing was written since: the anchor is the end.
    pub clean: bool,
    /// When the store was created, in nanoseconds since the Unix epoch; informative.
    pub created_unix_nanos: u64,
    /// What was chosen for the store.
    pub chosen: Chosen,
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "decided exhaustively by `choose`")]
pub enum Slot {
    /// Never written.
    Zero,
    /// Not a superblock, or its checksum differs.
    Damaged,
    /// Written by a newer version of the format.
    Newer(u32),
    /// A superblock.
    Valid(Superblock),
}

/// What the two slots say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "decided exhaustively by recovery")]
pub enum Choice {
    /// The newer of the valid slots; `damaged` if the other one does not hold.
    Use {
        /// The superblock to use.
        superblock: Superblock,
        /// Whether the other slot is damaged.
        damaged: bool,
    },
    /// A slot was written by a newer format.
    Newer(u32),
    /// No valid slot.
    Damaged,
}

impl Superblock {
    /// Where the slot of this generation begins in the file, in bytes.
    pub const fn slot_offset(&self) -> u64 {
        (self.generation % 2) * SLOT_BYTES
    }

    /// Whether `slot`, which was read at `at`, can stand beside this superblock, written last: no
    /// other store, no later writer, and in its own place nothing else that is sound. A slot that
    /// is damaged or zero says nothing of others.
    pub fn admits(&self, slot: Slot, at: u64) -> bool {
        match slot {
            Slot::Valid(found) => {
                found.store == self.store
                    && found.epoch <= self.epoch
                    && found.generation <= self.generation
                    && (at != self.slot_offset() || found.generation == self.generation)
            }
            Slot::Newer(_) => false,
            Slot::Zero | Slot::Damaged => true,
        }
    }

    /// The superblock as one block.
    pub fn encode(&self) -> Vec<u8> {
        let mut covered = Vec::with_capacity(usize_from(BLOCK_BYTES));
        covered.extend_from_slice(self.store.as_bytes());
        let checkpoint = self.checkpoint.unwrap_or(NO_CHECKPOINT);
        let last = self.anchor.last.unwrap_or(NO_PLACE);
        for field in [
            self.generation,
            self.epoch.get(),
            self.floor.get(),
            self.prepared_through.get(),
            checkpoint.segment.get(),
            self.anchor.next.segment.get(),
            self.anchor.next.offset,
            self.anchor.sequence.get(),
            self.anchor.position.get(),
            last.segment.get(),
            last.offset,
            self.created_unix_nanos,
        ] {
            covered.extend_from_slice(&field.to_le_bytes());
        }
        for field in
            [checkpoint.bytes, checkpoint.crc, self.anchor.chain.get(), u32::from(self.clean)]
        {
            covered.extend_from_slice(&field.to_le_bytes());
        }
        for field in self.chosen.fields() {
            covered.extend_from_slice(&field.to_le_bytes());
        }
        covered.resize(usize_from(BLOCK_BYTES) - 16, 0);
        sealed(MAGIC, &covered)
    }

    /// Decodes the block of one slot.
    pub fn decode(block: &[u8]) -> Slot {
        let Some(block) = block.get(..usize_from(BLOCK_BYTES)) else {
            return if is_zero(block) { Slot::Zero } else { Slot::Damaged };
        };
        if is_zero(block) {
            return Slot::Zero;
        }
        match open_sealed(MAGIC, block) {
            Ok(covered) => Self::decode_fields(covered).map_or(Slot::Damaged, Slot::Valid),
            Err(SealFault::Damaged) => Slot::Damaged,
            Err(SealFault::Newer(format)) => Slot::Newer(format),
        }
    }

    fn decode_fields(covered: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(covered);
        let store = StoreId::from_bytes(fields.id()?);
        let generation = fields.counter()?;
        let epoch = Epoch::new(fields.counter()?);
        let floor = SegmentId::new(fields.counter()?);
        let prepared_through = SegmentId::new(fields.counter()?);
        let checkpoint_segment = SegmentId::new(fields.counter()?);
        let next = Place { segment: SegmentId::new(fields.counter()?), offset: fields.counter()? };
        let sequence = Sequence::new(fields.counter()?);
        let position = Position::new(fields.counter()?);
        let last = Place { segment: SegmentId::new(fields.counter()?), offset: fields.counter()? };
        let created_unix_nanos = fields.u64()?;
        let checkpoint = CheckpointName {
            segment: checkpoint_segment,
            bytes: fields.u32()?,
            crc: fields.u32()?,
        };
        let chain = Chain::new(fields.u32()?);
        let clean = fields.u32()?;
        let chosen = Chosen::decode(&mut fields)?;
        let sound = clean <= 1
            && sequence.get() >= 1
            && floor.get() >= 1
            && next.offset >= HEADER_BYTES
            && next.offset.is_multiple_of(BLOCK_BYTES)
            && next.offset <= SEGMENT_BYTES_MAX
            && last.offset <= SEGMENT_BYTES_MAX
            && floor <= next.segment
            && next.segment <= prepared_through;
        sound.then_some(Self {
            store,
            generation,
            epoch,
            floor,
            prepared_through,
            checkpoint: (checkpoint != NO_CHECKPOINT).then_some(checkpoint),
            anchor: Anchor {
                next,
                sequence,
                position,
                chain,
                last: (last != NO_PLACE).then_some(last),
            },
            clean: clean == 1,
            created_unix_nanos,
            chosen,
        })
    }
}

const NO_CHECKPOINT: CheckpointName =
    CheckpointName { segment: SegmentId::new(0), bytes: 0, crc: 0 };
const NO_PLACE: Place = Place { segment: SegmentId::new(0), offset: 0 };

/// Chooses between the two slots.
pub fn choose(first: Slot, second: Slot) -> Choice {
    match (first, second) {
        // A newer format anywhere means that a newer version was here last: hands off.
        (Slot::Newer(format), _) | (_, Slot::Newer(format)) => Choice::Newer(format),
        (Slot::Valid(a), Slot::Valid(b)) => {
            let newer = if a.generation > b.generation { a } else { b };
            Choice::Use { superblock: newer, damaged: false }
        }
        (Slot::Valid(superblock), other) | (other, Slot::Valid(superblock)) => {
            // The first generation leaves the other slot zero; later ones do not.
            let damaged = other == Slot::Damaged || superblock.generation > 1;
            Choice::Use { superblock, damaged }
        }
        // The file gets its name only with a superblock in it, so zeros are damage too.
        (Slot::Zero | Slot::Damaged, Slot::Zero | Slot::Damaged) => Choice::Damaged,
    }
}

#[cfg(test)]
mod tests;
