//! What becomes of a saga: cancelled, late, crashed, stuck and mended.

use super::{
    super::*,
    life::{DEADLINE, Life, SECOND, ambiguous, done, failed, retry},
    plan_of, step,
};
use crate::saga::plan::Compensated;

/// `reserve`, then `charge`, then `ship`.
fn chain(change: impl FnOnce(&mut Vec<StepPlan>)) -> Life {
    let mut steps = vec![step("reserve", &[]), step("charge", &[0]), step("ship", &[1])];
    change(&mut steps);
    Life::of(plan_of(steps).expect("the stories' sagas are possible"))
}

/// The same with `charge` as the pivot.
fn with_pivot() -> Life {
    chain(|steps| {
        steps[1].kind = StepKind::Pivot;
        steps[2].kind = StepKind::Retriable;
        steps[2].compensation = Compensated::Unsaid;
    })
}

#[test]
fn a_chain_that_succeeds_is_four_turns() {
    let mut saga = chain(|_| {});
    for (at, name) in ["reserve", "charge", "ship"].into_iter().enumerate() {
        assert_eq!(saga.due(), name);
        saga.act(u16::try_from(at).expect("few steps"), done());
    }
    assert!(saga.completed());
    assert_eq!(saga.journal.len(), 5, "the last result and the end are one turn");
}

#[test]
fn a_cancelled_saga_is_compensated_backwards() {
    let mut saga = chain(|_| {});
    saga.act(0, done());
    saga.act(1, done());
    saga.start(2);
    assert_eq!(saga.cancel(), Ok(()));
    assert_eq!(saga.due(), "", "what is under way is waited for");
    saga.act(2, done());
    for (step, name) in [(2, "-ship"), (1, "-charge"), (0, "-reserve")] {
        assert_eq!(saga.due(), name);
        saga.answer(step, done());
    }
    assert_eq!(saga.aborted(), Some(Cause::Cancelled));
}

#[test]
fn a_cancellation_is_asked_for_once() {
    let mut saga = chain(|_| {});
    saga.start(0);
    assert_eq!(saga.cancel(), Ok(()));
    let records = saga.journal.len();
    assert_eq!(saga.cancel(), Ok(()), "the same wish again");
    assert_eq!(saga.journal.len(), records);
    saga.act(0, failed());
    assert_eq!(saga.aborted(), Some(Cause::Cancelled));
    assert!(matches!(saga.cancel(), Err(VerbRefused::Ended(_))));
}

#[test]
fn a_cancellation_at_the_pivot_waits_for_its_end() {
    for (ending, aborts) in [(done(), false), (failed(), true)] {
        let mut saga = with_pivot();
        saga.act(0, done());
        saga.start(1);
        assert_eq!(saga.cancel(), Ok(()));
        assert_eq!(*saga.state.phase(), Phase::Running, "the pivot may be done already");
        saga.act(1, ending);
        assert_eq!(saga.due(), if aborts { "-reserve" } else { "ship" });
    }
}

#[test]
fn behind_the_pivot_there_is_no_way_back() {
    let mut saga = with_pivot();
    saga.act(0, done());
    saga.act(1, done());
    assert_eq!(saga.cancel(), Err(VerbRefused::PastPivot));
    saga.pass(DEADLINE);
    assert_eq!(saga.due(), "ship", "the deadline was for the way to the pivot");
    saga.act(2, failed());
    assert_eq!(saga.stuck(2), Some(Side::Action), "it cannot fail, so a person has to look");
    assert_eq!(saga.operate(Verb::Retry), Ok(()));
    saga.act(2, done());
    assert!(saga.completed());
}

#[test]
fn a_deadline_aborts() {
    let mut saga = chain(|_| {});
    saga.act(0, done());
    saga.pass(DEADLINE.saturating_sub(SECOND));
    assert_eq!(saga.due(), "charge");
    saga.pass(SECOND);
    assert_eq!(saga.due(), "-reserve");
    saga.answer(0, done());
    assert_eq!(saga.aborted(), Some(Cause::Deadline));
}

#[test]
fn an_ambiguous_step_is_compensated_when_its_attempts_are_used_up() {
    let mut saga = chain(|_| {});
    saga.act(0, done());
    for _ in 0..2 {
        saga.act(1, ambiguous());
        assert_eq!(saga.due(), "", "it waits before the next attempt");
        saga.pass(SECOND);
        assert_eq!(saga.due(), "charge");
    }
    saga.act(1, ambiguous());
    assert_eq!((saga.progress(1), saga.due().as_str()), (&Progress::Ambiguous, "-charge"));
    saga.answer(1, done());
    saga.answer(0, done());
    assert_eq!(saga.aborted(), Some(Cause::Failed));
}

#[test]
fn doubt_outlives_a_later_no() {
    let mut saga = chain(|_| {});
    saga.act(0, ambiguous());
    saga.pass(SECOND);
    saga.act(0, failed());
    assert_eq!(saga.progress(0), &Progress::Ambiguous, "the first attempt may have had its effect");
    assert_eq!(saga.due(), "-reserve");
}

#[test]
fn attempts_are_counted_across_crashes() {
    let mut saga = chain(|_| {});
    for _ in 0..2 {
        saga.act(0, retry());
        saga.pass(SECOND);
        saga.crash();
    }
    assert_eq!(saga.due(), "reserve");
    saga.act(0, retry());
    assert!(saga.aborted().is_none(), "after a crash nobody knows, so it is compensated");
    assert_eq!(saga.due(), "-reserve");
    saga.answer(0, retry());
    saga.pass(SECOND);
    saga.crash();
    saga.answer(0, retry());
    assert_eq!(saga.stuck(0), Some(Side::Compensation), "two attempts, one before the crash");
}

#[test]
fn an_announced_attempt_that_is_lost_is_not_repeated() {
    let once = |kind: StepKind, answered: Compensated| {
        let mut saga = chain(|steps| {
            steps[1].effect = Effect::AtMostOnce;
            steps[1].compensation = answered;
            steps[1].kind = kind;
            steps[2].kind =
                if kind == StepKind::Pivot { StepKind::Retriable } else { StepKind::Ordinary };
            steps[2].compensation =
                if kind == StepKind::Pivot { Compensated::Unsaid } else { Compensated::Yes };
        });
        saga.act(0, done());
        assert_eq!((saga.progress(1), saga.due().as_str()), (&Progress::Announced, "charge"));
        saga.crash();
        saga
    };
    let saga = once(StepKind::Ordinary, Compensated::Yes);
    assert_eq!(saga.due(), "-charge");
    let saga = once(StepKind::Ordinary, Compensated::NotNeeded);
    assert_eq!(saga.due(), "-reserve");
    let saga = once(StepKind::Pivot, Compensated::NotNeeded);
    assert_eq!((saga.stuck(1), saga.due().as_str()), (Some(Side::Action), ""));
}

#[test]
fn a_saga_returns_to_its_savepoint() {
    let mut saga = chain(|steps| steps[0].returns_max = Some(1));
    saga.act(0, done());
    saga.act(1, done());
    saga.act(2, failed());
    assert_eq!(
        (saga.state.phase(), saga.due().as_str()),
        (&Phase::Returning(StepIndex::new(0)), "-charge")
    );
    saga.answer(1, done());
    assert_eq!((saga.state.phase(), saga.due().as_str()), (&Phase::Running, "charge"));
    let known = |saga: &Life, step: usize| {
        (saga.state.steps()[step].round, saga.state.steps()[step].attempts)
    };
    assert_eq!([known(&saga, 0), known(&saga, 1), known(&saga, 2)], [(0, 1), (1, 0), (1, 0)]);

    saga.act(1, failed());
    assert_eq!(saga.due(), "-reserve", "it returns once only");
    saga.answer(0, done());
    assert_eq!(saga.aborted(), Some(Cause::Failed));
}

#[test]
fn a_cancellation_goes_past_savepoints() {
    let mut saga = chain(|steps| steps[0].returns_max = Some(9));
    saga.act(0, done());
    saga.act(1, done());
    saga.act(2, failed());
    assert_eq!(saga.cancel(), Ok(()));
    saga.answer(1, done());
    assert_eq!(saga.due(), "-reserve");
}

fn stuck_at_charge(on_stuck: OnStuck) -> Life {
    let steps = vec![step("reserve", &[]), step("charge", &[0]), step("ship", &[1])];
    let mut saga = Life::of(plan_of(steps).expect("it is possible").on_stuck(on_stuck));
    saga.act(0, done());
    saga.act(1, done());
    saga.act(2, failed());
    saga.answer(1, failed());
    assert_eq!(saga.stuck(1), Some(Side::Compensation));
    saga
}

#[test]
fn a_stuck_compensation_holds_up_what_lies_upstream() {
    let mut saga = stuck_at_charge(OnStuck::Block);
    assert_eq!(saga.due(), "");
    assert_eq!(saga.operate(Verb::Retry), Ok(()));
    assert_eq!(saga.due(), "-charge");
    saga.answer(1, done());
    assert_eq!(saga.due(), "-reserve");
}

#[test]
fn or_it_does_not() {
    let mut saga = stuck_at_charge(OnStuck::Continue);
    assert_eq!(saga.due(), "-reserve");
    saga.answer(0, done());
    assert!(saga.state.is_stuck() && saga.state.end().is_none(), "it is not silently aborted");
    assert_eq!(saga.operate(Verb::Skip(StepIndex::new(1))), Ok(()));
    assert!(matches!(saga.progress(1), Progress::Waived(Some(_))), "it keeps what it came to");
    assert_eq!(saga.aborted(), Some(Cause::Failed));
}

#[test]
fn an_operator_ends_a_stuck_saga() {
    let mut saga = stuck_at_charge(OnStuck::Block);
    let output = bytes::Bytes::from_static(b"by hand");
    assert_eq!(saga.operate(Verb::Complete(Some(output.clone()))), Ok(()));
    assert_eq!(saga.state.output(&saga.plan), Some(&output));

    let mut saga = stuck_at_charge(OnStuck::Block);
    assert_eq!(saga.operate(Verb::Abort), Ok(()));
    assert_eq!(saga.aborted(), Some(Cause::Forced));
    for step in [0, 1] {
        assert!(matches!(saga.progress(step), Progress::Waived(Some(_))));
    }
}

#[test]
fn an_operator_is_refused_with_a_reason() {
    let mut saga = chain(|_| {});
    assert_eq!(saga.operate(Verb::Retry), Err(VerbRefused::NotStuck));
    saga.act(0, Ending::Unusable(Failure::failed("it does not decode")));
    assert_eq!(saga.stuck(0), Some(Side::Action));
    let reserve = saga.plan.steps()[0].name.clone();
    let charge = saga.plan.steps()[1].name.clone();
    let skip = |step| Verb::Skip(StepIndex::new(step));
    assert_eq!(saga.operate(skip(0)), Err(VerbRefused::Needed(reserve)));
    assert_eq!(saga.operate(skip(1)), Err(VerbRefused::StepNotStuck(charge)));
    assert_eq!(saga.operate(skip(7)), Err(VerbRefused::NoSuchStep(StepIndex::new(7))));
    saga.start(0);
    assert_eq!(saga.operate(Verb::Abort), Err(VerbRefused::Busy));
}

#[test]
fn a_condition_that_cannot_be_told_is_stuck() {
    let mut steps = vec![step("reserve", &[]), step("gift", &[0])];
    steps[1].conditional = true;
    let mut saga = Life::of(plan_of(steps).expect("it is possible"));
    saga.judge.0 = Err(Failure::failed("no idea"));
    saga.act(0, done());
    assert_eq!(saga.stuck(1), Some(Side::Action));
    assert_eq!(saga.operate(Verb::Skip(StepIndex::new(1))), Ok(()), "others expect an option");
    assert!(saga.completed());
}

#[test]
fn a_saga_that_ends_early_leaves_the_rest() {
    let mut saga = chain(|steps| steps[0].ends_early = true);
    let early = bytes::Bytes::from_static(b"early");
    saga.act(0, Ending::Done { output: early.clone(), early: Some(early.clone()) });
    assert_eq!(saga.state.end(), Some(&SagaEnd::Completed(Output::Early(early))));
    assert_eq!((saga.progress(1), saga.due().as_str()), (&Progress::Waiting, ""));
}
