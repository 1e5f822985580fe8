//! Every record comes back from its bytes, and no bytes panic.

use super::*;
use crate::{
    names::DefinitionName,
    saga::{
        Plan,
        plan::STEPS_MAX,
        tests::{every_record, plan_of, sample_plan, step},
        vocabulary::{Cause, Certainty, Failure, Output, SagaEnd, Side, StepIndex},
    },
    time::WallTime,
};
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn every_record_comes_back() {
    let records = every_record();
    let bytes = Bytes::from(encode_turn(&records));
    assert_eq!(decode_turn(&bytes), Ok(records));
}

#[test]
fn a_plan_comes_back_with_its_fingerprint() {
    let plan = sample_plan();
    let read = decode_plan(&Bytes::from(encode_plan(&plan))).expect("it was just written");
    assert_eq!(read.fingerprint(), plan.fingerprint());
    assert_eq!(encode_plan(&read), encode_plan(&plan));
}

#[test]
fn bytes_that_are_cut_or_flipped_are_faults_and_no_panics() {
    let turn = encode_turn(&every_record());
    for end in 0..turn.len() {
        let cut = Bytes::copy_from_slice(&turn[..end]);
        assert!(decode_turn(&cut).is_err(), "cut at {end}");
    }
    for at in 0..turn.len() {
        for bit in 0..8 {
            let mut flipped = turn.clone();
            flipped[at] ^= 1 << bit;
            // Some of them are other journals; none may panic.
            let _ = decode_turn(&Bytes::from(flipped));
        }
    }
    let mut longer = turn;
    longer.push(0);
    assert_eq!(
        decode_turn(&Bytes::from(longer)),
        Err(JournalFault::Malformed("it goes on too long"))
    );
}

#[test]
fn a_newer_version_is_said_to_be_one() {
    let mut turn = encode_turn(&[Record::Returned]);
    turn[0] = TURN_VERSION + 1;
    assert_eq!(
        decode_turn(&Bytes::from(turn)),
        Err(JournalFault::Newer { version: TURN_VERSION + 1 })
    );
}

/// Numbers at which encodings change: small ones, and both sides of each power of two.
fn edges() -> impl Strategy<Value = u64> {
    let around = (0_u32..64, 0_u64..3).prop_map(|(bit, by)| (1_u64 << bit).saturating_add(by) - 1);
    prop_oneof![0..300_u64, around, Just(u64::MAX), any::<u64>()]
}

fn small() -> impl Strategy<Value = u32> {
    edges().prop_map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

fn steps() -> impl Strategy<Value = StepIndex> {
    edges().prop_map(|number| StepIndex::new(u16::try_from(number).unwrap_or(u16::MAX)))
}

fn texts() -> impl Strategy<Value = Arc<str>> {
    let long = (1000_usize..1030).prop_map(|bytes| "ä".repeat(bytes));
    prop_oneof![any::<String>(), "\\PC{0,20}", long].prop_map(Arc::from)
}

fn outputs() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn failures() -> impl Strategy<Value = Failure> {
    (any::<bool>(), texts()).prop_map(|(no, reason)| {
        if no { Failure::rejected(reason) } else { Failure::failed(reason) }
    })
}

fn walls() -> impl Strategy<Value = WallTime> {
    edges().prop_map(WallTime::from_unix_nanos)
}

fn begun_anyhow() -> impl Strategy<Value = Begun> {
    let optional = |wall| proptest::option::of(wall);
    let names = "[^\\$/\\p{C}][^/\\p{C}]{0,15}";
    (names, small(), edges(), outputs(), optional(walls()), proptest::option::of(texts())).prop_map(
        |(name, revision, fingerprint, input, deadline, trace_context)| Begun {
            definition: DefinitionName::parse(&name).expect("the pattern is one of names"),
            revision,
            fingerprint: Fingerprint::new(fingerprint),
            input,
            deadline,
            trace_context,
        },
    )
}

fn ends() -> impl Strategy<Value = SagaEnd> {
    let causes = prop_oneof![
        Just(Cause::Rejected),
        Just(Cause::Failed),
        Just(Cause::Cancelled),
        Just(Cause::Deadline),
        Just(Cause::Forced)
    ];
    prop_oneof![
        Just(SagaEnd::Completed(Output::OfStep)),
        outputs().prop_map(|output| SagaEnd::Completed(Output::Early(output))),
        proptest::option::of(outputs()).prop_map(|out| SagaEnd::Completed(Output::Forced(out))),
        (causes, texts()).prop_map(|(cause, reason)| SagaEnd::Aborted { cause, reason }),
    ]
}

fn operators() -> impl Strategy<Value = Operator> {
    let verbs = prop_oneof![
        Just(Verb::Retry),
        Just(Verb::Abort),
        steps().prop_map(Verb::Skip),
        proptest::option::of(outputs()).prop_map(Verb::Complete),
    ];
    let operator = |(verb, principal, reason)| Operator { verb, principal, reason };
    (verbs, texts(), texts()).prop_map(operator)
}

fn records() -> impl Strategy<Value = Record> {
    let of = || (steps(), small(), failures());
    let side = |action| if action { Side::Action } else { Side::Compensation };
    let certain = |none| if none { Certainty::NoEffect } else { Certainty::Unknown };
    prop_oneof![
        begun_anyhow().prop_map(Record::Begun),
        (steps(), small()).prop_map(|(step, attempt)| Record::Started { step, attempt }),
        (steps(), small(), outputs()).prop_map(|(step, attempt, output)| Record::Done {
            step,
            attempt,
            output
        }),
        of().prop_map(|(step, attempt, failure)| Record::Failed { step, attempt, failure }),
        of().prop_map(|(step, attempt, failure)| Record::Ambiguous { step, attempt, failure }),
        (of(), any::<bool>(), any::<bool>(), walls()).prop_map(
            move |(of, action, none, next_at)| {
                let (step, attempt, failure) = of;
                let (side, certainty) = (side(action), certain(none));
                Record::AttemptFailed { step, side, attempt, certainty, failure, next_at }
            }
        ),
        (of(), any::<bool>(), any::<bool>()).prop_map(move |(of, action, none)| {
            let (step, attempt, failure) = of;
            let (side, certainty) = (side(action), certain(none));
            Record::Stuck { step, side, attempt, certainty, failure }
        }),
        (texts(), texts())
            .prop_map(|(principal, reason)| Record::CancelAsked { principal, reason }),
        (steps(), texts())
            .prop_map(|(savepoint, reason)| Record::ReturnDecided { savepoint, reason }),
        operators().prop_map(Record::Operator),
        ends().prop_map(Record::Ended),
    ]
}

proptest! {
    #[test]
    fn whatever_a_record_says_comes_back(records in proptest::collection::vec(records(), 0..6)) {
        let bytes = Bytes::from(encode_turn(&records));
        prop_assert_eq!(decode_turn(&bytes), Ok(records));
    }
}

/// Whatever graph is possible is one that can be read: the executor stores it before it begins, and
/// reads all of them whenever it opens.
#[test]
fn every_graph_that_is_possible_reads_back() {
    let first = || step("first", &[]);
    for revision in (0..=256).chain([u32::MAX - 1, u32::MAX]) {
        let mut saved = first();
        saved.returns_max = Some(revision);
        let name = DefinitionName::parse("edge").expect("a name");
        let plan = Plan::try_new(name, revision, vec![saved], StepIndex::new(0));
        let plan = plan.expect("one step is possible");
        let read = decode_plan(&Bytes::from(encode_plan(&plan))).expect("it was just written");
        assert_eq!(read.fingerprint(), plan.fingerprint());
    }
    for times in [1, 2, STEPS_MAX, STEPS_MAX + 1, usize::from(u16::MAX), 70_000] {
        let plan = plan_of(vec![first(), step("second", &vec![0; times])]);
        let plan = plan.expect("it is possible");
        assert_eq!(plan.steps()[1].after, [StepIndex::new(0)], "{times} times");
        assert!(decode_plan(&Bytes::from(encode_plan(&plan))).is_ok(), "{times} times");
    }
}

#[test]
#[should_panic(expected = "a turn of 4097 records")]
fn a_turn_that_nobody_could_read_is_not_written() {
    encode_turn(&vec![Record::Returned; TURN_RECORDS_MAX + 1]);
}
