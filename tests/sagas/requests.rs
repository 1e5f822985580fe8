//! Requests of operators while the machine crashes at every call to its disk, with and without
//! power.
//!
//! Not the command line, which has stories of its own. Defends: a request is executed at most once,
//! never by another life than the one that took it, and who is told that it is done finds it on
//! record.

use sagalog::{
    NewSaga, Options, Read, SagaId, SagaOptions, SagaReader, SagaTurn, Sagas, Store, Told,
    definition::{Definition, Outcome, Saga, step_fn},
    runtime::Clock as _,
    saga::{Effect, Intervention, Operator, Record, Verb},
};
use sagalog_testkit::{VirtualRuntime, World};
use std::{future::ready, time::Duration};

const WAIT: Duration = Duration::from_secs(1);

/// A saga that is stuck from its first attempt on.
fn order() -> Definition<u64, u64> {
    let mut saga = Saga::<u64>::define("order", 1);
    let pay = step_fn(Effect::Keyed, |_, cents: u64| ready(Outcome::Done(cents)));
    let pay = saga.step("pay", pay).needs_no_compensation().pivot().takes(|cents, ()| *cents);
    let ship = step_fn(Effect::Keyed, |_, _: u64| ready(Outcome::<u64>::failed("no such address")));
    let ship = saga.step("ship", ship).after(pay).retriable().takes(|_, cents| cents);
    saga.returns(ship).build().expect("it is possible")
}

fn name() -> SagaId {
    SagaId::parse("order-17").expect("a name")
}

async fn open(runtime: &VirtualRuntime) -> (Store, Sagas) {
    let options = Options::default().segment_bytes(16 << 10).group_bytes_max(4 << 10);
    let (store, _) = Store::open_with(runtime, options).await.expect("opens");
    let options = SagaOptions::default().requests_every(Some(Duration::from_millis(20)));
    let sagas = Sagas::open_with(runtime, &store, [order().code()], options).await;
    (store, sagas.expect("opens"))
}

/// Opens, and lets a saga get stuck.
async fn begin(runtime: &VirtualRuntime) -> (Store, Sagas) {
    let (store, sagas) = open(runtime).await;
    let new = NewSaga {
        saga: name(),
        definition: "order".try_into().expect("a name"),
        revision: 1,
        input: "1250".into(),
        trace_context: None,
    };
    sagas.run_encoded(new).await.expect("it gets stuck");
    (store, sagas)
}

async fn ask(runtime: &VirtualRuntime) -> Told {
    let (verb, principal, reason) = (Verb::Retry, "ada".into(), "seen to".into());
    let retry = Intervention::Operate(Operator { verb, principal, reason });
    Sagas::intervene_beside(runtime, &name(), retry, WAIT).await.expect("the disk works")
}

async fn count_retries(store: &Store) -> usize {
    let turns = Read::category(SagaTurn::CATEGORY).with_system();
    let events = store.read(turns).collect().await.expect("readable");
    let turns = events.iter().map(|event| SagaTurn::decode(event).expect("readable"));
    let records = turns.flatten().flat_map(|turn| turn.records);
    records.filter(|record| matches!(record, Record::Operator(_))).count()
}

/// Runs the story up to one call to the disk, and looks at what is left; false behind the last one.
fn crash_at(op: u64, power: bool) -> bool {
    let world = World::new(7);
    let runtime = world.runtime();
    let (store, sagas) = world.block_on(begin(&runtime));
    let begun = world.disk(|disk| disk.ops());
    let told = world.run_until_op(begun + 1 + op, ask(&runtime));
    if power {
        world.power_failure();
    } else {
        world.crash_process();
    }
    drop((store, sagas));
    let runtime = world.runtime();
    world.block_on(async {
        let (store, _sagas) = open(&runtime).await;
        let before = count_retries(&store).await;
        assert!(before <= 1, "operation {op}: {before} retries");
        assert!(told != Some(Told::Done) || before == 1, "operation {op}: done and not on record");
        runtime.sleep(WAIT).await;
        let after = count_retries(&store).await;
        assert_eq!(after, before, "operation {op}: executed in another life");
        // And who asks again is served.
        assert_eq!(ask(&runtime).await, Told::Done, "operation {op}");
        assert_eq!(count_retries(&store).await, before + 1, "operation {op}");
        let status = SagaReader::from(&store).status(&name()).await.expect("it is there");
        assert_eq!(status.steps.len(), 2);
    });
    told.is_none()
}

#[test]
fn a_crash_at_any_call_neither_loses_nor_doubles_a_request() {
    for power in [false, true] {
        let crashes = (0..10_000).take_while(|op| crash_at(*op, power)).count();
        assert!(crashes > 10, "{crashes} crashes: the story has more calls than that");
    }
}
