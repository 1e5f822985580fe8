//! The handle of an event store that is open for writing.
//!
//! Reading order: this file (the handle), `open`, `append` (the way of an append), `facts` (what a
//! decision has to look up), `reader` and `commits` (how events are found and read), `events` and
//! `streams` (reads), `health`, `read_only` (the handle beside a writer).

mod append;
mod commits;
mod events;
mod facts;
mod health;
mod open;
mod read_only;
mod reader;
mod streams;

pub use events::Events;
pub use health::{Health, HealthReason, StoreStats};
pub use read_only::{ReadOnlyStore, ReadOnlyStoreStats};
pub use reader::StreamInfo;
pub use streams::Streams;

use self::{append::Appender, reader::Reader};
use super::{blocking::unpark_here, log::Log};
use crate::{
    append::{Append, Committed},
    error::{AppendError, LogError, ReadError},
    event::{EventId, RecordedEvent},
    ids::{FencingToken, Position, StoreId},
    names::{CommandKey, ConsumerId, FenceName, StreamId},
    read::Read,
};
use std::{fmt, future::Future, sync::Arc};
use tokio::sync::watch;

/// An event store that is open for writing. Cheap to clone; it closes in order when the last clone
/// is dropped, and [`Store::close`] waits for that. A drop does not wait: opening the store again
/// right behind it may find it [`Locked`](crate::OpenError::Locked).
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

impl Store {
    /// Appends events and waits until they are durable. Waits for room if the queue is full, first
    /// come, first served.
    ///
    /// An append whose command key was committed before is answered with the original answer and
    /// stores nothing, also when its guards fail today. So is one whose guards name the places of
    /// its events (`Exact`, `NoStream`) if these events, by their ids, stand there already, in
    /// this order, within one append: the answer is that append's.
    ///
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let order = StreamId::parse("order-17")?; // two events so far
    /// let shipped = NewEvent::new(EventType::parse("OrderShipped")?, "{}");
    /// let append = Append::new()
    ///     .expect(order.clone(), ExpectedRevision::Exact(Revision::new(1)))
    ///     .event(order.clone(), shipped);
    /// let committed = store.append(append.clone()).await?;
    /// assert_eq!(committed.revision(&order), Some(Revision::new(2)));
    ///
    /// // What was true a moment ago no longer is: read, decide again.
    /// match store.append(append).await {
    ///     Err(AppendError::Conflict(failed)) => {
    ///         assert_eq!(failed[0].actual, Actual::Revision(Revision::new(2)));
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok(()) });
    /// ```
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
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let order = StreamId::parse("order-17")?;
    /// let shipped = NewEvent::new(EventType::parse("OrderShipped")?, "{}");
    /// match store.try_append(Append::new().event(order, shipped)) {
    ///     Ok(answer) => println!("durable at {}", answer.await?.first),
    ///     Err(AppendError::Overloaded) => println!("shed some load"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(()) });
    /// ```
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
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let dir = tempfile::tempdir()?;
    /// use sagalog::{Append, EventType, NewEvent, Options, Store, StreamId};
    ///
    /// let (store, _) = Store::open(dir.path(), Options::default()).await?;
    /// let writer = store.clone();
    /// let order = StreamId::parse("order-17")?;
    /// let placed = NewEvent::new(EventType::parse("OrderPlaced")?, "{}");
    /// let thread = std::thread::spawn(move || {
    ///     writer.append_blocking(Append::new().event(order, placed))
    /// });
    /// assert_eq!(thread.join().expect("no panic")?.positions, 1);
    /// store.close().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let key = CommandKey::parse("place-order-17")?;
    /// let answer = store.resolve(&key).await?.expect("the order was placed");
    /// assert_eq!(answer.first, Position::new(0));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// [`ReadError::Unresolved`] if a write failed meanwhile: reopen, then ask again.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn resolve(&self, key: &CommandKey) -> Result<Option<Committed>, ReadError> {
        self.reader().resolve(key).await
    }

    /// How far a consumer has got, by the last append that moved its checkpoint: the number that
    /// the consumer gave. Here it is where to go on, as [`Append::checkpoint`] advises:
    ///
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let mailer = ConsumerId::parse("mailer")?;
    /// assert_eq!(store.checkpoint(&mailer).await?, None);
    /// for expected in ["OrderPlaced", "OrderPaid"] {
    ///     let next = store.checkpoint(&mailer).await?.unwrap_or_default();
    ///     let events = store.read(Read::all().from_position(next).limit(1)).collect().await?;
    ///     assert_eq!(events[0].event_type(), expected); // each event once, in order
    ///     let next = events[0].position().next(); // behind what was worked off
    ///     store.append(Append::new().checkpoint(mailer.clone(), next)).await?;
    /// }
    /// # Ok(()) });
    /// ```
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
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let shipping = FenceName::parse("shipping")?;
    /// store.append(Append::new().fence(shipping.clone(), FencingToken::new(7))).await?;
    /// assert_eq!(store.fence(&shipping).await?, Some(FencingToken::new(7)));
    ///
    /// let late = store.append(Append::new().fence(shipping, FencingToken::new(6))).await;
    /// assert!(matches!(late, Err(AppendError::Fenced { .. })));
    /// # Ok(()) });
    /// ```
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
    ///
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let mut events = store.read(Read::stream(StreamId::parse("order-17")?));
    /// while let Some(event) = events.next().await? {
    ///     println!("{} {}", event.revision(), event.event_type());
    /// }
    /// let of_ada = Query::new(QueryItem::new().tag(Tag::parse("customer:ada")?));
    /// let last = store.read(Read::query(of_ada).backward().limit(1)).collect().await?;
    /// assert_eq!(last[0].event_type(), "OrderPlaced");
    /// # Ok(()) });
    /// ```
    pub fn read(&self, read: Read) -> Events {
        Events::new(Arc::clone(self.reader()), read)
    }

    /// The newest event with this id.
    ///
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let order = StreamId::parse("order-17")?;
    /// let id = EventId::parse("0190d6a4-7e53-7c84-b0b5-0f3f4e4b4d2a")?;
    /// let shipped = NewEvent::new(EventType::parse("OrderShipped")?, "{}").id(id);
    /// store.append(Append::new().event(order, shipped)).await?;
    /// let event = store.event(id).await?.expect("it was stored just now");
    /// assert_eq!(event.event_type(), "OrderShipped");
    /// # Ok(()) });
    /// ```
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
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let info = store.stream_info(&StreamId::parse("order-17")?).await?;
    /// assert_eq!((info.revision, info.position), (Revision::new(1), Position::new(1)));
    ///
    /// let missing = store.stream_info(&StreamId::parse("order-18")?).await;
    /// assert!(matches!(missing, Err(ReadError::StreamNotFound(_))));
    /// # Ok(()) });
    /// ```
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
    ///
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let orders = store.streams("order-").collect().await?;
    /// assert_eq!(orders[0].stream.as_str(), "order-17");
    /// # Ok(()) });
    /// ```
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

    /// Closes the store in order: writes what was taken, marks the store as cleanly closed and
    /// releases the lock. Appends of other clones fail with `Closed` from here on.
    ///
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let order = StreamId::parse("order-17")?;
    /// let shipped = NewEvent::new(EventType::parse("OrderShipped")?, "{}");
    /// let other = store.clone();
    /// store.close().await?;
    /// let refused = other.append(Append::new().event(order, shipped)).await;
    /// assert!(matches!(refused, Err(AppendError::Closed)));
    /// # Ok(()) });
    /// ```
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
