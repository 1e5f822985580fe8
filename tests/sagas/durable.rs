//! What sagas rest on: whatever the outside world has seen stands in a journal that a power failure
//! leaves, and what is done is not done again.

use crate::shop::{Books, Shipping, close, id, open, options, order, refuses, ships};
use sagalog::{
    EngineRuntime, Read, ReadError, Store, StreamId,
    saga::{Record, decode_turn},
};
use sagalog_testkit::{SimDisk, World};

/// In the order of the definition.
const STEPS: [&str; 3] = ["reserve", "charge", "ship"];

/// How often each step was asked for.
fn asked(books: &Books) -> [u32; 3] {
    STEPS.map(|step| books.entry(&format!("order-1/0/{step}")).asked)
}

/// The records of the saga's journal, as the disk has them.
async fn journal<R: EngineRuntime>(runtime: R) -> Vec<Record> {
    let (store, _) = Store::open_with(&runtime, options()).await.expect("a crash does no harm");
    let stream = StreamId::system("$saga-order-1").expect("a system stream");
    let turns = match store.read(Read::stream(stream)).collect().await {
        Ok(turns) => turns,
        Err(ReadError::StreamNotFound(_)) => Vec::new(),
        Err(error) => panic!("{error}"),
    };
    store.close().await.expect("nothing is wrong");
    let records = turns.iter().map(|turn| decode_turn(&turn.payload()).expect("a turn"));
    records.flatten().collect()
}

fn is_done(journal: &[Record], number: usize) -> bool {
    let of = |record: &Record| match record {
        Record::Done { step, .. } => usize::from(step.get()) == number,
        _ => false,
    };
    journal.iter().any(of)
}

/// What is left of a life that ends before the `op`-th operation of the disk: its world after the
/// power failure, and the journal in it; `None` once a life is over before that.
fn cut_short(op: u64, books: &Books, shipping: &Shipping) -> Option<(World, Vec<Record>)> {
    let world = World::new(op);
    let order = order(books, shipping.clone());
    let runtime = world.runtime();
    let life = async {
        let sagas = open(&runtime, [order.code()]).await.expect("the disk is healthy");
        sagas.run(&order, id("order-1"), &1250).await.expect("the disk is healthy");
        close(sagas).await;
    };
    if world.run_until_op(op, life).is_some() {
        return None;
    }
    world.power_failure();
    world.disk(SimDisk::clear_halt);
    let journal = world.block_on(journal(world.runtime()));
    Some((world, journal))
}

#[test]
fn whatever_is_attempted_rests_on_a_durable_turn() {
    for shipping in [ships(), refuses()] {
        let mut found = [0; 3];
        for op in 1.. {
            let books = Books::default();
            let Some((_, journal)) = cut_short(op, &books, &shipping) else { break };
            for (at, asked) in asked(&books).into_iter().enumerate().filter(|(_, asked)| *asked > 0)
            {
                found[at] += asked;
                let begun = matches!(journal.first(), Some(Record::Begun(_)));
                let rests = if at == 0 { begun } else { is_done(&journal, at - 1) };
                assert!(rests, "{}, before operation {op}: {journal:#?}", STEPS[at]);
            }
            let compensated = books.entry("order-1/0/charge").compensated > 0;
            let decided = |record: &Record| matches!(record, Record::AbortDecided { .. });
            assert!(!compensated || journal.iter().any(decided), "operation {op}: {journal:#?}");
        }
        assert!(found[0] > 0 && found[1] > 0, "no life was cut short behind a step: {found:?}");
    }
}

#[test]
fn what_is_done_is_not_attempted_again_after_a_crash() {
    let mut done = 0;
    for op in 1.. {
        let books = Books::default();
        let Some((world, journal)) = cut_short(op, &books, &ships()) else { break };
        let before = asked(&books);
        let order = order(&books, ships());
        let runtime = world.runtime();
        world.block_on(async {
            let sagas = open(&runtime, [order.code()]).await.expect("a crash does no harm");
            sagas.run(&order, id("order-1"), &1250).await.expect("it joins, or begins");
            close(sagas).await;
        });
        for (at, (now, before)) in asked(&books).into_iter().zip(before).enumerate() {
            let again = now - before;
            assert!(again <= 1, "{} was asked for {again} times more", STEPS[at]);
            if is_done(&journal, at) {
                done += 1;
                assert_eq!(again, 0, "{}, before operation {op}", STEPS[at]);
            }
        }
    }
    assert!(done > 0, "no life was cut short behind a result");
}
