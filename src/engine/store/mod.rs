//! The handle of an event store that is open for writing.
//!
//! Reading order: this file (the handle), `append` (the way of an append), `facts` (what a decision
//! has to look up), `reader` and `commits` (how events are found and read), `events` and `streams`
//! (reads), `read_only` (the handle beside a writer).

mod append;
mod commits;
mod events;
mod facts;
mod read_only;
mod reader;
mod streams;

pub use events::Events;
pub use read_only::ReadOnlyStore;
pub use reader::StreamInfo;
pub use streams::Streams;

use self::{
    append::{Appender, Source},
    reader::{LogEnd, Reader},
};
use super::{
    blocking::unpark_here,
    files::Door,
    index::{
        indexer::{Indexing, index_bytes},
        open::{self as index_open, IndexOptions, LogEnds},
        replay::Writes,
    },
    log::{Log, start},
    open,
    report::RecoveryReport,
};
use crate::{
    append::{Append, Committed},
    error::{AppendError, LogError, OpenError, ReadError},
    event::{EventId, RecordedEvent},
    ids::{FencingToken, Position, StoreId},
    names::{CommandKey, ConsumerId, FenceName, StreamId},
    options::Options,
    read::Read,
    runtime::{Runtime, WallTime},
};
use std::{fmt, future::Future, sync::Arc};
use tokio::sync::{Notify, mpsc, watch};

/// How many requests to rebuild a run may wait.
const REPAIRS_WAITING_MAX: usize = 16;

/// An event store that is open for writing. Cheap to clone; it closes in order when the last clone
/// is dropped, and [`Store::close`] waits for that.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let dir = tempfile::tempdir()?;
/// use sagalog::{Append, EventType, ExpectedRevision, NewEvent, Options, Read, Store, StreamId};
///
/// let (store, _) = Store::open(dir.path(), Options::default()).await?;
/// let order = StreamId::parse("order-17")?;
/// let placed = NewEvent::new(EventType::parse("OrderPlaced")?, r#"{"total_cents":1250}"#);
/// let append = Append::new()
///     .expect(order.clone(), ExpectedRevision::NoStream)
///     .event(order.clone(), placed);
/// let committed = store.append(append).await?; // durable from here on
/// assert_eq!(committed.revision(&order).map(|revision| revision.get()), Some(0));
///
/// let mut events = store.read(Read::stream(order));
/// while let Some(event) = events.next().await? {
///     println!("{} {}", event.revision(), event.event_type());
/// }
/// store.close().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Store {
    log: Log,
    appender: Arc<Appender>,
    /// Ready once nothing is written to the index any more.
    indexed: watch::Receiver<usize>,
}

/// What a store has done and holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// The position behind the last durable event.
    pub head: Position,
    /// The lowest position that is kept.
    pub floor: Position,
    /// How many segments were started and are kept.
    pub segments: usize,
    /// How many segments are prepared ahead.
    pub prepared_segments: usize,
    /// How many files the index has.
    pub runs: usize,
    /// Bytes of the index's files.
    pub index_bytes: u64,
    /// About how many bytes of memory the index of the log's tail takes.
    pub memory_bytes: usize,
    /// Bytes of the index's pages that are held in memory.
    pub cache_bytes: usize,
    /// Whether a write or sync failed: the store only reads until it is reopened.
    pub poisoned: bool,
}

/// Whether a store can do its work, and what is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether appends are taken.
    pub writable: bool,
    /// What is in the way, or will be.
    pub reasons: Vec<HealthReason>,
}

/// Something that is in the way of a store, or will be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthReason {
    /// A write or sync failed. Reopen the store.
    Poisoned,
    /// The store was closed.
    Closed,
    /// The next segment could not be prepared: appends stop when the present one is full.
    Unprepared(String),
    /// The index could not be written: appends stop when memory is full.
    Unindexed(String),
}

impl fmt::Display for HealthReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned => f.write_str("a write or sync failed; reopen the store"),
            Self::Closed => f.write_str("the store was closed"),
            Self::Unprepared(error) => write!(f, "the next segment cannot be prepared: {error}"),
            Self::Unindexed(error) => write!(f, "the index cannot be written: {error}"),
        }
    }
}

impl Store {
    /// Opens the store in `dir`, making it if there is none and the options say so.
    ///
    /// The disk calls of opening block in the calling task. The index is checked as far as it
    /// takes to believe it; what lacks is made from the log again, which takes about a second for
    /// each gigabyte.
    ///
    /// # Errors
    /// [`OpenError`] says what to do. Opening never repairs by deleting what was acknowledged.
    ///
    /// # Cancel safety
    /// Dropping the future leaves a directory that opens again.
    #[cfg(feature = "tokio")]
    pub async fn open(
        dir: impl AsRef<std::path::Path>,
        options: Options,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        use crate::runtime::tokio::TokioRuntime;
        let creates = options.parse()?.create;
        let runtime = if creates { TokioRuntime::create(dir)? } else { TokioRuntime::open(dir)? };
        Self::open_with(&runtime, options).await
    }

    /// Opens the store in the directory of `runtime`.
    ///
    /// # Errors
    /// See `Store::open`.
    ///
    /// # Cancel safety
    /// See `Store::open`.
    pub async fn open_with<R: Runtime>(
        runtime: &R,
        options: Options,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        let settings = options.parse()?;
        let started = runtime.now();
        let opened = open::open(runtime, settings).await?;
        let mut report = opened.report.clone();
        let store = opened.superblock.store;
        let door = Door::open(runtime)?;
        let (repairs, requests) = mpsc::channel(REPAIRS_WAITING_MAX);
        let ends = LogEnds { store, table: &opened.table, tail: opened.tail };
        let index_options = IndexOptions {
            key_horizon_events: settings.key_horizon_events,
            cache_bytes: settings.cache_bytes,
            writes: Writes::Runs,
        };
        let opened_index =
            index_open::open(&runtime.disk(), door.clone(), ends, index_options, repairs).await?;
        report.runs_rebuilt = opened_index.runs_rebuilt;
        let (log, lock) = start(runtime, settings, opened, door.clone())?;
        let shared = Arc::clone(log.shared());
        shared.core().begin_cuts(&opened_index.cuts);
        let index = Arc::new(opened_index.index);
        let reader = Arc::new(Reader {
            store,
            index: Arc::clone(&index),
            door,
            end: LogEnd::Live(Arc::clone(&shared)),
        });
        let indexing = Indexing {
            runtime: runtime.clone(),
            store,
            shared: Arc::clone(&shared),
            index,
            numbers: opened_index.numbers,
            merging: Arc::new(Notify::new()),
        };
        // The lock is held until nothing is written to the directory any more.
        let (ends, indexed) = watch::channel(2);
        let (writing, merging) = (indexing.clone(), indexing);
        let (ends, lock) = (Arc::new(ends), Arc::new(lock));
        let (end, held) = (Ended(Arc::clone(&ends)), Arc::clone(&lock));
        let begun = opened_index.begun;
        runtime.spawn("sagalog-indexer", async move {
            let _ended = (end, held);
            writing.write_tables(begun).await;
        })?;
        let (end, held) = (Ended(ends), lock);
        runtime.spawn("sagalog-merger", async move {
            let _ended = (end, held);
            merging.merge_runs(requests).await;
        })?;
        let source = Box::new(RuntimeSource(runtime.clone()));
        let appender = Appender { log: log.clone(), shared, reader, source };
        report.elapsed = runtime.now().since(started);
        Ok((Self { log, appender: Arc::new(appender), indexed }, report))
    }

    /// Opens the store in `dir` for reading, beside a writer or without one.
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    #[cfg(feature = "tokio")]
    pub async fn open_read_only(
        dir: impl AsRef<std::path::Path>,
    ) -> Result<ReadOnlyStore, OpenError> {
        let runtime = crate::runtime::tokio::TokioRuntime::open(dir)?;
        ReadOnlyStore::open_with(&runtime).await
    }

    /// Opens the store in the directory of `runtime` for reading.
    ///
    /// # Errors
    /// See `Store::open_read_only`.
    ///
    /// # Cancel safety
    /// See `Store::open_read_only`.
    pub async fn open_read_only_with<R: Runtime>(runtime: &R) -> Result<ReadOnlyStore, OpenError> {
        ReadOnlyStore::open_with(runtime).await
    }

    /// Appends events and waits until they are durable. Waits for room if the queue is full, first
    /// come, first served.
    ///
    /// An append whose command key was committed before is answered with the original answer and
    /// stores nothing, also when its guards fail today. So is one whose guards name the places of
    /// its events (`Exact`, `NoStream`) if exactly these events, by their ids, stand there already
    /// as one append.
    ///
    /// # Errors
    /// [`AppendError`] says whether the append was stored; only `Unknown` leaves it open.
    ///
    /// # Cancel safety
    /// The append is submitted at the first poll at which everything it depends on is known and
    /// there is room. A future dropped before that stored nothing; one dropped later may or may
    /// not store the append, never half of it.
    pub async fn append(&self, append: Append) -> Result<Committed, AppendError> {
        let going = self.appender.draft(append)?;
        self.appender.append(going).await
    }

    /// Appends events if there is room now; the answer comes with the future that it returns.
    ///
    /// The append is submitted by this call, unless something it depends on has to be looked up on
    /// the disk: then it is submitted by the future, as soon as that is known.
    ///
    /// # Errors
    /// `Overloaded` instead of waiting for room, from this call or from the future; otherwise as
    /// [`Store::append`].
    ///
    /// # Cancel safety
    /// Dropping the returned future does not take back what was submitted.
    pub fn try_append(
        &self,
        append: Append,
    ) -> Result<impl Future<Output = Result<Committed, AppendError>> + Send + use<>, AppendError>
    {
        let going = self.appender.draft(append)?;
        Arc::clone(&self.appender).try_append(going)
    }

    /// Appends events from a thread that may block. If nobody is writing, the caller writes for
    /// all itself, which saves the hand-over to another thread.
    ///
    /// Not for the tasks of an async runtime, and only for a runtime whose disk blocks in place
    /// (the production one does).
    ///
    /// # Errors
    /// See [`Store::append`].
    pub fn append_blocking(&self, append: Append) -> Result<Committed, AppendError> {
        let going = self.appender.draft(append)?;
        self.appender.append_blocking(going, &unpark_here())
    }

    /// What the append with this key was answered, if it was committed and the key is still within
    /// its horizon. Waits until the answer is durable.
    ///
    /// # Errors
    /// [`ReadError::Unresolved`] if a write failed meanwhile: reopen, then ask again.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn resolve(&self, key: &CommandKey) -> Result<Option<Committed>, ReadError> {
        self.reader().resolve(key).await
    }

    /// How far a consumer has got, by the last append that moved its checkpoint.
    ///
    /// # Errors
    /// See [`Store::resolve`].
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn checkpoint(&self, consumer: &ConsumerId) -> Result<Option<Position>, ReadError> {
        self.reader().checkpoint(consumer).await
    }

    /// The highest token that a fence has seen.
    ///
    /// # Errors
    /// See [`Store::resolve`].
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn fence(&self, fence: &FenceName) -> Result<Option<FencingToken>, ReadError> {
        self.reader().fence(fence).await
    }

    /// Reads events. The read is pinned at its first poll to what is durable then.
    pub fn read(&self, read: Read) -> Events {
        Events::new(Arc::clone(self.reader()), read)
    }

    /// The newest event with this id.
    ///
    /// # Errors
    /// [`ReadError`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn event(&self, id: EventId) -> Result<Option<RecordedEvent>, ReadError> {
        self.reader().event(id).await
    }

    /// The last event of a stream.
    ///
    /// # Errors
    /// [`ReadError::StreamNotFound`] if the stream has none.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn stream_info(&self, stream: &StreamId) -> Result<StreamInfo, ReadError> {
        self.reader().stream_info(stream).await
    }

    /// The streams whose names begin with `prefix`, in the order of their bytes; system streams
    /// only if the prefix names them.
    pub fn streams(&self, prefix: &str) -> Streams {
        Streams::new(Arc::clone(self.reader()), prefix)
    }

    /// The position behind the last durable event.
    pub fn head(&self) -> Position {
        self.log.head()
    }

    /// The store's identity.
    pub fn store(&self) -> StoreId {
        self.log.store()
    }

    /// What the store holds.
    pub fn stats(&self) -> StoreStats {
        let log = self.log.stats();
        let index = &self.reader().index;
        let (runs, memory_bytes) = {
            let tables = index.tables();
            (tables.runs.len(), tables.state.memory_bytes())
        };
        StoreStats {
            head: log.head,
            floor: log.floor,
            segments: log.segments,
            prepared_segments: log.prepared_segments,
            runs,
            index_bytes: index_bytes(index),
            memory_bytes,
            cache_bytes: index.cache_bytes(),
            poisoned: log.poisoned,
        }
    }

    /// Whether the store can do its work.
    pub fn health(&self) -> Health {
        let shared = &self.appender.shared;
        let mut reasons = Vec::new();
        let ended = shared.is_poisoned() || shared.is_closing();
        if shared.is_poisoned() {
            reasons.push(HealthReason::Poisoned);
        } else if shared.is_closing() {
            reasons.push(HealthReason::Closed);
        }
        let core = shared.core_or_poisoned();
        let unprepared = core.unprepared.as_ref().map(|error| error.to_string());
        let unindexed = core.unindexed.as_ref().map(|error| error.to_string());
        drop(core);
        reasons.extend(unprepared.map(HealthReason::Unprepared));
        reasons.extend(unindexed.map(HealthReason::Unindexed));
        Health { writable: !ended, reasons }
    }

    /// Closes the store in order: writes what was taken, marks the store as cleanly closed and
    /// releases the lock. Appends of other clones fail with `Closed` from here on.
    ///
    /// # Errors
    /// `Poisoned` if a write failed; the next open recovers.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the closing.
    pub async fn close(self) -> Result<(), LogError> {
        let Self { log, appender, mut indexed } = self;
        drop(appender);
        let closed = log.close().await;
        // Whoever opens the store next must find the lock free.
        let _ = indexed.wait_for(|tasks| *tasks == 0).await;
        closed
    }

    fn reader(&self) -> &Arc<Reader> {
        &self.appender.reader
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("store", &self.store()).finish_non_exhaustive()
    }
}

/// A task of the index has ended, also by a panic.
struct Ended(Arc<watch::Sender<usize>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.send_modify(|tasks| *tasks -= 1);
    }
}

struct RuntimeSource<R>(R);

impl<R: Runtime> Source for RuntimeSource<R> {
    fn wall(&self) -> WallTime {
        self.0.wall()
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}
