//! A person's word to a saga of a store that nobody executes sagas of.
//!
//! Nothing is attempted here and no code of a definition runs: what a person wants is one record,
//! and what follows from it is found by the next executor, as after a crash. The invariant it
//! guards: it reads behind a fence that it has raised, so that no executor can add to what it has
//! decided on.

use super::{
    Sagas, names,
    open::take_over,
    read::{Books, Journal},
    registry::{Graphs, refused},
    requests::check_size,
};
use crate::{
    append::{Append, ExpectedRevision},
    engine::store::Store,
    error::{SagaError, saga::WaitReason},
    names::SagaId,
    saga::Intervention,
};

impl Sagas {
    /// Cancels a saga, or does to a stuck one what an operator wants, without executing anything:
    /// what follows is done by the next executor. Returns when it is durable.
    ///
    /// An executor that runs on this store is fenced by this and ends; where one runs, use
    /// [`Sagas::intervene`], or from another process [`Sagas::intervene_beside`].
    ///
    /// # Errors
    /// [`SagaError::Refused`] where it is not accepted; nothing has changed.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have done it.
    pub async fn intervene_unattended(
        store: &Store,
        saga: &SagaId,
        intervention: &Intervention,
    ) -> Result<(), SagaError> {
        check_size(intervention)?;
        let books = Books::Writer(store.clone());
        // Whoever asks for what is not there shall not fence anybody.
        Journal::read(&books, saga).await?;
        let token = take_over(store).await?;
        let journal = Journal::read(&books, saga).await?;
        let begun = journal.begun(saga)?;
        let graphs = Graphs::read(&books).await?;
        let Some(plan) = graphs.of(begun) else {
            let (saga, reason) = (saga.clone(), WaitReason::definition(begun));
            return Err(SagaError::Waiting { saga, reason });
        };
        let mut state = journal.fold(saga, plan)?;
        let record = intervention.record(plan, &state).map_err(SagaError::Refused)?;
        let Some(record) = record else { return Ok(()) };
        state.apply(plan, &record).map_err(|refusal| SagaError::Impossible {
            saga: saga.clone(),
            record: journal.records.len(),
            refusal,
        })?;
        let stream = names::journal(saga);
        let append = Append::new()
            .fence(names::fence(), token)
            .expect(stream.clone(), ExpectedRevision::Exact(journal.revision))
            .event(stream, names::turn_event(&[record], &state));
        store.append(append).await.map(drop).map_err(refused)
    }
}
