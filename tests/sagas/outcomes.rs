//! How sagas end, and what stands outside then.

use crate::shop::{Books, close, id, open, order, order_of, refuses, ships};
use sagalog::{
    SagaOutcome,
    definition::Outcome,
    saga::{Cause, Operator, Retry, Side, Verb, VerbRefused},
};
use sagalog_testkit::World;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

#[test]
fn a_saga_whose_steps_are_done_completes_with_its_output() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let outcome = sagas.run(&order, id("order-1"), &1250).await.expect("runs");
        assert_eq!(outcome, SagaOutcome::Completed("parcel".to_owned()));
        assert_eq!(books.standing("order-1"), ["charge", "reserve", "ship"]);
        close(sagas).await;
    });
}

#[test]
fn a_refused_saga_is_compensated_in_reverse_and_says_that_it_was_rejected() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, refuses());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let outcome = sagas.run(&order, id("order-1"), &1250).await.expect("runs");
        let reason = "ship: no carrier".into();
        assert_eq!(outcome, SagaOutcome::Aborted { cause: Cause::Rejected, reason });
        assert!(books.standing("order-1").is_empty());
        assert_eq!(books.entry("order-1/0/ship").compensated, 0, "it certainly had no effect");
        close(sagas).await;
    });
}

#[test]
fn a_panic_is_a_failure_of_its_attempt_and_nothing_more() {
    let (world, books) = (World::new(1), Books::default());
    let attempts = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&attempts);
    world.block_on(async {
        let order = order(
            &books,
            Arc::new(move |_| match seen.fetch_add(1, Ordering::Relaxed) {
                0 => panic!("planted"),
                _ => Outcome::Done("parcel".into()),
            }),
        );
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let outcome = sagas.run(&order, id("order-1"), &1).await.expect("runs");
        assert_eq!(outcome, SagaOutcome::Completed("parcel".to_owned()));
        close(sagas).await;
    });
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
}

#[test]
fn what_may_have_happened_is_compensated_without_its_output() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, Arc::new(|_| Outcome::ambiguous("the line went dead")));
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let outcome = sagas.run(&order, id("order-1"), &1).await.expect("runs");
        assert!(
            matches!(outcome, SagaOutcome::Aborted { cause: Cause::Failed, .. }),
            "{outcome:?}"
        );
        assert_eq!(books.entry("order-1/0/ship").compensated, 1);
        close(sagas).await;
    });
}

#[test]
fn a_step_that_never_answers_times_out_and_may_have_happened() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let definition = hanging(&books);
        let sagas = open(&world.runtime(), [definition.code()]).await.expect("opens");
        let outcome = sagas.run(&definition, id("order-1"), &1).await.expect("runs");
        assert!(matches!(outcome, SagaOutcome::Aborted { .. }), "{outcome:?}");
        assert_eq!(books.entry("order-1/0/hang").compensated, 1);
        close(sagas).await;
    });
    assert!(world.elapsed() >= Duration::from_secs(10), "two attempts of five seconds each");
}

fn hanging(books: &Books) -> sagalog::definition::Definition<u64, u64> {
    use sagalog::{
        definition::{Saga, step_fn},
        saga::Effect,
    };
    let mut saga = Saga::<u64>::define("hanging", 1);
    let hangs = step_fn(Effect::Keyed, |_, _: u64| async {
        std::future::pending::<()>().await;
        Outcome::Done(1_u64)
    });
    let books = books.clone();
    let hang = saga
        .step("hang", hangs)
        .compensation_fn(move |cx, _, _| {
            books.compensate(&cx);
            async { Outcome::Done(()) }
        })
        .timeout(Duration::from_secs(5))
        .retry(Retry::fixed(Duration::ZERO).attempts(2))
        .takes(|n, ()| *n);
    saga.returns(hang).build().expect("it is possible")
}

#[test]
fn a_cancelled_saga_is_compensated_and_a_second_cancellation_is_the_first() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let patient = Retry::fixed(Duration::from_secs(60));
        let order = order_of(&books, Arc::new(|_| Outcome::retry("later")), 1, patient);
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let handle = sagas.start(&order, id("order-1"), &1).await.expect("starts");
        while books.standing("order-1").len() < 2 {
            sagalog_testkit::yield_now().await;
        }
        sagas.cancel(&id("order-1"), "ada", "changed her mind").await.expect("accepted");
        let outcome = handle.outcome().await.expect("ends");
        let reason = "changed her mind".into();
        assert_eq!(outcome, SagaOutcome::Aborted { cause: Cause::Cancelled, reason });
        assert!(books.standing("order-1").is_empty());
        let again = sagas.cancel(&id("order-1"), "ada", "again").await;
        assert!(matches!(again, Err(sagalog::SagaError::Refused(VerbRefused::Ended(_)))));
        close(sagas).await;
    });
}

#[test]
fn a_compensation_that_cannot_finish_is_stuck_until_an_operator_retries_it() {
    let (world, books) = (World::new(1), Books::default());
    let mended = Arc::new(AtomicU32::new(0));
    world.block_on(async {
        let definition = stubborn(&books, &mended);
        let sagas = open(&world.runtime(), [definition.code()]).await.expect("opens");
        let outcome = sagas.run(&definition, id("order-1"), &1).await.expect("runs");
        let SagaOutcome::Stuck(steps) = outcome else { panic!("{outcome:?}") };
        assert_eq!((steps[0].step.as_str(), steps[0].side), ("pay", Side::Compensation));
        assert_eq!((steps.len(), steps[0].attempts), (1, 2));
        assert_eq!(sagas.stuck().await.expect("answers").len(), 1);

        let verb = Verb::Complete(Some(vec![b' '; 100 << 10].into()));
        let large = Operator { verb, principal: "ada".into(), reason: "by hand".into() };
        let refused = sagas.operate(&id("order-1"), large).await;
        assert!(matches!(refused, Err(sagalog::SagaError::TooLarge { .. })), "{refused:?}");

        mended.store(1, Ordering::Relaxed);
        let verb = Verb::Retry;
        let operator = Operator { verb, principal: "ada".into(), reason: "bank is back".into() };
        sagas.operate(&id("order-1"), operator.clone()).await.expect("accepted");
        let settled = sagas.run(&definition, id("order-1"), &1).await.expect("ends");
        assert!(matches!(settled, SagaOutcome::Aborted { .. }), "{settled:?}");
        assert!(sagas.stuck().await.expect("answers").is_empty());
        let late = sagas.operate(&id("order-1"), operator).await;
        assert!(matches!(late, Err(sagalog::SagaError::Refused(VerbRefused::Ended(_)))));
        close(sagas).await;
    });
}

fn stubborn(books: &Books, mended: &Arc<AtomicU32>) -> sagalog::definition::Definition<u64, u64> {
    use sagalog::{
        definition::{Saga, step_fn},
        saga::Effect,
    };
    let (books, mended) = (books.clone(), Arc::clone(mended));
    let mut saga = Saga::<u64>::define("stubborn", 1);
    let pays = step_fn(Effect::Keyed, |_, n: u64| async move { Outcome::Done(n) });
    let pay = saga
        .step("pay", pays)
        .compensation_fn(move |cx, _, _| {
            let back = mended.load(Ordering::Relaxed) > 0;
            if back {
                books.compensate(&cx);
            }
            async move { if back { Outcome::Done(()) } else { Outcome::retry("bank is down") } }
        })
        .compensation_retry(Retry::fixed(Duration::from_secs(1)).attempts(2))
        .takes(|n, ()| *n);
    let fails = step_fn(Effect::Pure, |_, _: u64| async { Outcome::<u64>::failed("no stock") });
    let fail = saga.step("fail", fails).after(pay).takes(|_, n| n);
    saga.returns(fail).build().expect("it is possible")
}
