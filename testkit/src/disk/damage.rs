//! Looking at a disk, and damaging it on purpose: what tests do between two incarnations.
//!
//! Nothing here is an operation: it is neither counted nor traced, and no fault strikes it. Damage
//! changes the cached and the durable view alike; it is meant for a disk at rest, and unsynced
//! changes of the same bytes still arrive with their sync. The invariant it guards: damage of
//! durable bytes stands in the atlas.

use std::{io, ops::Range, sync::Arc};

use super::{
    Cause, Damage, SimDisk,
    content::{SECTOR_BYTES, pieces},
    directory::{EntryChange, InodeId},
};

impl SimDisk {
    /// The names that the cache shows, sorted by bytes.
    pub fn names(&self) -> Vec<String> {
        self.directory.cached.keys().map(ToString::to_string).collect()
    }

    /// The names that a power failure cannot take, sorted by bytes.
    pub fn durable_names(&self) -> Vec<String> {
        self.directory.durable.keys().map(ToString::to_string).collect()
    }

    /// What the cache shows of the file `name`, whole.
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        self.directory.cached.get(name).map(|inode| self.inode(*inode).cached.bytes())
    }

    /// What is durable of the file that is durably called `name`, whole.
    pub fn read_durable(&self, name: &str) -> Option<Vec<u8>> {
        self.directory.durable.get(name).map(|inode| self.inode(*inode).durable.bytes())
    }

    /// The atlas: everything that was promised durable and is not there any more.
    pub fn damage(&self) -> Vec<Damage> {
        let mut damage = self.lost_names.clone();
        for (name, inode) in &self.directory.cached {
            for (range, cause) in self.inode(*inode).scars.iter() {
                damage.push(Damage { file: Arc::clone(name), range: range.clone(), cause: *cause });
            }
        }
        damage
    }

    /// Forgets the damage recorded so far, for an oracle that has accounted for it.
    pub fn clear_damage(&mut self) {
        self.lost_names.clear();
        for inode in self.inodes.values_mut() {
            inode.scars = super::atlas::Scars::default();
        }
    }

    /// Adds the file `name` with `bytes`, durable, replacing one that is there.
    pub fn add_file(&mut self, name: &str, bytes: &[u8]) {
        let name: Arc<str> = name.into();
        let id = self.new_inode(&name);
        let inode = self.inode_mut(id);
        inode.write(0, bytes, true);
        inode.sync();
        self.directory.force(&EntryChange::Link { name, inode: id });
    }

    /// Flips bit `bit` (0 to 7) of the byte at `offset`.
    ///
    /// # Errors
    /// `NotFound`, as for all methods here that damage a file.
    pub fn corrupt_bit(&mut self, name: &str, offset: u64, bit: u8) -> io::Result<()> {
        let id = self.find(name)?;
        self.flip(id, offset * 8 + u64::from(bit % 8), Cause::Test);
        self.witness_damage();
        Ok(())
    }

    /// Turns every sector that `range` touches to zeros.
    pub fn zero_sectors(&mut self, name: &str, range: Range<u64>) -> io::Result<()> {
        let id = self.find(name)?;
        for sector in range.start / SECTOR_BYTES..range.end.div_ceil(SECTOR_BYTES) {
            let place = sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES;
            self.inode_mut(id).damage(sector, None, place, Cause::Test);
        }
        self.witness_damage();
        Ok(())
    }

    /// Puts `bytes` at `offset`, extending the file if need be.
    pub fn overwrite(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let id = self.find(name)?;
        let inode = self.inode_mut(id);
        let length = inode.durable.length;
        inode.damage_length(length.max(offset + bytes.len() as u64));
        for piece in pieces(offset, bytes.len()) {
            let place = offset + piece.buffer.start as u64..offset + piece.buffer.end as u64;
            let part = &bytes[piece.buffer];
            let slot = inode.durable.content.patched(piece.sector, piece.start, part);
            inode.damage(piece.sector, slot, place, Cause::Test);
        }
        self.witness_damage();
        Ok(())
    }

    /// Copies `count` sectors of durable content, `from` and `to` each a name and the number of
    /// the first sector: what a misdirected write or a restored old block looks like.
    pub fn copy_sectors(
        &mut self,
        from: (&str, u64),
        to: (&str, u64),
        count: u64,
    ) -> io::Result<()> {
        let source = self.find(from.0)?;
        let target = self.find(to.0)?;
        for index in 0..count {
            let slot = self.inode(source).durable.content.slot(from.1 + index).cloned();
            let sector = to.1 + index;
            let place = sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES;
            self.inode_mut(target).damage(sector, slot, place, Cause::Test);
        }
        self.witness_damage();
        Ok(())
    }

    /// Removes the file `name`.
    pub fn remove_file(&mut self, name: &str) -> io::Result<()> {
        let inode: InodeId = self.find(name)?;
        let name: Arc<str> = name.into();
        self.lost_names.push(Damage::name(Arc::clone(&name), Cause::Test));
        self.directory.force(&EntryChange::Unlink { name, inode, returns: false });
        self.witness_damage();
        Ok(())
    }

    /// Takes the name `name` away under whoever has the file open: what they write from now on is
    /// gone when they close it. No damage: nothing of it was promised to stay under this name.
    pub fn take_name(&mut self, name: &str) -> io::Result<()> {
        let inode: InodeId = self.find(name)?;
        self.directory.force(&EntryChange::Unlink { name: name.into(), inode, returns: false });
        Ok(())
    }

    /// Moves the directory away under whoever has it open: they go on in it, and its path leads
    /// elsewhere.
    pub fn move_directory(&mut self) {
        self.moves += 1;
    }

    /// Lets a second writer in beside one that holds the lock, as on another machine that has the
    /// same disk.
    pub fn ignore_lock(&mut self) {
        self.locked = None;
    }

    /// Makes the file `length` bytes long, cutting it or adding zeros.
    pub fn truncate_file(&mut self, name: &str, length: u64) -> io::Result<()> {
        let id = self.find(name)?;
        self.inode_mut(id).damage_length(length);
        self.witness_damage();
        Ok(())
    }
}
