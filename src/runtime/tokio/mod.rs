//! The production runtime: real clocks, one thread per engine task, real files.
//!
//! Not a general async runtime and not a place for decisions: it only keeps the promises of the
//! traits in [`runtime`](super). Disk calls block, and they block the thread that polls them,
//! because a hop to a pool costs more (13-35 us a hand-off) than many a call. The invariant it
//! guards: nothing else in the crate reads a clock, starts a thread or opens a file.
//!
//! Tested on Linux. Other Unix systems should compile but are untested: there, network file
//! systems go unnoticed and [`reserve`](super::File::reserve) writes zeros.

#![expect(
    clippy::disallowed_methods,
    reason = "this module is the door: what the rest may not call is called here"
)]

mod disk;
mod filesystem;
mod lock;

use std::{
    any::Any,
    fmt,
    future::Future,
    hash::{BuildHasher as _, RandomState},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use ::tokio::runtime::{Builder, Handle, Runtime as Timers};

use super::{Clock, Entropy, Linger, Moment, Runtime, Tasks, WallTime};

pub use disk::{DiskFile, FileDisk};
pub use lock::FileLock;

/// How long an engine thread watches an empty queue before it parks: 80 us.
///
/// Waking a parked thread takes 32-35 us on the machine of the storage study, about as much as the
/// write of a 4 KiB group. A caller that sends its next append on being acknowledged has to be
/// woken itself first, so it comes back within about two wake-ups. With one writer of 256 bytes,
/// 40 us reached .74 of the raw disk and 80 us .85 (`cargo bench --bench append`).
const ARRIVAL_SPIN_NANOS: u64 = 80_000;

/// How long an engine thread waits for callers it has just woken to come back: 60 us.
///
/// Less than one durable write (80-120 us for 4 KiB), so waiting for a fuller group costs less than
/// the additional write that it saves. In the storage study gathering reached .66 of the raw
/// device with 64 writers; group commit without it .17-.22.
const GATHER_NANOS: u64 = 60_000;

/// Pauses between two looks at an awaited condition. A pause is 10-140 cycles, so a look comes
/// about every 0.1-0.4 us: rare enough to leave the cache line to the thread that will change it.
const PAUSES_PER_LOOK: u32 = 8;

/// Sagalog's production [`Runtime`]: a directory of real files and the machine's clocks.
///
/// Cloning is cheap and gives the same runtime: the same directory, the same origin of time.
///
/// # Engine tasks
/// Every [spawned](Tasks::spawn) task gets a thread with a tokio timer of its own; the host
/// program needs no tokio runtime. A task that panics takes neither the process nor other tasks
/// with it: its state is dropped, which closes its channels, so that whoever waits for it is
/// told; the panic is logged with `tracing::error!` besides the usual panic message. It is not
/// restarted, since a bug has left its state in doubt. (Built with `panic = "abort"`, the process
/// ends instead.)
#[derive(Clone)]
pub struct TokioRuntime {
    shared: Arc<Shared>,
}

struct Shared {
    disk: FileDisk,
    /// Zero of the monotonic clock.
    origin: Instant,
    /// Whether another thread can make progress while this one spins.
    parallel: bool,
}

impl TokioRuntime {
    /// A runtime on the existing directory `dir`. Writes nothing.
    ///
    /// The directory is held open: renaming it, or changing the process's working directory,
    /// does not redirect the store. A store that is open for writing notices that its directory
    /// has gone or was renamed, and takes no more appends.
    ///
    /// # Errors
    /// `NotFound` or `NotADirectory` if there is no such directory; `Unsupported`, in one
    /// sentence, if it is on a network file system, where neither locks nor syncs can be trusted
    /// (NFS, SMB, Ceph, AFS, 9p and the like). FUSE is accepted, since it may well be local, and
    /// so are overlay and tmpfs, though the latter's content ends with the machine's uptime.
    pub fn open(dir: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self::on(filesystem::open_dir(dir.as_ref())?, dir.as_ref()))
    }

    /// A runtime on the directory `dir`, which is created, with its parents, if it is missing.
    ///
    /// On return the directory's name is durable: a power failure does not take it away.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and whatever keeps a directory from being created. On a
    /// network file system nothing is created.
    pub fn create(dir: impl AsRef<Path>) -> io::Result<Self> {
        filesystem::create_dir_durably(dir.as_ref())?;
        Self::open(dir)
    }

    fn on(dir: std::fs::File, path: &Path) -> Self {
        let parallel = thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
        let disk = FileDisk::new(dir, path);
        Self { shared: Arc::new(Shared { disk, origin: Instant::now(), parallel }) }
    }
}

impl fmt::Debug for TokioRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokioRuntime").field(&self.shared.disk.path()).finish()
    }
}

impl Clock for TokioRuntime {
    fn now(&self) -> Moment {
        Moment::from_nanos(saturating_nanos(self.shared.origin.elapsed()))
    }

    /// The wall clock; the epoch itself if the machine's clock stands before 1970.
    fn wall(&self) -> WallTime {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        WallTime::from_unix_nanos(saturating_nanos(since_epoch.unwrap_or_default()))
    }

    /// Sleeps on the timer of the surrounding task.
    ///
    /// # Panics
    /// Outside a [spawned](Tasks::spawn) task or a tokio runtime with time enabled.
    async fn sleep(&self, duration: Duration) {
        ::tokio::time::sleep(duration).await;
    }
}

impl Tasks for TokioRuntime {
    fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let timers = OwnTimers(Some(Builder::new_current_thread().enable_time().build()?));
        let body = move || {
            // Nothing that the closure captured is looked at after a panic, so no broken
            // invariant can be observed through it.
            let run = AssertUnwindSafe(move || timers.block_on(task));
            if let Err(panic) = catch_unwind(run) {
                let message = panic_message(&*panic);
                tracing::error!(task = name, message, "engine task panicked and has ended");
            }
        };
        // Dropping the handle detaches the thread; the engine knows its tasks by their channels.
        thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
    }

    /// Spawns on the tokio runtime that surrounds the call. A panic ends the task alone, as tokio
    /// has it.
    ///
    /// # Errors
    /// `Unsupported` outside of a tokio runtime.
    fn spawn_light(&self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let surrounding = Handle::try_current()
            .map_err(|_| io::Error::new(io::ErrorKind::Unsupported, "there is no tokio runtime"))?;
        // Dropping the handle detaches the task; its end is told through its channels.
        drop(surrounding.spawn(task));
        Ok(())
    }

    /// Blocks the thread in place and completes at the first poll: meant for engine tasks, which
    /// own their thread. With a single processor `Arrival` returns at once, because the spinning
    /// would keep the awaited thread from running.
    async fn linger(&self, reason: Linger, mut ready: impl FnMut() -> bool + Send) {
        match reason {
            Linger::Arrival if self.shared.parallel => {
                look_repeatedly(ARRIVAL_SPIN_NANOS, &mut ready, pause);
            }
            Linger::Arrival => {}
            Linger::Gather => look_repeatedly(GATHER_NANOS, &mut ready, thread::yield_now),
        }
    }
}

impl Entropy for TokioRuntime {
    fn random(&self) -> u64 {
        // The fallback is the standard library's hash seed, itself from the operating system.
        system_random().unwrap_or_else(|| RandomState::new().hash_one(0_u8))
    }
}

impl Runtime for TokioRuntime {
    type Disk = FileDisk;

    fn disk(&self) -> FileDisk {
        self.shared.disk.clone()
    }

    fn location(&self) -> impl fmt::Display {
        self.shared.disk.path().display()
    }
}

/// A tokio runtime that may be dropped anywhere. The plain one panics when it is dropped inside
/// another runtime, which happens if the thread that should have owned it cannot be started.
struct OwnTimers(Option<Timers>);

impl OwnTimers {
    fn block_on(&self, task: impl Future<Output = ()>) {
        self.0.as_ref().expect("taken only by drop").block_on(task);
    }
}

impl Drop for OwnTimers {
    fn drop(&mut self) {
        if let Some(timers) = self.0.take() {
            timers.shutdown_background();
        }
    }
}

/// Looks at `ready` until it is true or `nanos` have passed, with `wait` between two looks.
fn look_repeatedly(nanos: u64, ready: &mut impl FnMut() -> bool, wait: impl Fn()) {
    if ready() {
        return;
    }
    let (start, limit) = (Instant::now(), Duration::from_nanos(nanos));
    loop {
        wait();
        if ready() || start.elapsed() >= limit {
            return;
        }
    }
}

fn pause() {
    for _ in 0..PAUSES_PER_LOOK {
        std::hint::spin_loop();
    }
}

/// 584 years fit, so saturation is a formality.
fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&'static str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(target_os = "linux")]
fn system_random() -> Option<u64> {
    use rustix::{
        io::retry_on_intr,
        rand::{GetRandomFlags, getrandom},
    };
    let mut bytes = [0; 8];
    let filled = retry_on_intr(|| getrandom(&mut bytes, GetRandomFlags::empty())).ok()?;
    (filled == bytes.len()).then(|| u64::from_le_bytes(bytes))
}

#[cfg(not(target_os = "linux"))]
fn system_random() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests;
