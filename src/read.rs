//! Read requests: which events, from where, in which direction, how many, as of when.
//!
//! Plain data; the streams of events that answer them are made by the store.

use crate::{
    ids::{Position, Revision},
    names::StreamId,
    query::Query,
    time::WallTime,
};

/// Which events are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    All,
    Stream(StreamId),
    Category(String),
    Prefix(String),
    Query(Query),
}

/// Where a read begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The first event, or the last one of a backward read.
    Edge,
    Revision(Revision),
    Position(Position),
}

/// In which order events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// The moment whose log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AsOf {
    /// The head at the first poll.
    Now,
    /// As it was when this position had just been written.
    Position(Position),
    /// As it was at this time by the store's clock.
    Time(WallTime),
}

/// A request to read events: from the beginning, forward, all of them, unless it says otherwise.
///
/// An append is shown whole or not at all: the log of a moment ([`Read::as_of_position`],
/// [`Read::as_of_time`], and the moment of the first poll otherwise) ends between two appends. Two
/// methods count single events and may cut an append, so that whoever has little room gets through
/// one of any size: [`Read::limit`] may end within one, and [`Read::from_position`] and
/// [`Read::from_revision`] may begin within one.
///
/// ```
/// use sagalog::{Position, Read, Revision, StreamId};
///
/// let last_three = Read::stream(StreamId::parse("order-17")?).backward().limit(3);
/// let from_five = Read::stream(StreamId::parse("order-17")?).from_revision(Revision::new(5));
/// let orders_behind = Read::category("order").from_position(Position::new(100));
/// let as_it_was = Read::all().as_of_position(Position::new(99));
/// # Ok::<(), sagalog::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a request reads nothing until the store is given it"]
pub struct Read {
    pub(crate) selector: Selector,
    pub(crate) start: Start,
    pub(crate) direction: Direction,
    pub(crate) limit: u64,
    pub(crate) as_of: AsOf,
    pub(crate) system: bool,
}

impl Read {
    fn of(selector: Selector) -> Self {
        Self {
            selector,
            start: Start::Edge,
            direction: Direction::Forward,
            limit: u64::MAX,
            as_of: AsOf::Now,
            system: false,
        }
    }

    /// Reads the whole log, without system streams.
    pub fn all() -> Self {
        Self::of(Selector::All)
    }

    /// Reads one stream. A stream that has no events, or had none at the moment that is asked for,
    /// is an error, [`ReadError::StreamNotFound`](crate::ReadError::StreamNotFound), so that a
    /// mistyped name is no empty stream. Who begins a stream by loading it takes the error for
    /// "nothing yet". A stream that has events, none of them in the part that is asked for, is read
    /// without an error.
    ///
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let events = match store.read(Read::stream(StreamId::parse("order-18")?)).collect().await {
    ///     Ok(events) => events,
    ///     Err(ReadError::StreamNotFound(_)) => Vec::new(), // a new order
    ///     Err(error) => return Err(error.into()),
    /// };
    /// assert!(events.is_empty());
    /// # Ok(()) });
    /// ```
    pub fn stream(stream: StreamId) -> Self {
        Self::of(Selector::Stream(stream))
    }

    /// Reads the streams whose name, up to the first `-`, is `category`.
    pub fn category(category: impl Into<String>) -> Self {
        Self::of(Selector::Category(category.into()))
    }

    /// Reads the streams whose name begins with `prefix`.
    ///
    /// Served by the index of categories: `order-1` costs as much as all of category `order`. A
    /// prefix that spans more than [`PREFIX_CATEGORIES_MAX`](crate::limits::PREFIX_CATEGORIES_MAX)
    /// categories is refused.
    pub fn stream_prefix(prefix: impl Into<String>) -> Self {
        Self::of(Selector::Prefix(prefix.into()))
    }

    /// Reads the events that match `query`.
    pub fn query(query: Query) -> Self {
        Self::of(Selector::Query(query))
    }

    /// Begins at a revision; for one stream only.
    pub fn from_revision(mut self, revision: Revision) -> Self {
        self.start = Start::Revision(revision);
        self
    }

    /// Begins at a position: with the first event there or behind it, or, backward, with the last
    /// one there or before it. That may be within an append, of which the rest is read.
    pub fn from_position(mut self, position: Position) -> Self {
        self.start = Start::Position(position);
        self
    }

    /// Reads the newest event first.
    pub fn backward(mut self) -> Self {
        self.direction = Direction::Backward;
        self
    }

    /// Stops after `events`, which may be within an append: the next read goes on
    /// [behind](Self::from_position) the last one. A limit of 0 reads nothing, and is refused
    /// as any other would be: also if there is no such stream.
    pub fn limit(mut self, events: u64) -> Self {
        self.limit = events;
        self
    }

    /// Reads the log as it was when `position` had just been written. An append is written at once,
    /// so that a position within one stands for all of it: its events are shown with all behind
    /// them of the same append.
    pub fn as_of_position(mut self, position: Position) -> Self {
        self.as_of = AsOf::Position(position);
        self
    }

    /// Reads the log as it was at `time`, by
    /// [`RecordedEvent::recorded_at`](crate::RecordedEvent::recorded_at).
    pub fn as_of_time(mut self, time: WallTime) -> Self {
        self.as_of = AsOf::Time(time);
        self
    }

    /// Lets the events of system streams through.
    pub fn with_system(mut self) -> Self {
        self.system = true;
        self
    }
}
