//! The past stays as it was: `cargo run --release --example time_travel [DIR]`.
//!
//! Three bookings and a correction are made. Then the account is read as of each position and as
//! of each time, also after the correction: what was true then is still told the same. A read as
//! of a moment costs what a read of today does; nothing was kept for it. Each run opens an account
//! of its own, in a temporary directory unless one is given.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is a program of its own: it has a runtime and a terminal"
)]

use sagalog::{
    Append, EventType, NewEvent, Options, Position, Read, ReadError, RecordedEvent, Store, StreamId,
};
use std::{error::Error, path::PathBuf, process::ExitCode};

const BOOKINGS: [(&str, i64); 4] =
    [("Deposited", 500), ("Deposited", 250), ("Withdrawn", -1000), ("Corrected", 900)];

#[tokio::main]
async fn main() -> ExitCode {
    match story().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("time_travel: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn story() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = given.unwrap_or_else(|| temporary.path().to_owned());
    let (store, _) = Store::open(&dir, Options::default()).await?;

    let account = StreamId::parse(&format!("account-{}", store.head()))?;
    let others = StreamId::parse("audit")?;
    let opened = NewEvent::new(EventType::parse("AccountOpened")?, "0");
    let before = store.append(Append::new().event(others, opened)).await?.first;
    for (name, amount) in BOOKINGS {
        let booked = NewEvent::new(EventType::parse(name)?, amount.to_string());
        store.append(Append::new().event(account.clone(), booked)).await?;
    }

    let bookings = store.read(Read::stream(account.clone())).collect().await?;
    println!("{account} today: {}", balance(&bookings)?);
    let mut expected = 0;
    for (booking, (_, amount)) in bookings.iter().zip(BOOKINGS) {
        expected += amount;
        let at = booking.position();
        let then = Read::stream(account.clone()).as_of_position(at);
        let by_position = balance(&store.read(then).collect().await?)?;
        println!("as of position {at}, behind {}: {by_position}", booking.event_type());
        assert_eq!(by_position, expected, "later events are not seen at {at}");

        // Events may share a time, so it is compared with all of that time and before.
        let time = booking.recorded_at();
        let known: Vec<_> =
            bookings.iter().filter(|other| other.recorded_at() <= time).cloned().collect();
        let then = Read::stream(account.clone()).as_of_time(time);
        let by_time = balance(&store.read(then).collect().await?)?;
        println!("as of {} ns since 1970: {by_time}", time.as_unix_nanos());
        assert_eq!(by_time, balance(&known)?, "later events are not seen at that time");
    }
    not_yet(&store, account, before).await?;
    store.close().await?;
    Ok(())
}

/// Before its first event there is no such stream.
async fn not_yet(store: &Store, account: StreamId, at: Position) -> Result<(), Box<dyn Error>> {
    let read = store.read(Read::stream(account).as_of_position(at)).collect().await;
    let Err(error @ ReadError::StreamNotFound(_)) = read else {
        return Err(format!("it is there before it was opened: {read:?}").into());
    };
    println!("as of position {at}: {error}");
    Ok(())
}

fn balance(bookings: &[RecordedEvent]) -> Result<i64, Box<dyn Error>> {
    let mut balance = 0;
    for booking in bookings {
        balance += str::from_utf8(&booking.payload())?.parse::<i64>()?;
    }
    Ok(balance)
}
