//! Pages of a run: 4 KiB each, sealed, and checked through and through before they are believed.
//!
//! A page is bound by its checksum to the store, the run and its number, so that a page in the
//! wrong place or of another run is none. [`Page::check`] also walks all that a search will rely
//! on: what passed it can be searched without a further doubt, and a forged page is a fault and
//! never a panic. Does not read files, and does not know what values or postings mean.
//!
//! ```text
//! every page   crc32 | kind | 0 | count u16 | …
//! leaf, inner  … entries, each  shared | suffix bytes - 1 | payload bytes | suffix | payload
//!              … zeros … offsets of every 16th entry, u16, the last one first
//! postings     … first position u64 | first ordinal u64 | bytes u16 | chunk | zeros
//! filter       … zeros up to 64 | up to 63 blocks of 64 bytes
//! ```

mod builder;
mod search;

pub(crate) use builder::{PageBuilder, append_postings_page, seal_filter_page};
pub(crate) use search::Cursor;

use crate::{
    ids::{Position, StoreId},
    log::{Chain, fields::Fields},
    store::{fault::RunFault, posting::Chunk, run_name::RunName, term::TERM_BYTES_MAX},
};
use bytes::Bytes;
use search::entry_at;
use std::ops::Range;

/// Bytes of a page.
pub(crate) const PAGE_BYTES: usize = 4096;
/// Bytes in front of a page's content.
pub(crate) const HEAD_BYTES: usize = 8;
/// Bytes of the longest payload of an entry, so that every page takes at least one entry.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 2048;
/// Bytes of encoded postings that a page takes.
pub(crate) const CHUNK_BYTES_MAX: usize = PAGE_BYTES - HEAD_BYTES - CHUNK_HEAD_BYTES;
/// Bytes of a block of the filter.
pub(crate) const BLOCK_BYTES: usize = 64;
/// Blocks of the filter in one page.
pub(crate) const BLOCKS_PER_PAGE: usize = PAGE_BYTES / BLOCK_BYTES - 1;
/// Entries that a page takes at most: each has four bytes at least.
pub(crate) const ENTRIES_MAX: usize = PAGE_BYTES / 4;

const CHUNK_HEAD_BYTES: usize = 18;
/// Every entry whose index is a multiple of this stands in full.
const RESTART_EVERY: usize = 16;
/// Bytes of the number of a child.
const CHILD_BYTES: usize = 4;

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    /// Terms and what stands behind them.
    Leaf,
    /// First terms of other pages, and the numbers of those.
    Inner,
    /// A part of a long list of postings.
    Postings,
    /// Blocks of the filter.
    Filter,
}

impl PageKind {
    const fn code(self) -> u8 {
        match self {
            Self::Leaf => 1,
            Self::Inner => 2,
            Self::Postings => 3,
            Self::Filter => 4,
        }
    }

    const fn parse(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Leaf),
            2 => Some(Self::Inner),
            3 => Some(Self::Postings),
            4 => Some(Self::Filter),
            _ => None,
        }
    }
}

/// What binds the pages of one run: the start of all their checksums.
#[derive(Clone, Debug)]
pub(crate) struct Seal(crc32fast::Hasher);

impl Seal {
    /// The seal of the run of `store` with this name, behind whose last group the chain has the
    /// value `end`: a run of the same name over another history has other pages.
    pub(crate) fn new(store: StoreId, name: RunName, end: Chain) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(store.as_bytes());
        hasher.update(&name.first.get().to_le_bytes());
        hasher.update(&name.end.get().to_le_bytes());
        hasher.update(&end.get().to_le_bytes());
        Self(hasher)
    }

    /// The checksum of page `number`, of which `covered` is all behind the checksum.
    fn crc(&self, number: u32, covered: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(&number.to_le_bytes());
        hasher.update(covered);
        hasher.finalize()
    }
}

/// A page that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    bytes: Bytes,
    kind: PageKind,
    count: usize,
}

impl Page {
    /// Checks the bytes of page `number` of the run with this seal: its checksum, and everything
    /// that a search in it relies on.
    pub(crate) fn check(bytes: Bytes, seal: &Seal, number: u32) -> Result<Self, RunFault> {
        let page = Self::open(bytes, seal, number)?;
        let sound = match page.kind {
            PageKind::Leaf | PageKind::Inner => page.check_entries(number),
            PageKind::Postings => page.postings(Position::new(0)).map(|_| ()),
            PageKind::Filter => (page.count <= BLOCKS_PER_PAGE).then_some(()),
        };
        sound.ok_or(RunFault::new("a sealed page contradicts itself"))?;
        Ok(page)
    }

    fn open(bytes: Bytes, seal: &Seal, number: u32) -> Result<Self, RunFault> {
        if bytes.len() != PAGE_BYTES {
            return Err(RunFault::new("a page of another length"));
        }
        let mut fields = Fields::new(&bytes);
        let crc = fields.u32();
        let kind = fields.u8().and_then(PageKind::parse);
        let zero = fields.u8();
        let count = fields.u16();
        if crc != bytes.get(4..).map(|covered| seal.crc(number, covered)) {
            return Err(RunFault::new("the checksum of a page differs"));
        }
        match (kind, zero, count) {
            (Some(kind), Some(0), Some(count)) => Ok(Self { bytes, kind, count: count.into() }),
            _ => Err(RunFault::new("a page of an unknown kind")),
        }
    }

    /// Walks all entries: within the page, strictly ascending, as short as they can be, restart
    /// points where they belong, and children that were written before their parent.
    fn check_entries(&self, number: u32) -> Option<()> {
        let area = self.area();
        let mut term: Vec<u8> = Vec::with_capacity(TERM_BYTES_MAX);
        let mut at = HEAD_BYTES;
        for index in 0..self.count {
            let entry = entry_at(area, at)?;
            let ascends = if index % RESTART_EVERY == 0 {
                let restart = self.restart(index / RESTART_EVERY)?;
                restart == at && entry.shared == 0 && term.as_slice() < entry.suffix
            } else {
                // The suffix begins where the terms part; were it longer, searches would go wrong.
                let parted = term.get(entry.shared);
                entry.shared <= term.len() && parted < entry.suffix.first()
            };
            term.truncate(entry.shared);
            term.extend_from_slice(entry.suffix);
            if !ascends || term.len() > TERM_BYTES_MAX {
                return None;
            }
            if self.kind == PageKind::Inner {
                let child = Fields::new(self.slice(&entry.payload)).u32()?;
                let is_sound = entry.payload.len() == CHILD_BYTES && (1..number).contains(&child);
                is_sound.then_some(())?;
            }
            at = entry.payload.end;
        }
        (self.count > 0 || self.kind == PageKind::Leaf).then_some(())
    }

    /// What the page holds.
    pub(crate) const fn kind(&self) -> PageKind {
        self.kind
    }

    /// The bytes in `range`; none if it is not of this page.
    pub(crate) fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// The part in front of the restart points.
    fn area(&self) -> &[u8] {
        let restarts = self.count.div_ceil(RESTART_EVERY);
        PAGE_BYTES.checked_sub(2 * restarts).map_or(&[], |end| self.slice(&(0..end)))
    }

    /// Where the block of entries `block` begins.
    fn restart(&self, block: usize) -> Option<usize> {
        let at = PAGE_BYTES.checked_sub(2 * block + 2)?;
        let (field, _) = self.bytes.get(at..)?.split_first_chunk()?;
        Some(u16::from_le_bytes(*field).into())
    }

    /// The part of a list in this page of postings, none of which may lie beyond `through`, and
    /// the ordinal of its first posting in the list. `None` if it is another kind of page.
    pub(crate) fn postings(&self, through: Position) -> Option<(u64, Chunk<'_>)> {
        let mut fields = Fields::new(self.bytes.get(HEAD_BYTES..)?);
        let first = Position::new(fields.counter()?);
        let ordinal = fields.counter()?;
        let len = usize::from(fields.u16()?);
        let bytes = fields.bytes(len)?;
        let count = u64::try_from(self.count).ok()?;
        let is_sound = self.kind == PageKind::Postings && (1..=len).contains(&self.count);
        is_sound.then_some((ordinal, Chunk { first, through, count, bytes }))
    }

    /// Block `block` of this page of the filter; `None` if it has none such.
    pub(crate) fn filter_block(&self, block: usize) -> Option<&[u8]> {
        let start = (block + 1) * BLOCK_BYTES;
        let has = self.kind == PageKind::Filter && block < self.count;
        has.then(|| self.slice(&(start..start + BLOCK_BYTES)))
    }
}

#[cfg(test)]
mod tests;
