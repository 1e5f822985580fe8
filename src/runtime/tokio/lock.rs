//! The lock of a directory, and what a name leads to.
//!
//! Nothing is read or written here but the note in the lock's file. The invariant it guards: who
//! holds the lock holds it of the directory itself, which no change of a name takes away, and can
//! tell whether the directory's path still leads there.

use std::{
    ffi::CString,
    fs::{self, TryLockError},
    io,
    os::unix::{ffi::OsStrExt as _, fs::FileExt as _},
};

use rustix::{
    fs::{Mode, OFlags, Stat, fstat, openat, stat},
    io::{Errno, retry_on_intr},
};

use super::disk::{FileDisk, explain};
use crate::runtime::Lock;

/// An exclusive lock on the directory of a [`FileDisk`] and on a file in it (`flock(2)`): advisory,
/// held against every other opening, in this process or another, and released when dropped or when
/// the process ends, however it ends.
///
/// The directory's own lock is what counts, and nobody can take it away by name. The file's is for
/// versions that know only that one.
#[derive(Debug)]
pub struct FileLock {
    /// An opening of its own: a lock belongs to one, and the runtime's may be shared by two stores.
    dir: fs::File,
    file: fs::File,
    /// Where whoever opens the directory next looks for it.
    path: CString,
    identity: Identity,
}

/// What the lock's file says to whoever wonders whether it may go.
const LOCK_NOTE: &[u8] = b"\
Whoever writes to the store in this directory has locked the directory itself,\n\
and this file for older versions that know nothing else. It is never stale: the\n\
locks end with the process that holds them, and are there without the file too.\n";

impl FileLock {
    pub(super) fn take(disk: &FileDisk, name: &str) -> io::Result<Self> {
        let place = disk.dir.path.to_string_lossy();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = retry_on_intr(|| openat(&disk.dir.handle, ".", flags, Mode::empty()))
            .map_err(|error| explain(error.into(), "open", &place))?;
        let dir = fs::File::from(dir);
        try_lock(&dir).map_err(|error| explain(error, "lock the directory", &place))?;
        let file = disk.open_flags(name, OFlags::RDWR | OFlags::CREATE)?;
        try_lock(&file).map_err(|error| explain(error, "lock", name))?;
        if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            // For people only: without the note the lock is as good.
            let _ = file.write_all_at(LOCK_NOTE, 0);
        }
        let identity = Identity::of(&dir).map_err(|error| explain(error, "identify", &place))?;
        let path = CString::new(disk.dir.path.as_os_str().as_bytes())?;
        Ok(Self { dir, file, path, identity })
    }
}

impl Drop for FileLock {
    /// A child process that another thread is just starting holds copies of both descriptors until
    /// it runs its program. Closing ours would leave the locks with it for that moment, and an
    /// opening right behind this one would be refused.
    fn drop(&mut self) {
        let _ = self.dir.unlock();
        let _ = self.file.unlock();
    }
}

impl Lock for FileLock {
    fn is_in_place(&self) -> io::Result<bool> {
        let by_path = self.identity.is_at(retry_on_intr(|| stat(self.path.as_c_str())));
        // A process that has given up rights may not be let through by the path. Then the directory
        // itself still tells whether it was removed.
        let seen = by_path.or_else(|_| fstat(&self.dir).map(|status| status.st_nlink > 0));
        seen.map_err(|error| {
            explain(error.into(), "look for the directory", &self.path.to_string_lossy())
        })
    }
}

fn try_lock(file: &fs::File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(held_elsewhere()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn held_elsewhere() -> io::Error {
    let reason = "another process, or another opening in this one, holds it";
    io::Error::new(io::ErrorKind::WouldBlock, reason)
}

/// What the file is, whatever it is called: device and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    pub(super) fn of(file: &fs::File) -> io::Result<Self> {
        Ok(Self::from_status(&fstat(file)?))
    }

    #[expect(clippy::useless_conversion, reason = "the fields' widths depend on the platform")]
    fn from_status(status: &Stat) -> Self {
        let number = u64::try_from(status.st_ino).unwrap_or(u64::MAX);
        Self(u64::try_from(status.st_dev).unwrap_or(u64::MAX), number)
    }

    /// Whether this is what a name leads to.
    pub(super) fn is_at(self, status: rustix::io::Result<Stat>) -> rustix::io::Result<bool> {
        match status {
            Ok(status) => Ok(Self::from_status(&status) == self),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
