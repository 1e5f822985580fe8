//! Appends: what is to be written together, on which conditions, and the answer.
//!
//! Plain data. Whether an append holds is decided in `store::decide`.

use crate::{
    event::NewEvent,
    ids::{FencingToken, Position, Revision},
    names::{CommandKey, ConsumerId, FenceName, StreamId},
    query::Query,
};

/// What a writer insists on about a stream.
///
/// With `NoStream` or `Exact` on every stream that is written, and an [id](NewEvent::id) of the
/// caller's for every event, a repeated append is recognised and answered as the first one was.
/// **With `Any` and `Exists` ids deduplicate nothing**, unlike in `KurrentDB` (`EventStoreDB`): the
/// same events are stored again. Give such an append a [key](Append::key), which is recognised
/// whatever is expected:
///
/// ```
/// # use sagalog::*;
/// # sagalog_testkit::with_orders(async |store| {
/// let order = StreamId::parse("order-18")?;
/// let id = EventId::parse("0190d6a4-7e53-7c84-b0b5-0f3f4e4b4d2a")?;
/// let placed = NewEvent::new(EventType::parse("OrderPlaced")?, "{}").id(id);
///
/// let anywhere = Append::new().event(order.clone(), placed.clone());
/// store.append(anywhere.clone()).await?;
/// let again = store.append(anywhere.clone()).await?; // `Any`: stored once more, id or no id
/// assert_eq!((again.replayed, again.revision(&order)), (false, Some(Revision::new(1))));
///
/// let keyed = anywhere.key(CommandKey::parse("place-order-18")?);
/// store.append(keyed.clone()).await?;
/// assert!(store.append(keyed).await?.replayed); // the key is known: nothing was stored
/// # Ok(()) });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ExpectedRevision {
    /// Nothing.
    Any,
    /// It has no events.
    NoStream,
    /// It has events.
    Exists,
    /// Its last event has this revision.
    Exact(Revision),
}

/// A condition of an append. It may speak of streams and events that the append does not write.
///
/// All guards of an append are judged at one moment, against the log **before** the append: none of
/// its own events is there yet. So one guard a stream says all, also for several events; two that
/// cannot hold at once, such as `NoStream` and then `Exact(0)` "for the second event", are always a
/// conflict:
///
/// ```
/// # use sagalog::*;
/// # sagalog_testkit::with_orders(async |store| {
/// let order = StreamId::parse("order-18")?;
/// let event = |name| Ok::<_, NameError>(NewEvent::new(EventType::parse(name)?, "{}"));
/// let both = Append::new()
///     .event(order.clone(), event("OrderPlaced")?)
///     .event(order.clone(), event("OrderPaid")?)
///     .expect(order.clone(), ExpectedRevision::NoStream);
///
/// let as_if_in_turn = both.clone().expect(order, ExpectedRevision::Exact(Revision::new(0)));
/// assert!(matches!(store.append(as_if_in_turn).await, Err(AppendError::Conflict(_))));
/// assert_eq!(store.append(both).await?.positions, 2); // one guard is enough
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// A stream has to be as expected.
    Stream {
        /// Which stream.
        stream: StreamId,
        /// What is expected of it.
        expected: ExpectedRevision,
    },
    /// No event behind a position may match: the boundary of a decision that was made from what
    /// the query had shown up to there. Events of system streams are not looked at.
    NoMatch {
        /// What must not be there.
        query: Query,
        /// The last position that the writer has seen; `None` to look at the whole log.
        after: Option<Position>,
    },
}

/// One atomic append: events to any number of streams in the order given, with any number of
/// guards. All of it is stored, or nothing.
///
/// ```
/// use sagalog::{Append, CommandKey, EventType, ExpectedRevision, NewEvent, StreamId};
///
/// let order = StreamId::parse("order-17")?;
/// let placed = NewEvent::new(EventType::parse("OrderPlaced")?, "{}");
/// let append = Append::new()
///     .expect(order.clone(), ExpectedRevision::NoStream)
///     .event(order, placed)
///     .key(CommandKey::parse("place-order-17")?);
/// # Ok::<(), sagalog::NameError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "an append does nothing until the store is given it"]
pub struct Append {
    pub(crate) key: Option<CommandKey>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) writes: Vec<(StreamId, NewEvent)>,
    pub(crate) checkpoint: Option<(ConsumerId, Position)>,
    pub(crate) fence: Option<(FenceName, FencingToken)>,
}

impl Append {
    /// An append of nothing. With guards alone it is a pure check: it stores nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event to `stream`.
    pub fn event(mut self, stream: StreamId, event: NewEvent) -> Self {
        self.writes.push((stream, event));
        self
    }

    /// Adds a guard.
    pub fn guard(mut self, guard: Guard) -> Self {
        self.guards.push(guard);
        self
    }

    /// Adds a guard on a stream's revision.
    pub fn expect(self, stream: StreamId, expected: ExpectedRevision) -> Self {
        self.guard(Guard::Stream { stream, expected })
    }

    /// Adds a guard that no event behind `after` matches `query`.
    pub fn no_match(self, query: Query, after: Option<Position>) -> Self {
        self.guard(Guard::NoMatch { query, after })
    }

    /// Names the command, so that a repetition returns the original answer instead of storing
    /// the events again: in every guard mode, after a restart, for as long as
    /// [`Options::key_horizon_events`](crate::Options::key_horizon_events) says.
    ///
    /// The content that has to be the same in a repetition is what the events say: streams, types,
    /// schema versions, content types, tags, metadata, payloads, ids where they are given, and the
    /// consumer checkpoint. Guards, the fence and an event's circumstances (when, on whose behalf,
    /// in which trace and conversation) may differ.
    pub fn key(mut self, key: CommandKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Moves a consumer's checkpoint in the same commit.
    ///
    /// The store keeps the number and gives it back
    /// ([`Store::checkpoint`](crate::Store::checkpoint)); what it means is the caller's choice. Let
    /// it be the position to **go on from**, one behind the last event that was worked off
    /// ([`Position::next`]): that is what [`Read::from_position`](crate::Read::from_position)
    /// takes, it has a value before the first event, and a consumer that stops within an append
    /// goes on with the next event of it.
    pub fn checkpoint(mut self, consumer: ConsumerId, position: Position) -> Self {
        self.checkpoint = Some((consumer, position));
        self
    }

    /// Proves the right to act: refused if the fence has seen a higher token, which this one
    /// becomes otherwise.
    pub fn fence(mut self, fence: FenceName, token: FencingToken) -> Self {
        self.fence = Some((fence, token));
        self
    }

    /// Whether it would store nothing: only guards are checked.
    pub(crate) fn is_check(&self) -> bool {
        self.writes.is_empty()
            && self.key.is_none()
            && self.checkpoint.is_none()
            && self.fence.is_none()
    }
}

/// The answer to an append that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The position of its first event; of a pure check, the position behind the last one that
    /// was looked at.
    pub first: Position,
    /// How many positions it takes: one for each event, one for an append that stores a key, a
    /// checkpoint or a fence without events, none for a pure check.
    pub positions: u32,
    /// The streams that were written, in the order of their first event, each with the revision of
    /// its last event in this append.
    pub revisions: Vec<(StreamId, Revision)>,
    /// Whether this is the answer to an earlier append, which was repeated.
    pub replayed: bool,
}

impl Committed {
    /// The position of its last event, if it stored any.
    pub fn last(&self) -> Option<Position> {
        let further = u64::from(self.positions).checked_sub(1)?;
        Some(self.first.plus(further))
    }

    /// The revision of the last event that this append wrote to `stream`.
    pub fn revision(&self, stream: &StreamId) -> Option<Revision> {
        self.revisions.iter().find(|(written, _)| written == stream).map(|(_, last)| *last)
    }
}
