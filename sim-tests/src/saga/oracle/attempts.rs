//! Attempts as their steps saw them: when each began, with which right, behind what.
//!
//! It sees what steps are given, not what the executor keeps. The invariant it guards: an attempt
//! is judged by what came before it, and one of an executor that was taken over from by nothing
//! that it could not know.

use super::{number_of, story::Story};
use crate::{
    report::{Violation, broken},
    saga::shape::{EffectShape, Shape},
};
use sagalog::{
    definition::StepCx,
    runtime::{Clock, Moment},
    saga::{Attempt, Operator, Record, Side, Verb},
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One attempt.
#[derive(Clone, Debug)]
pub(in crate::saga) struct Attempted {
    saga: u64,
    definition: usize,
    step: u16,
    compensates: bool,
    round: u32,
    attempt: u32,
    epoch: u64,
    at: Moment,
    ended: bool,
}

/// Which attempt.
#[derive(Clone, Copy, Debug)]
pub(in crate::saga) struct AttemptId(usize);

impl Attempted {
    pub(in crate::saga) fn of(
        cx: &StepCx,
        attempt: Attempt,
        definition: usize,
        clock: &impl Clock,
    ) -> Self {
        Self {
            saga: number_of(cx.saga()).unwrap_or(u64::MAX),
            definition,
            step: attempt.step.get(),
            compensates: attempt.side == Side::Compensation,
            round: attempt.round,
            attempt: attempt.attempt,
            epoch: cx.fence().epoch,
            at: clock.now(),
            ended: false,
        }
    }
}

/// All attempts.
#[derive(Debug)]
pub(in crate::saga) struct Attempts {
    shapes: Vec<Shape>,
    all: Vec<Attempted>,
    by_saga: BTreeMap<u64, Vec<usize>>,
    /// Sagas that somebody was told the end of, and the executors that there were then.
    over: BTreeMap<u64, u64>,
    epoch: u64,
    /// Sagas that an operator spoke of.
    spoken: BTreeSet<u64>,
    broken: Option<Violation>,
}

impl Attempts {
    pub(super) fn new(shapes: Vec<Shape>) -> Self {
        Self {
            shapes,
            all: Vec::new(),
            by_saga: BTreeMap::new(),
            over: BTreeMap::new(),
            epoch: 0,
            spoken: BTreeSet::new(),
            broken: None,
        }
    }

    /// Somebody was told that a saga has ended.
    pub(super) fn ended(&mut self, saga: u64) {
        self.over.entry(saga).or_insert(self.epoch);
    }

    /// An operator says something of a saga.
    pub(super) fn spoken(&mut self, saga: u64) {
        self.spoken.insert(saga);
    }

    /// An attempt begins.
    pub(in crate::saga) fn begins(&mut self, attempted: Attempted) -> AttemptId {
        self.epoch = self.epoch.max(attempted.epoch);
        if let Err(violation) = self.judge_begin(&attempted) {
            self.broken.get_or_insert(violation);
        }
        let id = self.all.len();
        self.by_saga.entry(attempted.saga).or_default().push(id);
        self.all.push(attempted);
        AttemptId(id)
    }

    /// It has come to its end by itself.
    pub(in crate::saga) fn ends(&mut self, id: AttemptId) {
        self.all[id.0].ended = true;
    }

    fn of(&self, saga: u64) -> impl Iterator<Item = &Attempted> {
        self.by_saga.get(&saga).into_iter().flatten().map(|id| &self.all[*id])
    }

    /// Whether an action was ever attempted in a round.
    pub(super) fn attempted(&self, saga: u64, step: u16, round: u32) -> bool {
        self.of(saga).any(|made| made.step == step && made.round == round && !made.compensates)
    }

    /// What was found as attempts began.
    pub(super) fn judge(&self) -> Result<(), Violation> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn judge_begin(&self, now: &Attempted) -> Result<(), Violation> {
        if self.over.get(&now.saga).is_some_and(|epoch| *epoch <= now.epoch) {
            return broken("G47", format!("it has ended, and {now:?} begins"));
        }
        let shape = &self.shapes[now.definition];
        let newest = self.of(now.saga).map(|made| made.epoch).max().unwrap_or(0);
        for made in self.of(now.saga) {
            let same =
                (made.step, made.compensates, made.round) == (now.step, now.compensates, now.round);
            if same && made.epoch == now.epoch {
                self.judge_again(shape, made, now)?;
            }
            if now.epoch < newest {
                continue; // It cannot know.
            }
            if made.compensates
                && made.step == now.step
                && made.round == now.round
                && !now.compensates
            {
                return broken("G34", format!("{now:?} begins behind {made:?}"));
            }
            let plain = shape.steps.iter().all(|step| step.returns_max.is_none());
            if plain && made.compensates && !now.compensates {
                return broken("G34", format!("it goes back, and {now:?} begins"));
            }
            let before = shape.ancestors(now.step).contains(&made.step);
            let answers = made.compensates && now.compensates && plain && !shape.continues;
            if answers && before && !self.spoken.contains(&now.saga) {
                return broken("G34", format!("{now:?} answers behind {made:?}"));
            }
        }
        Ok(())
    }

    /// One attempt follows another of the same executor.
    fn judge_again(
        &self,
        shape: &Shape,
        made: &Attempted,
        now: &Attempted,
    ) -> Result<(), Violation> {
        if now.attempt <= made.attempt {
            return broken("G40", format!("{now:?} has no newer right than {made:?}"));
        }
        let step = &shape.steps[usize::from(now.step)];
        let delay = Duration::from_millis(step.delay_ms);
        let early = now.attempt == made.attempt + 1 && now.at.since(made.at) < delay;
        if early && !self.spoken.contains(&now.saga) {
            return broken("G31", format!("{now:?} begins less than {delay:?} behind {made:?}"));
        }
        Ok(())
    }

    /// What may be attempted once was not attempted again, but by an operator's word.
    pub(super) fn judge_once(
        &self,
        saga: u64,
        shape: &Shape,
        story: &Story,
    ) -> Result<(), Violation> {
        let retried = story.records.iter().filter(|record| {
            matches!(record, Record::Operator(Operator { verb: Verb::Retry, .. }))
        });
        let retried = retried.count();
        for (at, step) in shape.steps.iter().enumerate() {
            if step.effect != EffectShape::AtMostOnce {
                continue;
            }
            let certain = |record: &&Record| {
                matches!(record, Record::AttemptFailed { step, side: Side::Action, .. }
                    if usize::from(step.get()) == at)
            };
            // An attempt that certainly had no effect may be followed by another.
            let certain = story.records.iter().filter(certain).count();
            let mut rounds: BTreeMap<u32, usize> = BTreeMap::new();
            for made in
                self.of(saga).filter(|made| usize::from(made.step) == at && !made.compensates)
            {
                *rounds.entry(made.round).or_default() += 1;
            }
            if let Some((round, made)) =
                rounds.iter().find(|(_, made)| **made > 1 + retried + certain)
            {
                return broken(
                    "G42",
                    format!("step {at} was attempted {made} times in round {round}"),
                );
            }
        }
        Ok(())
    }
}
