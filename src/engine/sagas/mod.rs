//! Sagas at work: the handle, and the executor behind it.
//!
//! What a saga does is decided in `saga`; here it is stored, attempted and answered. Everything is
//! stored through the public append, as any user's events are: sagas have no side door to the log.
//! Reading order: this file (the handle), `open` (taking over), `recover` and `checkpoint` (which
//! sagas are unfinished), `executor` (the loop), `live` (one saga), `commits` (turns on their way
//! to the disk), `attempts` (the user's code), `stop` (their end), `read` (journals), `registry`
//! (definitions); then what is for people: `view`, `turn`, `explain` (looking), `requests`,
//! `unattended` (acting).

mod attempts;
mod checkpoint;
mod clock;
mod commits;
mod executor;
mod explain;
mod live;
pub(super) mod names;
mod open;
mod options;
mod read;
mod recover;
mod registry;
pub(crate) mod requests;
mod status;
mod stop;
mod turn;
mod typed;
mod unattended;
mod view;

pub use explain::{Explanation, PossibleVerb, Wait};
pub use options::SagaOptions;
pub use requests::Told;
pub use status::{SagaStats, SagaStatus, Settled, StepStatus, StuckStep};
pub use turn::{SagaTurn, TurnKind};
pub use typed::{SagaHandle, SagaOutcome};
pub use view::{ListedSaga, SagaReader, SagaTurns};

use self::{
    executor::{Call, Start},
    live::{Reply, Started},
    read::{Books, Journal},
    registry::Graphs,
};
use super::store::Store;
use crate::{
    error::{SagaError, saga::WaitReason},
    event::EventId,
    limits::TRACE_BYTES_MAX,
    names::{DefinitionName, SagaId},
    saga::{Input, Intervention, Operator},
};
use bytes::Bytes;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot, watch};

/// The sagas of a store, being executed. Cheap to clone; the executor ends when the last clone is
/// dropped, or in order with [`Sagas::close`].
#[derive(Clone)]
pub struct Sagas {
    calls: mpsc::Sender<Call>,
    store: Store,
    /// Why the executor ended.
    ends: watch::Receiver<Option<SagaError>>,
}

/// A saga to start: its name, its definition, its input as the definition's codec encodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain data that callers make")]
pub struct NewSaga {
    /// Its name: starting it again joins the first one.
    pub saga: SagaId,
    /// Its definition.
    pub definition: DefinitionName,
    /// The definition's revision.
    pub revision: u32,
    /// Its input, encoded.
    pub input: Bytes,
    /// The W3C trace context that its attempts carry on.
    pub trace_context: Option<Arc<str>>,
}

impl Sagas {
    /// Starts a saga, and returns when its beginning is durable. If a saga of this name was started
    /// with the same input before, also long ago, this joins it.
    ///
    /// # Errors
    /// [`SagaError::Conflict`] if one was started with another input.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have started the saga.
    pub async fn start_encoded(&self, new: NewSaga) -> Result<(), SagaError> {
        let start = Start::try_from(new)?;
        match self.call(|reply| Call::Start(start.clone(), reply)).await? {
            Started::Here => Ok(()),
            Started::Elsewhere => self.join(&start).await.map(drop),
        }
    }

    /// Starts a saga and waits until it has ended or is stuck.
    ///
    /// # Errors
    /// See [`Sagas::start_encoded`].
    ///
    /// # Cancel safety
    /// A dropped future may or may not have started the saga, which goes on then.
    pub async fn run_encoded(&self, new: NewSaga) -> Result<Settled, SagaError> {
        let start = Start::try_from(new)?;
        if let Some(settled) = self.call(|reply| Call::Run(start.clone(), reply)).await? {
            return Ok(settled);
        }
        let journal = self.join(&start).await?;
        self.settled_by(&start.id, &journal).await
    }

    /// Waits until a saga has ended or is stuck.
    ///
    /// # Errors
    /// [`SagaError::NotFound`] if there is none of this name, [`SagaError::Waiting`] if nobody
    /// works on it.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn settled(&self, saga: &SagaId) -> Result<Settled, SagaError> {
        if let Some(settled) = self.call(|reply| Call::Settled(saga.clone(), reply)).await? {
            return Ok(settled);
        }
        let journal = Journal::read(&self.books(), saga).await?;
        self.settled_by(saga, &journal).await
    }

    /// Asks for a saga to be cancelled: it is compensated and ends as aborted. Returns when the
    /// wish is durable. A second cancellation is the first one.
    ///
    /// # Errors
    /// [`SagaError::Refused`] if it ended, or is past its pivot.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have cancelled the saga.
    pub async fn cancel(
        &self,
        saga: &SagaId,
        principal: &str,
        reason: &str,
    ) -> Result<(), SagaError> {
        let (principal, reason) = (principal.into(), reason.into());
        self.intervene(saga, Intervention::Cancel { principal, reason }).await
    }

    /// Does to a stuck saga what an operator wants. Returns when it is durable.
    ///
    /// # Errors
    /// [`SagaError::Refused`] where the verb is not defined.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have done it.
    pub async fn operate(&self, saga: &SagaId, operator: Operator) -> Result<(), SagaError> {
        self.intervene(saga, Intervention::Operate(operator)).await
    }

    /// Cancels a saga, or does to a stuck one what an operator wants. Returns when it is durable.
    ///
    /// # Errors
    /// See [`Sagas::cancel`] and [`Sagas::operate`].
    ///
    /// # Cancel safety
    /// A dropped future may or may not have done it.
    pub async fn intervene(
        &self,
        saga: &SagaId,
        intervention: Intervention,
    ) -> Result<(), SagaError> {
        self.tell(saga, intervention, None).await
    }

    /// Where a saga is, by what is durable of it.
    ///
    /// # Errors
    /// [`SagaError::NotFound`] if there is none of this name.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn status(&self, saga: &SagaId) -> Result<SagaStatus, SagaError> {
        if let Some(status) = self.call(|reply| Call::Status(saga.clone(), reply)).await? {
            return Ok(status);
        }
        let journal = Journal::read(&self.books(), saga).await?;
        let plan = self.plan_of(saga, &journal).await?;
        Ok(SagaStatus::of(saga, &plan, &journal.fold(saga, &plan)?))
    }

    /// The sagas that wait for an operator, by name.
    ///
    /// # Errors
    /// The executor has ended.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn stuck(&self) -> Result<Vec<(SagaId, Vec<StuckStep>)>, SagaError> {
        self.call(Call::Stuck).await
    }

    /// The sagas that nobody works on, and what each waits for, by name.
    ///
    /// # Errors
    /// The executor has ended.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn waiting(&self) -> Result<Vec<(SagaId, WaitReason)>, SagaError> {
        self.call(Call::Waiting).await
    }

    /// How much there is to do.
    ///
    /// # Errors
    /// The executor has ended.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn stats(&self) -> Result<SagaStats, SagaError> {
        self.call(Call::Stats).await
    }

    /// Looks at the sagas by what is durable of them.
    pub fn reader(&self) -> SagaReader {
        SagaReader::from(&self.store)
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Ends the executor in order: nothing is started any more, attempts under way have `grace` to
    /// end, and what they come to is stored. What did not end goes on at the next opening. The
    /// store stays open.
    ///
    /// # Errors
    /// Why the executor ended before.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have begun the closing, which then goes on.
    pub async fn close(self, grace: Duration) -> Result<(), SagaError> {
        match self.call(|reply| Call::Close(grace, reply)).await {
            Err(SagaError::Closing) => Ok(()),
            other => other,
        }
    }

    fn books(&self) -> Books {
        Books::Writer(self.store.clone())
    }

    async fn call<T>(&self, call: impl FnOnce(Reply<T>) -> Call) -> Result<T, SagaError> {
        let (reply, answer) = oneshot::channel();
        if self.calls.send(call(reply)).await.is_err() {
            return Err(self.why_it_ended(SagaError::Closing));
        }
        match answer.await {
            Ok(answer) => answer,
            Err(_) => Err(self.why_it_ended(SagaError::Unknown)),
        }
    }

    /// Tells the executor what a person wants; `event` is the id of the turn that it comes to.
    async fn tell(
        &self,
        saga: &SagaId,
        intervention: Intervention,
        event: Option<EventId>,
    ) -> Result<(), SagaError> {
        requests::check_size(&intervention)?;
        let id = saga.clone();
        let input = match intervention {
            Intervention::Cancel { principal, reason } => Input::Cancel { principal, reason },
            Intervention::Operate(operator) => Input::Operate(operator),
        };
        let told = self.call(|reply| Call::Tell { id, input, event, reply }).await;
        self.or_ended(saga, told).await
    }

    /// Why there is no answer; of a call that was taken it is not known whether it was done.
    fn why_it_ended(&self, otherwise: SagaError) -> SagaError {
        match &*self.ends.borrow() {
            Some(SagaError::Closing) | None => otherwise,
            Some(error) => error.clone(),
        }
    }

    /// The journal of a saga that has ended, if it is the one that was to be started.
    async fn join(&self, start: &Start) -> Result<Journal, SagaError> {
        let journal = Journal::read(&self.books(), &start.id).await?;
        let begun = journal.begun(&start.id)?;
        if begun.definition == start.definition && begun.input == start.input {
            Ok(journal)
        } else {
            Err(SagaError::Conflict(start.id.clone()))
        }
    }

    async fn settled_by(&self, saga: &SagaId, journal: &Journal) -> Result<Settled, SagaError> {
        let plan = self.plan_of(saga, journal).await?;
        if let Some(settled) = Settled::of(&plan, &journal.fold(saga, &plan)?) {
            return Ok(settled);
        }
        // Not ended, and yet the executor did not know it: it was begun a moment ago, here unless
        // another executor has taken over.
        let told = self.call(|reply| Call::Settled(saga.clone(), reply)).await?;
        if let Some(settled) = told {
            return Ok(settled);
        }
        let journal = Journal::read(&self.books(), saga).await?;
        Settled::of(&plan, &journal.fold(saga, &plan)?).ok_or(SagaError::Unknown)
    }

    async fn plan_of(
        &self,
        saga: &SagaId,
        journal: &Journal,
    ) -> Result<Arc<crate::saga::Plan>, SagaError> {
        let graphs = Graphs::read(&self.books()).await?;
        let begun = journal.begun(saga)?;
        let (name, revision) = (begun.definition.clone(), begun.revision);
        graphs.of(begun).cloned().ok_or(SagaError::UnknownDefinition { name, revision })
    }

    /// A saga that the executor does not know may have ended.
    async fn or_ended(&self, saga: &SagaId, told: Result<(), SagaError>) -> Result<(), SagaError> {
        let Err(SagaError::NotFound(_)) = told else { return told };
        let journal = Journal::read(&self.books(), saga).await?;
        let plan = self.plan_of(saga, &journal).await?;
        match journal.fold(saga, &plan)?.end() {
            Some(end) => Err(SagaError::Refused(crate::saga::VerbRefused::Ended(end.clone()))),
            None => told,
        }
    }
}

impl TryFrom<NewSaga> for Start {
    type Error = SagaError;

    fn try_from(new: NewSaga) -> Result<Self, SagaError> {
        let NewSaga { saga, definition, revision, input, trace_context } = new;
        let bytes = trace_context.as_ref().map_or(0, |context| context.len());
        if bytes > TRACE_BYTES_MAX {
            // No participant would take a call with it.
            return Err(SagaError::TooLarge { bytes, limit: TRACE_BYTES_MAX });
        }
        Ok(Self { id: saga, definition, revision, input, trace_context })
    }
}

impl fmt::Debug for Sagas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sagas").field("store", &self.store).finish_non_exhaustive()
    }
}
