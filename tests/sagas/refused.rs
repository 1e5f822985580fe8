//! A store that takes no appends for good: no space, or no file can be opened.
//!
//! Whoever waits is told why within the patience of the options, nothing of what was refused is
//! done, and what had begun before goes on once the cause has gone.

use crate::shop::{Books, id, options, order, ships};
use sagalog::{
    Append, AppendError, EventType, HealthReason, NewEvent, SagaError, SagaOptions, SagaOutcome,
    Sagas, Store, StreamId,
    definition::{Definition, Outcome, Saga, step_fn},
    runtime::{Clock as _, Tasks as _},
    saga::Effect,
};
use sagalog_testkit::{FaultKind, FaultPlan, SimDisk, VirtualRuntime, World};
use std::{future::Future, time::Duration};

const PATIENCE: Duration = Duration::from_secs(5);

/// What `asking` comes to, which has to be within the patience and a second attempt of the store.
async fn in_time<T>(runtime: &VirtualRuntime, asking: impl Future<Output = T>) -> T {
    let asked = runtime.now();
    let answer = asking.await;
    let took = runtime.now().since(asked);
    assert!(took < PATIENCE + Duration::from_secs(2), "it took {took:?}");
    answer
}

/// One step that ends while the store takes nothing.
fn minute(runtime: &VirtualRuntime) -> Definition<u64, u64> {
    let runtime = runtime.clone();
    let waits = step_fn(Effect::Keyed, move |_, n: u64| {
        let runtime = runtime.clone();
        async move {
            runtime.sleep(Duration::from_secs(20)).await;
            Outcome::Done(n)
        }
    });
    let mut saga = Saga::<u64>::define("minute", 1);
    let wait = saga.step("wait", waits).needs_no_compensation().takes(|n, ()| *n);
    saga.returns(wait).build().expect("it is possible")
}

/// Appends until the store takes nothing more, however small, which it has to say at once.
async fn fill(runtime: &VirtualRuntime, store: &Store) -> AppendError {
    let stream = StreamId::parse("filler-1").expect("a name");
    let kind = EventType::parse("Filled").expect("a name");
    let mut bytes = 30_000;
    loop {
        let event = NewEvent::new(kind.clone(), vec![b'x'; bytes]);
        let append = store.append(Append::new().event(stream.clone(), event));
        match in_time(runtime, append).await {
            Ok(_) => {}
            Err(error) if bytes == 0 => return error,
            Err(_) => bytes /= 2,
        }
    }
}

fn fills_the_disk(disk: &mut SimDisk) {
    disk.set_quota(Some(disk.used_bytes()));
}

fn takes_all_descriptors(disk: &mut SimDisk) {
    let rates = vec![(FaultKind::TooManyFiles, 1_000_000)];
    disk.set_faults(FaultPlan { rates, ..FaultPlan::default() }, 1);
}

#[test]
fn who_waits_for_a_store_that_takes_nothing_is_told_in_time_and_why() {
    for cause in [fills_the_disk, takes_all_descriptors] {
        let (world, books) = (World::new(1), Books::default());
        let runtime = world.runtime();
        let (order, minute) = (order(&books, ships()), minute(&runtime));
        world.block_on(async {
            let (store, _) = Store::open_with(&runtime, options()).await.expect("healthy");
            let definitions = [order.code(), minute.code()];
            let patient = SagaOptions::default().store_patience(PATIENCE);
            let sagas = Sagas::open_with(&runtime, &store, definitions, patient).await;
            let sagas = sagas.expect("healthy");
            let begun = sagas.start(&minute, id("minute-1"), &7).await.expect("there is room");
            world.disk(cause);
            let refusal = fill(&runtime, &store).await;
            assert!(refusal.is_retryable(), "{refusal}");

            let started = in_time(&runtime, sagas.start(&order, id("order-1"), &1)).await;
            assert!(matches!(started, Err(SagaError::Append(_))), "{:?}", started.map(drop));
            let run = in_time(&runtime, sagas.run(&order, id("order-2"), &1)).await;
            assert!(matches!(run, Err(SagaError::Append(_))), "{run:?}");
            let minute_1 = id("minute-1");
            let cancelled = sagas.cancel(&minute_1, "ada", "too slow");
            let cancelled = in_time(&runtime, cancelled).await;
            assert!(matches!(cancelled, Err(SagaError::Append(_))), "{cancelled:?}");
            let reasons = store.health().reasons;
            let told = reasons.iter().any(|reason| matches!(reason, HealthReason::Unprepared(_)));
            assert!(told, "{reasons:?}");

            runtime.sleep(Duration::from_secs(30)).await;
            world.disk(|disk| {
                disk.set_quota(None);
                disk.heal();
            });
            drop(begun);
            let outcome = sagas.run(&minute, id("minute-1"), &7).await.expect("there is room");
            assert_eq!(outcome, SagaOutcome::Completed(7), "the cancellation was refused");
            assert_eq!(books.standing("order-1"), [""; 0], "it was refused");
            let outcome = sagas.run(&order, id("order-1"), &1).await.expect("there is room");
            assert_eq!(outcome, SagaOutcome::Completed("parcel".to_owned()));
            sagas.close(Duration::from_secs(1)).await.expect("nothing is wrong");
            store.close().await.expect("nothing is wrong");
        });
    }
}

/// Closing waits no longer than its grace, and what is durable already is closed in order.
#[test]
fn a_store_that_takes_nothing_is_closed_in_time() {
    for cause in [fills_the_disk, takes_all_descriptors] {
        let (world, books) = (World::new(1), Books::default());
        let runtime = world.runtime();
        let order = order(&books, ships());
        world.block_on(async {
            let (store, _) = Store::open_with(&runtime, options()).await.expect("healthy");
            let sagas = Sagas::open_with(&runtime, &store, [order.code()], SagaOptions::default());
            let sagas = sagas.await.expect("healthy");
            world.disk(cause);
            fill(&runtime, &store).await;
            let starting = sagas.clone();
            let starts = async move {
                let _ = starting.start(&order, id("order-1"), &1).await;
            };
            runtime.spawn_light(starts).expect("a task");
            runtime.sleep(Duration::from_millis(500)).await;
            in_time(&runtime, sagas.close(Duration::from_secs(1))).await.expect("it ends");
            in_time(&runtime, store.close()).await.expect("in order");
        });
    }
}
