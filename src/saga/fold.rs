//! What a record makes of a saga, or why it cannot stand where it stands.
//!
//! Not a decision: whether a record should come about is said in `machine`. Live execution and
//! recovery both go through here, so there is no second truth in memory.

use super::{
    plan::Plan,
    record::Record,
    refusal::Refusal,
    state::{CancelAsked, Phase, Progress, State, StepState},
    table::{StepRecord, follow},
    vocabulary::{Cause, Certainty, Effect, Failure, Output, SagaEnd, Side, StepIndex},
};
use crate::time::WallTime;
use std::sync::Arc;

impl State {
    /// Folds a journal.
    ///
    /// # Errors
    /// The number of the first record that cannot stand where it stands, and why.
    pub fn fold<'a>(
        plan: &Plan,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Self, (usize, Refusal)> {
        let mut records = records.into_iter().enumerate();
        let Some((_, first)) = records.next() else { return Err((0, Refusal::NotBegun)) };
        let mut state = Self::first(plan, first).map_err(|refusal| (0, refusal))?;
        for (at, record) in records {
            state.apply(plan, record).map_err(|refusal| (at, refusal))?;
        }
        Ok(state)
    }

    /// What the first record of a journal, or of what is left of it, makes.
    ///
    /// # Errors
    /// Why it is no first record of a saga of this plan.
    pub fn first(plan: &Plan, record: &Record) -> Result<Self, Refusal> {
        let (begun, state) = match record {
            Record::Begun(begun) => (begun, None),
            Record::Checkpoint(state) => (&*state.begun, Some(&**state)),
            _ => return Err(Refusal::NotBegun),
        };
        let known = begun.definition == *plan.name()
            && begun.revision == plan.revision()
            && begun.fingerprint == plan.fingerprint();
        if !known {
            return Err(Refusal::OtherDefinition);
        }
        match state {
            Some(state) if state.steps.len() != plan.steps().len() => {
                Err(Refusal::ForeignCheckpoint)
            }
            Some(state) => Ok(state.clone()),
            None => Ok(Self {
                begun: Arc::new(begun.clone()),
                phase: Phase::Running,
                cancel: None,
                steps: vec![StepState::new(0, 0); plan.steps().len()],
            }),
        }
    }

    /// Adds one record.
    ///
    /// # Errors
    /// Why it cannot follow; the state is then as it was.
    pub fn apply(&mut self, plan: &Plan, record: &Record) -> Result<(), Refusal> {
        if self.end().is_some() {
            return Err(Refusal::AfterEnd);
        }
        match record {
            Record::Begun(_) => Err(Refusal::BegunAgain),
            Record::Started { step, attempt } => {
                check_planned(plan, *step, |step| step.effect == Effect::AtMostOnce)?;
                self.forward(plan, *step, *attempt, StepRecord::Started)?;
                self.steps[step.at()].progress = Progress::Announced;
                Ok(())
            }
            Record::Done { step, attempt, output } => {
                self.forward(plan, *step, *attempt, StepRecord::Done)?;
                let state = self.attempted(*step);
                state.progress = Progress::Done(output.clone());
                Ok(())
            }
            Record::Skipped { step } => {
                check_planned(plan, *step, |step| step.conditional)?;
                let attempt = self.step(*step).attempts + 1;
                self.forward(plan, *step, attempt, StepRecord::Skipped)?;
                self.steps[step.at()].progress = Progress::Skipped;
                Ok(())
            }
            Record::Failed { step, attempt, failure } => {
                self.forward(plan, *step, *attempt, StepRecord::Failed)?;
                self.gave_up(*step, failure, Progress::Failed);
                Ok(())
            }
            Record::Ambiguous { step, attempt, failure } => {
                self.forward(plan, *step, *attempt, StepRecord::Ambiguous)?;
                self.gave_up(*step, failure, Progress::Ambiguous);
                self.steps[step.at()].doubtful = true;
                Ok(())
            }
            Record::AttemptFailed { step, side, attempt, certainty, failure, next_at } => {
                self.attempt_failed(plan, *step, *side, *attempt, *certainty, failure)?;
                self.steps[step.at()].next_at = *next_at;
                Ok(())
            }
            Record::Stuck { step, side, attempt, certainty, failure } => {
                self.attempt_stuck(plan, *step, *side, *attempt, *certainty, failure)
            }
            Record::Withdrawn { step } => {
                check_step(plan, *step)?;
                self.check_follows(*step, StepRecord::Withdrawn)?;
                self.steps[step.at()].progress = Progress::Withdrawn;
                Ok(())
            }
            Record::CancelAsked { principal, reason } => self.cancel_asked_by(principal, reason),
            Record::AbortDecided { cause, reason } => self.abort(plan, *cause, reason),
            Record::ReturnDecided { savepoint, .. } => self.turn_back(plan, *savepoint),
            Record::Compensated { step, attempt } => {
                self.backward(plan, *step, *attempt, StepRecord::Compensated)?;
                let state = &mut self.steps[step.at()];
                state.compensation_attempts = *attempt;
                state.progress = Progress::Compensated(state.progress.output().cloned());
                state.stuck = None;
                Ok(())
            }
            Record::Returned => self.returned(plan),
            Record::Operator(operator) => self.operated(plan, &operator.verb),
            Record::Checkpoint(state) if **state == *self => Ok(()),
            Record::Checkpoint(_) => Err(Refusal::ForeignCheckpoint),
            Record::Ended(end) => self.ended(plan, end),
        }
    }

    pub(super) fn check_follows(&self, step: StepIndex, record: StepRecord) -> Result<(), Refusal> {
        let progress = self.step(step).progress.kind();
        match follow(self.phase_kind(), record, progress) {
            Some(_) => Ok(()),
            None => Err(Refusal::WrongProgress(step)),
        }
    }

    /// Checks a record of an action.
    fn forward(
        &self,
        plan: &Plan,
        step: StepIndex,
        attempt: u32,
        record: StepRecord,
    ) -> Result<(), Refusal> {
        check_step(plan, step)?;
        self.check_follows(step, record)?;
        let waiting = self.step(step).progress == Progress::Waiting;
        if waiting && !self.is_eligible(plan, step) {
            return Err(Refusal::NotEligible(step));
        }
        let next = self.step(step).attempts.checked_add(1);
        if next == Some(attempt) { Ok(()) } else { Err(Refusal::WrongAttempt(step)) }
    }

    /// Checks a record of a compensation.
    fn backward(
        &self,
        plan: &Plan,
        step: StepIndex,
        attempt: u32,
        record: StepRecord,
    ) -> Result<(), Refusal> {
        check_planned(plan, step, super::StepPlan::is_compensated)?;
        self.check_follows(step, record)?;
        if !self.awaits_compensation(plan, step) {
            return Err(Refusal::WrongPhase);
        }
        if self.is_held_up(plan, step) {
            return Err(Refusal::DescendantEffective(step));
        }
        let next = self.step(step).compensation_attempts.checked_add(1);
        if next == Some(attempt) { Ok(()) } else { Err(Refusal::WrongAttempt(step)) }
    }

    fn attempted(&mut self, step: StepIndex) -> &mut StepState {
        let state = &mut self.steps[step.at()];
        state.attempts += 1;
        state.stuck = None;
        state
    }

    fn gave_up(&mut self, step: StepIndex, failure: &Failure, progress: Progress) {
        let state = self.attempted(step);
        state.progress = progress;
        state.last_failure = Some(failure.clone());
    }

    fn attempt_failed(
        &mut self,
        plan: &Plan,
        step: StepIndex,
        side: Side,
        attempt: u32,
        certainty: Certainty,
        failure: &Failure,
    ) -> Result<(), Refusal> {
        match side {
            Side::Action => {
                self.forward(plan, step, attempt, StepRecord::ActionFailed)?;
                let state = self.attempted(step);
                state.progress = Progress::Waiting;
                state.doubtful |= certainty == Certainty::Unknown;
            }
            Side::Compensation => {
                self.backward(plan, step, attempt, StepRecord::CompensationFailed)?;
                self.steps[step.at()].compensation_attempts = attempt;
            }
        }
        let state = &mut self.steps[step.at()];
        state.failures = state.failures.saturating_add(1);
        state.last_failure = Some(failure.clone());
        Ok(())
    }

    fn attempt_stuck(
        &mut self,
        plan: &Plan,
        step: StepIndex,
        side: Side,
        attempt: u32,
        certainty: Certainty,
        failure: &Failure,
    ) -> Result<(), Refusal> {
        // The same checks under the record's own name in the table.
        let record = match side {
            Side::Action => StepRecord::ActionStuck,
            Side::Compensation => StepRecord::CompensationStuck,
        };
        check_step(plan, step)?;
        self.check_follows(step, record)?;
        self.attempt_failed(plan, step, side, attempt, certainty, failure)?;
        self.steps[step.at()].stuck = Some(side);
        Ok(())
    }

    fn cancel_asked_by(&mut self, principal: &Arc<str>, reason: &Arc<str>) -> Result<(), Refusal> {
        if self.cancel.is_some() || matches!(self.phase, Phase::Aborting { .. }) {
            return Err(Refusal::WrongPhase);
        }
        self.cancel = Some(CancelAsked { principal: principal.clone(), reason: reason.clone() });
        Ok(())
    }

    fn check_before_pivot(&self, plan: &Plan) -> Result<(), Refusal> {
        let done = |pivot| self.step(pivot).progress.is_resolved();
        if plan.pivot().is_some_and(done) { Err(Refusal::PastPivot) } else { Ok(()) }
    }

    fn abort(&mut self, plan: &Plan, cause: Cause, reason: &Arc<str>) -> Result<(), Refusal> {
        match self.phase {
            Phase::Running => {
                self.check_before_pivot(plan)?;
                self.leave_running(plan);
            }
            Phase::Returning(_) => {}
            Phase::Aborting { .. } | Phase::Ended(_) => return Err(Refusal::WrongPhase),
        }
        self.phase = Phase::Aborting { cause, reason: reason.clone() };
        Ok(())
    }

    fn turn_back(&mut self, plan: &Plan, savepoint: StepIndex) -> Result<(), Refusal> {
        check_planned(plan, savepoint, |step| step.returns_max.is_some())?;
        if self.phase != Phase::Running {
            return Err(Refusal::WrongPhase);
        }
        self.check_before_pivot(plan)?;
        if !self.step(savepoint).progress.is_resolved() {
            return Err(Refusal::WrongProgress(savepoint));
        }
        self.leave_running(plan);
        self.phase = Phase::Returning(savepoint);
        Ok(())
    }

    /// What could be attempted now may be under way, for all that the journal knows; and the tries
    /// of compensations are counted anew.
    fn leave_running(&mut self, plan: &Plan) {
        let eligible: Vec<_> =
            plan.indices().filter(|step| self.is_eligible(plan, *step)).collect();
        for step in eligible {
            self.steps[step.at()].progress = Progress::InFlight;
        }
        for step in &mut self.steps {
            step.failures = 0;
            step.stuck = None;
            step.next_at = WallTime::default();
        }
    }

    /// Whether something is left to compensate on the way back.
    pub(super) fn is_effective(&self, plan: &Plan) -> bool {
        plan.indices().any(|step| self.awaits_compensation(plan, step))
    }

    fn returned(&mut self, plan: &Plan) -> Result<(), Refusal> {
        let Phase::Returning(savepoint) = self.phase else { return Err(Refusal::WrongPhase) };
        if self.is_effective(plan) {
            return Err(Refusal::StepsLeft);
        }
        for step in plan.indices().filter(|step| !plan.is_before(*step, savepoint)) {
            let state = &mut self.steps[step.at()];
            *state = StepState::new(state.round.saturating_add(1), state.returns);
        }
        let savepoint = &mut self.steps[savepoint.at()];
        savepoint.returns = savepoint.returns.saturating_add(1);
        self.phase = Phase::Running;
        Ok(())
    }

    fn ended(&mut self, plan: &Plan, end: &SagaEnd) -> Result<(), Refusal> {
        match end {
            SagaEnd::Completed(Output::OfStep) => {
                let left = self.steps.iter().any(|step| !step.progress.is_resolved());
                check_end(self.phase == Phase::Running, left)?;
            }
            SagaEnd::Completed(Output::Early(_)) => {
                let ended = plan.indices().any(|step| {
                    plan.steps()[step.at()].ends_early
                        && matches!(self.step(step).progress, Progress::Done(_))
                });
                check_end(self.phase == Phase::Running, !ended)?;
            }
            // An operator's word is itself the end.
            SagaEnd::Completed(Output::Forced(_)) => return Err(Refusal::WrongPhase),
            SagaEnd::Aborted { cause, .. } => {
                let decided = match &self.phase {
                    Phase::Aborting { cause, .. } => Some(cause),
                    Phase::Running | Phase::Returning(_) | Phase::Ended(_) => None,
                };
                check_end(decided == Some(cause), self.is_effective(plan))?;
            }
        }
        self.phase = Phase::Ended(end.clone());
        Ok(())
    }
}

pub(super) fn check_step(plan: &Plan, step: StepIndex) -> Result<(), Refusal> {
    plan.step(step).map(|_| ()).ok_or(Refusal::NoSuchStep(step))
}

fn check_planned(
    plan: &Plan,
    step: StepIndex,
    allows: impl FnOnce(&super::StepPlan) -> bool,
) -> Result<(), Refusal> {
    let planned = plan.step(step).ok_or(Refusal::NoSuchStep(step))?;
    if allows(planned) { Ok(()) } else { Err(Refusal::NotPlanned(step)) }
}

fn check_end(in_phase: bool, steps_left: bool) -> Result<(), Refusal> {
    match (in_phase, steps_left) {
        (false, _) => Err(Refusal::WrongPhase),
        (true, true) => Err(Refusal::StepsLeft),
        (true, false) => Ok(()),
    }
}
