//! Why a saga does not go on, and what an operator may do about it.
//!
//! Derived from its state alone: which verbs are accepted is asked of the machine that decides on
//! them, so that nothing is offered that would be refused.

use super::{SagaStatus, StuckStep};
use crate::{
    names::{SagaId, StepName},
    saga::{
        Attempts, CancelAsked, Failure, Intervention, Operator, Phase, Plan, SagaEnd, Side, State,
        Verb, due,
    },
    time::WallTime,
};
use std::fmt;

/// Why a saga does not go on, or how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// Where it is.
    pub status: SagaStatus,
    /// Who asked for its cancellation.
    pub cancel_asked: Option<CancelAsked>,
    /// What it waits for; empty if it has ended.
    pub waits: Vec<Wait>,
    /// The newest revision of its definition that was ever registered. If that is not the saga's,
    /// a program without the saga's lets it wait.
    pub newest_revision: Option<u32>,
    /// What may be done now.
    pub verbs: Vec<PossibleVerb>,
}

/// What a saga waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// For an operator.
    Operator(StuckStep),
    /// For an attempt, which is made as soon as its moment has come and a program executes it.
    Attempt {
        /// Of which step.
        step: StepName,
        /// Of its action or its compensation.
        side: Side,
        /// Which one, from 1.
        attempt: u32,
        /// Not before this moment; in the past if it does not wait.
        next_at: WallTime,
        /// Why the one before failed.
        last_failure: Option<Failure>,
    },
    /// For a program that executes it: what follows is to be decided.
    Executor,
}

/// What may be done to a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PossibleVerb {
    /// Try again what is stuck.
    Retry,
    /// Leave out this stuck step, or leave its stuck compensation as it is.
    Skip(StepName),
    /// End it as completed.
    Complete,
    /// End it as aborted, with whatever effects stand.
    Abort,
    /// Have it compensated.
    Cancel,
}

impl Explanation {
    pub(super) fn of(saga: &SagaId, plan: &Plan, state: &State, newest: Option<u32>) -> Self {
        Self {
            status: SagaStatus::of(saga, plan, state),
            cancel_asked: state.cancel_asked().cloned(),
            waits: waits(plan, state),
            newest_revision: newest,
            verbs: verbs(plan, state),
        }
    }
}

fn waits(plan: &Plan, state: &State) -> Vec<Wait> {
    if state.end().is_some() {
        return Vec::new();
    }
    let mut waits: Vec<_> =
        StuckStep::all_of(plan, state).into_iter().map(Wait::Operator).collect();
    // At the end of time whatever waits for its moment is due.
    let end_of_time = WallTime::from_unix_nanos(u64::MAX);
    let due = due(plan, state, &Attempts::default(), end_of_time);
    waits.extend(due.attempts.into_iter().map(|attempt| {
        let known = state.step(attempt.step);
        Wait::Attempt {
            step: plan.steps()[usize::from(attempt.step.get())].name.clone(),
            side: attempt.side,
            attempt: attempt.attempt,
            next_at: known.next_at,
            last_failure: known.last_failure.clone(),
        }
    }));
    if waits.is_empty() {
        waits.push(Wait::Executor);
    }
    waits
}

fn verbs(plan: &Plan, state: &State) -> Vec<PossibleVerb> {
    let accepted = |verb| {
        let operator = Operator { verb, principal: "".into(), reason: "".into() };
        Intervention::Operate(operator).record(plan, state).is_ok()
    };
    let skips = plan.indices().filter(|step| accepted(Verb::Skip(*step)));
    let skips =
        skips.map(|step| PossibleVerb::Skip(plan.steps()[usize::from(step.get())].name.clone()));
    let skips: Vec<_> = skips.collect();
    let cancel = Intervention::Cancel { principal: "".into(), reason: "".into() };
    let mut verbs = Vec::new();
    verbs.extend(accepted(Verb::Retry).then_some(PossibleVerb::Retry));
    verbs.extend(skips);
    verbs.extend(accepted(Verb::Complete(None)).then_some(PossibleVerb::Complete));
    verbs.extend(accepted(Verb::Abort).then_some(PossibleVerb::Abort));
    if matches!(cancel.record(plan, state), Ok(Some(_))) {
        verbs.push(PossibleVerb::Cancel);
    }
    verbs
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |failure: &Option<Failure>| match failure {
            Some(failure) => format!(": {failure}"),
            None => String::new(),
        };
        match self {
            Self::Operator(StuckStep { step, side, attempts, failure }) => {
                let because = because(failure);
                write!(f, "the {side} of step {step} is stuck after {attempts} attempts{because}")
            }
            Self::Attempt { step, side, attempt: 1, .. } => {
                write!(f, "the {side} of step {step} is under way or about to begin")
            }
            Self::Attempt { step, side, attempt, last_failure, .. } => {
                let (before, because) = (attempt - 1, because(last_failure));
                write!(f, "the {side} of step {step} has failed {before} times{because}")
            }
            Self::Executor => f.write_str("a program that executes it has to go on with it"),
        }
    }
}

impl fmt::Display for PossibleVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry => f.write_str("retry"),
            Self::Skip(step) => write!(f, "skip --step {step}"),
            Self::Complete => f.write_str("complete"),
            Self::Abort => f.write_str("abort"),
            Self::Cancel => f.write_str("cancel"),
        }
    }
}

/// In sentences, one a line, without moments.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SagaStatus { saga, definition, revision, phase, .. } = &self.status;
        match phase {
            Phase::Running => write!(f, "saga {saga} goes forward")?,
            Phase::Returning(step) => {
                let step = self.status.steps.get(usize::from(step.get()));
                let step = step.map_or("?", |step| step.step.as_str());
                write!(f, "saga {saga} returns to the savepoint behind step {step}")?;
            }
            Phase::Aborting { cause, reason } => {
                write!(f, "saga {saga} is being compensated ({cause}): {reason}")?;
            }
            Phase::Ended(end @ SagaEnd::Completed(_)) => write!(f, "saga {saga} has {end}")?,
            Phase::Ended(SagaEnd::Aborted { cause, reason }) => {
                write!(f, "saga {saga} was aborted ({cause}): {reason}")?;
            }
        }
        let undecided = matches!(phase, Phase::Running | Phase::Returning(_));
        if let Some(asked) = self.cancel_asked.as_ref().filter(|_| undecided) {
            let CancelAsked { principal, reason } = asked;
            write!(f, "\n{principal} asked for its cancellation: {reason}")?;
        }
        for wait in &self.waits {
            write!(f, "\n{wait}")?;
        }
        match self.newest_revision {
            Some(newest) if newest != *revision && !matches!(phase, Phase::Ended(_)) => write!(
                f,
                "\nit began with revision {revision} of definition {definition}, the newest one is \
                 {newest}: it goes on only where revision {revision} is registered"
            ),
            _ => Ok(()),
        }
    }
}
