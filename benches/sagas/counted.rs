//! A runtime that counts how often its disk is asked to make something durable.
//!
//! It changes nothing and measures no time. The invariant: whatever syncs a file or the directory
//! of the store, for the log or for the index, goes through here and is counted.

use sagalog::runtime::{Clock, Disk, Entropy, File, Linger, Moment, OpenMode, Runtime, Tasks};
use sagalog::{EngineRuntime, Openings, WallTime};
use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How often was synced so far. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Syncs(Arc<AtomicU64>);

impl Syncs {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A runtime, a disk or a file, and the count of its syncs.
#[derive(Clone)]
pub(crate) struct Counted<T> {
    inner: T,
    syncs: Syncs,
}

impl<T> Counted<T> {
    pub(crate) fn new(inner: T, syncs: Syncs) -> Self {
        Self { inner, syncs }
    }
}

impl<R: Clock> Clock for Counted<R> {
    fn now(&self) -> Moment {
        self.inner.now()
    }

    fn wall(&self) -> WallTime {
        self.inner.wall()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        self.inner.sleep(duration)
    }
}

impl<R: Tasks> Tasks for Counted<R> {
    fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.inner.spawn(name, task)
    }

    fn spawn_light(&self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        self.inner.spawn_light(task)
    }

    fn linger(
        &self,
        reason: Linger,
        ready: impl FnMut() -> bool + Send,
    ) -> impl Future<Output = ()> + Send {
        self.inner.linger(reason, ready)
    }
}

impl<R: Entropy> Entropy for Counted<R> {
    fn random(&self) -> u64 {
        self.inner.random()
    }
}

impl<R: Runtime> Runtime for Counted<R> {
    type Disk = Counted<R::Disk>;

    fn disk(&self) -> Self::Disk {
        Counted::new(self.inner.disk(), self.syncs.clone())
    }

    fn location(&self) -> impl fmt::Display {
        self.inner.location()
    }
}

impl<R: Runtime> EngineRuntime for Counted<R> {
    fn openings() -> &'static Openings<Self> {
        const { &Openings::new() }
    }
}

impl<D: Disk> Disk for Counted<D> {
    type File = Counted<D::File>;
    type Lock = D::Lock;

    async fn open(&self, name: &str, mode: OpenMode) -> io::Result<Self::File> {
        Ok(Counted::new(self.inner.open(name, mode).await?, self.syncs.clone()))
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list().await
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to).await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name).await
    }

    async fn sync_dir(&self) -> io::Result<()> {
        self.syncs.add_one();
        self.inner.sync_dir().await
    }

    async fn lock(&self, name: &str) -> io::Result<Self::Lock> {
        self.inner.lock(name).await
    }
}

impl<F: File> File for Counted<F> {
    async fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buf, offset).await
    }

    fn try_read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.try_read_at(buf, offset)
    }

    async fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(bytes, offset).await
    }

    async fn sync_data(&self) -> io::Result<()> {
        self.syncs.add_one();
        self.inner.sync_data().await
    }

    async fn reserve(&self, bytes: u64) -> io::Result<()> {
        self.inner.reserve(bytes).await
    }

    async fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.inner.truncate(bytes).await
    }

    async fn len(&self) -> io::Result<u64> {
        self.inner.len().await
    }

    fn is_in_place(&self) -> io::Result<bool> {
        self.inner.is_in_place()
    }
}
