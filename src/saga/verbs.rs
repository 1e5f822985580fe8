//! What an operator may do to a saga, and what somebody who cancels it.
//!
//! Each is a record with who and why. The invariant it guards: a verb is refused where it is not
//! defined, with a sentence that says what to do instead.

use super::{
    fold::check_step,
    plan::Plan,
    record::Record,
    refusal::Refusal,
    state::{Phase, Progress, State},
    table::StepRecord,
    vocabulary::{Cause, Output, SagaEnd, Side, StepIndex, StepSet},
};
use crate::{names::StepName, time::WallTime};
use bytes::Bytes;
use std::{error::Error, fmt, sync::Arc};

/// What is done to a stuck saga.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a new verb must not compile until all handle it")]
pub enum Verb {
    /// Whatever is stuck is tried again, with all its attempts.
    Retry,
    /// A stuck step is left out; a stuck compensation is left as it is, because somebody has seen
    /// to its effect.
    Skip(StepIndex),
    /// The saga ends as completed, with this output.
    Complete(Option<Bytes>),
    /// The saga ends as aborted, with whatever effects stand.
    Abort,
}

/// An operator's word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain data that callers make")]
pub struct Operator {
    /// What is done.
    pub verb: Verb,
    /// On whose behalf.
    pub principal: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
}

/// What a person wants of a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a new one must not compile until all handle it")]
pub enum Intervention {
    /// That it is compensated and ends as aborted.
    Cancel {
        /// On whose behalf.
        principal: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// What an operator may do where it is stuck.
    Operate(Operator),
}

impl Intervention {
    /// What a journal says of it if it is accepted.
    pub(crate) fn wish(&self) -> Record {
        match self.clone() {
            Self::Cancel { principal, reason } => Record::CancelAsked { principal, reason },
            Self::Operate(operator) => Record::Operator(operator),
        }
    }

    /// What a record says that somebody wanted; `None` if it says something else.
    pub(crate) fn of_wish(record: &Record) -> Option<Self> {
        match record.clone() {
            Record::CancelAsked { principal, reason } => Some(Self::Cancel { principal, reason }),
            Record::Operator(operator) => Some(Self::Operate(operator)),
            _ => None,
        }
    }

    /// On whose behalf, and why.
    pub(crate) fn words(&self) -> (&str, &str) {
        match self {
            Self::Cancel { principal, reason }
            | Self::Operate(Operator { principal, reason, .. }) => (principal, reason),
        }
    }

    /// The output that it completes a saga with.
    pub(crate) fn output(&self) -> Option<&Bytes> {
        match self {
            Self::Operate(Operator { verb: Verb::Complete(output), .. }) => output.as_ref(),
            Self::Operate(_) | Self::Cancel { .. } => None,
        }
    }

    /// The record that it comes to where no attempt is under way; `None` if there is nothing to
    /// add, since it is being cancelled already.
    ///
    /// # Errors
    /// [`VerbRefused`] says why it is not accepted.
    pub fn record(&self, plan: &Plan, state: &State) -> Result<Option<Record>, VerbRefused> {
        match self.clone() {
            Self::Cancel { principal, reason } => cancel(plan, state, principal, reason),
            Self::Operate(operator) => operate(plan, state, &StepSet::new(), operator).map(Some),
        }
    }
}

/// Why a verb is not accepted. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerbRefused {
    /// The saga has ended already.
    Ended(SagaEnd),
    /// The saga is past its pivot and goes forward only.
    PastPivot,
    /// No step of it is stuck. Cancel it, or wait.
    NotStuck,
    /// This step is not stuck.
    StepNotStuck(StepName),
    /// The definition has no such step.
    NoSuchStep(StepIndex),
    /// A step cannot be left out, because another one, or the caller of the saga, reads its output.
    Needed(StepName),
    /// Attempts are under way; try again when they have ended.
    Busy,
}

impl fmt::Display for VerbRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(SagaEnd::Completed(_)) => f.write_str("the saga has completed"),
            Self::Ended(SagaEnd::Aborted { cause, .. }) => {
                write!(f, "the saga has been aborted ({cause})")
            }
            Self::PastPivot => {
                f.write_str("the saga is past its point of no return and goes forward only")
            }
            Self::NotStuck => f.write_str("no step of the saga is stuck; wait, or cancel it"),
            Self::StepNotStuck(step) => write!(f, "step {step} is not stuck"),
            Self::NoSuchStep(step) => write!(f, "the definition has no step {step}"),
            Self::Needed(step) => write!(
                f,
                "step {step} cannot be left out, because its output is read; retry, complete or \
                 abort the saga"
            ),
            Self::Busy => f.write_str("attempts are under way; try again when they have ended"),
        }
    }
}

impl Error for VerbRefused {}

/// The record of a cancellation; `None` if it is under way already.
pub(super) fn cancel(
    plan: &Plan,
    state: &State,
    principal: Arc<str>,
    reason: Arc<str>,
) -> Result<Option<Record>, VerbRefused> {
    match state.phase() {
        Phase::Ended(end) => return Err(VerbRefused::Ended(end.clone())),
        Phase::Aborting { .. } => return Ok(None),
        Phase::Running | Phase::Returning(_) => {}
    }
    let passed =
        |pivot| matches!(state.step(pivot).progress, Progress::Done(_) | Progress::Skipped);
    if plan.pivot().is_some_and(passed) {
        return Err(VerbRefused::PastPivot);
    }
    if state.cancel_asked().is_some() {
        return Ok(None);
    }
    Ok(Some(Record::CancelAsked { principal, reason }))
}

/// The record of an operator's word.
pub(super) fn operate(
    plan: &Plan,
    state: &State,
    running: &StepSet,
    operator: Operator,
) -> Result<Record, VerbRefused> {
    if let Some(end) = state.end() {
        return Err(VerbRefused::Ended(end.clone()));
    }
    if !state.is_stuck() {
        return Err(VerbRefused::NotStuck);
    }
    match &operator.verb {
        Verb::Retry if is_overtaken(plan, state, running) => return Err(VerbRefused::Busy),
        Verb::Retry => {}
        Verb::Skip(step) => check_skip(plan, state, *step)?,
        // No effect of a saga comes about after its end.
        Verb::Complete(_) | Verb::Abort => {
            if !running.is_empty() {
                return Err(VerbRefused::Busy);
            }
        }
    }
    Ok(Record::Operator(operator))
}

/// Whether something before a stuck compensation is being compensated already: that could not be
/// stored any more once the stuck one is to come first again.
fn is_overtaken(plan: &Plan, state: &State, running: &StepSet) -> bool {
    let stuck = |step: &StepIndex| state.step(*step).stuck == Some(Side::Compensation);
    let mut stuck = plan.indices().filter(stuck);
    stuck.any(|step| !plan.ancestors(step).is_disjoint(running))
}

fn check_skip(plan: &Plan, state: &State, step: StepIndex) -> Result<(), VerbRefused> {
    let planned = plan.step(step).ok_or(VerbRefused::NoSuchStep(step))?;
    let name = || planned.name.clone();
    match state.step(step).stuck {
        None => Err(VerbRefused::StepNotStuck(name())),
        Some(Side::Compensation) => Ok(()),
        Some(Side::Action) => {
            let read = plan.output() == step
                || plan.steps().iter().any(|other| other.after.contains(&step));
            if read && !planned.conditional { Err(VerbRefused::Needed(name())) } else { Ok(()) }
        }
    }
}

impl State {
    /// What an operator's word makes of a saga.
    pub(super) fn operated(&mut self, plan: &Plan, verb: &Verb) -> Result<(), Refusal> {
        if !self.is_stuck() {
            return Err(Refusal::NotStuck);
        }
        match verb {
            Verb::Retry => {
                for step in self.steps.iter_mut().filter(|step| step.stuck.is_some()) {
                    step.stuck = None;
                    step.failures = 0;
                    step.next_at = WallTime::default();
                }
            }
            Verb::Skip(step) => self.skip(plan, *step)?,
            Verb::Complete(output) => {
                self.phase = Phase::Ended(SagaEnd::Completed(Output::Forced(output.clone())));
            }
            Verb::Abort => {
                for step in &mut self.steps {
                    let unsure = step.progress == Progress::Waiting && step.doubtful;
                    if step.progress.may_be_effective() || unsure {
                        step.progress = Progress::Waived(step.progress.output().cloned());
                    }
                }
                let reason = "an operator ended it as it was".into();
                self.phase = Phase::Ended(SagaEnd::Aborted { cause: Cause::Forced, reason });
            }
        }
        Ok(())
    }

    fn skip(&mut self, plan: &Plan, step: StepIndex) -> Result<(), Refusal> {
        check_step(plan, step)?;
        let (record, progress) = match self.step(step).stuck {
            Some(Side::Action) => (StepRecord::Skipped, Progress::Skipped),
            Some(Side::Compensation) => {
                let output = self.step(step).progress.output().cloned();
                (StepRecord::Waived, Progress::Waived(output))
            }
            None => return Err(Refusal::NotStuck),
        };
        self.check_follows(step, record)?;
        let state = &mut self.steps[step.at()];
        state.progress = progress;
        state.stuck = None;
        Ok(())
    }
}
