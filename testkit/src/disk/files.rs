//! Operations on open files.
//!
//! It knows which fault means what for a file's bytes, and nothing of names. The invariant it
//! guards: a handle of an earlier incarnation is fenced before anything else is looked at.

use std::{io, sync::Arc};

use super::{
    FaultKind, FileHandle, Operation, Outcome, SimDisk,
    atlas::Cause,
    call::{Call, Measure},
    content::{SECTOR_BYTES, pieces, to_index},
    directory::InodeId,
    fault::input_output,
    plan::Strike,
    trace::digest,
};

impl SimDisk {
    /// Reads into `buffer` at `offset`; returns how many bytes, 0 at the end of the file.
    pub fn read(&mut self, file: FileHandle, offset: u64, buffer: &mut [u8]) -> Outcome<usize> {
        let bytes = buffer.len() as u64;
        self.on_file(Operation::Read, file, (offset, bytes, 0), |disk, strike| {
            let left = disk.inode(file.inode).cached.length.saturating_sub(offset);
            let count = to_index(left.min(bytes));
            let buffer = &mut buffer[..count];
            disk.read_struck(file.inode, offset, buffer, strike)
        })
    }

    /// Writes `bytes` at `offset`; returns how many were taken.
    pub fn write(&mut self, file: FileHandle, offset: u64, bytes: &[u8]) -> Outcome<usize> {
        let size = (offset, bytes.len() as u64, digest(bytes));
        self.on_file(Operation::Write, file, size, |disk, strike| {
            let end = offset.checked_add(bytes.len() as u64).ok_or(io::ErrorKind::FileTooLarge)?;
            disk.admit_growth(file, end)?;
            let taken = disk.write_struck(file.inode, offset, bytes, strike)?;
            disk.witness_write(file.inode, offset, &bytes[..taken]);
            Ok(taken)
        })
    }

    /// Makes content and length durable.
    pub fn sync(&mut self, file: FileHandle) -> Outcome<()> {
        self.on_file(Operation::Sync, file, (0, 0, 0), |disk, strike| {
            if strike.kind == Some(FaultKind::DirectoryMoved) {
                disk.move_directory();
            }
            let inode = disk.inode_mut(file.inode);
            match strike.kind {
                Some(FaultKind::SyncError) => {
                    inode.sync_failed(strike.amount);
                    return Err(input_output());
                }
                Some(FaultKind::LyingSync) => inode.sync_lied(),
                _ => inode.sync(),
            }
            disk.witness_sync(file.inode);
            disk.rot(file.inode, 0..u64::MAX, strike);
            Ok(())
        })
    }

    /// Extends the file to `length` bytes; never shrinks it.
    pub fn reserve(&mut self, file: FileHandle, length: u64) -> Outcome<()> {
        self.on_file(Operation::Reserve, file, (length, 0, 0), |disk, _| {
            disk.admit_growth(file, length)?;
            let inode = disk.inode_mut(file.inode);
            if length > inode.cached.length {
                inode.resize(length);
            }
            Ok(())
        })
    }

    /// Cuts the file to `length` bytes; never extends it.
    pub fn truncate(&mut self, file: FileHandle, length: u64) -> Outcome<()> {
        self.on_file(Operation::Truncate, file, (length, 0, 0), |disk, _| {
            disk.admit_growth(file, 0)?;
            let inode = disk.inode_mut(file.inode);
            if length < inode.cached.length {
                inode.resize(length);
            }
            Ok(())
        })
    }

    /// The file's length in bytes.
    pub fn length(&mut self, file: FileHandle) -> Outcome<u64> {
        self.on_file(Operation::Length, file, (0, 0, 0), |disk, _| {
            Ok(disk.inode(file.inode).cached.length)
        })
    }

    /// Gives the handle back. It is not an operation: a process that dies closes everything.
    pub fn close(&mut self, file: FileHandle) {
        if file.incarnation == self.incarnation {
            self.inode_mut(file.inode).opens -= 1;
        }
    }

    fn on_file<T: Measure>(
        &mut self,
        operation: Operation,
        file: FileHandle,
        (offset, bytes, digest): (u64, u64, u64),
        effect: impl FnOnce(&mut Self, Strike) -> io::Result<T>,
    ) -> Outcome<T> {
        if file.incarnation != self.incarnation {
            return self.fence();
        }
        let digest = digest ^ (file.inode << 1);
        let name = Arc::clone(&self.inode(file.inode).name);
        self.perform(Call { operation, file: &name, offset, bytes, digest }, effect)
    }

    fn admit_growth(&self, file: FileHandle, length: u64) -> io::Result<()> {
        if !file.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let growth = length.saturating_sub(self.inode(file.inode).cached.length);
        match self.quota {
            Some(quota) if growth > 0 && self.used_bytes().saturating_add(growth) > quota => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }

    fn read_struck(
        &mut self,
        id: InodeId,
        offset: u64,
        buffer: &mut [u8],
        strike: Strike,
    ) -> io::Result<usize> {
        let mut count = buffer.len();
        let mut place = (id, offset);
        match strike.kind {
            Some(FaultKind::ShortRead) => count = count.min(shortened(strike.amount)),
            Some(FaultKind::MisdirectedRead) => {
                if let Some((other, sector)) = self.elsewhere(id, offset, strike.amount) {
                    place = (other, sector * SECTOR_BYTES + offset % SECTOR_BYTES);
                    self.witness_misread(id, offset..offset + count as u64);
                }
            }
            _ => self.rot(id, offset..offset + count as u64, strike),
        }
        if self.inode(place.0).read(place.1, &mut buffer[..count]) {
            Ok(count)
        } else {
            Err(input_output())
        }
    }

    fn write_struck(
        &mut self,
        id: InodeId,
        offset: u64,
        bytes: &[u8],
        strike: Strike,
    ) -> io::Result<usize> {
        let amount = shortened(strike.amount);
        let inode = self.inode_mut(id);
        let range = offset..offset + bytes.len() as u64;
        match strike.kind {
            Some(FaultKind::ShortWrite) => {
                let taken = bytes.len().min(amount);
                inode.write(offset, &bytes[..taken], true);
                return Ok(taken);
            }
            Some(FaultKind::WriteError) => {
                let taken = bytes.len().min(to_index(strike.amount));
                inode.write(offset, &bytes[..taken], true);
                return Err(input_output());
            }
            Some(kind @ FaultKind::LostWrite) => {
                inode.write(offset, bytes, false);
                inode.withhold(range, kind);
            }
            Some(kind @ FaultKind::VanishedWrite) => inode.withhold(range, kind),
            Some(FaultKind::MisdirectedWrite) => self.misdirect(id, offset, bytes, strike.amount),
            _ => inode.write(offset, bytes, true),
        }
        Ok(bytes.len())
    }

    /// The cache has the bytes where they belong, the device puts them over something else.
    fn misdirect(&mut self, id: InodeId, offset: u64, bytes: &[u8], amount: u64) {
        let kind = FaultKind::MisdirectedWrite;
        let inode = self.inode_mut(id);
        inode.write(offset, bytes, false);
        inode.withhold(offset..offset + bytes.len() as u64, kind);
        let versions: Vec<_> = pieces(offset, bytes.len())
            .map(|piece| inode.cached.content.slot(piece.sector).cloned())
            .collect();
        let Some((victim, first)) = self.elsewhere(id, offset, amount) else {
            return;
        };
        let victim = self.inode_mut(victim);
        let end = victim.durable.length.div_ceil(SECTOR_BYTES);
        for (sector, version) in (first..end).zip(versions) {
            let range = sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES;
            victim.damage(sector, version, range, Cause::Fault(kind));
        }
    }

    /// The `amount`-th durable sector of the disk, not counting the one at `offset` of `id`.
    fn elsewhere(&self, id: InodeId, offset: u64, amount: u64) -> Option<(InodeId, u64)> {
        let right = (id, offset / SECTOR_BYTES);
        let files = self.directory.cached.values().map(|inode| (*inode, self.inode(*inode)));
        let sizes: Vec<_> = files
            .map(|(file, inode)| (file, inode.durable.length.div_ceil(SECTOR_BYTES)))
            .collect();
        let total: u64 = sizes.iter().map(|(_, sectors)| sectors).sum();
        let counts_right = sizes.iter().any(|(file, sectors)| *file == id && right.1 < *sectors);
        let mut skip = amount.checked_rem(total - u64::from(counts_right))?;
        for (file, sectors) in sizes {
            let own = u64::from(file == id && right.1 < sectors);
            if skip < sectors - own {
                let passed = own == 1 && skip >= right.1;
                return Some((file, skip + u64::from(passed)));
            }
            skip -= sectors - own;
        }
        None
    }

    /// Damages a durable sector that `range` touches, if the strike is of a kind that does.
    fn rot(&mut self, id: InodeId, range: std::ops::Range<u64>, strike: Strike) {
        use FaultKind::{BitRot, LatentError, ZeroedSector};
        let Some(kind @ (BitRot | ZeroedSector | LatentError)) = strike.kind else {
            return;
        };
        let inode = self.inode_mut(id);
        let touched = |sector: &u64| {
            (sector + 1) * SECTOR_BYTES > range.start && sector * SECTOR_BYTES < range.end
        };
        let sectors: Vec<u64> = inode.durable.content.held().filter(touched).collect();
        let bits = SECTOR_BYTES * 8;
        let unit = if kind == BitRot { bits } else { 1 };
        let Some(chosen) = (strike.amount / unit).checked_rem(sectors.len() as u64) else {
            return;
        };
        let sector = sectors[to_index(chosen)];
        let start = sector * SECTOR_BYTES;
        match kind {
            BitRot => self.flip(id, start * 8 + strike.amount % bits, Cause::Fault(kind)),
            ZeroedSector => {
                inode.damage(sector, None, start..start + SECTOR_BYTES, Cause::Fault(kind));
            }
            _ => inode.damage_latent(sector),
        }
    }

    /// Flips one bit of durable content, counted over the whole file.
    pub(super) fn flip(&mut self, id: InodeId, bit: u64, cause: Cause) {
        let inode = self.inode_mut(id);
        let (byte, sector) = (bit / 8, bit / 8 / SECTOR_BYTES);
        let mut flipped = [0];
        inode.durable.content.read(byte, &mut flipped);
        flipped[0] ^= 1 << (bit % 8);
        let slot = inode.durable.content.patched(sector, to_index(byte % SECTOR_BYTES), &flipped);
        inode.damage(sector, slot, byte..byte + 1, cause);
    }
}

/// A short count still makes progress: zero would mean the end of the file.
fn shortened(amount: u64) -> usize {
    to_index(amount.max(1))
}
