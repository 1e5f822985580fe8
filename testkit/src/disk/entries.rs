//! Operations on the directory: names and locks.
//!
//! They belong to the current incarnation; whoever calls for an earlier one is fenced by the door.
//! The invariant it guards: every change of a name goes through the directory's list of unsynced
//! changes, so none is durable before [`SimDisk::sync_directory`].

use std::{io, sync::Arc};

use sagalog::runtime::OpenMode;

use super::{
    FaultKind, FileHandle, LockHandle, Operation, Outcome, SimDisk,
    call::{Call, Measure},
    directory::{EntryChange, InodeId},
    inode::Inode,
    plan::Strike,
    trace::digest,
};

impl SimDisk {
    /// Opens the file `name`.
    pub fn open(&mut self, name: &str, mode: OpenMode) -> Outcome<FileHandle> {
        let create = mode == OpenMode::Create;
        let operation = if create { Operation::Create } else { Operation::Open };
        self.on_name(operation, name, 0, |disk, _| {
            let inode = match (create, disk.directory.cached.get_key_value(name)) {
                (false, Some((name, inode))) => {
                    let (name, inode) = (Arc::clone(name), *inode);
                    // A power failure may have taken back a rename.
                    disk.inode_mut(inode).name = name;
                    inode
                }
                (true, None) => disk.create(name)?,
                (false, None) => return Err(io::ErrorKind::NotFound.into()),
                (true, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            };
            disk.inode_mut(inode).opens += 1;
            let writable = mode != OpenMode::Read;
            Ok(FileHandle { inode, incarnation: disk.incarnation, writable })
        })
    }

    /// The names in the directory, sorted by bytes.
    pub fn list(&mut self) -> Outcome<Vec<String>> {
        self.on_name(Operation::List, "", 0, |disk, _| Ok(disk.names()))
    }

    /// Renames `from` to `to`, replacing `to`.
    pub fn rename(&mut self, from: &str, to: &str) -> Outcome<()> {
        self.on_name(Operation::Rename, from, digest(to.as_bytes()), |disk, _| {
            let inode = disk.find(from)?;
            if from != to {
                let (from, to) = (from.into(), Arc::<str>::from(to));
                disk.inode_mut(inode).name = Arc::clone(&to);
                disk.directory.change(EntryChange::Rename { from, to, inode });
            }
            Ok(())
        })
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &str) -> Outcome<()> {
        self.on_name(Operation::Remove, name, 0, |disk, strike| {
            let inode = disk.find(name)?;
            let returns = strike.kind == Some(FaultKind::UnlinkReturns);
            disk.directory.change(EntryChange::Unlink { name: name.into(), inode, returns });
            Ok(())
        })
    }

    /// Makes creations, renames and removals durable.
    pub fn sync_directory(&mut self) -> Outcome<()> {
        self.on_name(Operation::SyncDirectory, "", 0, |disk, strike| {
            if strike.kind == Some(FaultKind::LyingSync) {
                disk.directory.sync_lied();
            } else {
                let damage = disk.directory.sync();
                disk.lost_names.extend(damage);
                disk.drop_unreachable();
            }
            Ok(())
        })
    }

    /// Takes the exclusive lock of the directory, creating the file `name` if needed. A file that
    /// is merely there is no lock.
    pub fn lock(&mut self, name: &str) -> Outcome<LockHandle> {
        self.on_name(Operation::Lock, name, 0, |disk, strike| {
            if strike.kind == Some(FaultKind::LockSurvives) {
                disk.lock_refusals = disk.lock_refusals.max(strike.amount);
            }
            if !disk.directory.cached.contains_key(name) {
                disk.create(name)?;
            }
            if disk.lock_refusals > 0 || disk.locked.is_some() {
                disk.lock_refusals = disk.lock_refusals.saturating_sub(1);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            disk.locks_taken += 1;
            let lock = LockHandle { number: disk.locks_taken, moves: disk.moves };
            disk.locked = Some(lock);
            Ok(lock)
        })
    }

    /// Releases a lock. One that a crash released already is left alone.
    pub fn unlock(&mut self, lock: &LockHandle) {
        if self.locked == Some(*lock) {
            self.locked = None;
        }
    }

    /// Whether whoever opens the directory by its path now meets this lock. No operation: nothing
    /// is asked of the device.
    pub fn is_locked_in_place(&self, lock: &LockHandle) -> bool {
        lock.moves == self.moves
    }

    /// Whether nobody holds the lock where the directory's path leads. No operation.
    pub fn is_ousted(&self) -> bool {
        self.locked.as_ref().is_none_or(|lock| !self.is_locked_in_place(lock))
    }

    /// Whether `name` leads to the open file. No operation: nothing is asked of the device.
    pub fn is_in_place(&self, name: &str, file: FileHandle) -> bool {
        file.incarnation == self.incarnation && self.leads_to(name, file.inode)
    }

    fn leads_to(&self, name: &str, inode: InodeId) -> bool {
        self.directory.cached.get(name) == Some(&inode)
    }

    fn on_name<T: Measure>(
        &mut self,
        operation: Operation,
        name: &str,
        extra: u64,
        effect: impl FnOnce(&mut Self, Strike) -> io::Result<T>,
    ) -> Outcome<T> {
        let digest = digest(name.as_bytes()) ^ extra.rotate_left(1);
        self.perform(Call { operation, file: name, offset: 0, bytes: 0, digest }, effect)
    }

    pub(super) fn find(&self, name: &str) -> io::Result<InodeId> {
        self.directory.cached.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, name: &str) -> io::Result<InodeId> {
        if self.quota.is_some_and(|quota| self.used_bytes() >= quota) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let name: Arc<str> = name.into();
        let inode = self.new_inode(&name);
        self.directory.change(EntryChange::Link { name, inode });
        Ok(inode)
    }

    pub(super) fn new_inode(&mut self, name: &Arc<str>) -> InodeId {
        self.inodes_created += 1;
        self.inodes.insert(self.inodes_created, Inode::new(Arc::clone(name)));
        self.inodes_created
    }
}
