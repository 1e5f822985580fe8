//! The machine dies at every point of a saga's life.

use crate::shop::{Books, Shipping, close, id, open, order, refuses, ships};
use sagalog::{SagaOutcome, definition::Definition};
use sagalog_testkit::{SimDisk, World};

/// Lets the process die, or the power fail, before the `op`-th operation of the disk, opens again,
/// and returns what the saga came to; `None` once the first life is over before that.
fn cut_short(op: u64, power: bool, order: &Definition<u64, String>) -> Option<SagaOutcome<String>> {
    let world = World::new(op);
    let runtime = world.runtime();
    let life = async {
        let sagas = open(&runtime, [order.code()]).await.expect("the disk is healthy");
        let outcome = sagas.run(order, id("order-1"), &1250).await.expect("the disk is healthy");
        close(sagas).await;
        outcome
    };
    if world.run_until_op(op, life).is_some() {
        return None;
    }
    if power {
        world.power_failure();
    } else {
        world.crash_process();
    }
    world.disk(SimDisk::clear_halt);
    let runtime = world.runtime();
    Some(world.block_on(async {
        let sagas = open(&runtime, [order.code()]).await.expect("a crash does no harm");
        let outcome = sagas.run(order, id("order-1"), &1250).await.expect("it joins, or begins");
        close(sagas).await;
        outcome
    }))
}

fn everywhere(power: bool, shipping: &Shipping, judge: impl Fn(&Books, &SagaOutcome<String>)) {
    for op in 1.. {
        let books = Books::default();
        let order = order(&books, shipping.clone());
        let Some(outcome) = cut_short(op, power, &order) else {
            assert!(op > 20, "a life has more operations than {op}");
            return;
        };
        judge(&books, &outcome);
    }
}

#[test]
fn a_saga_completes_whatever_operation_the_process_dies_before() {
    for power in [false, true] {
        everywhere(power, &ships(), |books, outcome| {
            assert_eq!(*outcome, SagaOutcome::Completed("parcel".to_owned()));
            assert_eq!(books.standing("order-1"), ["charge", "reserve", "ship"]);
        });
    }
}

#[test]
fn a_refused_saga_leaves_nothing_whatever_operation_the_process_dies_before() {
    for power in [false, true] {
        everywhere(power, &refuses(), |books, outcome| {
            assert!(matches!(outcome, SagaOutcome::Aborted { .. }), "{outcome:?}");
            assert!(books.standing("order-1").is_empty(), "{books:?}");
        });
    }
}
