//! Bad input: a typed error each, and nothing lost.

use crate::shop::{Books, close, id, open, order, order_of, ships};
use sagalog::{
    Append, EventType, NewEvent, NewSaga, SagaError, SagaOutcome, StreamId, WaitReason,
    definition::{Outcome, Saga, step_fn},
    saga::{Effect, Operator, Retry, Verb},
};
use sagalog_testkit::World;
use std::sync::Arc;

#[test]
fn definitions_are_refused_when_they_are_registered() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let runtime = world.runtime();
        let first = order(&books, ships());
        let twice = open(&runtime, [first.code(), first.code()]).await;
        assert!(matches!(twice, Err(SagaError::DuplicateDefinition { .. })), "{twice:?}");

        close(open(&runtime, [first.code()]).await.expect("opens")).await;
        let mut saga = Saga::<u64>::define("order", 1);
        let pure = step_fn(Effect::Pure, |_, n: u64| async move { Outcome::Done(n) });
        let step = saga.step("another", pure).takes(|n, ()| *n);
        let changed = saga.returns(step).build().expect("it is possible");
        let refused = open(&runtime, [changed.code()]).await;
        assert!(matches!(refused, Err(SagaError::DefinitionChanged { .. })), "{refused:?}");
        close(open(&runtime, [first.code()]).await.expect("nothing was stored")).await;
    });
}

#[test]
fn what_is_not_there_is_said_not_to_be() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let nobody = id("nobody");
        let asked = sagas.settled(&nobody).await;
        assert!(matches!(asked, Err(SagaError::NotFound(_))), "{asked:?}");
        assert!(matches!(sagas.status(&nobody).await, Err(SagaError::NotFound(_))));
        assert!(matches!(sagas.cancel(&nobody, "a", "b").await, Err(SagaError::NotFound(_))));
        let verb = Operator { verb: Verb::Abort, principal: "a".into(), reason: "b".into() };
        assert!(matches!(sagas.operate(&nobody, verb).await, Err(SagaError::NotFound(_))));
        let other = order_of(&books, ships(), 9, Retry::never());
        let unknown = sagas.start(&other, id("order-1"), &1).await;
        assert!(matches!(unknown, Err(SagaError::UnknownDefinition { revision: 9, .. })));
        close(sagas).await;
    });
}

#[test]
fn an_input_that_the_store_does_not_take_is_refused_and_others_go_on() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let large = NewSaga {
            saga: id("large"),
            definition: "order".parse().expect("a name"),
            revision: 1,
            input: vec![b' '; 100 << 10].into(),
            trace_context: None,
        };
        let refused = sagas.run_encoded(large).await;
        assert!(matches!(refused, Err(SagaError::TooLarge { .. })), "{refused:?}");
        let outcome = sagas.run(&order, id("order-1"), &1).await.expect("runs");
        assert_eq!(outcome, SagaOutcome::Completed("parcel".to_owned()));
        close(sagas).await;
    });
}

#[test]
fn an_output_that_the_store_does_not_take_is_compensated_and_others_go_on() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let large: String = "x".repeat(100 << 10);
        let order = order(&books, Arc::new(move |_| Outcome::Done(large.clone())));
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let outcome = sagas.run(&order, id("order-1"), &1).await.expect("runs");
        assert!(matches!(outcome, SagaOutcome::Aborted { .. }), "{outcome:?}");
        assert!(books.standing("order-1").is_empty());
        close(sagas).await;
    });
}

#[test]
fn an_input_that_does_not_decode_leaves_the_saga_stuck_and_visible() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let strange = NewSaga {
            saga: id("strange"),
            definition: "order".parse().expect("a name"),
            revision: 1,
            input: "no number".into(),
            trace_context: None,
        };
        let settled = sagas.run_encoded(strange).await.expect("starts");
        let sagalog::Settled::Stuck(steps) = settled else { panic!("{settled:?}") };
        let reason = steps[0].failure.as_ref().expect("there is a reason").to_string();
        assert!(reason.contains("reserve"), "it names the step: {reason}");
        close(sagas).await;
    });
}

#[test]
fn a_journal_of_a_newer_version_waits_and_is_left_as_it_is() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let runtime = world.runtime();
        let sagas = open(&runtime, [order.code()]).await.expect("opens");
        // The version stands in the first byte.
        let newer =
            NewEvent::new(EventType::parse("SagaBegun").expect("a type"), vec![99_u8, 0, 0]);
        let stream = StreamId::system("$saga-future").expect("a system stream");
        sagas.store().append(Append::new().event(stream, newer)).await.expect("stores");
        close(sagas).await;

        let sagas = open(&runtime, [order.code()]).await.expect("opens");
        let waiting = sagas.waiting().await.expect("answers");
        assert!(matches!(waiting[..], [(_, WaitReason::Journal(_))]), "{waiting:?}");
        let asked = sagas.settled(&id("future")).await.expect_err("nobody works on it");
        assert!(asked.to_string().contains("version 99"), "{asked}");
        close(sagas).await;
    });
}
