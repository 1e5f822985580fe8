//! A saga that cannot finish is seen and mended: `cargo run --release --example stuck_saga [DIR]`.
//!
//! An order is reserved, and its payment refused, so the reservation has to be released; but the
//! warehouse is closed. Neither does the saga try for ever, nor does it end with an effect that
//! nobody answers: it is stuck, says where and why, and says which verbs would help. Once the
//! warehouse is open an operator has it tried again, on record with who and why, and it ends.
//! Each run makes an order of its own, in a temporary directory unless one is given.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is a program of its own: it has a runtime and a terminal"
)]

use sagalog::{
    Options, PossibleVerb, SagaId, SagaOptions, SagaOutcome, SagaReader, Sagas, Settled, Store,
    definition::{Definition, Outcome, Saga, StepCx, step_fn},
    runtime::tokio::TokioRuntime,
    saga::{DefinitionError, Effect, Operator, Retry, Verb},
};
use std::{
    error::Error,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

#[tokio::main]
async fn main() -> ExitCode {
    match story().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stuck_saga: {error}");
            ExitCode::FAILURE
        }
    }
}

fn order(is_open: Arc<AtomicBool>) -> Result<Definition<u64, u64>, DefinitionError> {
    let reserves =
        step_fn(Effect::Keyed, |_cx: StepCx, item: u64| async move { Outcome::Done(item) });
    let charges = step_fn(Effect::Keyed, |_cx: StepCx, _item: u64| async move {
        Outcome::<u64>::rejected("the card was declined")
    });
    let mut saga = Saga::<u64>::define("order", 1);
    let reserve = saga
        .step("reserve", reserves)
        .compensation_fn(move |_cx, _item, _shelf| {
            let is_open = is_open.load(Ordering::Relaxed);
            async move {
                if is_open { Outcome::Done(()) } else { Outcome::retry("the warehouse is closed") }
            }
        })
        // By default twenty attempts in more than an hour, which is too long for an example.
        .compensation_retry(Retry::fixed(Duration::from_millis(10)).attempts(3))
        .takes(|item, ()| *item);
    let charge = saga
        .step("charge", charges)
        .after(reserve)
        .compensation_fn(|_cx, _item, _receipt| async move { Outcome::Done(()) })
        .takes(|item, _shelf| *item);
    saga.returns(charge).build()
}

async fn story() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = given.unwrap_or_else(|| temporary.path().to_owned());
    let is_open = Arc::new(AtomicBool::new(false));
    let order = order(Arc::clone(&is_open))?;
    let runtime = TokioRuntime::create(&dir)?;
    let (store, _) = Store::open_with(&runtime, Options::default()).await?;
    let sagas = Sagas::open_with(&runtime, &store, [order.code()], SagaOptions::default()).await?;

    let saga = SagaId::parse(&format!("order-{}", store.head()))?;
    let outcome = sagas.run(&order, saga.clone(), &7).await?;
    assert!(matches!(outcome, SagaOutcome::Stuck(_)), "it waits for an operator: {outcome:?}");

    let reader = SagaReader::from(&store);
    let explanation = reader.explain(&saga).await?;
    println!("{explanation}");
    assert!(explanation.verbs.contains(&PossibleVerb::Retry), "it may be tried again");
    assert!(reader.stuck().await?.iter().any(|listed| listed.saga == saga), "it is listed");

    is_open.store(true, Ordering::Relaxed);
    println!("the warehouse is open again, and ada has it tried once more");
    let reason = "the warehouse is open again".into();
    sagas.operate(&saga, Operator { verb: Verb::Retry, principal: "ada".into(), reason }).await?;
    let settled = sagas.settled(&saga).await?;
    assert!(matches!(settled, Settled::Aborted { .. }), "it ends: {settled:?}");

    println!("on record:");
    let mut turns = reader.timeline(&saga).await?;
    while let Some(turn) = turns.next().await? {
        for record in &turn.records {
            println!("  {}", record.in_words(turns.plan()));
        }
    }
    sagas.close(Duration::from_secs(5)).await?;
    store.close().await?;
    Ok(())
}
