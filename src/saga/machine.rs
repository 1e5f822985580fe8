//! What an input makes of a saga: the records of one turn.
//!
//! It performs nothing and knows no clock: the moment is an argument. The invariant it guards:
//! every record it writes is accepted by the fold, which it goes through itself; what the turn
//! leads to holds only once its records are durable.

use super::{
    consequence::consequence,
    plan::Plan,
    record::Record,
    state::{Phase, Progress, State},
    verbs::{self, Operator, VerbRefused},
    vocabulary::{Certainty, Effect, Failure, Output, SagaEnd, Side, StepIndex, StepKind, StepSet},
};
use crate::time::WallTime;
use bytes::Bytes;
use core::time::Duration;
use std::{collections::BTreeSet, sync::Arc};

/// What the living know of a saga beyond its journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever executes has to say all of it")]
pub struct Attempts {
    /// Steps of which an attempt is under way.
    pub running: StepSet,
    /// Steps, each with its round and its known attempts, of which an earlier life may have made
    /// another attempt whose end nobody knows: after a crash, all that could have been under way.
    pub doubtful: BTreeSet<(StepIndex, u32, u32)>,
}

impl Attempts {
    /// What is known of a saga after the process that executed it has ended.
    pub fn after_a_crash(plan: &Plan, state: &State) -> Self {
        let possible = |step: &StepIndex| {
            let progress = &state.step(*step).progress;
            let once = plan.steps()[step.at()].effect == Effect::AtMostOnce;
            *progress == Progress::Announced
                || !once && (*progress == Progress::InFlight || state.is_eligible(plan, *step))
        };
        let steps = plan.indices().filter(possible);
        let made = |step| {
            let known = state.step(step);
            (step, known.round, known.attempts)
        };
        Self { running: StepSet::new(), doubtful: steps.map(made).collect() }
    }

    pub(super) fn are_doubtful(&self, state: &State, step: StepIndex) -> bool {
        let round = state.step(step).round;
        self.doubtful.range((step, round, 0)..=(step, round, u32::MAX)).next().is_some()
    }

    /// Whether the attempt that was announced last is one of an earlier life. One that an operator
    /// has had announced since is not.
    pub(super) fn have_lost(&self, state: &State, step: StepIndex) -> bool {
        let known = state.step(step);
        self.doubtful.contains(&(step, known.round, known.attempts))
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever executes has to tell these apart")]
pub enum Ending {
    /// It did what it is for.
    Done {
        /// What it came to; nothing of a compensation.
        output: Bytes,
        /// What the saga ends with early, if it does.
        early: Option<Bytes>,
    },
    /// It certainly had no effect, and trying again is of no use.
    Failed(Failure),
    /// It may have had an effect.
    Ambiguous(Failure),
    /// It certainly had no effect, and is to be tried again.
    Retry {
        /// Why.
        failure: Failure,
        /// After how long, if it knows.
        after: Option<Duration>,
    },
    /// It was not made: what it needs does not decode, so that a person has to look.
    Unusable(Failure),
}

/// What a saga is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the machine has an answer to each")]
pub enum Input {
    /// An attempt ended.
    Attempted {
        /// Of which step.
        step: StepIndex,
        /// Of its action or its compensation.
        side: Side,
        /// How.
        ending: Ending,
    },
    /// Somebody wants it cancelled.
    Cancel {
        /// Who.
        principal: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// An operator intervenes.
    Operate(Operator),
}

impl Input {
    /// The step of which it tells that an attempt ended.
    fn attempted(&self) -> Option<StepIndex> {
        match self {
            Self::Attempted { step, .. } => Some(*step),
            Self::Cancel { .. } | Self::Operate(_) => None,
        }
    }
}

/// Whether the condition of a step holds: code of the definition, a pure function of the state.
pub trait Judge {
    /// Whether `step` is to be done.
    ///
    /// # Errors
    /// It cannot be told; the step is then stuck.
    fn holds(&self, step: StepIndex, state: &State) -> Result<bool, Failure>;
}

/// What a turn has around it.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "whoever executes has to say all of it")]
pub struct Scene<'a> {
    /// The saga's definition.
    pub plan: &'a Plan,
    /// Its conditions.
    pub judge: &'a dyn Judge,
    /// Its attempts, without those whose end is told in this turn.
    pub attempts: &'a Attempts,
    /// Now.
    pub now: WallTime,
    /// Any number, for the jitter of delays.
    pub drawn: u64,
}

/// What a turn comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Outturn {
    /// The records that it adds, to be stored together; none if nothing changes.
    pub records: Vec<Record>,
    /// The state behind them. Nobody may see it before they are durable.
    pub state: State,
    /// The answers to cancellations and operators, in the order of the inputs.
    pub answers: Vec<Result<(), VerbRefused>>,
}

/// Tells a saga `inputs`, in order, and lets follow what follows.
pub fn turn(scene: Scene<'_>, state: &State, inputs: Vec<Input>) -> Outturn {
    let mut attempts = scene.attempts.clone();
    // Until its end is told, an attempt counts as under way: what is told before it may turn the
    // saga back.
    attempts.running.extend(inputs.iter().filter_map(Input::attempted));
    let mut turn = Turn { scene, attempts, state: state.clone(), records: Vec::new() };
    let mut answers = Vec::new();
    for input in inputs {
        if let Some(step) = input.attempted() {
            turn.attempts.running.remove(&step);
        }
        match input {
            Input::Attempted { step, side: Side::Action, ending } => turn.acted(step, ending),
            Input::Attempted { step, side: Side::Compensation, ending } => {
                turn.compensated(step, ending);
            }
            Input::Cancel { principal, reason } => {
                let answer = verbs::cancel(scene.plan, &turn.state, principal, reason);
                answers.push(turn.answered(answer));
            }
            Input::Operate(operator) => {
                let running = &turn.attempts.running;
                let answer = verbs::operate(scene.plan, &turn.state, running, operator);
                answers.push(turn.answered(answer.map(Some)));
            }
        }
        turn.settle();
    }
    turn.settle();
    Outturn { records: turn.records, state: turn.state, answers }
}

struct Turn<'a> {
    scene: Scene<'a>,
    /// Those under way, and those whose end is told later in this turn.
    attempts: Attempts,
    state: State,
    records: Vec<Record>,
}

impl Turn<'_> {
    fn scene(&self) -> Scene<'_> {
        Scene { attempts: &self.attempts, ..self.scene }
    }

    /// # Panics
    /// If the fold refuses a record: a bug of this machine, and going on would write it down.
    fn note(&mut self, record: Record) {
        if let Err(refusal) = self.state.apply(self.scene.plan, &record) {
            panic!("the fold refuses what the machine decided: {refusal}, {record:?}");
        }
        self.records.push(record);
    }

    fn answered(&mut self, answer: Result<Option<Record>, VerbRefused>) -> Result<(), VerbRefused> {
        if let Some(record) = answer? {
            self.note(record);
        }
        Ok(())
    }

    /// Lets follow what follows. It ends, because every consequence takes a step or the saga
    /// further along and none leads back but `Returned`, of which each savepoint has its number.
    fn settle(&mut self) {
        while let Some(record) = consequence(self.scene(), &self.state) {
            self.note(record);
        }
    }

    fn acted(&mut self, step: StepIndex, ending: Ending) {
        if self.state.end().is_some() {
            return;
        }
        let attempt = self.state.step(step).attempts + 1;
        if let Ending::Done { output, early } = ending {
            self.note(Record::Done { step, attempt, output });
            let running = *self.state.phase() == Phase::Running;
            if let Some(output) = early.filter(|_| running) {
                self.note(Record::Ended(SagaEnd::Completed(Output::Early(output))));
            }
            return;
        }
        let record = self.unsuccessful(step, attempt, ending);
        self.note(record);
    }

    fn unsuccessful(&self, step: StepIndex, attempt: u32, ending: Ending) -> Record {
        let plan = &self.scene.plan.steps()[step.at()];
        let effectless = matches!(plan.effect, Effect::Pure | Effect::Transactional);
        // Without an effect nothing is ambiguous, however it ended.
        let ending = match ending {
            Ending::Ambiguous(failure) if effectless => Ending::Retry { failure, after: None },
            other => other,
        };
        let certainty = self.certainty(step, &ending);
        let (failure, after, again) = match ending {
            Ending::Done { .. } => unreachable!("the caller has dealt with success"),
            Ending::Retry { failure, after } => (failure, after, true),
            Ending::Ambiguous(failure) => (failure, None, plan.effect != Effect::AtMostOnce),
            Ending::Unusable(failure) if *self.state.phase() == Phase::Running => {
                return stuck(step, attempt, certainty, failure);
            }
            Ending::Failed(failure) | Ending::Unusable(failure) => (failure, None, false),
        };
        let failures = self.state.step(step).failures.saturating_add(1);
        let running = *self.state.phase() == Phase::Running;
        if again && running && plan.retry.allows_another(failures) {
            let delay = plan.retry.delay(failures, self.drawn(step));
            let next_at = self.later(after.map_or(delay, |after| plan.retry.clamp(after)));
            let side = Side::Action;
            return Record::AttemptFailed { step, side, attempt, certainty, failure, next_at };
        }
        match certainty {
            Certainty::NoEffect if plan.kind == StepKind::Retriable => {
                stuck(step, attempt, certainty, failure)
            }
            Certainty::NoEffect => Record::Failed { step, attempt, failure },
            Certainty::Unknown if running && !plan.is_compensated() && cannot_fail(plan.kind) => {
                stuck(step, attempt, certainty, failure)
            }
            Certainty::Unknown => Record::Ambiguous { step, attempt, failure },
        }
    }

    /// Whether this step, by this attempt or one before, may have had an effect.
    fn certainty(&self, step: StepIndex, ending: &Ending) -> Certainty {
        let plan = &self.scene.plan.steps()[step.at()];
        if matches!(plan.effect, Effect::Pure | Effect::Transactional) {
            return Certainty::NoEffect;
        }
        let before =
            self.state.step(step).doubtful || self.scene.attempts.are_doubtful(&self.state, step);
        // Who knows keys answers for the key, not for one delivery. Where a compensation exists it
        // is asked all the same: it also stops a delivery that is still on its way.
        let answered = matches!(ending, Ending::Failed(_))
            && plan.effect == Effect::Keyed
            && !plan.is_compensated();
        let now = matches!(ending, Ending::Ambiguous(_));
        if now || before && !answered { Certainty::Unknown } else { Certainty::NoEffect }
    }

    fn compensated(&mut self, step: StepIndex, ending: Ending) {
        if self.state.end().is_some() {
            return;
        }
        let attempt = self.state.step(step).compensation_attempts + 1;
        let side = Side::Compensation;
        let (failure, after, certainty) = match ending {
            Ending::Done { .. } => return self.note(Record::Compensated { step, attempt }),
            Ending::Retry { failure, after } => (failure, after, Certainty::NoEffect),
            Ending::Ambiguous(failure) => (failure, None, Certainty::Unknown),
            Ending::Failed(failure) | Ending::Unusable(failure) => {
                let certainty = Certainty::NoEffect;
                return self.note(Record::Stuck { step, side, attempt, certainty, failure });
            }
        };
        let retry = self.scene.plan.steps()[step.at()].compensation_retry;
        let failures = self.state.step(step).failures.saturating_add(1);
        self.note(if retry.allows_another(failures) {
            let delay = retry.delay(failures, self.drawn(step));
            let next_at = self.later(after.map_or(delay, |after| retry.clamp(after)));
            Record::AttemptFailed { step, side, attempt, certainty, failure, next_at }
        } else {
            Record::Stuck { step, side, attempt, certainty, failure }
        });
    }

    fn later(&self, delay: Duration) -> WallTime {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        WallTime::from_unix_nanos(self.scene.now.as_unix_nanos().saturating_add(nanos))
    }

    /// A number of its own for each step of the turn.
    fn drawn(&self, step: StepIndex) -> u64 {
        (self.scene.drawn ^ u64::from(step.get())).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// Whether an unknown end of such a step leaves neither a way back nor one forward.
fn cannot_fail(kind: StepKind) -> bool {
    matches!(kind, StepKind::Pivot | StepKind::Retriable)
}

fn stuck(step: StepIndex, attempt: u32, certainty: Certainty, failure: Failure) -> Record {
    Record::Stuck { step, side: Side::Action, attempt, certainty, failure }
}
