//! Random plans: graphs, effect classes, pivots, savepoints and policies, all of them possible.

use sagalog::{
    DefinitionName, StepName,
    saga::{
        Effect, OnStuck, Plan, Retry, StepIndex, StepKind, StepPlan,
        plan::{Compensated, TIMEOUT},
    },
};
use sagalog_testkit::Choices;
use std::time::Duration;

/// Choices from a list of numbers, then zeros: what proptest can shrink.
pub(crate) struct Tape(pub(crate) std::vec::IntoIter<u16>);

impl Choices for Tape {
    fn below(&mut self, n: u64) -> u64 {
        (u64::from(self.0.next().unwrap_or(0)) * n) >> 16
    }
}

/// One of `all`.
pub(crate) fn pick<T: Copy>(tape: &mut Tape, all: &[T]) -> T {
    let at = tape.below(all.len() as u64);
    all[usize::try_from(at).expect("it is below a length")]
}

pub(crate) fn flag(tape: &mut Tape) -> bool {
    tape.below(2) == 1
}

pub(crate) fn index(at: usize) -> StepIndex {
    StepIndex::new(u16::try_from(at).expect("few steps"))
}

pub(crate) fn plan(tape: &mut Tape) -> Plan {
    let count = pick(tape, &[1, 2, 3, 4, 5, 6]);
    let pivot = if flag(tape) { Some(pick(tape, &[0, 1, 2, 3, 4, 5]) % count) } else { None };
    let mut steps: Vec<StepPlan> = (0..count).map(|at| step(tape, at, pivot)).collect();
    if flag(tape) {
        steps[count - 1].ends_early = true;
    }
    let output = index(count - 1);
    let name = DefinitionName::parse("random").expect("a name");
    let on_stuck = pick(tape, &[OnStuck::Block, OnStuck::Continue]);
    let plan = Plan::try_new(name.clone(), 1, steps.clone(), output).or_else(|_| {
        // Something stands beside the last step.
        steps[count - 1].ends_early = false;
        Plan::try_new(name, 1, steps, output)
    });
    let deadline = Some(Duration::from_secs(1_000_000));
    plan.expect("drawn plans are possible").on_stuck(on_stuck).deadline(deadline)
}

fn step(tape: &mut Tape, at: usize, pivot: Option<usize>) -> StepPlan {
    let kind = match pivot {
        Some(pivot) if at == pivot => StepKind::Pivot,
        Some(pivot) if at > pivot => StepKind::Retriable,
        _ => StepKind::Ordinary,
    };
    let mut after: Vec<StepIndex> = (0..at).filter(|_| flag(tape)).map(index).collect();
    match (kind, pivot) {
        (StepKind::Pivot, _) => after = (0..at).map(index).collect(),
        (StepKind::Retriable, Some(pivot)) if !after.contains(&index(pivot)) => {
            after.push(index(pivot));
        }
        _ => {}
    }
    let mut effect = pick(
        tape,
        &[
            Effect::Keyed,
            Effect::Idempotent,
            Effect::Transactional,
            Effect::AtMostOnce,
            Effect::Pure,
        ],
    );
    if kind == StepKind::Retriable && effect == Effect::AtMostOnce {
        effect = Effect::Keyed;
    }
    let answered = effect != Effect::Pure && kind != StepKind::Retriable && tape.below(4) > 0;
    let second = Duration::from_secs(1);
    StepPlan {
        name: StepName::parse(&format!("s{at}")).expect("a name"),
        after,
        effect,
        kind,
        compensation: if answered { Compensated::Yes } else { Compensated::NotNeeded },
        conditional: tape.below(4) == 3,
        ends_early: false,
        returns_max: if tape.below(4) == 3 { Some(pick(tape, &[1, 2])) } else { None },
        retry: Retry::fixed(second).attempts(pick(tape, &[1, 2, 3])),
        compensation_retry: Retry::fixed(second).attempts(pick(tape, &[1, 2, 3])),
        timeout: TIMEOUT,
    }
}
