//! Whether the store that is open still is the one that the next opening would find.
//!
//! A lock keeps others out of a directory, not out of its name: whoever moves the directory away,
//! or takes files out of it, lets a second writer in elsewhere, or lets go what is written next.
//! So the writer looks after each sync and before it acknowledges. The invariant it guards: what
//! is acknowledged stood, at that moment, in the directory and the files to which their names
//! lead, behind a lock that whoever opens that path would meet. A second writer is let in only
//! after that was seen to hold, and then reads what was written before.

use super::{procedures::write_superblock, shared::Shared};
use crate::{
    error::Displaced,
    ids::SegmentId,
    limits::BLOCK_LEN,
    log::superblock::{SLOT_BYTES, Superblock},
    runtime::{Disk, File, Lock},
};
use std::{
    fmt, io,
    sync::{Arc, Weak},
};

/// What a writer has in its hands. It keeps nothing open: who gives the lock back has ended.
pub(crate) struct Claim<D: Disk> {
    lock: Weak<D::Lock>,
    superblock: Weak<D::File>,
}

impl<D: Disk> Clone for Claim<D> {
    fn clone(&self) -> Self {
        Self { lock: Weak::clone(&self.lock), superblock: Weak::clone(&self.superblock) }
    }
}

/// Why a writer may not go on.
#[derive(Debug)]
pub(crate) enum Ousted {
    Displaced(Displaced),
    /// It cannot be told whether anything is in place: nothing may rest on it.
    Untold(io::Error),
}

impl From<Displaced> for Ousted {
    fn from(displaced: Displaced) -> Self {
        Self::Displaced(displaced)
    }
}

impl Ousted {
    /// Nothing is acknowledged any more.
    pub(crate) fn poison(self, shared: &Shared) {
        match self {
            Self::Displaced(displaced) => {
                tracing::error!(%displaced, "the log is poisoned");
                shared.displace(displaced);
            }
            Self::Untold(error) => {
                tracing::error!(%error, "it cannot be told what is in place; the log is poisoned");
                shared.poison();
            }
        }
    }
}

/// Why what was written does not count, or was not.
pub(crate) enum Stopped {
    Failed(io::Error),
    Ousted(Ousted),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Ousted> for Stopped {
    fn from(ousted: Ousted) -> Self {
        Self::Ousted(ousted)
    }
}

impl Stopped {
    /// Nothing is written any more; `place` is where it stopped.
    pub(crate) fn poison(self, shared: &Shared, place: impl fmt::Display) {
        match self {
            Self::Failed(error) => {
                tracing::error!(%place, %error, "a write failed; the log is poisoned");
                shared.poison();
            }
            Self::Ousted(ousted) => ousted.poison(shared),
        }
    }
}

impl<D: Disk> Claim<D> {
    pub(crate) fn new(lock: &Arc<D::Lock>, superblock: &Arc<D::File>) -> Self {
        Self { lock: Arc::downgrade(lock), superblock: Arc::downgrade(superblock) }
    }

    /// Looks before an acknowledgement: at the lock, and at the segment that was written to.
    pub(crate) fn holds(&self, segment: SegmentId, file: &D::File) -> Result<(), Ousted> {
        self.lock_holds()?;
        in_place(file.is_in_place(), Displaced::Segment(segment))
    }

    /// Looks at what is not written to by each append: at the lock, and at the superblock's file.
    pub(crate) fn stands(&self) -> Result<(), Ousted> {
        self.lock_holds()?;
        match self.superblock.upgrade() {
            Some(file) => in_place(file.is_in_place(), Displaced::Superblock),
            None => Ok(()),
        }
    }

    /// Writes the next generation of the superblock, unless another's stands in its file: it must
    /// not be written over.
    pub(crate) async fn write_superblock(
        &self,
        file: &D::File,
        superblock: &mut Superblock,
    ) -> Result<(), Stopped> {
        self.stands()?;
        if !is_own(file, superblock) {
            return Err(Ousted::Displaced(Displaced::Overwritten).into());
        }
        Ok(write_superblock(file, superblock).await?)
    }

    fn lock_holds(&self) -> Result<(), Ousted> {
        match self.lock.upgrade() {
            Some(lock) => in_place(lock.is_in_place(), Displaced::Directory),
            // It was given back in order: nobody writes any more.
            None => Ok(()),
        }
    }
}

fn in_place(seen: io::Result<bool>, displaced: Displaced) -> Result<(), Ousted> {
    match seen {
        Ok(true) => Ok(()),
        Ok(false) => Err(displaced.into()),
        Err(error) => Err(Ousted::Untold(error)),
    }
}

/// Whether the superblock's file holds what its owner has written last, as far as memory tells:
/// two writers that no lock could keep apart, or a store that was copied over this one, show here
/// before either of them is written over.
fn is_own<F: File>(file: &F, written: &Superblock) -> bool {
    let mut block = [0; BLOCK_LEN];
    [0, SLOT_BYTES].into_iter().all(|at| match file.try_read_at(&mut block, at) {
        Ok(BLOCK_LEN) => written.admits(Superblock::decode(&block), at),
        // What is not in memory has not been written by anybody on this machine of late.
        Ok(_) | Err(_) => true,
    })
}
