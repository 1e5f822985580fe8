//! What the random sagas once found, as the shortest story that shows it.

use super::{
    draw::index,
    lockstep::{Conditions, Lockstep},
    reference::Told,
};
use sagalog::{
    DefinitionName, StepName,
    saga::{
        Effect, OnStuck, Plan, Progress, Retry, Side, StepKind, StepPlan, Verb,
        plan::{Compensated, TIMEOUT},
    },
};

/// A chain of steps that are compensated, with one attempt each.
fn chain(count: usize, change: impl Fn(&mut StepPlan)) -> Plan {
    let step = |at: usize| {
        let mut step = StepPlan {
            name: StepName::parse(&format!("s{at}")).expect("a name"),
            after: at.checked_sub(1).map(index).into_iter().collect(),
            effect: Effect::Keyed,
            kind: StepKind::Ordinary,
            compensation: Compensated::Yes,
            conditional: false,
            ends_early: false,
            returns_max: None,
            retry: Retry::never(),
            compensation_retry: Retry::never(),
            timeout: TIMEOUT,
        };
        change(&mut step);
        step
    };
    let name = DefinitionName::parse("found").expect("a name");
    let plan = Plan::try_new(name, 1, (0..count).map(step).collect(), index(count - 1));
    plan.expect("it is possible").on_stuck(OnStuck::Continue)
}

#[test]
fn a_condition_that_cannot_be_told_is_asked_again_after_a_retry() {
    let plan = chain(1, |step| step.conditional = true);
    let conditions = Conditions(vec![None]);
    let mut saga = Lockstep::begin(&plan, &conditions);
    for _ in 0..3 {
        saga.compare();
        assert!(saga.state.is_stuck(), "{saga:?}");
        saga.operator(Verb::Retry);
    }
}

#[test]
fn a_stuck_compensation_is_not_tried_again_while_one_before_it_is_under_way() {
    let plan = chain(2, |_| {});
    let conditions = Conditions(vec![Some(true); 2]);
    let mut saga = Lockstep::begin(&plan, &conditions);
    saga.compare();
    saga.tell(index(0), Side::Action, Told::Done);
    saga.compare();
    saga.cancel();
    saga.tell(index(1), Side::Action, Told::Done);
    saga.compare();
    saga.tell(index(1), Side::Compensation, Told::Failed);
    saga.compare();
    saga.operator(Verb::Retry);
    assert!(saga.state.is_stuck(), "the operator is told to wait\n{saga:?}");
    saga.tell(index(0), Side::Compensation, Told::Done);
    saga.operator(Verb::Retry);
    assert!(!saga.state.is_stuck(), "{saga:?}");
    saga.finish();
    assert!(saga.is_over() && saga.unanswered().is_empty(), "{saga:?}");
}

#[test]
fn a_pivot_that_a_crash_left_stuck_is_attempted_when_an_operator_says_so() {
    let plan = chain(1, |step| {
        (step.kind, step.effect) = (StepKind::Pivot, Effect::AtMostOnce);
        step.compensation = Compensated::NotNeeded;
    });
    let conditions = Conditions(vec![Some(true)]);
    let mut saga = Lockstep::begin(&plan, &conditions);
    saga.compare();
    saga.crash();
    saga.compare();
    assert!(saga.state.is_stuck(), "{saga:?}");
    saga.operator(Verb::Retry);
    saga.compare();
    saga.tell(index(0), Side::Action, Told::Done);
    assert!(matches!(saga.state.step(index(0)).progress, Progress::Done(_)), "{saga:?}");
}
