//! What is said of a saga to who asks.
//!
//! Derived from its state alone.

use crate::{
    names::{DefinitionName, SagaId, StepName},
    saga::{Cause, Failure, Phase, Plan, Progress, SagaEnd, Side, State},
    time::WallTime,
};
use bytes::Bytes;
use std::sync::Arc;

/// What a saga came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// Everything is done. The output, encoded; `None` if an operator gave none.
    Completed(Option<Bytes>),
    /// It was aborted, and what may have had an effect is compensated.
    Aborted {
        /// Why.
        cause: Cause,
        /// The same for people.
        reason: Arc<str>,
    },
    /// It waits for an operator.
    Stuck(Vec<StuckStep>),
}

impl Settled {
    /// What it came to, if it ended or is stuck.
    pub(crate) fn of(plan: &Plan, state: &State) -> Option<Self> {
        match state.end() {
            Some(SagaEnd::Completed(_)) => Some(Self::Completed(state.output(plan).cloned())),
            Some(SagaEnd::Aborted { cause, reason }) => {
                Some(Self::Aborted { cause: *cause, reason: Arc::clone(reason) })
            }
            None => state.is_stuck().then(|| Self::Stuck(StuckStep::all_of(plan, state))),
        }
    }
}

/// A step that waits for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StuckStep {
    /// The step.
    pub step: StepName,
    /// Its action or its compensation.
    pub side: Side,
    /// How many attempts were made of that side.
    pub attempts: u32,
    /// Why the last one failed.
    pub failure: Option<Failure>,
}

impl StuckStep {
    pub(crate) fn all_of(plan: &Plan, state: &State) -> Vec<Self> {
        let steps = plan.steps().iter().zip(state.steps());
        let stuck = steps.filter_map(|(step, known)| {
            let side = known.stuck?;
            let attempts = match side {
                Side::Action => known.attempts,
                Side::Compensation => known.compensation_attempts,
            };
            let failure = known.last_failure.clone();
            Some(Self { step: step.name.clone(), side, attempts, failure })
        });
        stuck.collect()
    }
}

/// Where a saga is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaStatus {
    /// The saga.
    pub saga: SagaId,
    /// Its definition.
    pub definition: DefinitionName,
    /// The revision that it began with.
    pub revision: u32,
    /// Where it is.
    pub phase: Phase,
    /// Whether a step waits for an operator.
    pub stuck: bool,
    /// By when it has to be past its pivot.
    pub deadline: Option<WallTime>,
    /// Its steps, in the order of definition.
    pub steps: Vec<StepStatus>,
}

/// Where a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepStatus {
    /// Its name.
    pub step: StepName,
    /// Where it is.
    pub progress: Progress,
    /// Attempts of its action whose end is known.
    pub attempts: u32,
    /// Attempts of its compensation whose end is known.
    pub compensation_attempts: u32,
    /// Not attempted before this moment; in the past if it does not wait.
    pub next_at: WallTime,
    /// It waits for an operator.
    pub stuck: Option<Side>,
    /// Why its last attempt failed.
    pub last_failure: Option<Failure>,
}

impl StepStatus {
    /// Attempts of one side whose end is known.
    pub fn attempts_of(&self, side: Side) -> u32 {
        match side {
            Side::Action => self.attempts,
            Side::Compensation => self.compensation_attempts,
        }
    }
}

impl SagaStatus {
    /// How it ended, if it has.
    pub fn end(&self) -> Option<&SagaEnd> {
        match &self.phase {
            Phase::Ended(end) => Some(end),
            Phase::Running | Phase::Returning(_) | Phase::Aborting { .. } => None,
        }
    }

    pub(crate) fn of(saga: &SagaId, plan: &Plan, state: &State) -> Self {
        let begun = state.begun();
        let steps = plan.steps().iter().zip(state.steps()).map(|(step, known)| StepStatus {
            step: step.name.clone(),
            progress: known.progress.clone(),
            attempts: known.attempts,
            compensation_attempts: known.compensation_attempts,
            next_at: known.next_at,
            stuck: known.stuck,
            last_failure: known.last_failure.clone(),
        });
        Self {
            saga: saga.clone(),
            definition: begun.definition.clone(),
            revision: begun.revision,
            phase: state.phase().clone(),
            stuck: state.is_stuck(),
            deadline: begun.deadline,
            steps: steps.collect(),
        }
    }
}

/// How much an executor has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaStats {
    /// Sagas that have not ended, without those that wait for a definition.
    pub unfinished: usize,
    /// Those of them that wait for an operator.
    pub stuck: usize,
    /// Sagas that nobody works on.
    pub waiting: usize,
    /// Attempts under way.
    pub attempts: usize,
    /// The executor's number: raised by each that takes over the store.
    pub epoch: u64,
}
