//! A saga as its journal tells it: where it is, and where each of its steps is.
//!
//! Questions only; what a record makes of it stands in `fold`. The invariant it guards: there is
//! nothing in it that does not follow from the journal.

use super::{
    plan::Plan,
    record::Begun,
    table::{PhaseKind, ProgressKind},
    vocabulary::{Cause, Failure, OnStuck, Output, SagaEnd, Side, StepIndex},
};
use crate::time::WallTime;
use bytes::Bytes;
use std::sync::Arc;

/// Where a saga is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever looks at a saga has to know all of them")]
pub enum Phase {
    /// It goes forward.
    Running,
    /// It goes back to the savepoint behind this step.
    Returning(StepIndex),
    /// It goes back to its beginning.
    Aborting {
        /// Why.
        cause: Cause,
        /// The same for people.
        reason: Arc<str>,
    },
    /// It ended.
    Ended(SagaEnd),
}

/// Where a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever looks at a saga has to know all of them")]
pub enum Progress {
    /// Not done; it may be under way if those it is after are done.
    Waiting,
    /// An attempt that must not be repeated was announced.
    Announced,
    /// It may have been under way when the saga turned back.
    InFlight,
    /// Done, with this output.
    Done(Bytes),
    /// Left out.
    Skipped,
    /// Certainly without an effect, and given up.
    Failed,
    /// Perhaps with an effect, and given up.
    Ambiguous,
    /// Certainly not attempted before the saga turned back.
    Withdrawn,
    /// Its effect is answered. What it came to, if that is known: a stuck compensation behind it
    /// may still have to read it.
    Compensated(Option<Bytes>),
    /// Its effect stands, by an operator's word; with what it came to.
    Waived(Option<Bytes>),
}

impl Progress {
    /// Which progress it is.
    pub const fn kind(&self) -> ProgressKind {
        match self {
            Self::Waiting => ProgressKind::Waiting,
            Self::Announced => ProgressKind::Announced,
            Self::InFlight => ProgressKind::InFlight,
            Self::Done(_) => ProgressKind::Done,
            Self::Skipped => ProgressKind::Skipped,
            Self::Failed => ProgressKind::Failed,
            Self::Ambiguous => ProgressKind::Ambiguous,
            Self::Withdrawn => ProgressKind::Withdrawn,
            Self::Compensated(_) => ProgressKind::Compensated,
            Self::Waived(_) => ProgressKind::Waived,
        }
    }

    /// What the step came to, if it was done, also if its effect was answered since.
    pub const fn output(&self) -> Option<&Bytes> {
        match self {
            Self::Done(output) => Some(output),
            Self::Compensated(output) | Self::Waived(output) => output.as_ref(),
            Self::Waiting
            | Self::Announced
            | Self::InFlight
            | Self::Skipped
            | Self::Failed
            | Self::Ambiguous
            | Self::Withdrawn => None,
        }
    }

    /// Whether steps behind it may go on.
    pub(super) const fn is_resolved(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Skipped)
    }

    /// Whether it may have had an effect that still stands.
    pub const fn may_be_effective(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Ambiguous | Self::InFlight | Self::Announced)
    }
}

/// What the journal says of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepState {
    /// Where it is.
    pub progress: Progress,
    /// How often it was begun anew from a savepoint: part of the key of its effect.
    pub round: u32,
    /// How often the saga returned to the savepoint behind this step.
    pub returns: u32,
    /// Attempts of its action in this round whose end the journal knows.
    pub attempts: u32,
    /// Attempts of its compensation in this round whose end the journal knows.
    pub compensation_attempts: u32,
    /// Attempts that failed since it was first tried, or since an operator had it tried again; of
    /// its compensation once the saga has turned back.
    pub failures: u32,
    /// Whether an attempt of its action in this round may have had an effect.
    pub doubtful: bool,
    /// Not attempted before this moment.
    pub next_at: WallTime,
    /// It is not attempted until an operator says so.
    pub stuck: Option<Side>,
    /// Why its last attempt failed.
    pub last_failure: Option<Failure>,
}

impl StepState {
    pub(crate) const fn new(round: u32, returns: u32) -> Self {
        Self {
            progress: Progress::Waiting,
            round,
            returns,
            attempts: 0,
            compensation_attempts: 0,
            failures: 0,
            doubtful: false,
            next_at: WallTime::from_unix_nanos(0),
            stuck: None,
            last_failure: None,
        }
    }
}

/// Who asked for a cancellation, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CancelAsked {
    /// Who.
    pub principal: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
}

/// A saga, as far as its journal tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(super) begun: Arc<Begun>,
    pub(super) phase: Phase,
    pub(super) cancel: Option<CancelAsked>,
    pub(super) steps: Vec<StepState>,
}

impl State {
    /// How it began.
    pub fn begun(&self) -> &Begun {
        &self.begun
    }

    /// Where it is.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Who asked for its cancellation.
    pub fn cancel_asked(&self) -> Option<&CancelAsked> {
        self.cancel.as_ref()
    }

    /// Its steps, in the order of the plan.
    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    /// The step with this number.
    ///
    /// # Panics
    /// If the plan that was folded with has no such step.
    pub fn step(&self, step: StepIndex) -> &StepState {
        &self.steps[step.at()]
    }

    /// How it ended, if it has.
    pub fn end(&self) -> Option<&SagaEnd> {
        match &self.phase {
            Phase::Ended(end) => Some(end),
            Phase::Running | Phase::Returning(_) | Phase::Aborting { .. } => None,
        }
    }

    /// Whether a step waits for an operator.
    pub fn is_stuck(&self) -> bool {
        self.end().is_none() && self.steps.iter().any(|step| step.stuck.is_some())
    }

    /// What a completed saga came to; `None` if it did not complete, or without an output.
    pub fn output(&self, plan: &Plan) -> Option<&Bytes> {
        match self.end()? {
            SagaEnd::Completed(Output::OfStep) => match &self.step(plan.output()).progress {
                Progress::Done(output) => Some(output),
                _ => None,
            },
            SagaEnd::Completed(Output::Early(output)) => Some(output),
            SagaEnd::Completed(Output::Forced(output)) => output.as_ref(),
            SagaEnd::Aborted { .. } => None,
        }
    }

    /// Whether `step` is the next to do for all that the journal knows.
    pub fn is_eligible(&self, plan: &Plan, step: StepIndex) -> bool {
        self.step(step).progress == Progress::Waiting
            && plan.steps()[step.at()]
                .after
                .iter()
                .all(|after| self.step(*after).progress.is_resolved())
    }

    /// Whether the way back has to answer `step`.
    pub fn awaits_compensation(&self, plan: &Plan, step: StepIndex) -> bool {
        let in_scope = match &self.phase {
            Phase::Aborting { .. } => true,
            Phase::Returning(savepoint) => !plan.is_before(step, *savepoint),
            Phase::Running | Phase::Ended(_) => false,
        };
        in_scope
            && plan.steps()[step.at()].is_compensated()
            && self.step(step).progress.may_be_effective()
    }

    /// Whether a step behind `step` has to be answered first.
    pub fn is_held_up(&self, plan: &Plan, step: StepIndex) -> bool {
        plan.descendants(step).iter().any(|behind| {
            let passed = plan.stuck_policy() == OnStuck::Continue
                && self.step(*behind).stuck == Some(Side::Compensation);
            self.awaits_compensation(plan, *behind) && !passed
        })
    }

    pub(super) fn phase_kind(&self) -> PhaseKind {
        match &self.phase {
            Phase::Running => PhaseKind::Running,
            Phase::Returning(_) | Phase::Aborting { .. } => PhaseKind::Back,
            Phase::Ended(_) => PhaseKind::Ended,
        }
    }
}
