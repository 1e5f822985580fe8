//! Every value that sagas take: refused where it is given, or lived with, across a restart too.
//!
//! The invariant: no policy, moment, name or text keeps the sagas of a store from opening, and
//! neither does what somebody else wrote where sagas keep their books.

use crate::shop::{Books, close, id, open, order, ships};
use sagalog::{
    Append, EventType, NewEvent, NewSaga, SagaError, SagaReader, StreamId,
    definition::{Definition, Outcome, Saga, StepCx, step_fn},
    limits::{OUTPUT_BYTES_MAX, TRACE_BYTES_MAX},
    runtime::Clock as _,
    saga::{Effect, Operator, Retry, Verb, vocabulary::FAILURE_BYTES_MAX},
};
use sagalog_testkit::World;
use std::time::Duration;

/// Lengths of time at which encodings and clocks end.
const DURATIONS: [Duration; 9] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_nanos(255),
    Duration::from_nanos(256),
    Duration::from_millis(1),
    Duration::from_secs(1),
    Duration::from_nanos(u64::MAX),
    Duration::from_secs(u64::MAX),
    Duration::MAX,
];

/// How attempts may be repeated, at the edges.
fn retries() -> Vec<Retry> {
    let mut retries = vec![Retry::never(), Retry::default(), Retry::for_compensation()];
    for delay in DURATIONS {
        for attempts in [0, 1, 2, 255, 256, u32::MAX] {
            retries.push(Retry::fixed(delay).attempts(attempts));
        }
        for factor in [0, 1, u32::MAX] {
            retries.push(Retry::exponential(delay, Duration::MAX).factor(factor).attempts(3));
            retries.push(Retry::exponential(Duration::MAX, delay).factor(factor));
        }
    }
    retries
}

/// A saga whose first attempts are to be repeated `asked` later, and which then ends well.
fn hesitant(
    revision: u32,
    retry: Retry,
    timeout: Duration,
    (asked, deadline): (Option<Duration>, Option<Duration>),
) -> Definition<u64, u64> {
    let mut saga = Saga::<u64>::define("edge", revision);
    let tries = move |cx: StepCx, n: u64| async move {
        match (cx.attempt(), asked) {
            (1, Some(later)) => Outcome::retry_after("not yet", later),
            (1, None) => Outcome::retry("not yet"),
            _ => Outcome::Done(n),
        }
    };
    let step = saga
        .step("step", step_fn(Effect::Keyed, tries))
        .compensation_fn(|_, _, _| async { Outcome::Done(()) })
        .retry(retry)
        .compensation_retry(retry)
        .timeout(timeout)
        .savepoint(u32::MAX)
        .takes(|n, ()| *n);
    let returning = saga.returns(step);
    let returning = match deadline {
        Some(deadline) => returning.deadline(deadline),
        None => returning,
    };
    returning.build().expect("it is possible")
}

/// Starts the saga, lets time pass, opens the sagas again, and looks at it in every way.
fn lives(definition: &Definition<u64, u64>) {
    let world = World::new(1);
    let runtime = world.runtime();
    world.block_on(async {
        let sagas = open(&runtime, [definition.code()]).await.expect("opens");
        sagas.start(definition, id("edge-1"), &1).await.expect("starts");
        runtime.sleep(Duration::from_secs(2)).await;
        let store = sagas.store().clone();
        sagas.close(Duration::ZERO).await.expect("closes");
        store.close().await.expect("closes");

        let sagas = open(&runtime, [definition.code()]).await.expect("opens again");
        assert_eq!(sagas.waiting().await.expect("answers"), [], "its journal is understood");
        let status = sagas.status(&id("edge-1")).await.expect("it is known");
        let reader: SagaReader = sagas.reader();
        let explained = reader.explain(&id("edge-1")).await.expect("readable");
        let mut turns = reader.timeline(&id("edge-1")).await.expect("readable");
        let mut count = 0;
        while turns.next().await.expect("readable").is_some() {
            count += 1;
        }
        assert!(count > 0, "{status:?} {explained:?}");
        // Whatever it waits for, a person can end it.
        match sagas.cancel(&id("edge-1"), "ada", "enough").await {
            Ok(()) | Err(SagaError::Refused(_)) => {}
            Err(error) => panic!("{error}"),
        }
        close(sagas).await;
    });
}

#[test]
fn every_policy_is_lived_with() {
    let minute = Duration::from_secs(60);
    for (nth, retry) in retries().into_iter().enumerate() {
        let revision = [0, 1, 255, 256, u32::MAX - 1, u32::MAX][nth % 6];
        lives(&hesitant(revision, retry, minute, (None, None)));
    }
}

#[test]
fn every_length_of_time_is_lived_with() {
    let retry = Retry::exponential(Duration::from_millis(1), Duration::MAX);
    for length in DURATIONS {
        if !length.is_zero() {
            lives(&hesitant(1, retry, length, (None, None)));
        }
        lives(&hesitant(1, retry, Duration::from_secs(60), (Some(length), None)));
        lives(&hesitant(1, retry, Duration::from_secs(60), (None, Some(length))));
        lives(&hesitant(1, retry, Duration::from_secs(60), (Some(length), Some(length))));
    }
}

#[test]
fn texts_that_a_journal_does_not_keep_whole_are_refused() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        let traced = |bytes: usize| NewSaga {
            saga: id(&format!("traced-{bytes}")),
            definition: "order".parse().expect("a name"),
            revision: 1,
            input: "1".into(),
            trace_context: Some("x".repeat(bytes).into()),
        };
        sagas.start_encoded(traced(TRACE_BYTES_MAX)).await.expect("it fits");
        let longer = sagas.start_encoded(traced(TRACE_BYTES_MAX + 1)).await;
        assert!(matches!(longer, Err(SagaError::TooLarge { limit: TRACE_BYTES_MAX, .. })));
        let longer = "ä".repeat(FAILURE_BYTES_MAX / 2 + 1);
        for (principal, reason) in [("ada", longer.as_str()), (longer.as_str(), "enough")] {
            let cancelled = sagas.cancel(&id("traced-255"), principal, reason).await;
            assert!(
                matches!(cancelled, Err(SagaError::TooLarge { limit: FAILURE_BYTES_MAX, .. })),
                "{cancelled:?}"
            );
        }
        let output = vec![b' '; OUTPUT_BYTES_MAX + 1];
        let verb = Verb::Complete(Some(output.into()));
        let operator = Operator { verb, principal: "ada".into(), reason: "enough".into() };
        let completed = sagas.operate(&id("traced-255"), operator).await;
        assert!(matches!(completed, Err(SagaError::TooLarge { .. })), "{completed:?}");
        close(sagas).await;
    });
}

/// What somebody else wrote to the books of sagas, or a newer program, is left alone; the sagas
/// that are understood go on.
#[test]
fn no_foreign_event_keeps_the_sagas_from_opening() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let runtime = world.runtime();
        let sagas = open(&runtime, [order.code()]).await.expect("opens");
        sagas.start(&order, id("order-1"), &1).await.expect("starts");
        for name in ["$sagas", "$saga_definitions", "$saga-strange", "$saga-order-9"] {
            for payload in [&b""[..], b"\x63", b"\x01", b"nonsense"] {
                let noted = EventType::parse("Noted").expect("a type");
                let stream = StreamId::system(name).expect("a system stream");
                let append = Append::new().event(stream, NewEvent::new(noted, payload.to_vec()));
                sagas.store().append(append).await.expect("stores");
            }
        }
        close(sagas).await;
        let sagas = open(&runtime, [order.code()]).await.expect("opens all the same");
        let strange = sagas.waiting().await.expect("answers");
        let names: Vec<&str> = strange.iter().map(|(saga, _)| saga.as_str()).collect();
        assert_eq!(names, ["order-9", "strange"]);
        sagas.run(&order, id("order-1"), &1).await.expect("it goes on");
        sagas.run(&order, id("order-2"), &2).await.expect("others begin");
        close(sagas).await;
        close(open(&runtime, [order.code()]).await.expect("and again")).await;
    });
}
