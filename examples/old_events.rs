//! Events of an older program are read: `cargo run --release --example old_events [DIR]`.
//!
//! The first version of a program stored whole euros. Today's counts in cents and knows a currency.
//! What is stored stays as it is for ever; an upcaster leads the old payload to what the program
//! knows today, each time it is read. Of a version that is newer than the program nothing is
//! guessed. Each run writes an order of its own, in a temporary directory unless one is given.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is a program of its own: it has a runtime and a terminal"
)]

use sagalog::{
    Append, ContentType, EventType, NewEvent, Options, Read, Store, StreamId,
    codec::{CodecError, DecodeError, EventCodec, Json, Schema, Upcasters, upcast_json},
};
use serde::{Deserialize, Serialize};
use std::{error::Error, path::PathBuf, process::ExitCode};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OrderPlaced {
    total_cents: u64,
    currency: String,
}

#[derive(Debug, PartialEq)]
enum OrderEvent {
    Placed(OrderPlaced),
}

sagalog::domain_events! {
    OrderEvent {
        Placed(OrderPlaced) = "OrderPlaced" version 2,
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match story().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("old_events: {error}");
            ExitCode::FAILURE
        }
    }
}

/// From version 1 to version 2. It depends on the payload alone, or the same event would read
/// differently from day to day.
fn upcasters() -> Upcasters {
    let cents_of_euros = upcast_json(|mut order| {
        let euros = order["total"].as_u64().ok_or_else(|| CodecError::new("no total"))?;
        let cents = euros.checked_mul(100).ok_or_else(|| CodecError::new("more than there is"))?;
        order["total_cents"] = cents.into();
        order["currency"] = "EUR".into();
        Ok(order)
    });
    Upcasters::new().next(Schema::new("OrderPlaced", 1), cents_of_euros)
}

async fn story() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = given.unwrap_or_else(|| temporary.path().to_owned());
    let (store, _) = Store::open(&dir, Options::default()).await?;
    let order = StreamId::parse(&format!("order-{}", store.head()))?;

    // What three programs write: yesterday's, today's and tomorrow's.
    let placed = |payload| -> Result<NewEvent, Box<dyn Error>> {
        let event = NewEvent::new(EventType::parse("OrderPlaced")?, payload);
        Ok(event.content_type(ContentType::Json))
    };
    let events = EventCodec::<OrderEvent, _>::try_with(Json, upcasters())?;
    let today = OrderEvent::Placed(OrderPlaced { total_cents: 1250, currency: "CHF".to_owned() });
    let append = Append::new()
        .event(order.clone(), placed(r#"{"total":12}"#)?.schema_version(1))
        .event(order.clone(), events.encode(&today)?)
        .event(order.clone(), placed(r#"{"total":{"CHF":"12.50"}}"#)?.schema_version(3));
    store.append(append).await?;

    let stored = store.read(Read::stream(order)).collect().await?;
    for event in &stored {
        let payload = event.payload();
        let text = str::from_utf8(&payload)?;
        println!("stored as version {}: {text}", event.schema_version());
        match events.decode(event) {
            Ok(event) => println!("  reads as {event:?}"),
            Err(error) => println!("  cannot be read: {error}"),
        }
    }
    let euros = OrderPlaced { total_cents: 1200, currency: "EUR".to_owned() };
    assert_eq!(events.decode(&stored[0])?, OrderEvent::Placed(euros), "led on from version 1");
    assert_eq!(events.decode(&stored[1])?, today, "of this program's version");
    let newer = events.decode(&stored[2]);
    assert!(matches!(newer, Err(DecodeError::NewerVersion { .. })), "not guessed: {newer:?}");
    store.close().await?;
    Ok(())
}
