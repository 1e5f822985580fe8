//! The door between the simulated disk and the engine's asynchronous traits.
//!
//! It adds waiting, sharing and fencing to [`SimDisk`], and no behaviour. The invariant it guards:
//! whoever held this door before a crash reaches nothing through it afterwards, not even from a
//! destructor.

use std::{
    fmt,
    future::{Future, pending},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sagalog::runtime::{Disk, File, Lock, OpenMode};

use crate::disk::{FileHandle, LockHandle, Outcome, SimDisk};

/// How a runtime lets time pass, or other tasks run, around an operation on the disk.
pub trait Pace: Clone + Send + Sync + 'static {
    /// Waits for `stall`; zero is a chance to let other tasks run, which need not be taken.
    fn pause(&self, stall: Duration) -> impl Future<Output = ()> + Send;
}

/// A disk that a world and the doors of all its incarnations share.
#[derive(Clone, Debug, Default)]
pub struct SharedDisk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    disk: Mutex<SimDisk>,
    /// What the disk said of it when it was last acted on: executors ask before every turn.
    halted: AtomicBool,
}

impl SharedDisk {
    /// Shares `disk`.
    pub fn new(disk: SimDisk) -> Self {
        let halted = AtomicBool::new(disk.is_halted());
        Self(Arc::new(Shared { disk: Mutex::new(disk), halted }))
    }

    /// Looks at the disk, or acts on it. It must not be called from within `look`.
    pub fn with<T>(&self, look: impl FnOnce(&mut SimDisk) -> T) -> T {
        let mut disk = locked(&self.0.disk);
        let seen = look(&mut disk);
        self.0.halted.store(disk.is_halted(), Ordering::Relaxed);
        seen
    }

    /// As [`SimDisk::is_halted`].
    pub(crate) fn is_halted(&self) -> bool {
        self.0.halted.load(Ordering::Relaxed)
    }
}

/// Locks, also after a failing test has panicked with the lock held: the data is still sound
/// enough for the destructors that run during unwinding.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The engine's [`Disk`] on a simulated one, for one incarnation.
#[derive(Clone)]
pub struct SimDiskHandle<P> {
    disk: SharedDisk,
    pace: P,
    incarnation: u64,
}

impl<P: Pace> SimDiskHandle<P> {
    /// A door for the disk's current incarnation.
    pub fn new(disk: SharedDisk, pace: P) -> Self {
        let incarnation = disk.with(|disk| disk.incarnation());
        Self { disk, pace, incarnation }
    }

    /// The disk behind the door.
    pub fn shared(&self) -> &SharedDisk {
        &self.disk
    }

    /// Performs one operation, with pauses on both sides of its effect: a caller that is dropped
    /// in the first never had it, one that is dropped in the second had it and does not know.
    async fn run<T>(&self, operation: impl FnOnce(&mut SimDisk) -> Outcome<T>) -> io::Result<T> {
        self.pace.pause(Duration::ZERO).await;
        let outcome = self.disk.with(|disk| {
            if disk.incarnation() != self.incarnation {
                return Some(disk.fence());
            }
            let outcome = operation(disk);
            (!disk.is_halted()).then_some(outcome)
        });
        // Stopped before this operation: nothing of this incarnation happens any more.
        let Some(outcome) = outcome else {
            return pending().await;
        };
        self.pace.pause(outcome.stall).await;
        outcome.result
    }
}

impl<P> fmt::Debug for SimDiskHandle<P> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SimDiskHandle(incarnation {})", self.incarnation)
    }
}

impl<P: Pace> Disk for SimDiskHandle<P> {
    type File = SimFile<P>;
    type Lock = SimLock;

    async fn open(&self, name: &str, mode: OpenMode) -> io::Result<SimFile<P>> {
        // The file is made within the operation, so a caller dropped in a pause closes it.
        let file = |handle| SimFile { disk: self.clone(), name: name.into(), handle };
        self.run(|disk| disk.open(name, mode).map(file)).await
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        self.run(SimDisk::list).await
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.run(|disk| disk.rename(from, to)).await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.run(|disk| disk.remove(name)).await
    }

    async fn sync_dir(&self) -> io::Result<()> {
        self.run(SimDisk::sync_directory).await
    }

    async fn lock(&self, name: &str) -> io::Result<SimLock> {
        let lock = |handle| SimLock { disk: self.disk.clone(), handle };
        self.run(|disk| disk.lock(name).map(lock)).await
    }
}

/// An open file on a simulated disk.
pub struct SimFile<P: Pace> {
    disk: SimDiskHandle<P>,
    /// The name at the time of opening.
    name: Box<str>,
    handle: FileHandle,
}

impl<P: Pace> fmt::Debug for SimFile<P> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SimFile({:?})", self.handle)
    }
}

impl<P: Pace> Drop for SimFile<P> {
    fn drop(&mut self) {
        self.disk.disk.with(|disk| disk.close(self.handle));
    }
}

impl<P: Pace> File for SimFile<P> {
    async fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.run(|disk| disk.read(self.handle, offset, buf)).await
    }

    async fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.run(|disk| disk.write(self.handle, offset, bytes)).await
    }

    async fn sync_data(&self) -> io::Result<()> {
        self.disk.run(|disk| disk.sync(self.handle)).await
    }

    async fn reserve(&self, bytes: u64) -> io::Result<()> {
        self.disk.run(|disk| disk.reserve(self.handle, bytes)).await
    }

    async fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.disk.run(|disk| disk.truncate(self.handle, bytes)).await
    }

    async fn len(&self) -> io::Result<u64> {
        self.disk.run(|disk| disk.length(self.handle)).await
    }

    fn is_in_place(&self) -> io::Result<bool> {
        Ok(self.disk.disk.with(|disk| disk.is_in_place(&self.name, self.handle)))
    }
}

/// A held lock on a simulated disk; released when dropped, or by the crash of its incarnation.
#[derive(Debug)]
pub struct SimLock {
    disk: SharedDisk,
    handle: LockHandle,
}

impl Lock for SimLock {
    fn is_in_place(&self) -> io::Result<bool> {
        Ok(self.disk.with(|disk| disk.is_locked_in_place(&self.handle)))
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.with(|disk| disk.unlock(&self.handle));
    }
}
