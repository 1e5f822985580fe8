//! How little a journal costs, and that ended sagas cost nothing.

use crate::shop::{Books, close, id, open, order, order_of, refuses, ships};
use sagalog::{
    Read, SagaOutcome, Sagas, StreamId,
    definition::Outcome,
    saga::{Record, Retry, decode_turn},
};
use sagalog_testkit::{Operation, World};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

async fn journal(sagas: &Sagas, saga: &str) -> Vec<Vec<Record>> {
    let stream = StreamId::system(&format!("$saga-{saga}")).expect("a system stream");
    let events = sagas.store().read(Read::stream(stream)).collect().await.expect("reads");
    events.iter().map(|event| decode_turn(&event.payload()).expect("a turn")).collect()
}

#[test]
fn a_successful_saga_of_three_steps_is_four_turns() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        sagas.run(&order, id("order-1"), &1).await.expect("runs");
        let journal = journal(&sagas, "order-1").await;
        assert_eq!(journal.len(), 4, "{journal:#?}");
        assert!(matches!(journal[3][..], [Record::Done { .. }, Record::Ended(_)]));
        close(sagas).await;
    });
}

#[test]
fn a_compensated_saga_of_three_steps_is_six_turns() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, refuses());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        sagas.run(&order, id("order-1"), &1).await.expect("runs");
        let journal = journal(&sagas, "order-1").await;
        assert_eq!(journal.len(), 6, "{journal:#?}");
        assert!(matches!(journal[3][..], [Record::Failed { .. }, Record::AbortDecided { .. }]));
        assert!(matches!(journal[5][..], [Record::Compensated { .. }, Record::Ended(_)]));
        close(sagas).await;
    });
}

#[test]
fn a_sequential_step_waits_for_one_sync_at_most() {
    let (world, books) = (World::new(1), Books::default());
    world.block_on(async {
        let order = order(&books, ships());
        let sagas = open(&world.runtime(), [order.code()]).await.expect("opens");
        world.disk(|disk| disk.keep_events(1_000));
        sagas.run(&order, id("order-1"), &1).await.expect("runs");
        let sync = |operation| operation == Operation::Sync;
        let syncs = world.disk(|disk| disk.events().filter(|event| sync(event.operation)).count());
        assert!(syncs <= 4, "{syncs} syncs for a beginning and three steps");
        close(sagas).await;
    });
}

#[test]
fn a_long_journal_is_begun_anew_with_a_checkpoint_and_reads_the_same() {
    let (world, books) = (World::new(1), Books::default());
    let attempts = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&attempts);
    let order = order_of(
        &books,
        Arc::new(move |_| match seen.fetch_add(1, Ordering::Relaxed) {
            0..200 => Outcome::retry("later"),
            _ => Outcome::Done("parcel".into()),
        }),
        1,
        Retry::fixed(Duration::from_secs(1)),
    );
    let runtime = world.runtime();
    world.block_on(async {
        let sagas = open(&runtime, [order.code()]).await.expect("opens");
        sagas.start(&order, id("order-1"), &1).await.expect("starts");
        while attempts.load(Ordering::Relaxed) < 150 {
            sagalog_testkit::yield_now().await;
            sagalog::runtime::Clock::sleep(&runtime, Duration::from_secs(1)).await;
        }
        let checkpoints = journal(&sagas, "order-1").await;
        let checkpoint =
            |turn: &&Vec<Record>| turn.iter().any(|record| matches!(record, Record::Checkpoint(_)));
        assert!(checkpoints.iter().filter(checkpoint).count() >= 2);
    });
    world.crash_process();
    let runtime = world.runtime();
    world.block_on(async {
        let sagas = open(&runtime, [order.code()]).await.expect("opens");
        let outcome = sagas.run(&order, id("order-1"), &1).await.expect("ends");
        assert_eq!(outcome, SagaOutcome::Completed("parcel".to_owned()));
        close(sagas).await;
    });
}

#[test]
fn ended_sagas_leave_nothing_in_memory_and_are_not_looked_at_again() {
    let (world, books) = (World::new(1), Books::default());
    let order = order(&books, ships());
    let runtime = world.runtime();
    world.block_on(async {
        let sagas = open(&runtime, [order.code()]).await.expect("opens");
        for number in 0..3_000 {
            sagas.run(&order, id(&format!("order-{number}")), &1).await.expect("runs");
        }
        assert_eq!(sagas.stats().await.expect("answers").unfinished, 0);
        let lists = StreamId::system("$sagas").expect("a system stream");
        let lists = sagas.store().read(Read::stream(lists)).collect().await.expect("reads");
        assert_eq!(lists.len(), 1, "12,000 turns, and a list after 10,000");
        close(sagas).await;
    });
    let ops = world.disk(|disk| disk.ops());
    let runtime = world.runtime();
    world.block_on(async {
        let sagas = open(&runtime, [order.code()]).await.expect("opens");
        assert_eq!(sagas.stats().await.expect("answers").unfinished, 0);
        close(sagas).await;
    });
    let ops = world.disk(|disk| disk.ops()) - ops;
    assert!(ops < 500, "{ops} operations for an opening after 3,000 ended sagas");
}
