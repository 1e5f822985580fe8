//! What a service brings: a decision about each call, made from its books.
//!
//! Nothing is stored here and nothing is remembered. The invariant it guards: whoever decides can
//! read the books and not write to them, so no effect passes by the record of it.

use super::record::Said;
use crate::{
    Events, ReadError, Store, StreamInfo,
    append::{Append, ExpectedRevision, Guard},
    event::{NewEvent, RecordedEvent},
    names::StreamId,
    read::Read,
    runtime::{Call, Reason},
};
use bytes::Bytes;
use std::{fmt, future::Future};

/// Decides what a call comes to. It may be asked several times about one call before anything is
/// stored, and what it decided is dropped if a guard does not hold; so it only reads and decides,
/// and every effect is an event.
pub trait Business: Send + Sync + 'static {
    /// Decides about an action whose key is new.
    ///
    /// # Errors
    /// [`Busy`] if it cannot be decided now; nothing is remembered of it.
    fn act(
        &self,
        call: &Call,
        books: &Books<'_>,
    ) -> impl Future<Output = Result<Decision, Busy>> + Send;

    /// Says what compensates the action that was done under this key, whose reply was `reply`. It
    /// cannot be refused: what was done is still there. A compensation whose action was refused, or
    /// never arrived, needs no decision and is not asked about.
    ///
    /// # Errors
    /// [`Busy`] if it cannot be decided now; nothing is remembered of it.
    fn compensate(
        &self,
        call: &Call,
        reply: &Bytes,
        books: &Books<'_>,
    ) -> impl Future<Output = Result<Effect, Busy>> + Send;
}

/// What an action comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is done by storing this.
    Effect(Effect),
    /// A business no. It is remembered, and the key stays refused.
    Refused(Reason),
}

/// Events that are stored if their guards hold, and the reply for then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an effect happens when it is returned"]
pub struct Effect {
    append: Append,
    reply: Bytes,
}

impl Effect {
    /// No events yet, and the reply for when it is done: at most
    /// [`CALL_PAYLOAD_BYTES_MAX`](crate::limits::CALL_PAYLOAD_BYTES_MAX) bytes.
    pub fn new(reply: impl Into<Bytes>) -> Self {
        Self { append: Append::new(), reply: reply.into() }
    }

    /// Adds an event to `stream`.
    pub fn event(self, stream: StreamId, event: NewEvent) -> Self {
        Self { append: self.append.event(stream, event), ..self }
    }

    /// Adds a guard. If it does not hold when the effect is to be stored, the business is asked
    /// again.
    pub fn guard(self, guard: Guard) -> Self {
        Self { append: self.append.guard(guard), ..self }
    }

    /// Adds a guard on a stream's revision.
    pub fn expect(self, stream: StreamId, expected: ExpectedRevision) -> Self {
        self.guard(Guard::Stream { stream, expected })
    }

    /// Its append so far, and what the books are to say with it.
    pub(super) fn said_as(self, said: fn(Bytes) -> Said) -> (Append, Said) {
        (self.append, said(self.reply))
    }
}

/// Not now: the delivery is answered [`Answer::Busy`](crate::runtime::Answer::Busy).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy(pub Reason);

impl Busy {
    /// Busy for this reason.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string().into())
    }
}

impl From<ReadError> for Busy {
    fn from(error: ReadError) -> Self {
        Self::new(error)
    }
}

/// A service's store, for reading.
#[derive(Clone, Copy, Debug)]
pub struct Books<'a>(&'a Store);

impl<'a> Books<'a> {
    pub(super) const fn new(store: &'a Store) -> Self {
        Self(store)
    }

    /// Reads events, as [`Store::read`] does.
    pub fn read(&self, read: Read) -> Events {
        self.0.read(read)
    }

    /// The last event of a stream, as [`Store::stream_info`] says it.
    ///
    /// # Errors
    /// [`ReadError::StreamNotFound`] if the stream has none.
    pub async fn stream_info(&self, stream: &StreamId) -> Result<StreamInfo, ReadError> {
        self.0.stream_info(stream).await
    }

    /// All events of a stream, and the guard that nothing is added to them. A stream that has none
    /// is no error here.
    ///
    /// # Errors
    /// [`ReadError`] says what to do.
    pub async fn stream(
        &self,
        stream: &StreamId,
    ) -> Result<(Vec<RecordedEvent>, ExpectedRevision), ReadError> {
        let read = Read::stream(stream.clone()).with_system();
        let events = match self.0.read(read).collect().await {
            Ok(events) => events,
            Err(ReadError::StreamNotFound(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let last = events.last().map(RecordedEvent::revision);
        Ok((events, last.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact)))
    }
}
