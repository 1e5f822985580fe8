//! One segment: its header block, its file name, its size, and the table of all segments.
//!
//! A segment carries no end mark: the header of the next one says where it ended, with the number
//! and chain value of the first group there. Does not open files.

use crate::{
    ids::{Epoch, Position, SegmentId, Sequence, StoreId},
    limits::{BLOCK_BYTES, GROUP_BYTES_MAX, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN},
    log::{
        Chain,
        fields::{Fields, usize_from},
    },
};

/// The first eight bytes of a started segment.
pub const MAGIC: [u8; 8] = *b"SgSegmnt";
/// The version of the on-disk format that this crate writes, and the newest that it reads.
pub const FORMAT: u32 = 2;
/// Bytes of a segment that the header takes; the first group follows.
pub const HEADER_BYTES: u64 = BLOCK_BYTES;

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes its fields")]
pub struct SegmentHeader {
    /// The store that the segment belongs to.
    pub store: StoreId,
    /// The segment's number.
    pub segment: SegmentId,
    /// The size of the segment's file in bytes when it was prepared.
    pub segment_bytes: u64,
    /// Number of the first group.
    pub sequence: Sequence,
    /// Position of the first event.
    pub first: Position,
    /// The last group known durable when the segment was started. A segment that a recovery starts
    /// may have groups of its own by then: the copies, which are durable before they count.
    pub durable_through: Sequence,
    /// The epoch of the first group; none of the segment has a lower one. What an opening or a
    /// start that was cut short left at the place of a group that the disk lost is no group then.
    pub epoch: Epoch,
    /// Chain value of the last group of the segment before.
    pub chain: Chain,
}

/// Why the first block of a file is no header of the segment that its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SegmentFault {
    /// Nothing but zeros: prepared, never started.
    Zero,
    /// A sound header of this store, with another number: a recycled file, or a misplaced block.
    OtherSegment(SegmentId),
    /// Not a header, or its checksum differs.
    Damaged,
    /// A sound header of another store.
    OtherStore(StoreId),
    /// Written by a newer version of the format.
    Newer(u32),
}

impl SegmentHeader {
    /// The header as the block that stands at offset 0.
    pub fn encode(&self) -> Vec<u8> {
        let mut covered = Vec::with_capacity(usize_from(HEADER_BYTES));
        covered.extend_from_slice(self.store.as_bytes());
        covered.extend_from_slice(&self.segment.get().to_le_bytes());
        covered.extend_from_slice(&self.segment_bytes.to_le_bytes());
        covered.extend_from_slice(&self.sequence.get().to_le_bytes());
        covered.extend_from_slice(&self.first.get().to_le_bytes());
        covered.extend_from_slice(&self.durable_through.get().to_le_bytes());
        covered.extend_from_slice(&self.epoch.get().to_le_bytes());
        covered.extend_from_slice(&self.chain.get().to_le_bytes());
        covered.resize(usize_from(HEADER_BYTES) - 16, 0);
        sealed(MAGIC, &covered)
    }

    /// Decodes the first block of the file of segment `segment` in `store`.
    pub fn decode(block: &[u8], store: StoreId, segment: SegmentId) -> Result<Self, SegmentFault> {
        let Some(block) = block.get(..usize_from(HEADER_BYTES)) else {
            return Err(if is_zero(block) { SegmentFault::Zero } else { SegmentFault::Damaged });
        };
        if is_zero(block) {
            return Err(SegmentFault::Zero);
        }
        let covered = open_sealed(MAGIC, block).map_err(|fault| match fault {
            SealFault::Damaged => SegmentFault::Damaged,
            SealFault::Newer(format) => SegmentFault::Newer(format),
        })?;
        let header = Self::decode_fields(covered).ok_or(SegmentFault::Damaged)?;
        if header.store != store {
            return Err(SegmentFault::OtherStore(header.store));
        }
        if header.segment != segment {
            return Err(SegmentFault::OtherSegment(header.segment));
        }
        if SegmentEntry::from(&header).is_within_bounds() {
            Ok(header)
        } else {
            Err(SegmentFault::Damaged)
        }
    }

    fn decode_fields(covered: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(covered);
        Some(Self {
            store: StoreId::from_bytes(fields.id()?),
            segment: SegmentId::new(fields.counter()?),
            segment_bytes: fields.counter()?,
            sequence: Sequence::new(fields.counter()?),
            first: Position::new(fields.counter()?),
            durable_through: Sequence::new(fields.counter()?),
            epoch: Epoch::new(fields.counter()?),
            chain: Chain::new(fields.u32()?),
        })
    }
}

/// The store that a segment's first block names, if it is a header that holds.
pub fn store_of(block: &[u8]) -> Option<StoreId> {
    let covered = open_sealed(MAGIC, block.get(..usize_from(HEADER_BYTES))?).ok()?;
    SegmentHeader::decode_fields(covered).map(|header| header.store)
}

/// Why a sealed block (superblock, segment header, checkpoint) does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealFault {
    Damaged,
    Newer(u32),
}

/// `magic`, format version, checksum over all that follows, then `covered`.
///
/// The three kinds of block that are not groups share this envelope.
pub(crate) fn sealed(magic: [u8; 8], covered: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(covered.len() + 16);
    block.extend_from_slice(&magic);
    block.extend_from_slice(&FORMAT.to_le_bytes());
    block.extend_from_slice(&seal_crc(magic, FORMAT, covered).to_le_bytes());
    block.extend_from_slice(covered);
    block
}

/// The covered part of a sealed block, if its checksum holds.
pub(crate) fn open_sealed(magic: [u8; 8], block: &[u8]) -> Result<&[u8], SealFault> {
    let mut fields = Fields::new(block);
    let header = fields.bytes(8).zip(fields.u32()).zip(fields.u32());
    let ((found, format), crc) = header.ok_or(SealFault::Damaged)?;
    let covered = block.get(16..).ok_or(SealFault::Damaged)?;
    if found != magic.as_slice() || crc != seal_crc(magic, format, covered) {
        return Err(SealFault::Damaged);
    }
    // A newer format keeps this envelope, so that an older reader can say why it stops.
    if format > FORMAT { Err(SealFault::Newer(format)) } else { Ok(covered) }
}

fn seal_crc(magic: [u8; 8], format: u32, covered: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&magic);
    hasher.update(&format.to_le_bytes());
    hasher.update(covered);
    hasher.finalize()
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // Equal to itself moved by one byte, with a zero in front: one fast comparison of memory.
    match bytes.split_first() {
        Some((first, rest)) => *first == 0 && bytes.get(..rest.len()) == Some(rest),
        None => true,
    }
}

/// How many bytes of whole zero blocks `bytes` begins with.
pub(crate) fn leading_zero_bytes(bytes: &[u8]) -> u64 {
    let zeros = bytes.chunks(usize_from(BLOCK_BYTES)).take_while(|block| is_zero(block));
    zeros.map(|_| BLOCK_BYTES).sum()
}

/// The name of the file of `segment`.
pub fn file_name(segment: SegmentId) -> String {
    format!("log-{:020}.seg", segment.get())
}

/// The segment that a file of this name holds, if it is the name of a segment.
pub fn parse_file_name(name: &str) -> Option<SegmentId> {
    let digits = name.strip_prefix("log-")?.strip_suffix(".seg")?;
    parse_padded(digits).map(SegmentId::new)
}

/// The number that names of files write with exactly these twenty digits, so that no two names
/// stand for one file.
pub(crate) fn parse_padded(digits: &str) -> Option<u64> {
    let digits = <&[u8; 20]>::try_from(digits.as_bytes()).ok()?;
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The size of the next segment to prepare for a log that holds `log_bytes`: about as large as the
/// log itself, so that a small store stays small, up to `segment_bytes_max`, and never too small
/// for one full group.
pub fn bytes_for(log_bytes: u64, group_bytes_max: u64, segment_bytes_max: u64) -> u64 {
    let smallest = bytes_min_for(group_bytes_max);
    let wanted = log_bytes.min(SEGMENT_BYTES_MAX).next_power_of_two();
    wanted.max(smallest).min(segment_bytes_max)
}

/// The smallest segment that takes a group of `group_bytes_max`.
pub fn bytes_min_for(group_bytes_max: u64) -> u64 {
    (2 * group_bytes_max.min(GROUP_BYTES_MAX)).next_power_of_two().max(SEGMENT_BYTES_MIN)
}

/// A started segment in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes its fields")]
pub struct SegmentEntry {
    /// The segment's number.
    pub segment: SegmentId,
    /// The size of its file when it was prepared, in bytes.
    pub segment_bytes: u64,
    /// Number of its first group.
    pub sequence: Sequence,
    /// Position of its first event.
    pub first: Position,
    /// Chain value before its first group.
    pub chain: Chain,
    /// The lowest epoch of its groups; 0 where only a checkpoint was asked, which does not know.
    pub epoch: Epoch,
}

impl From<&SegmentHeader> for SegmentEntry {
    fn from(header: &SegmentHeader) -> Self {
        Self {
            segment: header.segment,
            segment_bytes: header.segment_bytes,
            sequence: header.sequence,
            first: header.first,
            chain: header.chain,
            epoch: header.epoch,
        }
    }
}

impl SegmentEntry {
    /// Whether the header says of the segment what this entry does, as far as it knows it.
    pub(crate) fn agrees_with(&self, header: &SegmentHeader) -> bool {
        let told = Self::from(header);
        *self == told || *self == Self { epoch: Epoch::default(), ..told }
    }

    /// Whether the numbers, as they were read from a disk, are ones that a log can reach.
    pub(crate) fn is_within_bounds(&self) -> bool {
        (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes)
            && self.sequence.get() >= 1
    }
}

/// All started segments, by number, without gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentTable(Vec<SegmentEntry>);

impl SegmentTable {
    /// An empty table.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds the next segment.
    ///
    /// # Panics
    /// If it does not follow the last one.
    pub fn push(&mut self, entry: SegmentEntry) {
        if let Some(last) = self.0.last() {
            assert_eq!(entry.segment, last.segment.next(), "segments are started in order");
            assert!(entry.sequence >= last.sequence, "groups are numbered in order");
        }
        self.0.push(entry);
    }

    /// Takes in what only the header of a segment in the table knows.
    pub(crate) fn learn(&mut self, header: &SegmentHeader) {
        let at = self.0.binary_search_by_key(&header.segment, |entry| entry.segment);
        if let Some(entry) = at.ok().and_then(|at| self.0.get_mut(at)) {
            entry.epoch = header.epoch;
        }
    }

    /// Drops the segments below `floor`.
    pub fn retire_below(&mut self, floor: SegmentId) {
        self.0.retain(|entry| entry.segment >= floor);
    }

    /// The started segments in order.
    pub fn entries(&self) -> &[SegmentEntry] {
        &self.0
    }

    /// The newest started segment.
    pub fn last(&self) -> Option<&SegmentEntry> {
        self.0.last()
    }

    /// The entry of `segment`.
    pub fn entry(&self, segment: SegmentId) -> Option<&SegmentEntry> {
        let at = self.0.binary_search_by_key(&segment, |entry| entry.segment).ok()?;
        self.0.get(at)
    }

    /// The segment that holds `position`, or the first one if the position was retired.
    pub fn holding(&self, position: Position) -> Option<&SegmentEntry> {
        let after = self.0.partition_point(|entry| entry.first <= position);
        self.0.get(after.saturating_sub(1))
    }

    /// Bytes of all segment files as they were prepared.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|entry| entry.segment_bytes).sum()
    }
}

#[cfg(test)]
mod tests;
