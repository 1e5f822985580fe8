//! Which sagas are unfinished, from the last list and the journals behind it.
//!
//! Nothing is executed here. The invariants it guards: it reads after the fence was raised, so what
//! it finds cannot be added to by anybody else; and a journal that cannot be read makes its own
//! saga wait and no other.

use super::{
    checkpoint::Unfinished,
    names,
    read::{Books, Journal},
};
use crate::{
    error::{ReadError, SagaError},
    event::RecordedEvent,
    ids::Position,
    names::SagaId,
    read::Read,
};
use std::collections::BTreeMap;

/// An unfinished saga.
pub(crate) struct Found {
    pub(crate) id: SagaId,
    /// The position of its first turn.
    pub(crate) first: Position,
    pub(crate) journal: Result<Journal, SagaError>,
}

/// All unfinished sagas, by name.
pub(crate) async fn unfinished(books: &Books) -> Result<Vec<Found>, SagaError> {
    let list = Unfinished::read(books).await?;
    let Tails { mut tails, broken } = tails(books, &list).await?;
    let mut found = Vec::new();
    for (id, first) in list.sagas {
        // What the list knows may have gone on, or ended, behind it.
        let tail = tails.remove(&id);
        if tail.as_ref().is_some_and(|tail| tail.ended) {
            continue;
        }
        let journal = lasting(Journal::read(books, &id).await)?;
        found.push(Found { id, first, journal });
    }
    for (id, tail) in tails.into_iter().filter(|(_, tail)| !tail.ended) {
        let journal = if broken {
            // Turns may lack: the stream itself tells of which sagas.
            lasting(Journal::read(books, &id).await)?
        } else {
            Journal::of_events(&id, &tail.turns)
        };
        found.push(Found { id, first: tail.first, journal });
    }
    Ok(found)
}

/// What is known of a journal, and what will be known of it next time too.
///
/// # Errors
/// What may be otherwise next time: the disk refused, the store is closed.
fn lasting(journal: Result<Journal, SagaError>) -> Result<Result<Journal, SagaError>, SagaError> {
    match journal {
        Err(SagaError::Read(ReadError::Undecodable { .. } | ReadError::Corrupt(_))) => Ok(journal),
        Err(error @ SagaError::Read(_)) => Err(error),
        journal => Ok(journal),
    }
}

/// What stands of all sagas behind the list.
struct Tails {
    tails: BTreeMap<SagaId, Tail>,
    /// Whether a commit among them cannot be read.
    broken: bool,
}

/// What stands of one saga behind the list.
struct Tail {
    first: Position,
    turns: Vec<RecordedEvent>,
    ended: bool,
}

async fn tails(books: &Books, list: &Unfinished) -> Result<Tails, SagaError> {
    let mut tails: BTreeMap<SagaId, Tail> = BTreeMap::new();
    let mut broken = false;
    let journals = Read::category(names::JOURNALS).with_system().from_position(list.from);
    let mut events = books.read(journals);
    loop {
        let event = match events.next().await {
            Ok(Some(event)) => event,
            Ok(None) | Err(ReadError::StreamNotFound(_)) => return Ok(Tails { tails, broken }),
            Err(ReadError::Undecodable { position, reason }) => {
                tracing::warn!(%position, reason, "turns of sagas cannot be read");
                broken = true;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        // What is no journal of ours is left alone.
        let Some(id) = names::saga_of(event.stream()) else { continue };
        let listed = list.sagas.contains_key(&id);
        if event.event_type() == names::ENDED {
            if listed {
                let tail = Tail { first: event.position(), turns: Vec::new(), ended: true };
                tails.insert(id, tail);
            } else {
                tails.remove(&id);
            }
            continue;
        }
        if !listed {
            let first = event.position();
            let tail = tails.entry(id).or_insert(Tail { first, turns: Vec::new(), ended: false });
            tail.turns.push(event);
        }
    }
}
