//! The handle of a log that is open for reading only, beside a writer or without one.
//!
//! Takes no lock, writes nothing, and sees durable positions only. Not generic: the runtime's type
//! ends at the tasks that looking and reading start.

use super::{
    files::Door,
    openings::EngineRuntime,
    reader::Reading,
    survey::OpenWarning,
    view::{View, look},
};
use crate::{
    commit::RecordedCommit,
    error::{OpenError, ReadError},
    ids::{Epoch, Position, StoreId},
    log::superblock::Chosen,
    runtime::Runtime,
    time::WallTime,
};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::oneshot;

/// A log that is open for reading. Cheap to clone; clones share what [`ReadOnlyLog::refresh`] sees.
///
/// It shows what was durable when it last looked. The last group that a running or a killed writer
/// wrote counts as durable only once something written later says so (a later group, the heartbeat
/// after a second of idleness, or the mark of an orderly close): until then it is not shown.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let dir = tempfile::tempdir()?;
/// use sagalog::{Commit, Log, Options, Position, ReadOnlyLog};
///
/// let (log, _) = Log::open(dir.path(), Options::default()).await?;
/// log.append(Commit::new("hello")).await?;
/// log.append(Commit::new("world")).await?;
/// let beside = ReadOnlyLog::open(dir.path()).await?; // the writer goes on
/// let mut reader = beside.read(Position::new(0));
/// assert_eq!(reader.next().await?.expect("it is durable").body, "hello");
/// log.close().await?;
/// assert_eq!(beside.refresh().await?, Position::new(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ReadOnlyLog {
    handle: Arc<Handle>,
}

struct Handle {
    view: Mutex<Arc<View>>,
    looker: Box<dyn Look>,
    door: Door,
}

/// What a log holds, as seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOnlyStats {
    /// The store's identity.
    pub store: StoreId,
    /// The epoch of the last writer.
    pub epoch: Epoch,
    /// When the store was created; informative.
    pub created: WallTime,
    /// The position behind the last one that is proven durable.
    pub head: Position,
    /// The lowest position that is kept.
    pub floor: Position,
    /// How many positions behind the head are whole but not proven durable.
    pub unproven_positions: u64,
    /// Bytes behind those that the next writer would discard.
    pub torn_bytes: u64,
    /// How many segments were started and are kept.
    pub segments: usize,
    /// How many segments are prepared ahead.
    pub prepared_segments: u64,
    /// Bytes of the started segments' files as they were prepared.
    pub segment_bytes: u64,
    /// What was chosen for the store: an opening that does not choose goes on with it.
    pub chosen: Chosen,
    /// Whether the store was closed in order and nobody has opened it for writing since.
    pub clean: bool,
    /// What else was noticed.
    pub warnings: Vec<OpenWarning>,
}

impl ReadOnlyLog {
    /// Opens the log in `dir` for reading. Nothing is created, changed or locked.
    ///
    /// # Errors
    /// [`OpenError`] says what to do; a damaged log is refused as [`crate::Log::open`] would.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    #[cfg(feature = "tokio")]
    pub async fn open(dir: impl AsRef<std::path::Path>) -> Result<Self, OpenError> {
        let runtime = crate::runtime::tokio::TokioRuntime::open(dir);
        Self::open_with(&runtime.map_err(OpenError::of_directory)?).await
    }

    /// Opens the log in the directory of `runtime` for reading.
    ///
    /// # Errors
    /// See `ReadOnlyLog::open`.
    ///
    /// # Cancel safety
    /// See `ReadOnlyLog::open`.
    pub async fn open_with<R: EngineRuntime>(runtime: &R) -> Result<Self, OpenError> {
        (R::openings().log_read_only)(runtime).await
    }

    pub(super) async fn open_on<R: Runtime>(runtime: &R) -> Result<Self, OpenError> {
        let looker = Box::new(Looker(runtime.clone()));
        let view = looked(looker.as_ref()).await?;
        let door = Door::open(runtime)?;
        let handle = Handle { view: Mutex::new(Arc::new(view)), looker, door };
        Ok(Self { handle: Arc::new(handle) })
    }

    /// Looks again; returns the new head. Readers that were made before go on to their old one.
    ///
    /// # Errors
    /// See `ReadOnlyLog::open`; what was seen before stays.
    ///
    /// # Cancel safety
    /// Dropping the future leaves what was seen before.
    pub async fn refresh(&self) -> Result<Position, OpenError> {
        let view = looked(self.handle.looker.as_ref()).await?;
        let mut seen = self.lock();
        // A look that began earlier may end later: what was seen stays seen.
        if view.durable.position >= seen.durable.position {
            *seen = Arc::new(view);
        }
        Ok(seen.durable.position)
    }

    /// Reads commits from `from` on, up to the head. A position inside a commit yields that commit;
    /// one that was retired begins at the floor.
    pub fn read(&self, from: Position) -> ReadOnlyReader {
        let view = self.view();
        let reading = Reading::new(
            self.handle.door.clone(),
            view.superblock.store,
            Arc::clone(&view.table),
            from,
            view.durable.position,
        );
        ReadOnlyReader { reading, handle: Arc::clone(&self.handle) }
    }

    /// The position behind the last one that was proven durable at the last look.
    pub fn head(&self) -> Position {
        self.view().durable.position
    }

    /// The lowest position that was kept at the last look.
    pub fn floor(&self) -> Position {
        self.view().floor()
    }

    /// The store's identity.
    pub fn store(&self) -> StoreId {
        self.view().superblock.store
    }

    /// What the log held at the last look.
    pub fn stats(&self) -> ReadOnlyStats {
        let view = self.view();
        let superblock = &view.superblock;
        let active = view.table.last().map(|entry| entry.segment.get());
        let started = active.unwrap_or(superblock.floor.get() - 1);
        ReadOnlyStats {
            store: superblock.store,
            epoch: superblock.epoch,
            created: WallTime::from_unix_nanos(superblock.created_unix_nanos),
            head: view.durable.position,
            floor: view.floor(),
            unproven_positions: view.walked.position.get() - view.durable.position.get(),
            torn_bytes: view.torn_bytes,
            segments: view.table.entries().len(),
            prepared_segments: superblock.prepared_through.get().saturating_sub(started),
            segment_bytes: view.table.bytes(),
            chosen: superblock.chosen,
            clean: view.clean,
            warnings: view.warnings.clone(),
        }
    }

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<View>> {
        // The guarded value is replaced whole, so a panic elsewhere cannot have broken it.
        let view = &self.handle.view;
        view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ReadOnlyLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadOnlyLog")
            .field("store", &self.store())
            .field("head", &self.head())
            .finish_non_exhaustive()
    }
}

/// Reads commits in order, up to the head that was seen when the reading began.
pub struct ReadOnlyReader {
    reading: Reading<Door>,
    handle: Arc<Handle>,
}

impl ReadOnlyReader {
    /// The next commit; `None` at the head.
    ///
    /// # Errors
    /// [`ReadError`] says what to do. After [`ReadError::Io`] the call can be repeated; after
    /// [`ReadError::Retired`] a refreshed log can be read from its floor.
    ///
    /// # Cancel safety
    /// A dropped call loses nothing: the next call goes on where it was.
    pub async fn next(&mut self) -> Result<Option<RecordedCommit>, ReadError> {
        let segment = self.reading.segment();
        match self.reading.next().await {
            Err(error) => match looked(self.handle.looker.as_ref()).await {
                // The writer has given the file away, or a new life, while it was being read.
                Ok(view) if segment < view.first_segment() => Err(ReadError::Retired(segment)),
                Ok(_) | Err(_) => Err(error),
            },
            read => read,
        }
    }
}

impl std::fmt::Debug for ReadOnlyReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadOnlyReader").finish_non_exhaustive()
    }
}

/// Starts a look; hides the runtime's type.
trait Look: Send + Sync {
    fn begin(&self) -> io::Result<oneshot::Receiver<Result<View, OpenError>>>;
}

struct Looker<R>(R);

impl<R: Runtime> Look for Looker<R> {
    /// In a task of its own, since disk calls block the thread that makes them.
    fn begin(&self) -> io::Result<oneshot::Receiver<Result<View, OpenError>>> {
        let (answer, answered) = oneshot::channel();
        let disk = self.0.disk();
        self.0.spawn("sagalog-look", async move {
            let _ = answer.send(look(&disk).await);
        })?;
        Ok(answered)
    }
}

async fn looked(looker: &dyn Look) -> Result<View, OpenError> {
    let ended = |_| io::Error::other("the task that looked at the log has panicked");
    looker.begin()?.await.map_err(ended)?
}
