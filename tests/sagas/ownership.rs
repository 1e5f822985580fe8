//! Who may act: one executor, and only for definitions that it has.

use crate::shop::{Books, close, id, open, options, order, order_of, ships};
use sagalog::{
    Read, SagaError, SagaOptions, SagaOutcome, Sagas, Store, StreamId, WaitReason,
    definition::{Code, Outcome},
    inspect::salvage,
    runtime::Clock as _,
    saga::Retry,
};
use sagalog_testkit::{SharedDisk, SimDisk, World};
use std::{sync::Arc, time::Duration};

#[test]
fn a_second_start_joins_the_first_also_after_its_end_and_another_input_is_a_conflict() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let first = sagas.start(&order, id("order-1"), &1).await.expect("starts");
        let second = sagas.start(&order, id("order-1"), &1).await.expect("joins");
        let other = sagas.start(&order, id("order-1"), &2).await;
        assert!(matches!(other, Err(SagaError::Conflict(_))), "{other:?}");
        assert_eq!(first.outcome().await.expect("ends"), second.outcome().await.expect("ends"));
        let late = sagas.run(&order, id("order-1"), &1).await.expect("joins what has ended");
        assert_eq!(late, SagaOutcome::Completed("parcel".to_owned()));
        let other = sagas.start(&order, id("order-1"), &2).await;
        assert!(matches!(other, Err(SagaError::Conflict(_))), "{other:?}");
        assert_eq!(books.entry("order-1/0/charge").asked, 1);
        close(sagas).await;
    });
}

#[test]
fn of_two_executors_the_later_one_acts_and_the_earlier_one_is_told() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let runtime = world.runtime();
        let (store, _) = Store::open_with(&runtime, options()).await.expect("opens");
        let open = || Sagas::open_with(&runtime, &store, [order.code()], SagaOptions::default());
        let first = open().await.expect("opens");
        let second = open().await.expect("takes over");
        let refused = first.start(&order, id("order-1"), &1).await;
        assert!(matches!(refused, Err(SagaError::Fenced)), "{refused:?}");
        let outcome = second.run(&order, id("order-1"), &1).await.expect("runs");
        assert_eq!(outcome, SagaOutcome::Completed("parcel".to_owned()));
        let refused = first.stats().await;
        assert!(matches!(refused, Err(SagaError::Fenced)), "{refused:?}");
    });
}

#[test]
fn a_saga_whose_definition_is_missing_waits_and_goes_on_when_it_is_back() {
    let (world, books) = (World::new(1), Books::default());
    let runtime = world.runtime();
    let patient = Retry::fixed(Duration::from_secs(60));
    let old = order_of(&books, Arc::new(|_| Outcome::retry("later")), 1, patient);
    let new = order_of(&books, ships(), 2, patient);
    world.block_on(async {
        let sagas = open(&runtime, [old.code()]).await.expect("opens");
        sagas.start(&old, id("order-1"), &1).await.expect("starts");
        runtime.sleep(Duration::from_secs(1)).await;
        close(sagas).await;

        let sagas = open(&runtime, [new.code()]).await.expect("opens");
        let waiting = sagas.waiting().await.expect("answers");
        assert!(matches!(waiting[..], [(_, WaitReason::Definition { revision: 1, .. })]));
        let asked = sagas.settled(&id("order-1")).await;
        assert!(matches!(asked, Err(SagaError::Waiting { .. })), "{asked:?}");
        close(sagas).await;

        let back = order_of(&books, ships(), 1, patient);
        let sagas = open(&runtime, [back.code(), new.code()]).await.expect("opens");
        let outcome = sagas.run(&back, id("order-1"), &1).await.expect("ends");
        assert_eq!(outcome, SagaOutcome::Completed("parcel".to_owned()));
        close(sagas).await;
    });
}

#[test]
fn a_drain_stores_what_ends_in_time_and_leaves_the_rest_to_the_next_executor() {
    let (world, books) = (World::new(1), Books::default());
    let runtime = world.runtime();
    world.block_on(async {
        let slow = slow(&runtime);
        let (store, _) = Store::open_with(&runtime, options()).await.expect("opens");
        let open = || Sagas::open_with(&runtime, &store, [slow.clone()], SagaOptions::default());
        let sagas = open().await.expect("opens");
        for number in 0..50_u64 {
            let saga = id(&format!("slow-{number}"));
            sagas.start_encoded(new_saga(saga, number)).await.expect("starts");
        }
        let late = sagas.clone();
        let before = runtime.now();
        sagas.close(Duration::from_secs(5)).await.expect("drains");
        let took = runtime.now().since(before);
        assert!(took <= Duration::from_secs(6), "it drained for {took:?}");
        let refused = late.start_encoded(new_saga(id("slow-99"), 1)).await;
        assert!(matches!(refused, Err(SagaError::Closing)), "{refused:?}");

        let sagas = open().await.expect("opens");
        let left = sagas.stats().await.expect("answers").unfinished;
        assert!((40..50).contains(&left), "{left} sagas are left of 50");
        for number in 0..50_u64 {
            sagas.settled(&id(&format!("slow-{number}"))).await.expect("ends");
        }
        sagas.close(Duration::from_secs(60)).await.expect("nothing is wrong");
        drop(books);
    });
}

/// The list of unfinished sagas names positions of its own log, so it stays behind when the store
/// is salvaged: an executor of the copy finds the sagas by their journals.
#[test]
fn unfinished_sagas_of_a_salvaged_store_go_on() {
    let world = World::new(1);
    let source = world.runtime();
    let copy = source.add_machine(SharedDisk::new(SimDisk::new()));
    world.block_on(async {
        let (store, _) = Store::open_with(&source, options()).await.expect("opens");
        let executor = || SagaOptions::default();
        let sagas = Sagas::open_with(&source, &store, [slow(&source)], executor()).await;
        let sagas = sagas.expect("opens");
        sagas.start_encoded(new_saga(id("slow"), 500)).await.expect("starts");
        for number in 0..5_100 {
            let quick = id(&format!("quick-{number}"));
            sagas.start_encoded(new_saga(quick.clone(), 0)).await.expect("starts");
            sagas.settled(&quick).await.expect("ends");
        }
        sagas.close(Duration::ZERO).await.expect("drains");
        assert!(lists(&store).await > 0, "no list was stored");
        store.close().await.expect("in order");
        let made = || Ok::<_, std::io::Error>(copy.clone());
        salvage(&source, made, &mut |_| {}).await.expect("nothing is lost");

        let (store, _) = Store::open_with(&copy, options()).await.expect("opens");
        assert_eq!(lists(&store).await, 0, "a list of the source is in the copy");
        let sagas = Sagas::open_with(&copy, &store, [slow(&copy)], executor()).await;
        let sagas = sagas.expect("opens");
        assert_eq!(sagas.stats().await.expect("answers").unfinished, 1);
        sagas.settled(&id("slow")).await.expect("ends");
        sagas.close(Duration::from_secs(60)).await.expect("nothing is wrong");
    });
}

/// How many parts of lists of unfinished sagas the store has.
async fn lists(store: &Store) -> usize {
    let stream = StreamId::system("$sagas").expect("a system stream");
    let found = store.read(Read::stream(stream)).collect().await;
    found.map_or(0, |events| events.len())
}

fn new_saga(saga: sagalog::SagaId, seconds: u64) -> sagalog::NewSaga {
    sagalog::NewSaga {
        saga,
        definition: "slow".parse().expect("a name"),
        revision: 1,
        input: seconds.to_string().into(),
        trace_context: None,
    }
}

/// A saga of one step that takes as many seconds as its input says.
fn slow(runtime: &sagalog_testkit::VirtualRuntime) -> Arc<dyn Code> {
    use sagalog::{
        definition::{Saga, step_fn},
        saga::Effect,
    };
    let runtime = runtime.clone();
    let sleeps = step_fn(Effect::Pure, move |_, seconds: u64| {
        let runtime = runtime.clone();
        async move {
            runtime.sleep(Duration::from_secs(seconds)).await;
            Outcome::Done(seconds)
        }
    });
    let mut saga = Saga::<u64>::define("slow", 1);
    let step = saga.step("sleep", sleeps).timeout(Duration::from_secs(600)).takes(|n, ()| *n);
    saga.returns(step).build().expect("it is possible").code()
}
