//! An answer is lost, the order is placed once: `cargo run --release --example command_keys [DIR]`.
//!
//! A client sends a command and never hears of it again. The command has a key, so the client may
//! ask what became of it, or simply repeat it: at once, after a restart, in another process. The
//! store is in a temporary directory unless one is given; run it twice on one, and the second run
//! stores nothing at all.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is a program of its own: it has a runtime and a terminal"
)]

use sagalog::{
    Append, AppendError, CommandKey, EventType, ExpectedRevision, NameError, NewEvent, Options,
    Read, Store, StreamId,
};
use std::{error::Error, path::PathBuf, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    match story().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("command_keys: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn story() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = given.unwrap_or_else(|| temporary.path().to_owned());
    let key = CommandKey::parse("place-order-17")?;

    let (store, _) = Store::open(&dir, Options::default()).await?;
    // Submitted, and nobody waits for the answer: as if the connection had broken here.
    drop(store.try_append(place(&key, 1250)?)?);
    println!("the order was sent, and the answer is lost");

    let known = store.resolve(&key).await?;
    match &known {
        Some(answer) => println!("asked by its key: it is stored, at position {}", answer.first),
        None => println!("asked by its key: it is not stored"),
    }
    let again = store.append(place(&key, 1250)?).await?;
    assert_eq!(again.replayed, known.is_some(), "what is stored is not stored again");
    println!("sent again: position {}, replayed: {}", again.first, again.replayed);
    store.close().await?;

    let (store, _) = Store::open(&dir, Options::default()).await?;
    let after_restart = store.append(place(&key, 1250)?).await?;
    assert!(after_restart.replayed, "a key outlives a restart");
    assert_eq!(after_restart.first, again.first, "the answer is the first one");
    println!("sent again after a restart: position {}, replayed: true", after_restart.first);

    let other = store.append(place(&key, 99)?).await;
    assert!(matches!(other, Err(AppendError::KeyReused { .. })), "a key is for one command");
    println!("another order under the same key: {}", other.err().ok_or("it was refused")?);

    let unused = CommandKey::parse("place-order-18")?;
    assert_eq!(store.resolve(&unused).await?, None, "a key that was not used has no answer");
    let orders = store.read(Read::stream(StreamId::parse("order-17")?)).collect().await?;
    assert_eq!(orders.len(), 1, "the order is placed exactly once");
    println!("order-17 has {} event", orders.len());
    store.close().await?;
    Ok(())
}

/// The command: the same key and the same content each time. That there must be no such order yet
/// holds for the first time only, and a repetition is answered all the same.
fn place(key: &CommandKey, cents: u64) -> Result<Append, NameError> {
    let order = StreamId::parse("order-17")?;
    let placed =
        NewEvent::new(EventType::parse("OrderPlaced")?, format!(r#"{{"total_cents":{cents}}}"#));
    Ok(Append::new()
        .expect(order.clone(), ExpectedRevision::NoStream)
        .event(order, placed)
        .key(key.clone()))
}
