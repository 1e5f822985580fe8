//! Deliveries at random: repeated, in any order, at the same time, cut short by crashes.
//!
//! Not a search of the disk's faults, which is the simulation's. The invariant: the judge has no
//! objection, and once the machine rests every key that was compensated comes to nothing.

use super::{
    judge::Judge,
    service::{Answered, Service, release, reserve},
};
use proptest::prelude::*;
use sagalog::runtime::{Answer, Call};

const KEYS: [&str; 3] = ["a", "b", "c"];

/// Deliveries at the same time, and what ends them.
#[derive(Clone, Debug)]
struct Round {
    calls: Vec<Call>,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    /// Each is answered.
    Rest,
    /// The process dies after so many operations of the disk, if they are not answered by then.
    Process(u64),
    /// The power goes, likewise.
    Power(u64),
}

fn calls() -> impl Strategy<Value = Call> {
    let fence = (1..4_u64, 1..3_u32);
    (0..KEYS.len(), any::<bool>(), fence).prop_map(|(key, action, (epoch, attempt))| {
        let ask = if action { reserve } else { release };
        ask(KEYS[key], epoch, attempt)
    })
}

fn rounds() -> impl Strategy<Value = Round> {
    let end = prop_oneof![
        3 => Just(End::Rest),
        1 => (0..8_u64).prop_map(End::Process),
        1 => (0..8_u64).prop_map(End::Power),
    ];
    (prop::collection::vec(calls(), 1..5), end).prop_map(|(calls, end)| Round { calls, end })
}

/// Plays a round: what each delivery was answered, if it was.
fn play(service: &mut Service, round: &Round) -> Vec<Option<Answered>> {
    let (End::Process(ops) | End::Power(ops)) = round.end else {
        return service.deliver_together(&round.calls).into_iter().map(Some).collect();
    };
    let mut answers = service.start_deliveries(&round.calls);
    let mut answered: Vec<Option<Answered>> = vec![None; answers.len()];
    let halt = service.world().disk(|disk| disk.ops()) + ops + 1;
    let waiting = async {
        for (answer, answered) in answers.iter_mut().zip(&mut answered) {
            *answered = Some(answer.await.expect("the delivery ends"));
        }
    };
    service.world().run_until_op(halt, waiting);
    match round.end {
        End::Process(_) => service.restart_after_crash(),
        End::Power(_) => service.restart_after_power_failure(),
        End::Rest => {}
    }
    answered
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_is_delivered_has_one_effect_or_none(
        seed in any::<u64>(),
        rounds in prop::collection::vec(rounds(), 1..12),
    ) {
        let mut service = Service::new(seed);
        let mut judge = Judge::default();
        for round in &rounds {
            let answers = play(&mut service, round);
            judge.note(&round.calls, answers);
            judge.judge(&service);
        }
        for key in KEYS {
            let last = release(key, 9, 1);
            let answer = service.deliver(&last);
            prop_assert!(matches!(answer, Ok(Answer::Done(_))), "{:?}", answer);
            let late = reserve(key, 9, 2);
            let late = (late.clone(), service.deliver(&late));
            judge.note(&[last, late.0], vec![Some(answer), Some(late.1)]);
            let (reserved, released) = service.counts(key);
            prop_assert_eq!(reserved, released);
        }
        judge.judge(&service);
    }
}
