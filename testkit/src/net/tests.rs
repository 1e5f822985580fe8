//! What calls come to, one misfortune at a time.

use super::{Cut, Journey, Journeys, Passage, SimNetwork};
use crate::{SharedDisk, VirtualRuntime, World, door::locked};
use sagalog::runtime::{
    Address, Answer, Call, CallError, CallFence, CallKind, Clock, Responder, Tasks, Transport,
    Unanswered,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

struct All(Journey);

impl Journeys for All {
    fn of(&self, _: &Address, _: &Call) -> Journey {
        self.0.clone()
    }
}

/// Takes a while, and counts what it was asked.
struct Peer {
    machine: VirtualRuntime,
    asked: Arc<Mutex<u32>>,
    answer: Answer,
}

impl Responder for Peer {
    async fn answer(&self, _: Call) -> Result<Answer, Unanswered> {
        *locked(&self.asked) += 1;
        self.machine.sleep(Duration::from_millis(10)).await;
        Ok(self.answer.clone())
    }
}

fn stock() -> Address {
    Address::parse("stock").expect("an address")
}

fn call() -> Call {
    Call {
        operation: "reserve".parse().expect("a name"),
        key: "order-17/0/reserve".parse().expect("a name"),
        kind: CallKind::Action,
        fence: CallFence { epoch: 1, attempt: 1 },
        trace_context: None,
        deadline: Duration::from_millis(100),
        payload: "two".into(),
    }
}

/// Calls over a network to which something happens; and how often the participant was asked.
fn told(
    answer: &Answer,
    journey: Journey,
    happens: impl FnOnce(&SimNetwork<VirtualRuntime>, &VirtualRuntime),
) -> (Result<Answer, CallError>, u32) {
    let world = World::new(1);
    let network = SimNetwork::new(world.runtime().add_machine(SharedDisk::default()));
    let machine = world.runtime().add_machine(SharedDisk::default());
    let asked = Arc::default();
    let peer = Peer { machine: machine.clone(), asked: Arc::clone(&asked), answer: answer.clone() };
    network.serve(&stock(), machine.clone(), peer);
    happens(&network, &machine);
    let transport = network.transport(world.runtime(), All(journey));
    let answer = world.block_on(transport.call(&stock(), call()));
    world.run_for(Duration::from_secs(1));
    let asked = *locked(&asked);
    (answer, asked)
}

fn unknown(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Err(CallError::Unknown(_)))
}

#[test]
fn a_call_is_answered_and_each_half_of_it_may_be_lost_or_late() {
    let done = Answer::Done("ok".into());
    let lost = Passage { lost: true, ms: 0 };
    let late = Passage { lost: false, ms: 200 };
    let of = |journey| told(&done, journey, |_, _| {});
    assert_eq!(of(Journey::default()), (Ok(done.clone()), 1));
    let cases = [
        (Journey { request: lost, ..Journey::default() }, 0),
        (Journey { answer: lost, ..Journey::default() }, 1),
        (Journey { request: late, ..Journey::default() }, 1),
        (Journey { answer: late, ..Journey::default() }, 1),
    ];
    for (journey, times) in cases {
        let (answer, asked) = of(journey.clone());
        assert!(unknown(&answer) && asked == times, "{journey:?}: {answer:?}, asked {asked}");
    }
}

#[test]
fn of_two_copies_only_what_lasts_is_certain() {
    let twice = Journey { copy: Some(Passage { lost: false, ms: 500 }), ..Journey::default() };
    let done = Answer::Done("ok".into());
    assert_eq!(told(&done, twice.clone(), |_, _| {}), (Ok(done), 2));
    let (answer, asked) = told(&Answer::Busy("not now".into()), twice, |_, _| {});
    assert!(unknown(&answer) && asked == 2);
}

#[test]
fn a_cut_link_lets_nothing_pass_in_its_direction() {
    let done = Answer::Done("ok".into());
    for (cut, times) in [(Cut::Requests, 0), (Cut::Both, 0), (Cut::Answers, 1)] {
        let long = Duration::from_secs(10);
        let (answer, asked) =
            told(&done, Journey::default(), |network, _| network.cut(&stock(), cut, long));
        assert!(unknown(&answer) && asked == times, "{cut:?}");
        let healed = told(&done, Journey::default(), |network, _| {
            network.cut(&stock(), cut, long);
            network.heal();
        });
        assert_eq!(healed, (Ok(done.clone()), 1));
    }
}

#[test]
fn who_is_gone_refuses_or_is_silent() {
    let done = Answer::Done("ok".into());
    let gone = |silent: bool| {
        told(&done, Journey::default(), |network, _| network.leave(&stock(), silent)).0
    };
    assert!(matches!(gone(false), Err(CallError::NotDelivered(_))));
    assert!(unknown(&gone(true)));
}

#[test]
fn a_participant_that_dies_answers_nothing_and_a_request_outlives_its_caller() {
    let world = World::new(1);
    let network = SimNetwork::new(world.runtime().add_machine(SharedDisk::default()));
    let machine = world.runtime().add_machine(SharedDisk::default());
    let asked: Arc<Mutex<u32>> = Arc::default();
    let peer = |machine: &VirtualRuntime| Peer {
        machine: machine.clone(),
        asked: Arc::clone(&asked),
        answer: Answer::Done("ok".into()),
    };
    network.serve(&stock(), machine.clone(), peer(&machine));
    let transport = network.transport(world.runtime(), All(Journey::default()));
    let (dying, serving) = (machine.clone(), network.clone());
    let reborn: Arc<Mutex<Option<VirtualRuntime>>> = Arc::default();
    let seen = Arc::clone(&reborn);
    let death = async move {
        dying.sleep(Duration::from_millis(5)).await;
        serving.leave(&stock(), false);
        *locked(&seen) = Some(dying.restart());
    };
    world.runtime().spawn("death", death).expect("alive");
    let answer = world.block_on(transport.call(&stock(), call()));
    let machine = locked(&reborn).clone().expect("it died");
    network.serve(&stock(), machine.clone(), peer(&machine));
    assert!(unknown(&answer) && *locked(&asked) == 1);

    let late = Journey { request: Passage { lost: false, ms: 50 }, ..Journey::default() };
    let transport = network.transport(world.runtime(), All(late));
    let caller = async move {
        let _ = transport.call(&stock(), call()).await;
    };
    world.runtime().spawn("caller", caller).expect("alive");
    world.run_until_stalled();
    world.crash_process();
    world.run_for(Duration::from_secs(1));
    assert_eq!(*locked(&asked), 2, "it arrived although its caller is dead");
}
