//! Crashes between an effect and its answer: at every operation of the disk.
//!
//! The invariant: a delivery that a crash cut short is answered by the next one as if it had been
//! answered, or had never come.

use super::{
    judge::Judge,
    service::{Service, release, reserve},
};
use sagalog::runtime::{Call, Responder};

/// Delivers `call` after `before`, strikes after so many operations of the disk, and delivers it
/// again. False if the delivery was answered before that.
fn cut_after(before: &[Call], call: &Call, ops: u64, strike: fn(&mut Service)) -> bool {
    let mut service = Service::new(ops);
    let mut judge = Judge::default();
    for call in before {
        judge.note(std::slice::from_ref(call), vec![Some(service.deliver(call))]);
    }
    let halt = service.world().disk(|disk| disk.ops()) + ops + 1;
    let participant = service.participant();
    let delivery = participant.answer(call.clone());
    let answer = service.world().run_until_op(halt, delivery);
    drop(participant);
    let cut = answer.is_none();
    judge.note(std::slice::from_ref(call), vec![answer]);
    strike(&mut service);
    for _ in 0..2 {
        let again = service.deliver(call);
        assert!(again.is_ok(), "{again:?}");
        judge.note(std::slice::from_ref(call), vec![Some(again)]);
    }
    judge.judge(&service);
    cut
}

fn at_every_operation(before: &[Call], call: &Call) {
    for strike in [Service::restart_after_crash, Service::restart_after_power_failure] {
        let mut ops = 0;
        while cut_after(before, call, ops, strike) {
            ops += 1;
        }
        assert!(ops > 1, "{ops} operations");
    }
}

#[test]
fn a_crash_between_effect_and_answer_leaves_one_effect() {
    at_every_operation(&[], &reserve("a", 1, 1));
    at_every_operation(&[reserve("a", 1, 1)], &reserve("b", 1, 1));
}

#[test]
fn a_crash_during_a_refusal_leaves_it_refused_or_undecided() {
    at_every_operation(&[reserve("a", 1, 1), reserve("b", 1, 1)], &reserve("c", 1, 1));
}

#[test]
fn a_crash_during_a_compensation_leaves_it_done_once() {
    at_every_operation(&[reserve("a", 1, 1)], &release("a", 1, 1));
    at_every_operation(&[], &release("a", 1, 1));
}
