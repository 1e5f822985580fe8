//! Two tills, one seat: `cargo run --release --example last_seat [DIR]`.
//!
//! Both tills read a concert's stream, both see one seat left, and both sell it, insisting on the
//! revision that they have read. One append is stored. The other one is refused and told what is
//! there instead, so its till reads and decides anew: sold out. No lock is held while they decide.
//! Each run sells a concert of its own, in a temporary directory unless one is given.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is a program of its own: it has a runtime and a terminal"
)]

use sagalog::{
    Append, AppendError, EventType, ExpectedRevision, NewEvent, Options, Read, Revision, Store,
    StreamId,
};
use std::{error::Error, path::PathBuf, process::ExitCode};
use tokio::sync::Barrier;

#[tokio::main]
async fn main() -> ExitCode {
    match story().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("last_seat: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn story() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = given.unwrap_or_else(|| temporary.path().to_owned());
    let (store, _) = Store::open(&dir, Options::default()).await?;

    let concert = StreamId::parse(&format!("concert-{}", store.head()))?;
    let offered = NewEvent::new(EventType::parse("SeatOffered")?, r#"{"row":7,"seat":12}"#);
    let opening = Append::new()
        .expect(concert.clone(), ExpectedRevision::NoStream)
        .event(concert.clone(), offered);
    store.append(opening).await?;
    println!("{concert} has one seat left");

    let both_have_read = Barrier::new(2);
    let till = |name| Till { name, store: &store, both_have_read: &both_have_read };
    let (north, south) = (till("north"), till("south"));
    let (by_north, by_south) = tokio::join!(north.sell(&concert), south.sell(&concert));
    let (by_north, by_south) = (by_north?, by_south?);

    assert!(by_north != by_south, "exactly one till sells the seat");
    let events = store.read(Read::stream(concert)).collect().await?;
    assert_eq!(events.len(), 2, "one offer and one sale are on record");
    println!("on record: {} and {}", events[0].event_type(), events[1].event_type());
    store.close().await?;
    Ok(())
}

struct Till<'a> {
    name: &'static str,
    store: &'a Store,
    /// Makes sure that the tills get into each other's way.
    both_have_read: &'a Barrier,
}

impl Till<'_> {
    /// Sells a seat if one is left: reads, decides, and insists on what it has read.
    async fn sell(&self, concert: &StreamId) -> Result<bool, Box<dyn Error>> {
        let name = self.name;
        let mut waits = true;
        loop {
            let (left, seen) = self.seats_left(concert).await?;
            println!("till {name} sees {left} seat(s) left at revision {seen}");
            if std::mem::take(&mut waits) {
                self.both_have_read.wait().await;
            }
            if left == 0 {
                return Ok(false);
            }
            let sold =
                NewEvent::new(EventType::parse("SeatSold")?, format!(r#"{{"by":"{name}"}}"#));
            let sale = Append::new()
                .expect(concert.clone(), ExpectedRevision::Exact(seen))
                .event(concert.clone(), sold);
            match self.store.append(sale).await {
                Ok(committed) => {
                    println!("till {name} has sold it, at position {}", committed.first);
                    return Ok(true);
                }
                // Certainly nothing was stored: what this till had read is out of date.
                Err(AppendError::Conflict(failed)) => {
                    println!("till {name} is too late, it finds {:?}", failed[0].actual);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// How many seats are left, and the revision up to which that is true.
    async fn seats_left(&self, concert: &StreamId) -> Result<(usize, Revision), Box<dyn Error>> {
        let events = self.store.read(Read::stream(concert.clone())).collect().await?;
        let count = |name: &str| events.iter().filter(|event| event.event_type() == name).count();
        let last = events.last().ok_or("a stream that can be read has an event")?;
        Ok((count("SeatOffered") - count("SeatSold"), last.revision()))
    }
}
