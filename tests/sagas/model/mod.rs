//! Random sagas against a small reference interpreter, and the fold against random journals.
//!
//! Random graphs, effect classes, pivots, conditions, savepoints, endings, crashes, cancellations,
//! deadlines and operators; after each of them the product and the reference begin the same
//! attempts and stand alike. The user's code and the outside world are for the kit's own tests, in
//! `saga_kit`. Cases are drawn from a fixed seed.

mod corpus;
mod draw;
mod found;
mod lockstep;
mod reference;

use draw::Tape;
use lockstep::{Lockstep, conditions};
use proptest::{
    collection::vec,
    prelude::any,
    test_runner::{Config, RngSeed, TestRunner},
};
use sagalog::saga::{Plan, Record, SagaEnd, State};
use sagalog_testkit::Choices;

/// Tries `case` on so many tapes of choices.
fn tapes(cases: u32, case: impl Fn(&mut Tape)) {
    let config = Config {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(5),
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&vec(any::<u16>(), 0..600), |tape| {
        case(&mut Tape(tape.into_iter()));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Lives a random life; the plan and everything else comes from the tape.
fn live(tape: &mut Tape, judge: impl FnOnce(&Plan, &mut Lockstep<'_>, &mut Tape)) {
    let plan = draw::plan(tape);
    let conditions = conditions(tape, &plan);
    let mut saga = Lockstep::begin(&plan, &conditions);
    let events = tape.below(40);
    for _ in 0..events {
        if saga.is_over() {
            break;
        }
        saga.compare();
        saga.happen(tape);
    }
    judge(&plan, &mut saga, tape);
}

#[test]
fn random_sagas_do_as_the_reference_says() {
    tapes(20_000, |tape| {
        live(tape, |_, saga, _| {
            saga.finish();
            if let Some(SagaEnd::Aborted { cause, .. }) = saga.state.end() {
                let forced = *cause == sagalog::saga::Cause::Forced;
                assert!(forced || saga.unanswered().is_empty(), "I15\n{saga:?}");
            }
        });
    });
}

/// Whatever stands in a journal, the fold accepts or refuses it, and what it refuses leaves no
/// trace.
#[test]
fn the_fold_never_panics_on_random_journals() {
    tapes(5_000, |tape| {
        let mut records: Vec<Record> = Vec::new();
        for _ in 0..2 {
            live(tape, |_, saga, _| records.extend(saga.turns.iter().flatten().cloned()));
        }
        live(tape, |plan, saga, tape| {
            let first = &saga.turns[0][0];
            let mut state = State::first(plan, first).expect("it begins so");
            records.extend(saga.turns.iter().flatten().cloned());
            records.push(Record::Checkpoint(Box::new(saga.state.clone())));
            for at in 0..200_usize {
                let shuffled = usize::try_from(tape.below(records.len() as u64)).expect("few");
                let in_order = (at * 7 + shuffled) % records.len();
                let record = &records[in_order];
                let before = state.clone();
                if state.apply(plan, record).is_err() {
                    assert_eq!(state, before, "{record:?} is refused and changes something");
                }
            }
        });
    });
}
