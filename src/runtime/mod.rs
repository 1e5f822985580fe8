//! The only door outward: clocks, tasks, randomness, disk and calls to others, as small traits.
//!
//! The engine is generic over [`Runtime`] and touches the world through nothing else, so the same
//! code runs on real files ([`tokio`]) and in seeded worlds (`sagalog-testkit`, `sagalog-sim`).
//! [`Transport`] stands apart: whoever calls remote participants is given one. This module knows
//! nothing of logs, stores or sagas. The invariant it guards: time, threads, files and entropy
//! enter Sagalog here or not at all.

#[cfg(feature = "tokio")]
pub mod tokio;
mod transport;

pub use crate::time::WallTime;
pub use transport::{
    Address, AddressError, Answer, Call, CallError, CallFence, CallKind, CallLimit, Reason,
    Responder, SharedTransport, Transport, Unanswered,
};

use std::{fmt, future::Future, io, time::Duration};

/// A reading of the monotonic clock, in nanoseconds since an arbitrary start of this runtime.
///
/// Moments of two runtimes, or of two processes, say nothing about each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// The moment that lies `nanos` after the runtime's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the runtime's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// What a task waits for when it [lingers](Tasks::linger). How long that may take is the
/// runtime's business: a machine knows arrivals, never microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Linger {
    /// The queue is empty; the next append may be about to arrive.
    Arrival,
    /// Callers were just woken; those that come back should share one group.
    Gather,
}

/// Both clocks.
pub trait Clock {
    /// The monotonic clock.
    fn now(&self) -> Moment;

    /// The wall clock. Informative only: no decision of the engine depends on it.
    fn wall(&self) -> WallTime;

    /// Completes once `duration` has passed on the monotonic clock, rounded up to the runtime's
    /// resolution (about one millisecond).
    ///
    /// # Cancel safety
    /// Dropping the future cancels the wait and has no other effect.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// Engine tasks.
pub trait Tasks {
    /// Starts a task that runs until it ends by itself.
    ///
    /// In production every task is a thread of its own, because the engine's disk calls block;
    /// `name` (at most 15 bytes on Linux) is the thread's name. A panic in the task is a bug; it
    /// must not end silently (`tokio::TokioRuntime` says what production does).
    ///
    /// # Errors
    /// The operating system refused another thread.
    fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()>;

    /// Starts a task that never blocks and may be one of thousands, beside the caller's: the
    /// executor of sagas, and the attempts of their steps.
    ///
    /// In production it runs on the async runtime that surrounds the call, because it is the
    /// user's code and may use that runtime's sockets.
    ///
    /// # Errors
    /// There is no such runtime.
    fn spawn_light(&self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<()>;

    /// Waits a short while for `ready` to become true, and returns either way.
    ///
    /// Production spins for some tens of microseconds, a simulated runtime lets other tasks run.
    fn linger(
        &self,
        reason: Linger,
        ready: impl FnMut() -> bool + Send,
    ) -> impl Future<Output = ()> + Send;
}

/// Randomness, for identities and jitter; never for decisions that a replay must repeat.
pub trait Entropy {
    /// Sixty-four random bits.
    fn random(&self) -> u64;
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenMode {
    /// Read an existing file.
    Read,
    /// Read and write an existing file.
    ReadWrite,
    /// Create a new file for reading and writing; fails with `AlreadyExists` if it is there.
    Create,
}

/// One flat directory on a disk. Names are plain file names without separators.
///
/// What a power failure may do to it is the contract's other half: file contents are durable only
/// after [`File::sync_data`], and a created, renamed or removed name only after
/// [`Disk::sync_dir`]. The fault model is written out at the top of `sagalog-testkit`'s disk.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: File;
    /// The exclusive lock of the directory; released when dropped, or when the process ends.
    type Lock: Lock;

    /// Opens the file `name`.
    fn open(
        &self,
        name: &str,
        mode: OpenMode,
    ) -> impl Future<Output = io::Result<Self::File>> + Send;

    /// The names in the directory, sorted by bytes. A directory's name ends with `/`, which no
    /// file's does.
    fn list(&self) -> impl Future<Output = io::Result<Vec<String>>> + Send;

    /// Renames `from` to `to`, replacing `to`. Durable after [`Disk::sync_dir`].
    fn rename(&self, from: &str, to: &str) -> impl Future<Output = io::Result<()>> + Send;

    /// Removes `name`. Durable after [`Disk::sync_dir`].
    fn remove(&self, name: &str) -> impl Future<Output = io::Result<()>> + Send;

    /// Makes creations, renames and removals durable.
    fn sync_dir(&self) -> impl Future<Output = io::Result<()>> + Send;

    /// Takes the exclusive lock of the directory itself, and that of the file `name` in it, which
    /// is created if needed. Whatever happens to files by name, nobody else gets the former.
    ///
    /// # Errors
    /// `WouldBlock` if another process, or another opening of this one, holds either.
    fn lock(&self, name: &str) -> impl Future<Output = io::Result<Self::Lock>> + Send;
}

/// A held lock.
pub trait Lock: Send + Sync + 'static {
    /// Whether whoever opens the directory by its path now meets this lock: not if the directory
    /// was removed, renamed or replaced. What happens to the lock's file is of no account.
    ///
    /// Asked after every sync of a group, so it waits for no device.
    ///
    /// # Errors
    /// It cannot be told.
    fn is_in_place(&self) -> io::Result<bool>;
}

/// An open file. All calls take `&self`: offsets are explicit and there is no cursor.
///
/// # Cancel safety
/// A dropped call may or may not have happened, whole or in part.
#[expect(clippy::len_without_is_empty, reason = "the engine asks for lengths, never for emptiness")]
pub trait File: Send + Sync + 'static {
    /// Reads into `buf` at `offset`; returns how many bytes, 0 at the end of the file. May be
    /// short.
    fn read_at(
        &self,
        buf: &mut [u8],
        offset: u64,
    ) -> impl Future<Output = io::Result<usize>> + Send;

    /// Reads into `buf` at `offset` without waiting for a device; returns how many bytes.
    ///
    /// # Errors
    /// `WouldBlock` if the bytes are not in memory, or if the file cannot tell.
    fn try_read_at(&self, _buf: &mut [u8], _offset: u64) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Writes `bytes` at `offset`; returns how many were taken. May be short.
    fn write_at(&self, bytes: &[u8], offset: u64)
    -> impl Future<Output = io::Result<usize>> + Send;

    /// Makes the file's content and length durable (`fdatasync`).
    ///
    /// After an error the state of everything written since the last success is unknown, and a
    /// second call that succeeds proves nothing.
    fn sync_data(&self) -> impl Future<Output = io::Result<()>> + Send;

    /// Extends the file to `bytes` with space set aside on the device where the file system can;
    /// the new range reads as zeros. Never shrinks.
    ///
    /// # Errors
    /// `StorageFull` or `QuotaExceeded` if there is no room; nothing is promised then.
    fn reserve(&self, bytes: u64) -> impl Future<Output = io::Result<()>> + Send;

    /// Cuts the file to `bytes`. Never extends.
    fn truncate(&self, bytes: u64) -> impl Future<Output = io::Result<()>> + Send;

    /// The file's length in bytes.
    fn len(&self) -> impl Future<Output = io::Result<u64>> + Send;

    /// Whether the name that the file was opened by still leads to it: what was written to a file
    /// without a name is gone when it is closed. Waits for no device.
    ///
    /// # Errors
    /// It cannot be told.
    fn is_in_place(&self) -> io::Result<bool>;
}

/// Everything the engine needs of the world, in one handle that is cheap to clone.
pub trait Runtime: Clock + Tasks + Entropy + Clone + Send + Sync + 'static {
    /// The disk that this runtime's directory lives on.
    type Disk: Disk;

    /// The directory of the store.
    fn disk(&self) -> Self::Disk;

    /// Where the directory is, for messages to people.
    fn location(&self) -> impl fmt::Display;
}
