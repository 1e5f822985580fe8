//! Sparse file content in sectors that are shared until they are written.
//!
//! It knows nothing of lengths, durability or faults. The invariant it guards: a sector that is
//! absent reads as zeros and costs nothing, so a reserved gigabyte is free, and cloning a content
//! copies pointers only.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// Bytes in one sector, the atom that a power failure keeps or drops.
pub const SECTOR_BYTES: u64 = SECTOR as u64;

const SECTOR: usize = 512;

/// Sectors that share one table of pointers: a clone copies this many pointers at the first write.
const CHUNK_SECTORS: u64 = CHUNK as u64;

const CHUNK: usize = 16;

pub(super) type Sector = [u8; SECTOR];

/// One version of a sector; `None` is all zeros.
pub(super) type Slot = Option<Arc<Sector>>;

type Chunk = [Slot; CHUNK];

/// The part of a byte range that lies in one sector.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) sector: u64,
    /// Where in the sector the piece starts.
    pub(super) start: usize,
    /// Which bytes of the caller's buffer it is.
    pub(super) buffer: Range<usize>,
}

/// Cuts `bytes` bytes at `offset` into sectors.
pub(super) fn pieces(offset: u64, bytes: usize) -> impl Iterator<Item = Piece> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == bytes {
            return None;
        }
        let place = offset + done as u64;
        let start = to_index(place % SECTOR_BYTES);
        let end = bytes.min(done + SECTOR - start);
        let piece = Piece { sector: place / SECTOR_BYTES, start, buffer: done..end };
        done = end;
        Some(piece)
    })
}

/// An index into memory that is known to fit.
pub(super) fn to_index(value: u64) -> usize {
    usize::try_from(value).expect("the simulated disk is smaller than the address space")
}

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    chunks: BTreeMap<u64, Arc<Chunk>>,
}

impl Content {
    pub(super) fn slot(&self, sector: u64) -> Option<&Arc<Sector>> {
        let chunk = self.chunks.get(&(sector / CHUNK_SECTORS))?;
        chunk[to_index(sector % CHUNK_SECTORS)].as_ref()
    }

    pub(super) fn set(&mut self, sector: u64, slot: Slot) {
        let chunk = sector / CHUNK_SECTORS;
        if slot.is_none() && !self.chunks.contains_key(&chunk) {
            return;
        }
        let chunk = self.chunks.entry(chunk).or_insert_with(|| Arc::new([const { None }; _]));
        Arc::make_mut(chunk)[to_index(sector % CHUNK_SECTORS)] = slot;
    }

    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) {
        for piece in pieces(offset, buffer.len()) {
            let target = &mut buffer[piece.buffer.clone()];
            match self.slot(piece.sector) {
                Some(sector) => {
                    target.copy_from_slice(&sector[piece.start..piece.start + piece.buffer.len()]);
                }
                None => target.fill(0),
            }
        }
    }

    /// The next version of `sector` once `bytes` are written at `start` in it.
    pub(super) fn patched(&self, sector: u64, start: usize, bytes: &[u8]) -> Slot {
        let old = self.slot(sector);
        let whole = bytes.len() == SECTOR;
        // Zero-filling a fresh file must cost nothing to hold.
        if (whole || old.is_none()) && *bytes == [0; SECTOR][..bytes.len()] {
            return None;
        }
        if let Ok(all) = Sector::try_from(bytes) {
            return Some(Arc::new(all));
        }
        let mut new = old.map_or_else(|| Arc::new([0; _]), |sector| Arc::new(**sector));
        let target = Arc::get_mut(&mut new).expect("nobody has seen the new version yet");
        target[start..start + bytes.len()].copy_from_slice(bytes);
        Some(new)
    }

    /// Makes every byte from `length` on read as zero.
    pub(super) fn trim(&mut self, length: u64) {
        let boundary = length / SECTOR_BYTES;
        let chunk = boundary / CHUNK_SECTORS;
        self.chunks.split_off(&(chunk + 1));
        if !self.chunks.contains_key(&chunk) {
            return;
        }
        let keep = to_index(length % SECTOR_BYTES);
        let tail = if keep == 0 {
            None
        } else {
            self.slot(boundary).map(|sector| {
                let mut cut = **sector;
                cut[keep..].fill(0);
                Arc::new(cut)
            })
        };
        self.set(boundary, tail);
        for sector in boundary + 1..(chunk + 1) * CHUNK_SECTORS {
            self.set(sector, None);
        }
    }

    /// The sectors that hold something other than absent zeros, ascending.
    pub(super) fn held(&self) -> impl Iterator<Item = u64> {
        self.chunks.iter().flat_map(|(chunk, slots)| {
            let first = chunk * CHUNK_SECTORS;
            (first..).zip(slots.iter()).filter(|(_, slot)| slot.is_some()).map(|(sector, _)| sector)
        })
    }
}
