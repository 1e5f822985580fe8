//! Sagas as somebody sees them who looks from beside: of a store that is open, in this process or
//! in another one.
//!
//! It reads, and never writes; no definition is needed, since the store knows the graphs of all
//! that were ever registered. The invariant it guards: what it says is durable, and memory is taken
//! for what is unfinished and for one journal's turn, not for what has ended.

use super::{
    Explanation, SagaStatus, SagaTurn, names,
    read::{Books, Journal},
    recover::unfinished,
    registry::Graphs,
};
use crate::{
    engine::store::{Events, ReadOnlyStore, Store},
    error::{ReadError, SagaError, saga::WaitReason},
    ids::Position,
    names::{EventType, SagaId},
    query::{Query, QueryItem},
    read::Read,
    saga::{Plan, State},
};
use std::sync::Arc;

/// Looks at the sagas of a store, also beside the process that executes them.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let dir = tempfile::tempdir()?;
/// # let (writer, _) = sagalog::Store::open(dir.path(), sagalog::Options::default()).await?;
/// use sagalog::{SagaReader, Store};
///
/// let store = Store::open_read_only(dir.path()).await?;
/// let reader = SagaReader::from(&store);
/// for saga in reader.stuck().await? {
///     println!("{}", reader.explain(&saga.saga).await?);
/// }
/// # writer.close().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SagaReader {
    books: Books,
}

/// A saga as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSaga {
    /// Its name.
    pub saga: SagaId,
    /// The position of its first turn; of its last one if it has ended.
    pub position: Position,
    /// Where it is, or why that cannot be told.
    pub status: Result<SagaStatus, WaitReason>,
}

impl From<&Store> for SagaReader {
    fn from(store: &Store) -> Self {
        Self { books: Books::Writer(store.clone()) }
    }
}

impl From<&ReadOnlyStore> for SagaReader {
    fn from(store: &ReadOnlyStore) -> Self {
        Self { books: Books::Beside(store.clone()) }
    }
}

impl SagaReader {
    /// The sagas that have not ended, by name.
    ///
    /// # Errors
    /// The store cannot be read, or what it says of its sagas is none.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn unfinished(&self) -> Result<Vec<ListedSaga>, SagaError> {
        let graphs = Graphs::read(&self.books).await?;
        let found = unfinished(&self.books).await?;
        let listed = found.into_iter().map(|found| {
            let status = status(&graphs, &found.id, found.journal);
            ListedSaga { saga: found.id, position: found.first, status: status.map_err(reason) }
        });
        // One whose journal was read a moment after the list may have ended meanwhile.
        let has_ended =
            |listed: &ListedSaga| listed.status.as_ref().is_ok_and(|status| status.end().is_some());
        Ok(listed.filter(|listed| !has_ended(listed)).collect())
    }

    /// The sagas that ended last, the last one first.
    ///
    /// # Errors
    /// See [`SagaReader::unfinished`].
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn ended(&self, limit: u64) -> Result<Vec<ListedSaga>, SagaError> {
        let graphs = Graphs::read(&self.books).await?;
        let ends = Query::new(QueryItem::new().event_type(EventType::system(names::ENDED)));
        let mut ends = self.books.read(Read::query(ends).with_system().backward().limit(limit));
        let mut listed = Vec::new();
        while let Some(event) = ends.next().await? {
            let Some(saga) = names::saga_of(event.stream()) else { continue };
            let journal = Journal::read(&self.books, &saga).await;
            if let Err(error @ SagaError::Read(_)) = journal {
                return Err(error);
            }
            let status = status(&graphs, &saga, journal).map_err(reason);
            listed.push(ListedSaga { saga, position: event.position(), status });
        }
        Ok(listed)
    }

    /// The sagas that wait for an operator, by name.
    ///
    /// # Errors
    /// See [`SagaReader::unfinished`].
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn stuck(&self) -> Result<Vec<ListedSaga>, SagaError> {
        let mut listed = self.unfinished().await?;
        listed.retain(|listed| listed.status.as_ref().is_ok_and(|status| status.stuck));
        Ok(listed)
    }

    /// Where a saga is, or how it ended.
    ///
    /// # Errors
    /// [`SagaError::NotFound`] if there is none of this name; [`SagaError::Journal`] if a newer
    /// version of this program wrote its journal.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn status(&self, saga: &SagaId) -> Result<SagaStatus, SagaError> {
        let (plan, state) = self.state(saga).await?;
        Ok(SagaStatus::of(saga, &plan, &state))
    }

    /// Why a saga does not go on, or how it ended, and what an operator may do now.
    ///
    /// # Errors
    /// See [`SagaReader::status`].
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn explain(&self, saga: &SagaId) -> Result<Explanation, SagaError> {
        let (plan, state) = self.state(saga).await?;
        let newest = Graphs::read(&self.books).await?.newest(plan.name());
        Ok(Explanation::of(saga, &plan, &state, newest))
    }

    /// The turns of a saga, in order.
    ///
    /// # Errors
    /// See [`SagaReader::status`].
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn timeline(&self, saga: &SagaId) -> Result<SagaTurns, SagaError> {
        let journal = Journal::read(&self.books, saga).await?;
        let plan = self.plan_of(saga, &journal).await?;
        let events = self.books.read(Read::stream(names::journal(saga)));
        Ok(SagaTurns { saga: saga.clone(), plan, events })
    }

    async fn state(&self, saga: &SagaId) -> Result<(Arc<Plan>, State), SagaError> {
        let journal = Journal::read(&self.books, saga).await?;
        let plan = self.plan_of(saga, &journal).await?;
        let state = journal.fold(saga, &plan)?;
        Ok((plan, state))
    }

    async fn plan_of(&self, saga: &SagaId, journal: &Journal) -> Result<Arc<Plan>, SagaError> {
        let begun = journal.begun(saga)?;
        let graphs = Graphs::read(&self.books).await?;
        let reason = WaitReason::definition(begun);
        let waiting = || SagaError::Waiting { saga: saga.clone(), reason };
        graphs.of(begun).cloned().ok_or_else(waiting)
    }
}

/// The turns of a saga, one after the other.
///
/// # Cancel safety
/// A dropped call to [`SagaTurns::next`] loses nothing: the next call goes on where it was.
#[must_use = "nothing is read before the first poll"]
pub struct SagaTurns {
    saga: SagaId,
    plan: Arc<Plan>,
    events: Events,
}

impl SagaTurns {
    /// The graph of the saga, by which its records can be [put in words](crate::saga::Record::in_words).
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The next turn; `None` behind the last one.
    ///
    /// # Errors
    /// The store cannot be read, or the turn cannot.
    pub async fn next(&mut self) -> Result<Option<SagaTurn>, SagaError> {
        match self.events.next().await {
            Ok(Some(event)) => SagaTurn::decode(&event),
            Ok(None) => Ok(None),
            Err(ReadError::StreamNotFound(_)) => Err(SagaError::NotFound(self.saga.clone())),
            Err(error) => Err(error.into()),
        }
    }
}

fn status(
    graphs: &Graphs,
    saga: &SagaId,
    journal: Result<Journal, SagaError>,
) -> Result<SagaStatus, SagaError> {
    let journal = journal?;
    let begun = journal.begun(saga)?;
    let Some(plan) = graphs.of(begun) else {
        let (saga, reason) = (saga.clone(), WaitReason::definition(begun));
        return Err(SagaError::Waiting { saga, reason });
    };
    Ok(SagaStatus::of(saga, plan, &journal.fold(saga, plan)?))
}

fn reason(error: SagaError) -> WaitReason {
    match error {
        SagaError::Waiting { reason, .. } => reason,
        other => WaitReason::of(other),
    }
}
