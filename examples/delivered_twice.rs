//! A call arrives twice, and late: `cargo run --release --example delivered_twice [DIR]`.
//!
//! A warehouse keeps books of its own and is asked to reserve a piano. The call is delivered twice
//! at one moment and once more after a restart: one piano is reserved, and every delivery has the
//! same reply. Of another order the release comes first and the reservation late: it does nothing.
//! No network is needed to see it; `sagalog-http` carries the same calls between processes. Each
//! run asks under keys of its own, in a temporary directory unless one is given.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is a program of its own: it has a runtime and a terminal"
)]

use bytes::Bytes;
use sagalog::{
    EventType, NameError, NewEvent, Options, Read, Store, StreamId,
    participant::{Books, Business, Busy, Decision, Effect, Participant},
    runtime::{Answer, Call, CallFence, CallKind, Responder as _},
};
use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

/// A warehouse of pianos. What it decides is its business; that it happens once is the kit's.
struct Warehouse;

impl Business for Warehouse {
    async fn act(&self, _call: &Call, books: &Books<'_>) -> Result<Decision, Busy> {
        let pianos = StreamId::parse("pianos").map_err(Busy::new)?;
        // Two deliveries that read the same are not both stored: one decides anew.
        let (events, expected) = books.stream(&pianos).await?;
        let reserved = NewEvent::new(EventType::parse("Reserved").map_err(Busy::new)?, "");
        let reply = format!("piano number {}", events.len() + 1);
        Ok(Decision::Effect(
            Effect::new(reply).expect(pianos.clone(), expected).event(pianos, reserved),
        ))
    }

    async fn compensate(&self, _: &Call, _: &Bytes, _: &Books<'_>) -> Result<Effect, Busy> {
        let pianos = StreamId::parse("pianos").map_err(Busy::new)?;
        let released = NewEvent::new(EventType::parse("Released").map_err(Busy::new)?, "");
        Ok(Effect::new("released").event(pianos, released))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match story().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("delivered_twice: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn story() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = given.unwrap_or_else(|| temporary.path().to_owned());
    let (books, _) = Store::open(&dir, Options::default()).await?;
    let run = books.head().get();
    let before = booked(&books).await?;
    let reserve = call(&format!("order-{run}/0/reserve"))?;

    let warehouse = Participant::new(books, Warehouse);
    let (once, twice) =
        tokio::join!(warehouse.answer(reserve.clone()), warehouse.answer(reserve.clone()));
    let (once, twice) = (once?, twice?);
    println!("delivered twice at one moment: {once:?} and {twice:?}");
    assert!(matches!(once, Answer::Done(_)) && once == twice, "both have the first reply");
    warehouse.store().clone().close().await?;

    let (books, _) = Store::open(&dir, Options::default()).await?;
    let warehouse = Participant::new(books, Warehouse);
    let again = warehouse.answer(reserve).await?;
    println!("delivered again after a restart: {again:?}");
    assert_eq!(again, once, "the reply is in the books");

    // The caller gave up and compensates while its call is still on the way.
    let late = call(&format!("order-{run}-late/0/reserve"))?;
    let release = Call { kind: CallKind::Compensation, ..late.clone() };
    let released = warehouse.answer(release).await?;
    assert!(matches!(released, Answer::Done(_)), "there was nothing to release: {released:?}");
    let late = warehouse.answer(late).await?;
    println!("released before it was reserved; the reservation, which comes late: {late:?}");
    assert_eq!(late, Answer::Compensated, "what was compensated has no effect any more");

    let after = booked(warehouse.store()).await?;
    assert_eq!(after - before, 1, "five deliveries and one effect");
    println!("five deliveries of two calls, and one event in the stream of pianos");
    warehouse.store().clone().close().await?;
    Ok(())
}

fn call(key: &str) -> Result<Call, NameError> {
    Ok(Call {
        operation: "reserve".parse()?,
        key: key.parse()?,
        kind: CallKind::Action,
        fence: CallFence { epoch: 1, attempt: 1 },
        trace_context: None,
        deadline: Duration::from_secs(1),
        payload: Bytes::new(),
    })
}

/// How many events the books have of pianos.
async fn booked(books: &Store) -> Result<usize, Box<dyn Error>> {
    Ok(books.read(Read::category("pianos")).collect().await?.len())
}
