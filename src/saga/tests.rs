//! Stories of single sagas: what is recorded for what is told.

mod life;
mod random;
mod stories;
mod table;

use super::{
    plan::Compensated,
    verbs::{Operator, Verb},
    *,
};
use crate::{
    names::{DefinitionName, StepName},
    time::WallTime,
};
use bytes::Bytes;
use core::time::Duration;

pub(super) fn step(name: &str, after: &[u16]) -> StepPlan {
    StepPlan {
        name: StepName::parse(name).expect("a test names its steps properly"),
        after: after.iter().map(|step| StepIndex::new(*step)).collect(),
        effect: Effect::Keyed,
        kind: StepKind::Ordinary,
        compensation: Compensated::Yes,
        conditional: false,
        ends_early: false,
        returns_max: None,
        retry: Retry::fixed(Duration::from_secs(1)).attempts(3),
        compensation_retry: Retry::fixed(Duration::from_secs(1)).attempts(2),
        timeout: plan::TIMEOUT,
    }
}

pub(super) fn plan_of(steps: Vec<StepPlan>) -> Result<Plan, DefinitionError> {
    let output = StepIndex::new(u16::try_from(steps.len() - 1).expect("few steps"));
    let name = DefinitionName::parse("order").expect("a name");
    Plan::try_new(name, 1, steps, output)
}

pub(super) fn sample_plan() -> Plan {
    let mut once = step("mail", &[2]);
    once.effect = Effect::AtMostOnce;
    once.conditional = true;
    let mut reserve = step("reserve", &[]);
    reserve.returns_max = Some(2);
    let steps = vec![reserve, step("charge", &[0]), step("ship", &[0]), once];
    plan_of(steps).expect("the sample is possible").on_stuck(OnStuck::Continue)
}

pub(super) fn begun(plan: &Plan) -> Begun {
    Begun {
        definition: plan.name().clone(),
        revision: plan.revision(),
        fingerprint: plan.fingerprint(),
        input: Bytes::from_static(b"42"),
        deadline: Some(WallTime::from_unix_nanos(1 << 60)),
        trace_context: Some("00-trace".into()),
    }
}

pub(super) fn every_record() -> Vec<Record> {
    let plan = sample_plan();
    let (step, attempt) = (StepIndex::new(1), 3);
    let (failure, reason) = (Failure::rejected("no"), std::sync::Arc::from("because"));
    let certainty = Certainty::Unknown;
    let next_at = WallTime::from_unix_nanos(77);
    let operator = |verb| {
        Record::Operator(Operator { verb, principal: "ada".into(), reason: "seen to".into() })
    };
    let begun = Record::Begun(begun(&plan));
    let state = State::first(&plan, &begun).expect("a saga begins so");
    let output = Bytes::from_static(b"out");
    vec![
        begun,
        Record::Started { step, attempt },
        Record::Done { step, attempt, output: output.clone() },
        Record::Skipped { step },
        Record::Failed { step, attempt, failure: failure.clone() },
        Record::Ambiguous { step, attempt, failure: failure.clone() },
        Record::AttemptFailed {
            step,
            side: Side::Compensation,
            attempt,
            certainty,
            failure: failure.clone(),
            next_at,
        },
        Record::Withdrawn { step },
        Record::CancelAsked { principal: "ada".into(), reason: std::sync::Arc::clone(&reason) },
        Record::AbortDecided { cause: Cause::Deadline, reason: std::sync::Arc::clone(&reason) },
        Record::ReturnDecided { savepoint: step, reason: std::sync::Arc::clone(&reason) },
        Record::Compensated { step, attempt },
        Record::Returned,
        Record::Stuck { step, side: Side::Action, attempt, certainty, failure },
        operator(Verb::Retry),
        operator(Verb::Skip(step)),
        operator(Verb::Complete(Some(output.clone()))),
        operator(Verb::Abort),
        Record::Checkpoint(Box::new(state)),
        Record::Ended(SagaEnd::Completed(Output::OfStep)),
        Record::Ended(SagaEnd::Completed(Output::Early(output))),
        Record::Ended(SagaEnd::Aborted { cause: Cause::Cancelled, reason }),
    ]
}

struct Always;

impl Judge for Always {
    fn holds(&self, _: StepIndex, _: &State) -> Result<bool, Failure> {
        Ok(true)
    }
}

/// Both steps behind `reserve` were under way, and the end of both is told in one turn.
#[test]
fn what_is_told_of_two_attempts_at_once_is_told_one_after_the_other() {
    let plan = plan_of(vec![step("reserve", &[]), step("charge", &[0]), step("ship", &[0])]);
    let plan = plan.expect("it is possible");
    let (reserve, charge, ship) = (StepIndex::new(0), StepIndex::new(1), StepIndex::new(2));
    let output = Bytes::from_static(b"out");
    let done = |step| Record::Done { step, attempt: 1, output: output.clone() };
    let records = [Record::Begun(begun(&plan)), done(reserve)];
    let state = State::fold(&plan, &records).expect("it is a journal");
    let attempts = Attempts::default();
    let now = WallTime::from_unix_nanos(0);
    let scene = machine::Scene { plan: &plan, judge: &Always, attempts: &attempts, now, drawn: 0 };
    let told = |step, ending| Input::Attempted { step, side: Side::Action, ending };
    let failed = || Ending::Failed(Failure::rejected("no"));
    let succeeded = || Ending::Done { output: output.clone(), early: None };

    let inputs = vec![told(charge, failed()), told(ship, succeeded())];
    let outturn = turn(scene, &state, inputs);
    assert!(outturn.records.contains(&done(ship)), "{:?}", outturn.records);
    assert!(outturn.state.awaits_compensation(&plan, ship));

    let cancel = Input::Cancel { principal: "ada".into(), reason: "changed her mind".into() };
    let outturn = turn(scene, &state, vec![cancel, told(ship, succeeded())]);
    assert!(outturn.records.contains(&done(ship)), "{:?}", outturn.records);
}

/// `charge` cannot be compensated, so `reserve` is, past it; and an operator comes in between.
#[test]
fn what_is_stuck_is_not_tried_again_while_it_is_being_passed() {
    let steps = vec![step("reserve", &[]), step("charge", &[0]), step("ship", &[1])];
    let plan = plan_of(steps).expect("it is possible").on_stuck(OnStuck::Continue);
    let (reserve, charge, ship) = (StepIndex::new(0), StepIndex::new(1), StepIndex::new(2));
    let output = Bytes::from_static(b"out");
    let done = |step| Record::Done { step, attempt: 1, output: output.clone() };
    let failure = Failure::failed("no");
    let records = [
        Record::Begun(begun(&plan)),
        done(reserve),
        done(charge),
        Record::AbortDecided { cause: Cause::Deadline, reason: "late".into() },
        Record::Withdrawn { step: ship },
        Record::Stuck {
            step: charge,
            side: Side::Compensation,
            attempt: 1,
            certainty: Certainty::NoEffect,
            failure: failure.clone(),
        },
    ];
    let state = State::fold(&plan, &records).expect("it is a journal");
    let attempts = Attempts { running: StepSet::from([reserve]), ..Attempts::default() };
    let now = WallTime::from_unix_nanos(0);
    let scene = machine::Scene { plan: &plan, judge: &Always, attempts: &attempts, now, drawn: 0 };
    let retry = || {
        let (principal, reason) = ("ada".into(), "seen to".into());
        Input::Operate(Operator { verb: Verb::Retry, principal, reason })
    };
    let outturn = turn(scene, &state, vec![retry()]);
    assert_eq!(outturn.answers, [Err(VerbRefused::Busy)]);
    assert_eq!(outturn.state, state);

    let attempts = Attempts::default();
    let scene = machine::Scene { attempts: &attempts, ..scene };
    assert_eq!(turn(scene, &state, vec![retry()]).answers, [Ok(())]);
}
