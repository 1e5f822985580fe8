//! Steps whose events are stored with their result: both or neither.

use crate::shop::{Books, close, id, open};
use sagalog::{
    Append, EngineRuntime, EventType, ExpectedRevision, NewEvent, Read, ReadError, Revision,
    SagaOutcome, Settled, Store, StreamId,
    definition::{Definition, Outcome, Saga, StepCx, step_fn},
    saga::{Effect, Retry},
};
use sagalog_testkit::{SimDisk, World};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

fn stock() -> StreamId {
    StreamId::parse("stock-7").expect("a name")
}

fn taken() -> NewEvent {
    NewEvent::new(EventType::parse("StockTaken").expect("a type"), "1")
}

/// Takes from the stock at the revision that `look` returns.
fn taking(
    look: impl Fn(&StepCx) -> ExpectedRevision + Send + Sync + 'static,
) -> Definition<u64, u64> {
    let take = step_fn(Effect::Transactional, move |cx: StepCx, n: u64| {
        cx.append(stock(), look(&cx), taken());
        async move { Outcome::Done(n) }
    });
    let mut saga = Saga::<u64>::define("taking", 1);
    let take = saga
        .step("take", take)
        .needs_no_compensation()
        .retry(Retry::fixed(Duration::from_secs(1)).attempts(5))
        .takes(|n, ()| *n);
    saga.returns(take).build().expect("it is possible")
}

async fn count(store: &Store) -> usize {
    match store.read(Read::stream(stock())).collect().await {
        Ok(events) => events.len(),
        Err(ReadError::StreamNotFound(_)) => 0,
        Err(error) => panic!("{error}"),
    }
}

async fn live<R: EngineRuntime>(runtime: R, definition: Definition<u64, u64>) -> usize {
    let sagas = open(&runtime, [definition.code()]).await.expect("a crash does no harm");
    let outcome = sagas.run(&definition, id("taking-1"), &1).await.expect("runs");
    assert_eq!(outcome, SagaOutcome::Completed(1));
    let count = count(sagas.store()).await;
    close(sagas).await;
    count
}

#[test]
fn events_of_a_transactional_step_are_stored_once_whatever_operation_the_power_fails_before() {
    for op in 1.. {
        let world = World::new(op);
        let definition = taking(|_| ExpectedRevision::Any);
        let first = live(world.runtime(), definition.clone());
        let over = world.run_until_op(op, first).is_some();
        if !over {
            world.power_failure();
            world.disk(SimDisk::clear_halt);
        }
        let count = world.block_on(live(world.runtime(), definition));
        assert_eq!(count, 1, "the power failed before operation {op}");
        if over {
            assert!(op > 10, "a life has more operations than {op}");
            return;
        }
    }
}

#[test]
fn a_transactional_step_whose_stream_has_changed_decides_anew() {
    let world = World::new(1);
    let runtime = world.runtime();
    world.block_on(async {
        let attempts = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&attempts);
        let sequence =
            Mutex::new([ExpectedRevision::Exists, ExpectedRevision::NoStream].into_iter());
        let definition = taking(move |_| {
            seen.fetch_add(1, Ordering::Relaxed);
            sequence.lock().expect("no panic").next().unwrap_or(ExpectedRevision::Any)
        });
        let sagas = open(&runtime, [definition.code()]).await.expect("opens");
        let outcome = sagas.run(&definition, id("taking-1"), &1).await.expect("runs");
        assert_eq!(outcome, SagaOutcome::Completed(1));
        assert_eq!(attempts.load(Ordering::Relaxed), 2, "there was no stream the first time");
        assert_eq!(count(sagas.store()).await, 1);
        sagas.store().append(Append::new().event(stock(), taken())).await.expect("stores");
        close(sagas).await;
    });
}

/// A step that was done elsewhere is asked again, under its key, until its event is on record.
#[test]
fn a_keyed_step_whose_stream_has_changed_is_asked_again_under_its_key() {
    let world = World::new(1);
    let runtime = world.runtime();
    world.block_on(async {
        let books = Books::default();
        let bank = books.clone();
        let charge = step_fn(Effect::Keyed, move |cx: StepCx, n: u64| {
            bank.act(&cx);
            let first = cx.attempt() == 1;
            let expected = if first { ExpectedRevision::Exists } else { ExpectedRevision::Any };
            cx.append(stock(), expected, taken());
            async move { Outcome::Done(n) }
        });
        let mut saga = Saga::<u64>::define("charging", 1);
        let charge = saga
            .step("charge", charge)
            .needs_no_compensation()
            .retry(Retry::fixed(Duration::from_secs(1)).attempts(5))
            .takes(|n, ()| *n);
        let definition = saga.returns(charge).build().expect("it is possible");
        let sagas = open(&runtime, [definition.code()]).await.expect("opens");
        let outcome = sagas.run(&definition, id("charging-1"), &1).await.expect("runs");
        assert_eq!(outcome, SagaOutcome::Completed(1));
        assert_eq!(books.entry("charging-1/0/charge").asked, 2, "there was no stream at first");
        assert_eq!(count(sagas.store()).await, 1);
        let status = sagas.status(&id("charging-1")).await.expect("it is there");
        assert_eq!(status.steps[0].attempts, 2, "the first one counts, as ambiguous");
        close(sagas).await;
    });
}

/// Turns share appends, and a guard speaks of what was there before its append.
#[test]
fn sagas_that_write_to_one_stream_do_not_pass_each_other() {
    const SAGAS: usize = 20;
    let world = World::new(3);
    let runtime = world.runtime();
    world.block_on(async {
        let seen = Arc::new(Mutex::new(None::<Store>));
        let store = Arc::clone(&seen);
        let take = step_fn(Effect::Transactional, move |cx: StepCx, n: u64| {
            let store = store.lock().expect("nobody panics").clone().expect("it is open");
            async move {
                let before = count(&store).await;
                if before == SAGAS / 2 {
                    return Outcome::rejected("sold out");
                }
                let expected = match before.checked_sub(1) {
                    Some(last) => ExpectedRevision::Exact(Revision::new(last as u64)),
                    None => ExpectedRevision::NoStream,
                };
                cx.append(stock(), expected, taken());
                Outcome::Done(n)
            }
        });
        let mut saga = Saga::<u64>::define("taking", 1);
        let retry = Retry::fixed(Duration::from_millis(1));
        let take = saga.step("take", take).needs_no_compensation().retry(retry);
        let take = take.takes(|n, ()| *n);
        let definition = saga.returns(take).build().expect("it is possible");
        let sagas = open(&runtime, [definition.code()]).await.expect("opens");
        *seen.lock().expect("nobody panics") = Some(sagas.store().clone());
        for n in 0..SAGAS {
            sagas.start(&definition, id(&format!("taking-{n}")), &1).await.expect("starts");
        }
        let mut completed = 0;
        for n in 0..SAGAS {
            let settled = sagas.settled(&id(&format!("taking-{n}"))).await.expect("ends");
            completed += usize::from(matches!(settled, Settled::Completed(_)));
        }
        assert_eq!((completed, count(sagas.store()).await), (SAGAS / 2, SAGAS / 2));
        close(sagas).await;
    });
}

/// Two steps side by side end in one turn, so what they leave is one append.
#[test]
fn steps_of_one_saga_that_write_to_one_stream_do_not_pass_each_other() {
    let world = World::new(4);
    let runtime = world.runtime();
    world.block_on(async {
        let seen = Arc::new(Mutex::new(None::<Store>));
        let take = || {
            let store = Arc::clone(&seen);
            step_fn(Effect::Transactional, move |cx: StepCx, n: u64| {
                let store = store.lock().expect("nobody panics").clone().expect("it is open");
                async move {
                    let expected = match count(&store).await.checked_sub(1) {
                        None => ExpectedRevision::NoStream,
                        Some(0) => ExpectedRevision::Exact(Revision::new(0)),
                        Some(_) => return Outcome::rejected("sold out"),
                    };
                    cx.append(stock(), expected, taken());
                    Outcome::Done(n)
                }
            })
        };
        let mut saga = Saga::<u64>::define("taking", 1);
        let retry = Retry::fixed(Duration::from_millis(1));
        let mut step = |name| {
            let step = saga.step(name, take()).needs_no_compensation().retry(retry);
            step.takes(|n, ()| *n)
        };
        let (left, right) = (step("left"), step("right"));
        let both = step_fn(Effect::Pure, |_cx, n: u64| async move { Outcome::Done(n) });
        let both = saga.step("both", both).after((left, right)).takes(|_, (n, _)| n);
        let definition = saga.returns(both).build().expect("it is possible");
        let sagas = open(&runtime, [definition.code()]).await.expect("opens");
        *seen.lock().expect("nobody panics") = Some(sagas.store().clone());
        let outcome = sagas.run(&definition, id("taking-1"), &1).await.expect("runs");
        assert_eq!((outcome, count(sagas.store()).await), (SagaOutcome::Completed(1), 2));
        let status = sagas.status(&id("taking-1")).await.expect("it is there");
        let attempts: u32 = status.steps.iter().map(|step| step.attempts).sum();
        assert_eq!(attempts, 4, "one of the two was asked again");
        close(sagas).await;
    });
}
