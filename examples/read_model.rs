//! A projection that never counts twice: `cargo run --release --example read_model [DIR]`.
//!
//! A bookkeeper reads orders and keeps their sum in a stream of its own. What it derives and how
//! far it has read are stored in one append, so neither is ever ahead of the other: it is stopped
//! in the middle, starts anew with nothing but the store, and goes on where it was. A read model
//! in another database keeps its checkpoint there, in the same transaction. The store is in a
//! temporary directory unless one is given; each run places seven more orders.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is a program of its own: it has a runtime and a terminal"
)]

use sagalog::{
    Append, ConsumerId, EventType, ExpectedRevision, NewEvent, Options, Read, ReadError,
    RecordedEvent, Store, StreamId,
};
use std::{error::Error, path::PathBuf, process::ExitCode};

const ORDERS: u64 = 7;
/// How many orders are counted in one append.
const BATCH: u64 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    match story().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("read_model: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn story() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = given.unwrap_or_else(|| temporary.path().to_owned());

    let (store, _) = Store::open(&dir, Options::default()).await?;
    for _ in 0..ORDERS {
        let order = StreamId::parse(&format!("order-{}", store.head()))?;
        let placed = NewEvent::new(EventType::parse("OrderPlaced")?, "1250");
        store.append(Append::new().event(order, placed)).await?;
    }
    println!("{ORDERS} orders are placed");
    count(&store).await?;
    count(&store).await?;
    store.close().await?;
    println!("the bookkeeper is stopped");

    let (store, _) = Store::open(&dir, Options::default()).await?;
    while count(&store).await? > 0 {}

    let orders = store.read(Read::category("order")).collect().await?;
    let expected: u64 = orders.iter().map(cents).sum::<Result<_, _>>()?;
    let (total, _) = revenue(&store).await?;
    assert_eq!(total, expected, "each order is counted once");
    println!("{} orders, {total} cents: each is counted once", orders.len());
    store.close().await?;
    Ok(())
}

/// Counts the next orders; returns how many there were.
async fn count(store: &Store) -> Result<usize, Box<dyn Error>> {
    let bookkeeper = ConsumerId::parse("bookkeeper")?;
    let next = store.checkpoint(&bookkeeper).await?.unwrap_or_default();
    let (total, expected) = revenue(store).await?;
    let read = Read::category("order").from_position(next).limit(BATCH);
    let orders = store.read(read).collect().await?;
    let Some(last) = orders.last() else { return Ok(0) };

    let total = total + orders.iter().map(cents).sum::<Result<u64, _>>()?;
    let counted = NewEvent::new(EventType::parse("RevenueCounted")?, total.to_string());
    let append = Append::new()
        // A second bookkeeper that has read the same orders is refused.
        .expect(StreamId::parse("revenue")?, expected)
        .event(StreamId::parse("revenue")?, counted)
        .checkpoint(bookkeeper, last.position().next());
    store.append(append).await?;
    println!("from position {next}: {} order(s), {total} cents so far", orders.len());
    Ok(orders.len())
}

/// What was derived so far, and what the next append has to insist on.
async fn revenue(store: &Store) -> Result<(u64, ExpectedRevision), Box<dyn Error>> {
    let last = Read::stream(StreamId::parse("revenue")?).backward().limit(1);
    match store.read(last).next().await {
        Ok(Some(event)) => Ok((cents(&event)?, ExpectedRevision::Exact(event.revision()))),
        Ok(None) | Err(ReadError::StreamNotFound(_)) => Ok((0, ExpectedRevision::NoStream)),
        Err(error) => Err(error.into()),
    }
}

fn cents(event: &RecordedEvent) -> Result<u64, Box<dyn Error>> {
    Ok(str::from_utf8(&event.payload())?.parse()?)
}
