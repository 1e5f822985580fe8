//! Open files for reading, shared by all readers of a store, and the read pool behind them.
//!
//! A warm read is finished in the caller's task: the file is open already and the system has the
//! bytes in memory. Everything else goes through the pool, whose tasks may block. Nothing is
//! written here, and what was read is believed by nobody before it was checked.

use super::scan::Source;
use crate::{
    ids::SegmentId,
    log::{Place, fields::u64_from, segment},
    runtime::{Disk, File, OpenMode, Runtime},
    store::run_name::RunName,
};
use bytes::{Bytes, BytesMut};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{mpsc, oneshot};

/// How many reads may wait for the pool.
const READS_WAITING_MAX: usize = 64;
/// How many files are kept open for reading.
const OPEN_FILES_MAX: usize = 256;
/// How many reads the pool serves at a time.
const READERS: usize = 2;

/// A file that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKey {
    Segment(SegmentId),
    /// A run, and its number among those that this process opened: a run that is made anew under
    /// the same name is another file, and whoever reads the old one goes on reading that.
    Run(RunName, u64),
}

impl FileKey {
    fn name(self) -> String {
        match self {
            Self::Segment(segment) => segment::file_name(segment),
            Self::Run(run, _) => run.file_name(),
        }
    }
}

/// The files that are open for reading.
pub(crate) struct Files<D: Disk> {
    disk: D,
    open: Mutex<BTreeMap<FileKey, Arc<D::File>>>,
}

impl<D: Disk> Files<D> {
    pub(crate) fn new(disk: D) -> Self {
        Self { disk, open: Mutex::new(BTreeMap::new()) }
    }

    fn opened(&self, key: FileKey) -> Option<Arc<D::File>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    async fn file(&self, key: FileKey) -> io::Result<Arc<D::File>> {
        if let Some(file) = self.opened(key) {
            return Ok(file);
        }
        let file = Arc::new(self.disk.open(&key.name(), OpenMode::Read).await?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Segments are opened again if need be. Runs stay open for as long as they are in use.
        let first = open.first_key_value().map(|(key, _)| *key);
        if open.len() >= OPEN_FILES_MAX
            && let Some(segment @ FileKey::Segment(_)) = first
        {
            open.remove(&segment);
        }
        open.insert(key, Arc::clone(&file));
        Ok(file)
    }

    /// Appends up to `more` bytes of the file to `kept`, which holds those from `offset` on.
    /// Fewer only at the end of the file.
    pub(crate) async fn read(
        &self,
        key: FileKey,
        offset: u64,
        mut kept: BytesMut,
        more: usize,
    ) -> io::Result<BytesMut> {
        let file = self.file(key).await?;
        let held = kept.len();
        let from = offset + u64_from(held);
        let left = file.len().await?.saturating_sub(from);
        let wanted = more.min(usize::try_from(left).unwrap_or(usize::MAX));
        super::scan::extend(file.as_ref(), &mut kept, from, wanted).await?;
        Ok(kept)
    }
}

/// Reads that cost no wait.
pub(crate) trait WarmRead: Send + Sync {
    /// `bytes` bytes of the file from `offset` on, if that takes no look at a device.
    fn try_read(&self, key: FileKey, offset: u64, bytes: usize) -> Option<BytesMut>;

    /// The file is not to be read any more.
    fn forget(&self, key: FileKey);
}

impl<D: Disk> WarmRead for Files<D> {
    fn try_read(&self, key: FileKey, offset: u64, bytes: usize) -> Option<BytesMut> {
        let file = self.opened(key)?;
        let mut buffer = BytesMut::zeroed(bytes);
        match file.try_read_at(&mut buffer, offset) {
            Ok(read) if read == bytes => Some(buffer),
            // Whatever it is, the pool meets it again and says so.
            _ => None,
        }
    }

    fn forget(&self, key: FileKey) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

/// A request to the read pool.
struct Request {
    key: FileKey,
    offset: u64,
    kept: BytesMut,
    more: usize,
    answer: oneshot::Sender<io::Result<BytesMut>>,
}

/// Reads of files, from memory or through the pool. Cheap to clone; the pool ends with the last
/// clone.
#[derive(Clone)]
pub(crate) struct Door {
    warm: Arc<dyn WarmRead>,
    pool: mpsc::Sender<Request>,
}

impl Door {
    /// Starts the read pool of a store.
    pub(crate) fn open<R: Runtime>(runtime: &R) -> io::Result<Self> {
        let files = Arc::new(Files::new(runtime.disk()));
        let (pool, requests) = mpsc::channel(READS_WAITING_MAX);
        let requests = Arc::new(tokio::sync::Mutex::new(requests));
        for _ in 0..READERS {
            runtime.spawn("sagalog-reader", serve(Arc::clone(&files), Arc::clone(&requests)))?;
        }
        Ok(Self { warm: files, pool })
    }

    /// `bytes` bytes of the file from `offset` on, if that takes no wait.
    pub(crate) fn try_read(&self, key: FileKey, offset: u64, bytes: usize) -> Option<Bytes> {
        self.warm.try_read(key, offset, bytes).map(BytesMut::freeze)
    }

    /// `bytes` bytes of the file from `offset` on; fewer only at its end.
    pub(crate) async fn read(&self, key: FileKey, offset: u64, bytes: usize) -> io::Result<Bytes> {
        match self.warm.try_read(key, offset, bytes) {
            Some(read) => Ok(read.freeze()),
            None => Ok(self.read_on(key, offset, BytesMut::new(), bytes).await?.freeze()),
        }
    }

    /// As [`Door::read`], from the device itself if need be: for a second look.
    pub(crate) async fn read_on(
        &self,
        key: FileKey,
        offset: u64,
        kept: BytesMut,
        more: usize,
    ) -> io::Result<BytesMut> {
        let (answer, answered) = oneshot::channel();
        let closed = || io::Error::new(io::ErrorKind::BrokenPipe, "the store is closed");
        let request = Request { key, offset, kept, more, answer };
        self.pool.send(request).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// The file is not to be read any more.
    pub(crate) fn forget(&self, key: FileKey) {
        self.warm.forget(key);
    }
}

impl Source for Door {
    async fn read(&mut self, place: Place, kept: BytesMut, more: usize) -> io::Result<BytesMut> {
        self.read_on(FileKey::Segment(place.segment), place.offset, kept, more).await
    }
}

/// One task of the read pool: answers requests until the last reader is gone.
async fn serve<D: Disk>(
    files: Arc<Files<D>>,
    requests: Arc<tokio::sync::Mutex<mpsc::Receiver<Request>>>,
) {
    loop {
        let request = requests.lock().await.recv().await;
        let Some(Request { key, offset, kept, more, answer }) = request else {
            return;
        };
        let _ = answer.send(files.read(key, offset, kept, more).await);
    }
}
