//! One group: the commits that are written and synced together.
//!
//! A group is the unit of write, of atomicity and of commit; there is no other marker. It starts
//! on a block boundary with a header of [`HEADER_BYTES`] whose checksum covers every other field
//! and is seeded with the store's identity, so that a length is used only after it was verified.
//! Segment, offset and epoch stand in clear: a misplaced block or one of a former life is known
//! as what it is. Knows nothing of files or of when a group is written.
//!
//! ```text
//!  0      4      8         16       24      32         40         48              56
//!  +------+------+---------+--------+-------+----------+----------+---------------+
//!  |magic |crc32 | segment | offset | epoch | sequence | position | durable_through|
//!  +------+------+---------+--------+-------+----------+----------+---------------+
//!  56          60        64              68            72      76    77        78  80
//!  +-----------+---------+---------------+-------------+-------+-----+---------+---+
//!  | positions | commits | payload_bytes | payload_crc | chain |kind |checksum | 0 |
//!  +-----------+---------+---------------+-------------+-------+-----+---------+---+
//!  | payload: commits, each  bytes u32 | crc32 u32 | positions u32 | 0 u32 | body  |
//!  +-------------------------------------------------------------------------------+
//!  | zeros up to the next block boundary                                            |
//!  +-------------------------------------------------------------------------------+
//! ```

mod frame;

pub use frame::{CommitView, Commits, Frame, FrameDraft, FrameFault};

use crate::{
    ids::{Epoch, Position, SegmentId, Sequence, StoreId},
    limits::{BLOCK_BYTES, COMMIT_POSITIONS_MAX, FRAME_BYTES, GROUP_BYTES_MAX, SEGMENT_BYTES_MAX},
    log::{
        Chain, Place,
        fields::{Fields, len_u32, len_u64, u64_from, usize_from},
    },
};

/// Bytes of a group's header.
pub const HEADER_BYTES: usize = 80;
/// The first four bytes of every group.
pub const MAGIC: [u8; 4] = *b"SgGp";
/// Checksum kind 1: CRC-32 (IEEE 802.3, reflected), as computed by `crc32fast`.
const CHECKSUM_CRC32: u8 = 1;
/// Where the part of the header that its checksum covers begins.
const COVERED_FROM: usize = 8;

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupKind {
    /// Commits of callers.
    Commits,
    /// The first group of a writer's epoch; its payload is the wall time in nanoseconds.
    EpochStart,
    /// Empty: says that everything before it is durable.
    Heartbeat,
}

impl GroupKind {
    const fn code(self) -> u8 {
        match self {
            Self::Commits => 1,
            Self::EpochStart => 2,
            Self::Heartbeat => 3,
        }
    }

    const fn parse(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Commits),
            2 => Some(Self::EpochStart),
            3 => Some(Self::Heartbeat),
            _ => None,
        }
    }
}

/// The header of a group, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupHeader {
    /// What the group is for.
    pub kind: GroupKind,
    /// Where the group was meant to be written.
    pub place: Place,
    /// The writer's epoch.
    pub epoch: Epoch,
    /// The group's number.
    pub sequence: Sequence,
    /// Position of the first event of the group.
    pub first: Position,
    /// The last group known durable when this one was closed.
    pub durable_through: Sequence,
    /// How many positions the group takes.
    pub positions: u32,
    /// How many commits the payload holds.
    pub commits: u32,
    /// Bytes of the payload, without header and padding.
    pub payload_bytes: u32,
    /// CRC-32 of the payload.
    pub payload_crc: u32,
    /// Chain value of the group before.
    pub chain: Chain,
    /// Chain value of this group: the checksum of its header.
    pub link: Chain,
}

/// Why bytes are no header of a group of this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderFault {
    /// They do not begin with [`MAGIC`].
    NoMagic,
    /// The checksum over the header differs, or it belongs to another store.
    Checksum,
    /// The checksum holds, yet a field is outside its bounds or of an unknown kind.
    Bounds,
}

impl GroupHeader {
    /// Decodes and checks a header of the group format of `store`.
    pub fn decode(bytes: &[u8], store: StoreId) -> Result<Self, HeaderFault> {
        let header = bytes.get(..HEADER_BYTES).ok_or(HeaderFault::NoMagic)?;
        if !header.starts_with(&MAGIC) {
            return Err(HeaderFault::NoMagic);
        }
        let mut fields = Fields::new(header);
        let _magic = fields.u32();
        let stored = fields.u32().ok_or(HeaderFault::NoMagic)?;
        let covered = header.get(COVERED_FROM..).ok_or(HeaderFault::NoMagic)?;
        if stored != header_crc(covered, store) {
            return Err(HeaderFault::Checksum);
        }
        let header = Self::decode_fields(&mut fields, Chain::new(stored));
        header.filter(Self::within_bounds).ok_or(HeaderFault::Bounds)
    }

    fn decode_fields(fields: &mut Fields<'_>, link: Chain) -> Option<Self> {
        let place = Place { segment: SegmentId::new(fields.counter()?), offset: fields.counter()? };
        let epoch = Epoch::new(fields.counter()?);
        let sequence = Sequence::new(fields.counter()?);
        let first = Position::new(fields.counter()?);
        let durable_through = Sequence::new(fields.counter()?);
        let positions = fields.u32()?;
        let commits = fields.u32()?;
        let payload_bytes = fields.u32()?;
        let payload_crc = fields.u32()?;
        let chain = Chain::new(fields.u32()?);
        let kind = GroupKind::parse(fields.u8()?)?;
        let checksum = fields.u8()?;
        let reserved = fields.u16()?;
        (checksum == CHECKSUM_CRC32 && reserved == 0).then_some(Self {
            kind,
            place,
            epoch,
            sequence,
            first,
            durable_through,
            positions,
            commits,
            payload_bytes,
            payload_crc,
            chain,
            link,
        })
    }

    fn within_bounds(&self) -> bool {
        let frames = u64::from(self.commits) * FRAME_BYTES;
        self.bytes() <= GROUP_BYTES_MAX
            && u64::from(self.payload_bytes) >= frames
            && self.positions >= self.commits
            && u64::from(self.positions)
                <= u64::from(self.commits) * u64::from(COMMIT_POSITIONS_MAX)
            && (self.commits == 0) == (self.kind != GroupKind::Commits)
            && self.durable_through < self.sequence
            && self.place.offset <= SEGMENT_BYTES_MAX
    }

    /// Bytes of header and payload, without padding.
    pub fn bytes(&self) -> u64 {
        u64_from(HEADER_BYTES) + u64::from(self.payload_bytes)
    }

    /// Bytes that the group occupies in its segment.
    pub fn padded_bytes(&self) -> u64 {
        padded(self.bytes())
    }

    /// The position after the group's last.
    pub fn next_position(&self) -> Position {
        self.first.plus(u64::from(self.positions))
    }

    /// Whether `payload` is the payload that this header was written with.
    pub fn covers(&self, payload: &[u8]) -> bool {
        len_u64(payload) == u64::from(self.payload_bytes)
            && crc32fast::hash(payload) == self.payload_crc
    }
}

/// A group that is being filled.
#[derive(Debug)]
pub struct GroupBuilder {
    bytes: Vec<u8>,
    commits: u32,
    positions: u32,
}

/// Where and when a group is closed.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record of arguments, constructed in place")]
pub struct Closing {
    /// What the group is for.
    pub kind: GroupKind,
    /// The store.
    pub store: StoreId,
    /// Where the group will be written.
    pub place: Place,
    /// The writer's epoch.
    pub epoch: Epoch,
    /// The group's number.
    pub sequence: Sequence,
    /// Position of the group's first event.
    pub first: Position,
    /// The last group known durable.
    pub durable_through: Sequence,
    /// Chain value of the group before.
    pub chain: Chain,
}

impl GroupBuilder {
    /// An empty group that reuses the memory of `buffer`.
    pub fn new(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.resize(HEADER_BYTES, 0);
        Self { bytes: buffer, commits: 0, positions: 0 }
    }

    /// Whether nothing was put in yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER_BYTES
    }

    /// How many commits were put in.
    pub fn commits(&self) -> u32 {
        self.commits
    }

    /// How many positions the commits take.
    pub fn positions(&self) -> u32 {
        self.positions
    }

    /// Bytes of payload that were put in.
    pub fn payload_bytes(&self) -> u64 {
        len_u64(&self.bytes) - u64_from(HEADER_BYTES)
    }

    /// Bytes that the group would occupy with `more` payload bytes.
    pub fn padded_bytes_with(&self, more: u64) -> u64 {
        padded(len_u64(&self.bytes) + more)
    }

    /// Bytes that a group of `payload_bytes` occupies.
    pub fn padded_bytes_of(payload_bytes: u64) -> u64 {
        padded(u64_from(HEADER_BYTES) + payload_bytes)
    }

    /// Puts a commit in; `first` is the position of its first event.
    pub fn push(&mut self, frame: Frame<'_>, first: Position) {
        self.bytes.extend_from_slice(&frame.body_bytes().to_le_bytes());
        self.bytes.extend_from_slice(&frame.sealed_at(first).to_le_bytes());
        self.bytes.extend_from_slice(&frame.positions.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(frame.body);
        self.bytes.extend_from_slice(frame.stamp);
        self.commits += 1;
        self.positions += frame.positions;
    }

    /// Puts raw payload in, for kinds that carry no commits or for a group that is copied whole.
    pub fn extend(&mut self, payload: &[u8], commits: u32, positions: u32) {
        self.bytes.extend_from_slice(payload);
        self.commits += commits;
        self.positions += positions;
    }

    /// Writes the header and pads to the block boundary.
    ///
    /// # Panics
    /// If the group exceeds the format's bounds; the pipeline's limits are tighter.
    pub fn close(mut self, closing: Closing) -> (GroupHeader, Vec<u8>) {
        let payload = self.bytes.get(HEADER_BYTES..).unwrap_or_default();
        let mut header = GroupHeader {
            kind: closing.kind,
            place: closing.place,
            epoch: closing.epoch,
            sequence: closing.sequence,
            first: closing.first,
            durable_through: closing.durable_through,
            positions: self.positions,
            commits: self.commits,
            payload_bytes: len_u32(payload),
            payload_crc: crc32fast::hash(payload),
            chain: closing.chain,
            link: Chain::START,
        };
        let encoded = encode(&header, closing.store);
        header.link = link_of(&encoded);
        assert!(header.within_bounds(), "a closed group obeys its own bounds: {header:?}");
        if let Some(front) = self.bytes.get_mut(..HEADER_BYTES) {
            front.copy_from_slice(&encoded);
        }
        self.bytes.resize(usize_from(header.padded_bytes()), 0);
        (header, self.bytes)
    }
}

fn encode(header: &GroupHeader, store: StoreId) -> Vec<u8> {
    let mut covered = Vec::with_capacity(HEADER_BYTES);
    covered.extend_from_slice(&header.place.segment.get().to_le_bytes());
    covered.extend_from_slice(&header.place.offset.to_le_bytes());
    covered.extend_from_slice(&header.epoch.get().to_le_bytes());
    covered.extend_from_slice(&header.sequence.get().to_le_bytes());
    covered.extend_from_slice(&header.first.get().to_le_bytes());
    covered.extend_from_slice(&header.durable_through.get().to_le_bytes());
    covered.extend_from_slice(&header.positions.to_le_bytes());
    covered.extend_from_slice(&header.commits.to_le_bytes());
    covered.extend_from_slice(&header.payload_bytes.to_le_bytes());
    covered.extend_from_slice(&header.payload_crc.to_le_bytes());
    covered.extend_from_slice(&header.chain.get().to_le_bytes());
    covered.extend_from_slice(&[header.kind.code(), CHECKSUM_CRC32, 0, 0]);
    let crc = header_crc(&covered, store);
    let mut encoded = Vec::with_capacity(HEADER_BYTES);
    encoded.extend_from_slice(&MAGIC);
    encoded.extend_from_slice(&crc.to_le_bytes());
    encoded.extend_from_slice(&covered);
    assert_eq!(encoded.len(), HEADER_BYTES, "the header's fields fill it exactly");
    encoded
}

fn link_of(encoded: &[u8]) -> Chain {
    let crc = encoded.get(4..8).and_then(|field| Fields::new(field).u32());
    Chain::new(crc.expect("an encoded header has its checksum"))
}

fn header_crc(covered: &[u8], store: StoreId) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(store.as_bytes());
    hasher.update(covered);
    hasher.finalize()
}

/// `bytes` rounded up to whole blocks.
pub fn padded(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK_BYTES)
}

#[cfg(test)]
mod tests;
