//! What every read of a store needs: the index, the files, and how far the log is durable.
//!
//! Shared by the handle that writes and the one that only reads. Asks the writer nothing.

use super::facts;
use crate::{
    append::Committed,
    engine::{
        files::Door,
        index::{Index, mended},
        shared::Shared,
        unreadable::Unreadable,
    },
    error::ReadError,
    event::{EventId, RecordedEvent},
    ids::{FencingToken, Position, Revision, StoreId},
    log::segment::SegmentTable,
    names::{CommandKey, ConsumerId, FenceName, StreamId},
    store::{answer::KeyAnswer, fault::RunFault, posting::Posting, term::TermKind},
};
use std::{collections::VecDeque, future::poll_fn, sync::Arc, task::Poll};

/// How far the log is durable.
pub(crate) enum LogEnd {
    /// As far as its writer has got.
    Live(Arc<Shared>),
    /// As far as a look from outside has shown.
    Seen { head: Position, table: Arc<SegmentTable> },
}

/// Reads a store.
pub(crate) struct Reader {
    pub(super) store: StoreId,
    pub(super) index: Arc<Index>,
    pub(super) door: Door,
    pub(super) end: LogEnd,
    /// The commits that cannot be read, in order. A store that is open for writing has none.
    pub(super) unreadable: Vec<Unreadable>,
}

/// What is known of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// The stream.
    pub stream: StreamId,
    /// The revision of its last event.
    pub revision: Revision,
    /// The position of its last event.
    pub position: Position,
}

impl Reader {
    /// The position behind the last durable event.
    pub(crate) fn head(&self) -> Position {
        match &self.end {
            LogEnd::Live(shared) => shared.head(),
            LogEnd::Seen { head, .. } => *head,
        }
    }

    /// The started segments.
    pub(crate) fn table(&self) -> Arc<SegmentTable> {
        match &self.end {
            LogEnd::Live(shared) => shared.table(),
            LogEnd::Seen { table, .. } => Arc::clone(table),
        }
    }

    /// Waits until everything that was decided so far is durable.
    pub(super) async fn settled(&self) -> Result<(), ReadError> {
        let LogEnd::Live(shared) = &self.end else { return Ok(()) };
        let pending = poll_fn(|cx| Poll::Ready(shared.behind_last(cx.waker()))).await;
        pending.await.map_err(|_| ReadError::Unresolved)
    }

    /// The newest durable event with this id.
    pub(crate) async fn event(&self, id: EventId) -> Result<Option<RecordedEvent>, ReadError> {
        let found = self.index.last_posting(TermKind::EventId, id.as_bytes(), self.head()).await?;
        match found {
            Some(posting) => self.one(&posting).await.map(Some),
            None => self.unknown(None),
        }
    }

    /// An answer that a commit could change that cannot be read: an error if there is one.
    fn unknown<T>(&self, answer: Option<T>) -> Result<Option<T>, ReadError> {
        match self.unreadable.first() {
            None => Ok(answer),
            Some(passed) => Err(passed.error()),
        }
    }

    /// The last durable event of a stream.
    pub(crate) async fn stream_info(&self, stream: &StreamId) -> Result<StreamInfo, ReadError> {
        let found = self.last_readable(stream).await;
        let behind = match &found {
            Ok(info) => info.position,
            Err(ReadError::StreamNotFound(_)) => Position::default(),
            Err(_) => return found,
        };
        // A commit that cannot be read may hold a later event of the stream.
        let mut passed = self.unreadable.iter().filter(|passed| passed.end > behind);
        match passed.find(|passed| passed.may_write(|name| name == stream.as_str())) {
            Some(passed) => Err(passed.error()),
            None => found,
        }
    }

    /// The last durable event of a stream that can be read.
    pub(super) async fn last_readable(&self, stream: &StreamId) -> Result<StreamInfo, ReadError> {
        let head = self.head();
        if let Some((revision, position)) = self.index.stream_end(stream.as_str(), head).await? {
            return Ok(StreamInfo { stream: stream.clone(), revision, position });
        }
        // Later events that are not durable yet hide the last one that is.
        let name = stream.as_str().as_bytes();
        let found = self.index.last_posting(TermKind::Stream, name, head).await?;
        let missing = || ReadError::StreamNotFound(stream.clone());
        let event = self.one(&found.ok_or_else(missing)?).await?;
        Ok(StreamInfo {
            stream: stream.clone(),
            revision: event.revision(),
            position: event.position(),
        })
    }

    /// What the append with this key was answered.
    pub(crate) async fn resolve(&self, key: &CommandKey) -> Result<Option<Committed>, ReadError> {
        let (held, horizon) = {
            let state = &self.index.tables().state;
            (state.key(key), state.key_horizon_events())
        };
        let answer = match held {
            Some(answer) => {
                let original = &answer.original;
                let end = original.first.plus(original.positions.into());
                if end > self.head() {
                    self.settled().await?;
                }
                Some(answer)
            }
            None => self.value_below(TermKind::CommandKey, key.as_str(), KeyAnswer::decode).await?,
        };
        // By what is durable: an append that may yet be lost must not let a key run out.
        let head = self.head().get();
        let kept = |answer: &KeyAnswer| answer.original.first.get().saturating_add(horizon) >= head;
        match answer.filter(kept) {
            Some(answer) => self.original(&answer.original).await.map(Some),
            None => self.unknown(None),
        }
    }

    /// A consumer's checkpoint.
    pub(crate) async fn checkpoint(
        &self,
        consumer: &ConsumerId,
    ) -> Result<Option<Position>, ReadError> {
        let held = self.index.tables().state.checkpoint(consumer);
        if held.is_some() {
            self.settled().await?;
            return self.unknown(held);
        }
        let below = self.value_below(TermKind::Checkpoint, consumer.as_str(), facts::checkpoint);
        self.unknown(below.await?)
    }

    /// The highest token of a fence.
    pub(crate) async fn fence(&self, fence: &FenceName) -> Result<Option<FencingToken>, ReadError> {
        let held = self.index.tables().state.fence(fence);
        if held.is_some() {
            self.settled().await?;
            return self.unknown(held);
        }
        let below = self.value_below(TermKind::Fence, fence.as_str(), facts::token);
        self.unknown(below.await?)
    }

    /// The newest value of a term in the runs.
    async fn value_below<T>(
        &self,
        kind: TermKind,
        name: &str,
        decode: fn(&[u8]) -> Result<T, RunFault>,
    ) -> Result<Option<T>, ReadError> {
        Ok(mended!(self.index, {
            let (runs, _) = self.index.snapshot();
            self.index.value_below(kind, name, &runs, decode).await
        }))
    }

    async fn one(&self, posting: &Posting) -> Result<RecordedEvent, ReadError> {
        let mut events = VecDeque::new();
        self.fetch(std::slice::from_ref(posting), &mut events).await?;
        events.pop_front().ok_or(ReadError::Undecodable {
            position: posting.position,
            reason: "it lacks an event that the index names",
        })
    }
}
