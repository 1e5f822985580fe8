//! What sagas wait for: attempts that are under way, and delays that outlive the machine.

use crate::shop::{Books, close, id, open, order_of, ships};
use sagalog::{
    Read, SagaOutcome, StreamId,
    definition::{Definition, Outcome, Saga, step_fn},
    runtime::Clock as _,
    saga::{Cause, Effect, Record, Retry, decode_turn},
};
use sagalog_testkit::{VirtualRuntime, World};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What happened outside, in order.
#[derive(Clone, Debug, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `first`, then `slow`, which takes ten seconds, then `last`.
fn slow(runtime: &VirtualRuntime, diary: &Diary) -> Definition<u64, u64> {
    let acts = |name: &'static str, seconds: u64| {
        let (runtime, diary) = (runtime.clone(), diary.clone());
        step_fn(Effect::Keyed, move |_, n: u64| {
            let (runtime, diary) = (runtime.clone(), diary.clone());
            async move {
                diary.note(format!("{name} begins"));
                runtime.sleep(Duration::from_secs(seconds)).await;
                diary.note(format!("{name} ends"));
                Outcome::Done(n)
            }
        })
    };
    let answers = |name: &'static str| {
        let diary = diary.clone();
        move |_, _, _| {
            diary.note(format!("{name} is answered"));
            async { Outcome::Done(()) }
        }
    };
    let mut saga = Saga::<u64>::define("slow", 1);
    let first =
        saga.step("first", acts("first", 0)).compensation_fn(answers("first")).takes(|n, ()| *n);
    let slow = saga
        .step("slow", acts("slow", 10))
        .after(first)
        .compensation_fn(answers("slow"))
        .takes(|_, n| n);
    let last = saga
        .step("last", acts("last", 0))
        .after(slow)
        .compensation_fn(answers("last"))
        .takes(|_, n| n);
    saga.returns(last).build().expect("it is possible")
}

#[test]
fn a_saga_turns_back_only_when_its_attempts_have_ended() {
    let (world, diary) = (World::new(1), Diary::default());
    let runtime = world.runtime();
    world.block_on(async {
        let definition = slow(&runtime, &diary);
        let sagas = open(&runtime, [definition.code()]).await.expect("opens");
        let handle = sagas.start(&definition, id("slow-1"), &1).await.expect("starts");
        runtime.sleep(Duration::from_secs(5)).await;
        assert_eq!(diary.read(), ["first begins", "first ends", "slow begins"]);
        sagas.cancel(&id("slow-1"), "ada", "not wanted").await.expect("accepted");
        let outcome = handle.outcome().await.expect("ends");
        let reason = "not wanted".into();
        assert_eq!(outcome, SagaOutcome::Aborted { cause: Cause::Cancelled, reason });
        let after = &diary.read()[3..];
        assert_eq!(after, ["slow ends", "slow is answered", "first is answered"]);

        let stream = StreamId::system("$saga-slow-1").expect("a system stream");
        let turns = sagas.store().read(Read::stream(stream)).collect().await.expect("reads");
        let records = turns.iter().map(|turn| decode_turn(&turn.payload()).expect("a turn"));
        let wishes = records.flatten().filter_map(|record| match record {
            Record::CancelAsked { principal, reason } => Some((principal, reason)),
            _ => None,
        });
        assert_eq!(wishes.collect::<Vec<_>>(), [("ada".into(), "not wanted".into())]);
        close(sagas).await;
    });
}

#[test]
fn a_delay_goes_on_over_a_crash() {
    let (world, books) = (World::new(1), Books::default());
    let patient = Retry::fixed(Duration::from_secs(600));
    let runtime = world.runtime();
    let busy = order_of(&books, Arc::new(|_| Outcome::retry("later")), 1, patient);
    world.block_on(async {
        let sagas = open(&runtime, [busy.code()]).await.expect("opens");
        sagas.start(&busy, id("order-1"), &1).await.expect("starts");
        runtime.sleep(Duration::from_secs(400)).await;
    });
    world.crash_process();
    let runtime = world.runtime();
    let order = order_of(&books, ships(), 1, patient);
    world.block_on(async {
        let sagas = open(&runtime, [order.code()]).await.expect("opens");
        let outcome = sagas.run(&order, id("order-1"), &1).await.expect("ends");
        assert_eq!(outcome, SagaOutcome::Completed("parcel".to_owned()));
        close(sagas).await;
    });
    let took = world.elapsed();
    let expected = Duration::from_secs(600)..Duration::from_secs(610);
    assert!(expected.contains(&took), "the second attempt came after {took:?}");
}
