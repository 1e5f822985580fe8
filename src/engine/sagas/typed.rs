//! Sagas by the types of their definition.
//!
//! It encodes and decodes, and does nothing else.

use super::{NewSaga, Sagas, Settled, StuckStep};
use crate::{definition::Definition, error::SagaError, names::SagaId, saga::Cause};
use std::{fmt, sync::Arc};

/// How a saga with outputs of type `O` came out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a saga comes out in one of these ways")]
pub enum SagaOutcome<O> {
    /// Everything is done.
    Completed(O),
    /// It was aborted, and what may have had an effect is compensated.
    Aborted {
        /// Why.
        cause: Cause,
        /// The same for people.
        reason: Arc<str>,
    },
    /// It waits for an operator: see [`Sagas::operate`].
    Stuck(Vec<StuckStep>),
}

/// A saga that was started. Dropping it has no effect on the saga.
pub struct SagaHandle<I, O> {
    sagas: Sagas,
    saga: SagaId,
    definition: Definition<I, O>,
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
    pub async fn start<I, O>(
        &self,
        definition: &Definition<I, O>,
        saga: SagaId,
        input: &I,
    ) -> Result<SagaHandle<I, O>, SagaError> {
        self.start_encoded(new(definition, &saga, input)?).await?;
        Ok(SagaHandle { sagas: self.clone(), saga, definition: definition.clone() })
    }

    /// Starts a saga, or joins the one of this name, and waits until it has ended or is stuck.
    ///
    /// # Errors
    /// See [`Sagas::start`]; [`SagaError::Codec`] if the output does not decode.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have started the saga, which goes on then.
    pub async fn run<I, O>(
        &self,
        definition: &Definition<I, O>,
        saga: SagaId,
        input: &I,
    ) -> Result<SagaOutcome<O>, SagaError> {
        let settled = self.run_encoded(new(definition, &saga, input)?).await?;
        outcome(definition, settled)
    }
}

impl<I, O> SagaHandle<I, O> {
    /// The saga's name.
    pub fn saga(&self) -> &SagaId {
        &self.saga
    }

    /// Waits until the saga has ended or is stuck. After an operator has intervened it can be asked
    /// again.
    ///
    /// # Errors
    /// See [`Sagas::settled`]; [`SagaError::Codec`] if the output does not decode.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn outcome(&self) -> Result<SagaOutcome<O>, SagaError> {
        outcome(&self.definition, self.sagas.settled(&self.saga).await?)
    }
}

impl<I, O> fmt::Debug for SagaHandle<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaHandle").field("saga", &self.saga).finish_non_exhaustive()
    }
}

fn new<I, O>(
    definition: &Definition<I, O>,
    saga: &SagaId,
    input: &I,
) -> Result<NewSaga, SagaError> {
    let encoded = definition.encode_input(input);
    let plan = definition.plan();
    Ok(NewSaga {
        saga: saga.clone(),
        definition: plan.name().clone(),
        revision: plan.revision(),
        input: encoded.map_err(|error| SagaError::Codec(error.to_string().into()))?,
        trace_context: None,
    })
}

fn outcome<I, O>(
    definition: &Definition<I, O>,
    settled: Settled,
) -> Result<SagaOutcome<O>, SagaError> {
    Ok(match settled {
        Settled::Completed(output) => {
            let output = definition.decode_output(output.as_deref());
            let output = output.map_err(|error| SagaError::Codec(error.to_string().into()))?;
            SagaOutcome::Completed(output)
        }
        Settled::Aborted { cause, reason } => SagaOutcome::Aborted { cause, reason },
        Settled::Stuck(steps) => SagaOutcome::Stuck(steps),
    })
}
