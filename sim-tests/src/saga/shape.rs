//! Definitions of sagas as data: a graph of steps and the policies around them.
//!
//! The code of a step is not here; what it does is said by each saga's input. The invariant it
//! guards: a shape that is drawn is a definition that can be built.

use crate::frame::one_of;
use sagalog::{
    DefinitionName, StepName,
    saga::{Effect, OnStuck, Plan, Retry, StepIndex, StepKind, StepPlan, plan::Compensated},
};
use sagalog_testkit::{Choices, Seeded};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How many steps a definition has at most.
const STEPS_MAX: u64 = 6;

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the suite's own vocabulary")]
pub struct Shape {
    /// Its steps, each behind those it is after.
    pub steps: Vec<StepShape>,
    /// Whether the rest of an abort goes on when a compensation is stuck.
    pub continues: bool,
    /// By when a saga has to be past its pivot, in milliseconds from its start.
    pub deadline_ms: Option<u64>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the suite's own vocabulary")]
#[expect(clippy::struct_excessive_bools, reason = "each is a policy of its own")]
pub struct StepShape {
    /// The steps that it is after.
    pub after: Vec<u16>,
    /// What a second execution would do.
    pub effect: EffectShape,
    /// It is the point of no return.
    pub pivot: bool,
    /// It comes after the pivot.
    pub retriable: bool,
    /// It has a compensation.
    pub compensated: bool,
    /// It has a condition.
    pub conditional: bool,
    /// Its output may end the saga.
    pub ends_early: bool,
    /// How often the saga may return to the savepoint behind it.
    pub returns_max: Option<u32>,
    /// How often its action is attempted.
    pub attempts: u32,
    /// How often its compensation is attempted.
    pub compensation_attempts: u32,
    /// The shortest delay between two attempts; the longest is eight times as long.
    pub delay_ms: u64,
    /// How long an attempt may take.
    pub timeout_ms: u64,
    /// Which participant it calls.
    pub participant: usize,
}

/// [`Effect`], for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum EffectShape {
    /// None.
    Pure,
    /// By what it does.
    Idempotent,
    /// By its key.
    Keyed,
    /// By the append.
    Transactional,
    /// By never being repeated.
    AtMostOnce,
}

impl EffectShape {
    /// Whether a participant performs it.
    pub(super) const fn is_remote(self) -> bool {
        matches!(self, Self::Idempotent | Self::Keyed | Self::AtMostOnce)
    }
}

impl StepShape {
    /// How it is tried again.
    pub(super) fn retry(&self, attempts: u32) -> Retry {
        let delay = Duration::from_millis(self.delay_ms);
        Retry::exponential(delay, delay * 8).attempts(attempts)
    }

    /// How long an attempt may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    fn plan(&self, at: usize) -> StepPlan {
        let compensation = if self.compensated {
            Compensated::Yes
        } else if self.effect == EffectShape::Pure || self.pivot || self.retriable {
            Compensated::Unsaid
        } else {
            Compensated::NotNeeded
        };
        StepPlan {
            name: StepName::parse(&format!("s{at}")).expect("a short name"),
            after: self.after.iter().map(|after| StepIndex::new(*after)).collect(),
            effect: match self.effect {
                EffectShape::Pure => Effect::Pure,
                EffectShape::Idempotent => Effect::Idempotent,
                EffectShape::Keyed => Effect::Keyed,
                EffectShape::Transactional => Effect::Transactional,
                EffectShape::AtMostOnce => Effect::AtMostOnce,
            },
            kind: match (self.pivot, self.retriable) {
                (true, _) => StepKind::Pivot,
                (false, true) => StepKind::Retriable,
                (false, false) => StepKind::Ordinary,
            },
            compensation,
            conditional: self.conditional,
            ends_early: self.ends_early,
            returns_max: self.returns_max,
            retry: self.retry(self.attempts),
            compensation_retry: self.retry(self.compensation_attempts),
            timeout: self.timeout(),
        }
    }
}

impl Shape {
    /// The definition with this number.
    pub(super) fn plan(&self, number: usize) -> Plan {
        let steps = self.steps.iter().enumerate().map(|(at, step)| step.plan(at)).collect();
        let output = u16::try_from(self.steps.len() - 1).expect("few steps");
        let plan = Plan::try_new(name_of(number), 1, steps, StepIndex::new(output));
        let plan = plan.expect("only shapes that can be built are drawn");
        let on_stuck = if self.continues { OnStuck::Continue } else { OnStuck::Block };
        plan.on_stuck(on_stuck).deadline(self.deadline_ms.map(Duration::from_millis))
    }

    /// Draws a definition whose steps call so many participants.
    pub(super) fn draw(choices: &mut Seeded, participants: usize) -> Self {
        let steps = usize::try_from(1 + choices.below(STEPS_MAX)).unwrap_or(1);
        let pivot = (choices.below(3) == 0).then(|| pick(choices, steps));
        let ending = (choices.below(4) == 0).then(|| pick(choices, steps));
        let steps = (0..steps).map(|at| draw_step(choices, at, (pivot, ending), participants));
        let steps = steps.collect();
        Self {
            steps,
            continues: choices.below(3) == 0,
            deadline_ms: (choices.below(4) == 0).then(|| 50 << choices.below(8)),
        }
    }

    /// The steps that come before `step`.
    pub(super) fn ancestors(&self, step: u16) -> Vec<u16> {
        let mut found: Vec<u16> = Vec::new();
        let mut open = vec![step];
        while let Some(next) = open.pop() {
            for after in &self.steps[usize::from(next)].after {
                if !found.contains(after) {
                    found.push(*after);
                    open.push(*after);
                }
            }
        }
        found
    }
}

/// The name of the definition with this number.
pub(super) fn name_of(number: usize) -> DefinitionName {
    DefinitionName::parse(&format!("definition-{number}")).expect("a short name")
}

fn pick(choices: &mut Seeded, from: usize) -> usize {
    usize::try_from(choices.below(from as u64)).unwrap_or(0)
}

fn draw_step(
    choices: &mut Seeded,
    at: usize,
    (pivot, ending): (Option<usize>, Option<usize>),
    participants: usize,
) -> StepShape {
    let retriable = pivot.is_some_and(|pivot| pivot < at);
    let is_pivot = pivot == Some(at);
    let effect = match choices.below(8) {
        0 => EffectShape::Pure,
        1 => EffectShape::Idempotent,
        2 => EffectShape::Transactional,
        3 if !retriable => EffectShape::AtMostOnce,
        _ => EffectShape::Keyed,
    };
    let pure = effect == EffectShape::Pure;
    let compensable = !pure && !retriable;
    // A point of no return can do without, as a step can whose effect may stand.
    let bare = if is_pivot { 2 } else { 8 };
    StepShape {
        after: draw_after(choices, at, (pivot, ending)),
        effect,
        pivot: is_pivot,
        retriable,
        compensated: compensable && choices.below(bare) > 0,
        conditional: choices.below(5) == 0,
        ends_early: ending == Some(at),
        returns_max: (choices.below(6) == 0)
            .then(|| 1 + u32::try_from(choices.below(2)).unwrap_or(0)),
        attempts: *one_of(choices, &[1, 2, 3, 5]),
        compensation_attempts: *one_of(choices, &[1, 2, 4, 8]),
        delay_ms: *one_of(choices, &[1, 10, 100]),
        timeout_ms: *one_of(choices, &[50, 300, 2_000]),
        participant: pick(choices, participants),
    }
}

/// What a step is after: of those before it any; but the point of no return and a step that may
/// end the saga come after all before them, and all others after them.
fn draw_after(
    choices: &mut Seeded,
    at: usize,
    (pivot, ending): (Option<usize>, Option<usize>),
) -> Vec<u16> {
    let narrow = |step: usize| pivot == Some(step) || ending == Some(step);
    let gate = (0..at).rev().find(|step| narrow(*step));
    let all = narrow(at);
    let mut after = Vec::new();
    for before in gate.unwrap_or(0)..at {
        if all || gate == Some(before) || choices.below(3) == 0 {
            after.push(u16::try_from(before).expect("few steps"));
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_drawn_can_be_built() {
        for seed in 0..5_000 {
            let shape = Shape::draw(&mut Seeded::new(seed), 3);
            let plan = shape.plan(0);
            for step in plan.indices() {
                let mut own = shape.ancestors(step.get());
                own.sort_unstable();
                let theirs: Vec<u16> = plan.ancestors(step).iter().map(|at| at.get()).collect();
                assert_eq!(own, theirs, "seed {seed}, step {step}");
            }
        }
    }
}
