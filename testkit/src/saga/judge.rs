//! The kernel's own promises, judged by a history.
//!
//! It knows the plan and what happened, and nothing of the driver or of the fold. Promises are
//! numbered as in the design: I7 a step has one result; I9 what may have had an effect is
//! compensated, and nothing else; I11 compensations go from the last step to the first; I12 none
//! begins beside an attempt; I13 nothing is attempted behind its compensation; I14 nor behind the
//! decision to go back; I15 ends mean what they say; I16 there is no way back from behind the
//! pivot; I17 the end is the end; I22 a return answers what lies behind its savepoint.

use super::{complaint::Broken, history::Happening, words};
use sagalog::saga::{
    Attempt, Cause, Effect, Ending, OnStuck, Output, Plan, Record, SagaEnd, Side, StepIndex,
};

/// What the history says of a step in its round.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that come about independently")]
struct Seen {
    running: bool,
    began: bool,
    /// Its action may have an effect that nobody has answered.
    stands: bool,
    result: bool,
    done: bool,
    skipped: bool,
    compensated: bool,
    /// The journal says that there is nothing to compensate.
    clear: bool,
    /// Its compensation waits for a person.
    stuck: bool,
}

struct Judge<'a> {
    plan: &'a Plan,
    steps: Vec<Seen>,
    back: bool,
    aborting: bool,
    savepoint: Option<StepIndex>,
    ended: bool,
}

/// Judges a history from its beginning.
pub(super) fn judge(plan: &Plan, history: &[Happening]) -> Result<(), Broken> {
    let steps = vec![Seen::default(); plan.steps().len()];
    let mut judge =
        Judge { plan, steps, back: false, aborting: false, savepoint: None, ended: false };
    for happening in history {
        match happening {
            Happening::Stored(records) => {
                for record in records {
                    judge.stored(record)?;
                }
            }
            Happening::Began(attempt) => judge.began(*attempt)?,
            Happening::Ended { attempt, came_to, told, .. } => {
                let transactional = judge.planned(attempt.step).effect == Effect::Transactional;
                let effect = if transactional { Some(told) } else { came_to.as_ref() };
                judge.came(*attempt, effect);
            }
            Happening::Crashed(under_way) => {
                for (attempt, came_to) in under_way {
                    let transactional = judge.planned(attempt.step).effect == Effect::Transactional;
                    judge.came(*attempt, came_to.as_ref().filter(|_| !transactional));
                }
            }
            Happening::Cancelled | Happening::Passed(_) => {}
        }
    }
    Ok(())
}

impl Judge<'_> {
    fn planned(&self, step: StepIndex) -> &sagalog::saga::StepPlan {
        &self.plan.steps()[usize::from(step.get())]
    }

    fn step(&mut self, step: StepIndex) -> &mut Seen {
        &mut self.steps[usize::from(step.get())]
    }

    fn seen(&self, step: StepIndex) -> Seen {
        self.steps[usize::from(step.get())]
    }

    /// The promise with this number holds of `step`.
    fn must(
        &self,
        holds: bool,
        number: &'static str,
        step: StepIndex,
        otherwise: &str,
    ) -> Result<(), Broken> {
        if holds {
            return Ok(());
        }
        Err(Broken::kernel(number, &format!("{} {otherwise}", words::step(self.plan, step))))
    }

    fn began(&mut self, attempt: Attempt) -> Result<(), Broken> {
        let (step, seen) = (attempt.step, self.seen(attempt.step));
        self.must(!self.ended, "I17", step, "is attempted behind the end")?;
        self.must(!seen.running, "I12", step, "is attempted while another attempt is under way")?;
        if attempt.side == Side::Compensation {
            self.compensation_began(step, seen)?;
        } else {
            self.must(!seen.compensated, "I13", step, "is attempted behind its compensation")?;
            self.must(!self.back, "I14", step, "is attempted on the way back")?;
            self.must(!seen.result, "I7", step, "is attempted though it has a result")?;
            self.step(step).began = true;
        }
        self.step(step).running = true;
        Ok(())
    }

    fn compensation_began(&self, step: StepIndex, seen: Seen) -> Result<(), Broken> {
        self.must(self.back, "I9", step, "is compensated while the saga goes forward")?;
        self.must(seen.began && !seen.clear, "I9", step, "is compensated and had no effect")?;
        self.must(!seen.compensated, "I9", step, "is compensated again")?;
        for behind in self.plan.descendants(step) {
            let later = self.seen(*behind);
            let passed = self.plan.stuck_policy() == OnStuck::Continue && later.stuck;
            let what = "is compensated while a step behind it is under way";
            self.must(!later.running || passed, "I12", step, what)?;
            let open = self.planned(*behind).is_compensated()
                && later.began
                && !later.compensated
                && !later.clear;
            let what = "is compensated before a step that comes behind it";
            self.must(!open || passed, "I11", step, what)?;
        }
        Ok(())
    }

    /// An attempt is over, and this is what its code came to, if it matters to the world.
    fn came(&mut self, attempt: Attempt, came_to: Option<&Ending>) {
        let seen = self.step(attempt.step);
        seen.running = false;
        match (attempt.side, came_to) {
            (Side::Action, Some(Ending::Done { .. } | Ending::Ambiguous(_))) => seen.stands = true,
            (Side::Compensation, Some(Ending::Done { .. })) => seen.stands = false,
            _ => {}
        }
    }

    // tidy: table
    fn stored(&mut self, record: &Record) -> Result<(), Broken> {
        if self.ended {
            return Err(Broken::kernel("I17", "a record is stored behind the end"));
        }
        match record {
            Record::Done { step, .. } => {
                self.must(!self.seen(*step).result, "I7", *step, "has two results")?;
                let seen = self.step(*step);
                (seen.result, seen.done) = (true, true);
            }
            Record::Failed { step, .. } => {
                self.must(!self.seen(*step).result, "I7", *step, "has two results")?;
                self.cleared(*step)?;
                self.step(*step).result = true;
            }
            Record::Withdrawn { step } => self.cleared(*step)?,
            Record::Skipped { step } => self.step(*step).skipped = true,
            Record::Ambiguous { step, .. } => self.step(*step).result = true,
            Record::Compensated { step, .. } => {
                let seen = self.step(*step);
                (seen.compensated, seen.stuck) = (true, false);
            }
            Record::Stuck { step, side: Side::Compensation, .. } => self.step(*step).stuck = true,
            Record::AbortDecided { .. } => {
                self.turned_back()?;
                (self.aborting, self.savepoint) = (true, None);
            }
            Record::ReturnDecided { savepoint, .. } => {
                self.turned_back()?;
                self.savepoint = Some(*savepoint);
            }
            Record::Returned => self.returned()?,
            Record::Ended(end) => {
                self.ended(end)?;
                self.ended = true;
            }
            Record::Begun(_)
            | Record::Started { .. }
            | Record::AttemptFailed { .. }
            | Record::CancelAsked { .. }
            | Record::Stuck { .. }
            | Record::Operator(_)
            | Record::Checkpoint(_) => {}
        }
        Ok(())
    }

    /// The journal says that a step had no effect.
    fn cleared(&mut self, step: StepIndex) -> Result<(), Broken> {
        let forgotten = self.seen(step).stands && self.planned(step).is_compensated();
        self.must(!forgotten, "I9", step, "is taken for one without effect, and may have had one")?;
        self.step(step).clear = true;
        Ok(())
    }

    fn turned_back(&mut self) -> Result<(), Broken> {
        let passed = self.plan.pivot().filter(|pivot| self.seen(*pivot).done && !self.back);
        if let Some(pivot) = passed {
            self.must(false, "I16", pivot, "is done, and the saga turns back")?;
        }
        self.back = true;
        Ok(())
    }

    fn returned(&mut self) -> Result<(), Broken> {
        let Some(savepoint) = self.savepoint.take() else {
            return Err(Broken::kernel("I22", "it returned without having turned back"));
        };
        for step in self.plan.indices().filter(|step| !self.plan.is_before(*step, savepoint)) {
            self.answered(step, "I22")?;
            *self.step(step) = Seen::default();
        }
        self.back = false;
        Ok(())
    }

    /// No effect of a step stands that has a compensation.
    fn answered(&self, step: StepIndex, number: &'static str) -> Result<(), Broken> {
        let seen = self.seen(step);
        let stands = seen.stands && self.planned(step).is_compensated();
        self.must(!stands, number, step, "may have had an effect, which is not compensated")
    }

    fn ended(&self, end: &SagaEnd) -> Result<(), Broken> {
        for step in self.plan.indices() {
            let seen = self.seen(step);
            self.must(!seen.running, "I17", step, "is under way at the end")?;
            match end {
                SagaEnd::Completed(Output::OfStep) => {
                    self.must(seen.done || seen.skipped, "I15", step, "is not done at the end")?;
                    self.must(!seen.compensated, "I15", step, "is compensated, and it completed")?;
                }
                SagaEnd::Aborted { cause: Cause::Forced, .. } | SagaEnd::Completed(_) => {}
                _ => self.answered(step, "I15")?,
            }
        }
        let aborted = matches!(end, SagaEnd::Aborted { .. });
        if aborted && !self.aborting {
            return Err(Broken::kernel("I15", "it is aborted and nobody decided so"));
        }
        Ok(())
    }
}
