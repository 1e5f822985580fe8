//! The documents of the shop: one stream each, in the store of the sagas.
//!
//! It reads, and says what may be written; it writes nothing but new documents. The invariant it
//! guards: an event goes into a document's stream only where it can follow, and only if nothing
//! came in between.

use crate::domain::{CustomerNo, Document, DocumentNo, Impossible, Order, OrderEvent, Placed};
use sagalog::{
    Append, AppendError, CommandKey, EventType, ExpectedRevision, NewEvent, Query, QueryItem, Read,
    ReadError, RecordedEvent, Revision, Store, StreamId, Tag, WallTime,
    codec::{CodedBy, DecodeError, EncodeError, EventCodec, Json},
    definition::{Outcome, StepCx},
};
use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many documents are remembered at most, before all are forgotten.
const REMEMBERED_MAX: usize = 4096;

/// The documents of one kind.
///
/// Those that are worked on are remembered, as they will be once the event that was left last is
/// stored. That is a guess. If it is wrong, the guard on the last event keeps what is left from
/// being stored, and an attempt after the first one reads anew. A service is asked before that
/// guard is looked at, so what it is asked follows from what never changes once it is on record:
/// the lines, and what a return was matched with.
pub struct Book<D: Document> {
    store: Store,
    codec: EventCodec<D::Event, Json>,
    remembered: Mutex<BTreeMap<DocumentNo, Arc<Found<D>>>>,
}

/// A document as it was found.
#[derive(Clone, Debug)]
pub struct Found<D> {
    /// Its number.
    pub number: DocumentNo,
    /// The document.
    pub document: D,
    /// The last event that it is made of.
    pub last: Revision,
}

/// Why a document cannot be read or written.
#[derive(Debug)]
pub enum BookError {
    /// The store says why.
    Read(ReadError),
    /// The store says whether it was stored.
    Append(AppendError),
    /// An event is none of this program's: a newer one wrote it.
    Decode(DecodeError),
    /// An event cannot be stored, which is a bug.
    Encode(EncodeError),
    /// A history that cannot be: report it.
    Impossible(String, Impossible),
    /// There is no such document.
    NotFound(String),
}

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Append(error) => error.fmt(f),
            Self::Decode(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Impossible(name, impossible) => write!(f, "{name}: {impossible}"),
            Self::NotFound(name) => write!(f, "there is no {name}"),
        }
    }
}

impl Error for BookError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Append(error) => Some(error),
            Self::Decode(error) => Some(error),
            Self::Encode(error) => Some(error),
            Self::Impossible(_, impossible) => Some(impossible),
            Self::NotFound(_) => None,
        }
    }
}

macro_rules! from {
    ($($variant:ident($error:ty)),*) => {$(
        impl From<$error> for BookError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from!(Read(ReadError), Append(AppendError), Decode(DecodeError), Encode(EncodeError));

/// The stream of a document: its number is bounded, so that it is part of a name.
pub(crate) fn stream<D: Document>(number: &DocumentNo) -> StreamId {
    StreamId::parse(&D::name(number)).expect("the number of a document is part of a name")
}

/// Marks the orders of a customer, so that returns find them.
fn customer_tag(customer: &CustomerNo) -> Tag {
    Tag::parse(&format!("customer:{customer}")).expect("a customer's number is part of a tag")
}

impl<D> Book<D>
where
    D: Document<Event: CodedBy<Json>>,
{
    /// The documents in this store.
    ///
    /// # Panics
    /// Never: the events of a document have names, each its own.
    pub fn new(store: Store) -> Self {
        let codec = EventCodec::try_new(Json).expect("events have names, each its own");
        Self { store, codec, remembered: Mutex::default() }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What happened to a document, as the store has it.
    ///
    /// # Errors
    /// [`BookError::Decode`] if a newer program wrote it.
    pub fn decode(&self, event: &RecordedEvent) -> Result<D::Event, BookError> {
        Ok(self.codec.decode(event)?)
    }

    /// A document, whole.
    ///
    /// # Errors
    /// [`BookError`] says why it cannot be read.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn find(&self, number: &DocumentNo) -> Result<Found<D>, BookError> {
        let name = D::name(number);
        let mut events = self.store.read(Read::stream(stream::<D>(number)));
        let impossible = |impossible| BookError::Impossible(name.clone(), impossible);
        let mut found: Option<(D, Revision)> = None;
        loop {
            let event = match events.next().await {
                Ok(Some(event)) => event,
                Ok(None) | Err(ReadError::StreamNotFound(_)) => break,
                Err(error) => return Err(error.into()),
            };
            let (at, last) = (event.recorded_at(), event.revision());
            let event = self.codec.decode(&event)?;
            found = Some(match found {
                None => (D::begin(at, event).map_err(impossible)?, last),
                Some((mut document, _)) => {
                    document.apply(at, event).map_err(impossible)?;
                    (document, last)
                }
            });
        }
        let (document, last) = found.ok_or(BookError::NotFound(name))?;
        Ok(Found { number: number.clone(), document, last })
    }

    /// A document for an attempt: as it is remembered, if this is the first one.
    ///
    /// # Errors
    /// [`BookError`] says why it cannot be read.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn recall(
        &self,
        cx: &StepCx,
        number: &DocumentNo,
    ) -> Result<Arc<Found<D>>, BookError> {
        if cx.attempt() == 1
            && let Some(found) = self.remembered().get(number)
        {
            return Ok(Arc::clone(found));
        }
        Ok(Arc::new(self.find(number).await?))
    }

    /// Leaves an event to be stored with the result of an attempt, if it can follow.
    ///
    /// # Errors
    /// [`BookError::Impossible`] if it cannot.
    pub fn leave(&self, cx: &StepCx, to: &Found<D>, event: D::Event) -> Result<(), BookError> {
        let Found { number, document, last } = to;
        let impossible = |impossible| BookError::Impossible(D::name(number), impossible);
        let stored = self.codec.encode(&event)?;
        let mut document = document.clone();
        // When it will have been recorded is not known, and asked of nobody who remembers it.
        document.apply(WallTime::default(), event).map_err(impossible)?;
        cx.append(stream::<D>(number), ExpectedRevision::Exact(*last), stored);
        let found = Found { number: number.clone(), document, last: last.next() };
        self.remember(found);
        Ok(())
    }

    fn remember(&self, found: Found<D>) {
        let mut remembered = self.remembered();
        if found.document.is_final() {
            remembered.remove(&found.number);
            return;
        }
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(found.number.clone(), Arc::new(found));
    }

    fn remembered(&self) -> MutexGuard<'_, BTreeMap<DocumentNo, Arc<Found<D>>>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a document begins with, and where.
    ///
    /// # Errors
    /// [`BookError::Encode`], which is a bug.
    pub fn begin(
        &self,
        number: &DocumentNo,
        event: &D::Event,
    ) -> Result<(StreamId, NewEvent), BookError> {
        Ok((stream::<D>(number), self.codec.encode(event)?))
    }
}

impl Book<Order> {
    /// What an order comes in with: it is found by its customer.
    ///
    /// # Errors
    /// [`BookError::Encode`], which is a bug.
    pub fn placed(
        &self,
        number: &DocumentNo,
        placed: Placed,
    ) -> Result<(StreamId, NewEvent), BookError> {
        let tag = placed.customer.number.as_ref().map(customer_tag);
        let (stream, event) = self.begin(number, &OrderEvent::Placed(placed))?;
        Ok((stream, tag.into_iter().fold(event, NewEvent::tag)))
    }

    /// The numbers of a customer's orders, the latest first.
    ///
    /// # Errors
    /// The store cannot be read.
    ///
    /// # Panics
    /// Never: the event has a name.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn of_customer(&self, customer: &CustomerNo) -> Result<Vec<DocumentNo>, BookError> {
        let placed = EventType::parse("OrderPlaced").expect("a name");
        let item = QueryItem::new().event_type(placed).tag(customer_tag(customer));
        let mut events = self.store.read(Read::query(Query::new(item)).backward());
        let mut orders = Vec::new();
        while let Some(event) = events.next().await? {
            let number = event.stream().strip_prefix("order-").map(DocumentNo::parse);
            orders.extend(number.and_then(Result::ok));
        }
        Ok(orders)
    }
}

/// Stores documents that come in together, once under this key.
///
/// # Errors
/// [`BookError::Append`]; if it is unknown whether they are stored, try again under the key.
///
/// # Cancel safety
/// A dropped future may or may not have stored them, all or none.
pub async fn take_in(
    store: &Store,
    key: CommandKey,
    documents: Vec<(StreamId, NewEvent)>,
) -> Result<(), BookError> {
    let mut append = Append::new().key(key);
    for (stream, event) in documents {
        append = append.expect(stream.clone(), ExpectedRevision::NoStream).event(stream, event);
    }
    store.append(append).await?;
    Ok(())
}

impl BookError {
    /// What an attempt comes to that met it, before it asked anybody: a store that cannot be read
    /// now may be later, and a history that cannot be stays so.
    pub fn outcome<T>(&self) -> Outcome<T> {
        match self {
            Self::Read(_) | Self::Append(_) => Outcome::retry(self.to_string()),
            Self::Decode(_) | Self::Encode(_) | Self::Impossible(..) | Self::NotFound(_) => {
                Outcome::failed(self.to_string())
            }
        }
    }
}

impl<D: Document> fmt::Debug for Book<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").field("store", &self.store).finish_non_exhaustive()
    }
}
