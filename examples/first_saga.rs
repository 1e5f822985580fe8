//! An order as a saga: `cargo run --release --example first_saga [DIR]`.
//!
//! It reserves, charges and ships two orders. The carrier takes the first one and refuses the
//! second, whose reservation and charge are compensated. Then it prints what is on record of both.
//! The store is in a temporary directory unless one is given; run it twice on one, and the second
//! run joins the sagas of the first: nothing is charged again.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is a program of its own: it has a runtime and a terminal"
)]

use sagalog::{
    Options, SagaId, SagaOptions, SagaReader, Sagas, Store,
    definition::{Definition, Outcome, Saga, StepCx, step_fn},
    runtime::tokio::TokioRuntime,
    saga::{DefinitionError, Effect},
};
use std::{error::Error, path::PathBuf};

/// Stands for a service that knows keys: asked twice under one, it acts once.
fn ask(service: &'static str, cx: &StepCx) {
    println!("  {service} is asked, under the key {}", cx.key());
}

fn order() -> Result<Definition<u64, String>, DefinitionError> {
    let reserves = step_fn(Effect::Keyed, |cx: StepCx, item: u64| async move {
        ask("the warehouse", &cx);
        Outcome::Done(format!("shelf {item}"))
    });
    let charges = step_fn(Effect::Keyed, |cx: StepCx, item: u64| async move {
        ask("the bank", &cx);
        Outcome::Done(item * 100)
    });
    let ships = step_fn(Effect::Keyed, |cx: StepCx, (item, shelf): (u64, String)| async move {
        ask("the carrier", &cx);
        if item > 10 {
            return Outcome::rejected("too heavy"); // an answer: certainly nothing was shipped
        }
        Outcome::Done(format!("parcel from {shelf}"))
    });

    let mut saga = Saga::<u64>::define("order", 1);
    let reserve = saga
        .step("reserve", reserves)
        .compensation_fn(|cx, _item, _shelf| async move {
            ask("the warehouse, to release it,", &cx);
            Outcome::Done(())
        })
        .takes(|item, ()| *item);
    let charge = saga
        .step("charge", charges)
        .after(reserve)
        .compensation_fn(|cx, _item, _cents| async move {
            ask("the bank, to give it back,", &cx);
            Outcome::Done(())
        })
        .takes(|item, _shelf| *item);
    let ship = saga
        .step("ship", ships)
        .after((reserve, charge))
        .compensation_fn(|cx, _input, _parcel| async move {
            ask("the carrier, to bring it back,", &cx);
            Outcome::Done(())
        })
        .takes(|item, (shelf, _cents)| (*item, shelf));
    saga.returns(ship).build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = given.unwrap_or_else(|| temporary.path().to_owned());

    let order = order()?;
    let runtime = TokioRuntime::create(&dir)?;
    let (store, _) = Store::open_with(&runtime, Options::default()).await?;
    // Sagas that an earlier process left unfinished go on from here.
    let sagas = Sagas::open_with(&runtime, &store, [order.code()], SagaOptions::default()).await?;

    for item in [7, 12] {
        let saga = SagaId::parse(&format!("order-{item}"))?;
        println!("{saga}:");
        let outcome = sagas.run(&order, saga, &item).await?;
        println!("  {outcome:?}");
    }
    sagas.close(std::time::Duration::from_secs(5)).await?;
    store.close().await?;

    let beside = Store::open_read_only(&dir).await?;
    for item in [7, 12] {
        println!("on record of order-{item}:");
        let mut turns =
            SagaReader::from(&beside).timeline(&SagaId::parse(&format!("order-{item}"))?).await?;
        while let Some(turn) = turns.next().await? {
            println!("  turn {}, {:?}: {} record(s)", turn.revision, turn.kind, turn.records.len());
        }
    }
    Ok(())
}
