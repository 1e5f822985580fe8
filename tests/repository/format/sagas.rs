//! What sagas write: turns with every kind of record, checkpoints with every state of a step, the
//! graph of a plan.
//!
//! Not the meaning of records, which is the fold's matter: a turn here is a list of them that no
//! saga would write together. The invariant it guards is that of all golden bytes.

use super::{demand_golden, golden};
use bytes::Bytes;
use sagalog::{
    WallTime,
    saga::{
        Begun, Cause, Certainty, Effect, Failure, OnStuck, Operator, Output, Plan, Record, Retry,
        SagaEnd, Side, State, StepIndex, StepKind, StepPlan, Verb, decode_plan, decode_turn,
        encode_plan, encode_turn,
        plan::{Compensated, TIMEOUT},
    },
};

fn step(name: &str, after: &[u16]) -> StepPlan {
    StepPlan {
        name: name.parse().expect("a name"),
        after: after.iter().map(|step| StepIndex::new(*step)).collect(),
        effect: Effect::Keyed,
        kind: StepKind::Ordinary,
        compensation: Compensated::Yes,
        conditional: false,
        ends_early: false,
        returns_max: None,
        retry: Retry::default(),
        compensation_retry: Retry::for_compensation(),
        timeout: TIMEOUT,
    }
}

/// A step of each effect class, of each kind, with each word about compensations.
fn plan() -> Plan {
    let mut look = step("look", &[]);
    (look.effect, look.compensation) = (Effect::Pure, Compensated::NotNeeded);
    let mut reserve = step("reserve", &[0]);
    (reserve.effect, reserve.returns_max) = (Effect::Idempotent, Some(2));
    let mut mail = step("mail", &[1]);
    (mail.effect, mail.conditional) = (Effect::AtMostOnce, true);
    let mut book = step("book", &[1, 2]);
    (book.effect, book.ends_early) = (Effect::Transactional, true);
    let mut charge = step("charge", &[3]);
    charge.kind = StepKind::Pivot;
    let mut ship = step("ship", &[4, 0]);
    (ship.kind, ship.compensation) = (StepKind::Retriable, Compensated::Unsaid);
    let steps = vec![look, reserve, mail, book, charge, ship];
    let name = "order".parse().expect("a name");
    let plan = Plan::try_new(name, 3, steps, StepIndex::new(5));
    plan.expect("the plan is possible").on_stuck(OnStuck::Continue)
}

/// Steps beside each other, all of them compensated.
fn wide() -> Plan {
    let mut steps: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|name| step(name, &[])).into();
    steps[0].returns_max = Some(2);
    steps[4].effect = Effect::AtMostOnce;
    steps[5].conditional = true;
    let plan = Plan::try_new("wide".parse().expect("a name"), 1, steps, StepIndex::new(0));
    plan.expect("the plan is possible")
}

fn begun(plan: &Plan) -> Record {
    Record::Begun(Begun {
        definition: plan.name().clone(),
        revision: plan.revision(),
        fingerprint: plan.fingerprint(),
        input: Bytes::from_static(b"42"),
        deadline: Some(at(0x0102_0304_0506_0708)),
        trace_context: Some("00-trace".into()),
    })
}

const fn at(unix_nanos: u64) -> WallTime {
    WallTime::from_unix_nanos(unix_nanos)
}

const fn nth(step: u16) -> StepIndex {
    StepIndex::new(step)
}

fn done(step: u16) -> Record {
    Record::Done { step: nth(step), attempt: 1, output: Bytes::from_static(b"out") }
}

fn operator(verb: Verb) -> Record {
    Record::Operator(Operator { verb, principal: "ada".into(), reason: "seen to".into() })
}

fn stuck(step: u16, side: Side) -> Record {
    let (certainty, failure) = (Certainty::NoEffect, Failure::failed("down"));
    Record::Stuck { step: nth(step), side, attempt: 1, certainty, failure }
}

fn attempt_failed(side: Side, certainty: Certainty, failure: Failure) -> Record {
    let next_at = at(0x1112_1314_1516_1718);
    Record::AttemptFailed { step: nth(0x0203), side, attempt: 7, certainty, failure, next_at }
}

/// Every kind of record but the checkpoint, with everything that a field can be.
fn records() -> Vec<Record> {
    let (step, attempt) = (nth(0x0203), 0x0405_0607);
    let output = || Bytes::from_static(b"output");
    let bare = Record::Begun(Begun {
        definition: "order".parse().expect("a name"),
        revision: 1,
        fingerprint: plan().fingerprint(),
        input: Bytes::new(),
        deadline: None,
        trace_context: None,
    });
    let mut records = vec![
        begun(&plan()),
        bare,
        Record::Started { step, attempt },
        Record::Done { step, attempt, output: output() },
        Record::Skipped { step },
        Record::Failed { step, attempt, failure: Failure::rejected("no") },
        Record::Ambiguous { step, attempt, failure: Failure::failed("lost") },
        attempt_failed(Side::Action, Certainty::NoEffect, Failure::failed("busy")),
        attempt_failed(Side::Compensation, Certainty::Unknown, Failure::failed("mute")),
        Record::Withdrawn { step },
        Record::CancelAsked { principal: "ada".into(), reason: "not wanted".into() },
        Record::ReturnDecided { savepoint: step, reason: "no".into() },
        Record::Compensated { step, attempt },
        Record::Returned,
        stuck(1, Side::Action),
        stuck(2, Side::Compensation),
        operator(Verb::Retry),
        operator(Verb::Skip(step)),
        operator(Verb::Complete(Some(output()))),
        operator(Verb::Complete(None)),
        operator(Verb::Abort),
        Record::Ended(SagaEnd::Completed(Output::OfStep)),
        Record::Ended(SagaEnd::Completed(Output::Early(output()))),
        Record::Ended(SagaEnd::Completed(Output::Forced(Some(output())))),
        Record::Ended(SagaEnd::Completed(Output::Forced(None))),
        Record::Ended(SagaEnd::Aborted { cause: Cause::Forced, reason: "as it was".into() }),
    ];
    let causes = [Cause::Rejected, Cause::Failed, Cause::Cancelled, Cause::Deadline, Cause::Forced];
    records.extend(causes.map(|cause| Record::AbortDecided { cause, reason: "why".into() }));
    records
}

fn checkpoint(records: &[Record]) -> Record {
    let journal: Vec<_> = [begun(&wide())].into_iter().chain(records.iter().cloned()).collect();
    let state = State::fold(&wide(), &journal).expect("a saga may come here");
    Record::Checkpoint(Box::new(state))
}

/// Sagas in every phase, with steps in every state.
fn checkpoints() -> Vec<Record> {
    let failed = |step, side, certainty| Record::AttemptFailed {
        step: nth(step),
        side,
        attempt: 1,
        certainty,
        failure: Failure::failed("busy"),
        next_at: at(0x1112_1314_1516_1718),
    };
    let forward = vec![
        done(0),
        failed(1, Side::Action, Certainty::Unknown),
        stuck(2, Side::Action),
        Record::Started { step: nth(4), attempt: 1 },
        Record::Skipped { step: nth(5) },
        Record::CancelAsked { principal: "ada".into(), reason: "not wanted".into() },
    ];
    let ambiguous =
        Record::Ambiguous { step: nth(1), attempt: 1, failure: Failure::rejected("mute") };
    let returning = vec![
        done(0),
        Record::Failed { step: nth(2), attempt: 1, failure: Failure::rejected("no") },
        ambiguous.clone(),
        Record::ReturnDecided { savepoint: nth(0), reason: "no".into() },
        Record::Withdrawn { step: nth(3) },
        failed(1, Side::Compensation, Certainty::NoEffect),
    ];
    let abort = Record::AbortDecided { cause: Cause::Deadline, reason: "too late".into() };
    let aborting = vec![
        done(0),
        done(1),
        abort,
        Record::Compensated { step: nth(0), attempt: 1 },
        Record::Compensated { step: nth(2), attempt: 1 },
        stuck(1, Side::Compensation),
        operator(Verb::Skip(nth(1))),
        stuck(3, Side::Compensation),
        operator(Verb::Skip(nth(3))),
    ];
    let again = vec![
        done(0),
        ambiguous,
        Record::ReturnDecided { savepoint: nth(0), reason: "no".into() },
        Record::Compensated { step: nth(1), attempt: 1 },
        Record::Compensated { step: nth(2), attempt: 1 },
        Record::Compensated { step: nth(3), attempt: 1 },
        Record::Withdrawn { step: nth(4) },
        Record::Withdrawn { step: nth(5) },
        Record::Returned,
    ];
    let ended = vec![stuck(2, Side::Action), operator(Verb::Complete(None))];
    [forward, returning, aborting, again, ended].map(|journal| checkpoint(&journal)).into()
}

fn turn(name: &str, records: &[Record]) {
    demand_golden(name, &encode_turn(records));
    let read = decode_turn(&Bytes::from(golden(name))).expect("format 1 stays readable");
    assert_eq!(read, records, "{name}");
}

#[test]
fn a_turn_with_every_kind_of_record() {
    turn("saga-turn", &records());
}

#[test]
fn checkpoints_of_sagas() {
    turn("saga-checkpoint", &checkpoints());
}

#[test]
fn the_graph_of_a_plan() {
    demand_golden("saga-plan", &encode_plan(&plan()));
    let read = decode_plan(&Bytes::from(golden("saga-plan"))).expect("format 1 stays readable");
    assert_eq!(read, plan(), "policies are those that a plan has unless it says otherwise");
    assert_eq!(read.fingerprint().to_string(), "cd3e2c286de00ec3");
}
