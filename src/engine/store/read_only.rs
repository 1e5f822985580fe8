//! The handle of an event store that is open for reading only, beside a writer or without one.
//!
//! Takes no lock and writes nothing. It sees what was durable when it last looked; what no run of
//! the index covers it reads into memory, within a bound.

use super::{
    Events, StreamInfo, Streams,
    reader::{LogEnd, Reader},
};
use crate::{
    append::Committed,
    engine::{
        files::Door,
        index::{
            indexer::index_bytes,
            open::{self as index_open, IndexOptions, LogEnds},
            replay::Writes,
        },
        view::look,
    },
    error::{OpenError, ReadError},
    event::{EventId, RecordedEvent},
    ids::{FencingToken, Position, StoreId},
    names::{CommandKey, ConsumerId, FenceName, StreamId},
    options::Options,
    read::Read,
    runtime::Runtime,
};
use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::oneshot;

/// How often a store is looked at that changes while it is looked at.
const LOOKS_MAX: usize = 3;

/// An event store that is open for reading. Cheap to clone; clones share what
/// [`ReadOnlyStore::refresh`] sees.
///
/// It shows what was durable when it last looked. The last group that a running or a killed writer
/// wrote counts as durable only once something written later says so (a later group, the heartbeat
/// after a second of idleness, or the mark of an orderly close): until then it is not shown.
///
/// It opens over commits that do not decode, which a writer refuses. Reads tell each of them at its
/// place ([`ReadError::Undecodable`]) and go on behind it. One whose streams can be told stops no
/// read of other streams; answers that one could change (an id or a key that is not found, a
/// checkpoint, a fence) are that error.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let dir = tempfile::tempdir()?;
/// use sagalog::{Append, EventType, NewEvent, Options, Read, Store, StreamId};
///
/// let (store, _) = Store::open(dir.path(), Options::default()).await?;
/// let order = StreamId::parse("order-17")?;
/// let placed = NewEvent::new(EventType::parse("OrderPlaced")?, "{}");
/// store.append(Append::new().event(order.clone(), placed)).await?;
/// let beside = Store::open_read_only(dir.path()).await?; // the writer goes on
/// store.close().await?;
/// beside.refresh().await?;
/// assert_eq!(beside.read(Read::stream(order)).collect().await?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ReadOnlyStore {
    reader: Arc<Mutex<Arc<Reader>>>,
    looker: Arc<dyn Look>,
}

/// What a store holds, as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOnlyStoreStats {
    /// The position behind the last event that is proven durable.
    pub head: Position,
    /// The lowest position that is kept.
    pub floor: Position,
    /// How many segments were started and are kept.
    pub segments: usize,
    /// How many files of the index are in use.
    pub runs: usize,
    /// Bytes of those.
    pub index_bytes: u64,
}

impl ReadOnlyStore {
    pub(in crate::engine) async fn open_on<R: Runtime>(runtime: &R) -> Result<Self, OpenError> {
        let door = Door::open(runtime)?;
        let looker = Arc::new(Looker { runtime: runtime.clone(), door });
        let reader = looker.look().await?;
        Ok(Self { reader: Arc::new(Mutex::new(Arc::new(reader))), looker })
    }

    /// Looks again; returns the new head. Reads that were begun before go on to their old one.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let dir = tempfile::tempdir()?;
    /// use sagalog::{Append, EventType, NewEvent, Options, Position, Store, StreamId};
    ///
    /// let (store, _) = Store::open(dir.path(), Options::default()).await?;
    /// let beside = Store::open_read_only(dir.path()).await?;
    /// let placed = NewEvent::new(EventType::parse("OrderPlaced")?, "{}");
    /// store.append(Append::new().event(StreamId::parse("order-17")?, placed)).await?;
    /// store.close().await?;
    /// assert_eq!(beside.head(), Position::new(0)); // what it saw when it looked
    /// assert_eq!(beside.refresh().await?, Position::new(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`Store::open_read_only_with`](crate::Store::open_read_only_with); what was seen before
    /// stays.
    ///
    /// # Cancel safety
    /// Dropping the future leaves what was seen before.
    pub async fn refresh(&self) -> Result<Position, OpenError> {
        let reader = self.looker.look().await?;
        let mut seen = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        // A look that began earlier may end later: what was seen stays seen.
        if reader.head() >= seen.head() {
            *seen = Arc::new(reader);
        }
        Ok(seen.head())
    }

    fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.reader.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads events, up to what was durable at the last look.
    pub fn read(&self, read: Read) -> Events {
        Events::new(self.reader(), read)
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
        Streams::new(self.reader(), prefix)
    }

    /// What the append with this key was answered, if it was committed and the key is still within
    /// the store's horizon.
    ///
    /// # Errors
    /// [`ReadError`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn resolve(&self, key: &CommandKey) -> Result<Option<Committed>, ReadError> {
        self.reader().resolve(key).await
    }

    /// How far a consumer has got.
    ///
    /// # Errors
    /// [`ReadError`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn checkpoint(&self, consumer: &ConsumerId) -> Result<Option<Position>, ReadError> {
        self.reader().checkpoint(consumer).await
    }

    /// The highest token that a fence has seen.
    ///
    /// # Errors
    /// [`ReadError`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn fence(&self, fence: &FenceName) -> Result<Option<FencingToken>, ReadError> {
        self.reader().fence(fence).await
    }

    /// What the store held at the last look.
    pub fn stats(&self) -> ReadOnlyStoreStats {
        let reader = self.reader();
        let (head, table) = (reader.head(), reader.table());
        ReadOnlyStoreStats {
            head,
            floor: table.entries().first().map_or(head, |entry| entry.first),
            segments: table.entries().len(),
            runs: reader.index.tables().runs.len(),
            index_bytes: index_bytes(&reader.index),
        }
    }

    /// The position behind the last event that was durable at the last look.
    pub fn head(&self) -> Position {
        self.reader().head()
    }

    /// The store's identity.
    pub fn store(&self) -> StoreId {
        self.reader().store
    }
}

impl fmt::Debug for ReadOnlyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOnlyStore").field("store", &self.store()).finish_non_exhaustive()
    }
}

type Looking<'a> = Pin<Box<dyn Future<Output = Result<Reader, OpenError>> + Send + 'a>>;

/// Looks at a store from outside, whatever runtime it is in.
trait Look: Send + Sync {
    fn look(&self) -> Looking<'_>;
}

struct Looker<R> {
    runtime: R,
    door: Door,
}

impl<R: Runtime> Look for Looker<R> {
    fn look(&self) -> Looking<'_> {
        Box::pin(async move {
            // Disk calls may block, so that they are not the caller's: see the read pool.
            let (answer, answered) = oneshot::channel();
            let (runtime, door) = (self.runtime.clone(), self.door.clone());
            self.runtime.spawn("sagalog-look", async move {
                let _ = answer.send(look_at(&runtime, &door).await);
            })?;
            let lost = || io::Error::new(io::ErrorKind::BrokenPipe, "the look was given up");
            answered.await.map_err(|_| lost())?
        })
    }
}

/// Looks until log and index fit each other: a writer may merge runs meanwhile.
async fn look_at<R: Runtime>(runtime: &R, door: &Door) -> Result<Reader, OpenError> {
    let mut looks = 1;
    loop {
        match look_once(runtime, door).await {
            Err(OpenError::Io(_) | OpenError::IndexMissing | OpenError::Corrupt(_))
                if looks < LOOKS_MAX =>
            {
                looks += 1;
            }
            outcome => return outcome,
        }
    }
}

async fn look_once<R: Runtime>(runtime: &R, door: &Door) -> Result<Reader, OpenError> {
    let view = look(&runtime.disk()).await?;
    let store = view.superblock.store;
    let settings = Options::default().of(view.superblock.chosen)?;
    let ends = LogEnds { store, table: &view.table, tail: view.durable };
    let options = IndexOptions {
        key_horizon_events: settings.chosen.key_horizon_events,
        cache_bytes: settings.cache_bytes,
        writes: Writes::Nothing,
    };
    let opened = index_open::open(&runtime.disk(), door.clone(), ends, options, None).await?;
    Ok(Reader {
        store,
        index: Arc::new(opened.index),
        door: door.clone(),
        end: LogEnd::Seen { head: view.durable.position, table: Arc::clone(&view.table) },
        unreadable: opened.unreadable,
    })
}
