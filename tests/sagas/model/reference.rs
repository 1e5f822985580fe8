//! A reference interpreter of sagas: what has to begin next, and whether it is over.
//!
//! Written from the rules for people and not from the fold: it keeps no journal, and decides by
//! looking at all steps after each thing that happens. The invariant it guards: it is short enough
//! to be believed.

use sagalog::saga::{Effect, OnStuck, Plan, Side, StepIndex, StepKind};
use std::collections::BTreeSet;

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    Idle,
    Done,
    Skipped,
    /// Given up, certainly without an effect.
    Gone,
    /// Given up or left behind, perhaps with an effect.
    Perhaps,
    Answered,
    /// A person has seen to it.
    Left,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) stand: Stand,
    /// An attempt may have had an effect, or have one yet.
    doubt: bool,
    failures: u32,
    returns: u32,
    stuck: Option<Side>,
    /// An attempt that must not be repeated was made and has not ended.
    announced: bool,
}

const FRESH: Step = Step {
    stand: Stand::Idle,
    doubt: false,
    failures: 0,
    returns: 0,
    stuck: None,
    announced: false,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Forward,
    BackTo(StepIndex),
    Back,
    Completed,
    Aborted,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Done,
    Early,
    Failed,
    Ambiguous,
    Retry,
    Unusable,
}

#[derive(Clone, Debug)]
pub(crate) struct Reference<'a> {
    plan: &'a Plan,
    /// What each condition says; `None` if it cannot say.
    conditions: Vec<Option<bool>>,
    pub(crate) steps: Vec<Step>,
    pub(crate) running: BTreeSet<StepIndex>,
    pub(crate) mode: Mode,
    given_up: bool,
    cancelled: bool,
}

impl<'a> Reference<'a> {
    pub(crate) fn new(plan: &'a Plan, conditions: Vec<Option<bool>>) -> Self {
        let (steps, running) = (vec![FRESH; plan.steps().len()], BTreeSet::new());
        let (mode, given_up, cancelled) = (Mode::Forward, false, false);
        let mut new = Self { plan, conditions, steps, running, mode, given_up, cancelled };
        new.settle();
        new
    }

    fn at(&mut self, step: StepIndex) -> &mut Step {
        &mut self.steps[usize::from(step.get())]
    }

    fn see(&self, step: StepIndex) -> &Step {
        &self.steps[usize::from(step.get())]
    }

    fn planned(&self, step: StepIndex) -> &'a sagalog::saga::StepPlan {
        &self.plan.steps()[usize::from(step.get())]
    }

    fn resolved(&self, step: StepIndex) -> bool {
        matches!(self.see(step).stand, Stand::Done | Stand::Skipped)
    }

    fn ready(&self, step: StepIndex) -> bool {
        self.see(step).stand == Stand::Idle
            && self.planned(step).after.iter().all(|after| self.resolved(*after))
    }

    fn effectless(&self, step: StepIndex) -> bool {
        matches!(self.planned(step).effect, Effect::Pure | Effect::Transactional)
    }

    fn once(&self, step: StepIndex) -> bool {
        self.planned(step).effect == Effect::AtMostOnce
    }

    /// Whether the way back has to answer it.
    fn open(&self, step: StepIndex) -> bool {
        let scope = match self.mode {
            Mode::Back => true,
            Mode::BackTo(savepoint) => !self.plan.is_before(step, savepoint),
            Mode::Forward | Mode::Completed | Mode::Aborted => false,
        };
        let effective = matches!(self.see(step).stand, Stand::Done | Stand::Perhaps);
        let under_way = self.see(step).stand == Stand::Idle && self.running.contains(&step);
        scope && self.planned(step).is_compensated() && (effective || under_way)
    }

    /// What has to begin now, delays aside.
    pub(crate) fn begins(&self) -> Vec<(StepIndex, Side)> {
        let free =
            |step: &StepIndex| !self.running.contains(step) && self.see(*step).stuck.is_none();
        let free = self.plan.indices().filter(free);
        if self.mode == Mode::Forward {
            return free.filter(|s| self.ready(*s)).map(|s| (s, Side::Action)).collect();
        }
        let passed = |step: StepIndex| {
            self.plan.stuck_policy() == OnStuck::Continue && self.see(step).stuck.is_some()
        };
        let first = |step: &StepIndex| {
            self.plan.descendants(*step).iter().all(|behind| {
                !self.running.contains(behind) && (!self.open(*behind) || passed(*behind))
            })
        };
        free.filter(|s| self.open(*s) && first(s)).map(|s| (s, Side::Compensation)).collect()
    }

    pub(crate) fn is_stuck(&self) -> bool {
        !self.is_over() && self.steps.iter().any(|step| step.stuck.is_some())
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.mode, Mode::Completed | Mode::Aborted)
    }

    pub(crate) fn begin(&mut self, step: StepIndex, side: Side) {
        self.running.insert(step);
        let once = self.once(step) && side == Side::Action;
        self.at(step).announced |= once;
    }

    pub(crate) fn told(&mut self, step: StepIndex, side: Side, told: Told) {
        self.running.remove(&step);
        if side == Side::Action {
            self.acted(step, told);
        } else {
            self.answered(step, told);
        }
        self.settle();
    }

    fn acted(&mut self, step: StepIndex, told: Told) {
        let plan = self.planned(step);
        let forward = self.mode == Mode::Forward;
        self.at(step).announced = false;
        let told = match told {
            Told::Ambiguous if self.effectless(step) => Told::Retry,
            other => other,
        };
        if matches!(told, Told::Done | Told::Early) {
            self.at(step).stand = Stand::Done;
            if told == Told::Early && forward {
                self.mode = Mode::Completed;
            }
            return;
        }
        let answered =
            told == Told::Failed && plan.effect == Effect::Keyed && !plan.is_compensated();
        let unsure =
            told == Told::Ambiguous || self.see(step).doubt && !answered && !self.effectless(step);
        self.at(step).doubt |= told == Told::Ambiguous;
        // On the way back its compensation begins with all attempts.
        self.at(step).failures += u32::from(forward);
        let left = plan.retry.attempts_max().is_none_or(|max| self.see(step).failures < max);
        let again = match told {
            Told::Retry => true,
            Told::Ambiguous => !self.once(step),
            Told::Done | Told::Early | Told::Failed | Told::Unusable => false,
        };
        if forward && left && again {
            return;
        }
        let must = plan.kind == StepKind::Retriable
            || plan.kind == StepKind::Pivot && unsure && !plan.is_compensated();
        if forward && (told == Told::Unusable || must) {
            self.at(step).stuck = Some(Side::Action);
        } else {
            self.at(step).stand = if unsure { Stand::Perhaps } else { Stand::Gone };
        }
    }

    fn answered(&mut self, step: StepIndex, told: Told) {
        if matches!(told, Told::Done | Told::Early) {
            self.at(step).stand = Stand::Answered;
            return;
        }
        self.at(step).failures += 1;
        let max = self.planned(step).compensation_retry.attempts_max();
        let left = max.is_none_or(|max| self.see(step).failures < max);
        if !left || matches!(told, Told::Failed | Told::Unusable) {
            self.at(step).stuck = Some(Side::Compensation);
        }
    }

    /// The process ends: whatever could be under way may have been.
    pub(crate) fn crash(&mut self) {
        let interrupted = std::mem::take(&mut self.running);
        for step in self.plan.indices() {
            let in_doubt =
                if self.once(step) { self.see(step).announced } else { self.ready(step) };
            self.at(step).doubt |= in_doubt;
            if self.mode == Mode::Forward && self.see(step).announced {
                self.at(step).announced = false;
                let plan = self.planned(step);
                if plan.kind == StepKind::Pivot && !plan.is_compensated() {
                    self.at(step).stuck = Some(Side::Action);
                } else {
                    self.at(step).stand = Stand::Perhaps;
                }
            }
        }
        if self.mode != Mode::Forward {
            self.leave_behind(|step| interrupted.contains(&step));
        }
        self.settle();
    }

    pub(crate) fn cancel(&mut self) {
        let passed = self.plan.pivot().is_some_and(|pivot| self.resolved(pivot));
        if !passed && !self.is_over() && self.mode != Mode::Back {
            (self.cancelled, self.given_up) = (true, true);
            self.settle();
        }
    }

    pub(crate) fn deadline(&mut self) {
        self.given_up = true;
        self.settle();
    }

    pub(crate) fn retry(&mut self) {
        for step in self.steps.iter_mut().filter(|step| step.stuck.is_some()) {
            (step.stuck, step.failures) = (None, 0);
        }
        self.settle();
    }

    pub(crate) fn skip(&mut self, step: StepIndex) {
        let action = self.at(step).stuck.take() == Some(Side::Action);
        self.at(step).stand = if action { Stand::Skipped } else { Stand::Left };
        self.settle();
    }

    pub(crate) fn end(&mut self, mode: Mode) {
        self.mode = mode;
    }

    fn settle(&mut self) {
        loop {
            match self.mode {
                Mode::Completed | Mode::Aborted => return,
                Mode::Forward => {
                    if !self.forward() {
                        return;
                    }
                }
                Mode::Back | Mode::BackTo(_) => {
                    if !self.back() {
                        return;
                    }
                }
            }
        }
    }

    /// Whether anything changed.
    fn forward(&mut self) -> bool {
        let lost = |step: &Step| matches!(step.stand, Stand::Gone | Stand::Perhaps);
        if self.steps.iter().any(lost) {
            self.turn(
                self.savepoint().filter(|_| !self.cancelled).map_or(Mode::Back, Mode::BackTo),
            );
            return true;
        }
        let held = self.plan.pivot().is_some_and(|pivot| {
            let unsure = self.running.contains(&pivot) || self.see(pivot).doubt;
            self.resolved(pivot) || unsure
        });
        if self.given_up && !held {
            self.turn(Mode::Back);
            return true;
        }
        if self.plan.indices().all(|step| self.resolved(step)) {
            self.mode = Mode::Completed;
            return true;
        }
        for step in self.plan.indices().filter(|step| self.ready(*step)).collect::<Vec<_>>() {
            let asked = self.planned(step).conditional
                && !self.running.contains(&step)
                && self.see(step).stuck.is_none()
                && !self.see(step).announced;
            match self.conditions[usize::from(step.get())] {
                Some(false) if asked => {
                    self.at(step).stand = Stand::Skipped;
                    return true;
                }
                None if asked => self.at(step).stuck = Some(Side::Action),
                _ => {}
            }
        }
        false
    }

    fn savepoint(&self) -> Option<StepIndex> {
        let usable = self.plan.indices().filter(|step| {
            let max = self.planned(*step).returns_max;
            self.resolved(*step) && max.is_some_and(|max| self.see(*step).returns < max)
        });
        usable.max_by_key(|step| (self.plan.ancestors(*step).len(), *step))
    }

    /// Turns back: what may have been under way and is not, stays behind.
    fn turn(&mut self, mode: Mode) {
        self.leave_behind(|_| true);
        for step in &mut self.steps {
            (step.failures, step.stuck) = (0, None);
        }
        self.mode = mode;
    }

    fn leave_behind(&mut self, of: impl Fn(StepIndex) -> bool) {
        for step in self.plan.indices().filter(|step| of(*step)) {
            if self.ready(step) && !self.running.contains(&step) {
                let doubt = self.see(step).doubt && !self.effectless(step);
                let perhaps = if self.once(step) { self.see(step).announced } else { doubt };
                self.at(step).stand = if perhaps { Stand::Perhaps } else { Stand::Gone };
            }
        }
    }

    fn back(&mut self) -> bool {
        if self.given_up && self.mode != Mode::Back {
            self.mode = Mode::Back;
            return true;
        }
        if !self.running.is_empty() || self.plan.indices().any(|step| self.open(step)) {
            return false;
        }
        let Mode::BackTo(savepoint) = self.mode else {
            self.mode = Mode::Aborted;
            return true;
        };
        for step in self.plan.indices().filter(|step| !self.plan.is_before(*step, savepoint)) {
            let returns = self.see(step).returns;
            *self.at(step) = Step { returns, ..FRESH };
        }
        self.at(savepoint).returns += 1;
        self.mode = Mode::Forward;
        true
    }
}
