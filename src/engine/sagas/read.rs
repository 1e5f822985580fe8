//! Journals as they stand in the store, for the executor and for who looks from beside.
//!
//! It reads, and never writes. The invariant it guards: what it says of a saga is its journal,
//! folded, and nothing else.

use super::names;
use crate::{
    engine::store::{Events, ReadOnlyStore, Store},
    error::{ReadError, SagaError},
    event::RecordedEvent,
    ids::Revision,
    names::SagaId,
    read::Read,
    saga::{Begun, Plan, Record, State, decode_turn},
};

/// A store to read journals from.
#[derive(Clone, Debug)]
pub(crate) enum Books {
    /// One that is open for writing.
    Writer(Store),
    /// One beside its writer.
    Beside(ReadOnlyStore),
}

impl Books {
    pub(crate) fn read(&self, read: Read) -> Events {
        match self {
            Self::Writer(store) => store.read(read),
            Self::Beside(store) => store.read(read),
        }
    }
}

/// A journal, or what is left of it behind its last checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub(crate) records: Vec<Record>,
    pub(crate) revision: Revision,
    /// How many turns `records` are.
    pub(crate) turns: u32,
}

impl Journal {
    /// The journal of a saga from its last checkpoint on.
    pub(crate) async fn read(books: &Books, id: &SagaId) -> Result<Self, SagaError> {
        let mut events = books.read(Read::stream(names::journal(id)).backward());
        let mut newest_first = Vec::new();
        loop {
            match events.next().await {
                Ok(Some(event)) => {
                    let whole = matches!(event.event_type(), names::CHECKPOINTED | names::BEGUN);
                    newest_first.push(event);
                    if whole {
                        break;
                    }
                }
                Ok(None) => break,
                Err(ReadError::StreamNotFound(_)) => return Err(SagaError::NotFound(id.clone())),
                Err(error) => return Err(error.into()),
            }
        }
        newest_first.reverse();
        Self::of_events(id, &newest_first)
    }

    /// The journal that these events are, in their order.
    pub(crate) fn of_events(id: &SagaId, events: &[RecordedEvent]) -> Result<Self, SagaError> {
        let last = events.last().ok_or_else(|| SagaError::NotFound(id.clone()))?;
        let mut journal = Self { records: Vec::new(), revision: last.revision(), turns: 0 };
        for event in events {
            let records = decode_turn(&event.payload())
                .map_err(|fault| SagaError::Journal { saga: id.clone(), fault })?;
            for record in records {
                if matches!(record, Record::Checkpoint(_)) {
                    journal.records.clear();
                    journal.turns = 0;
                }
                journal.records.push(record);
            }
            journal.turns = journal.turns.saturating_add(1);
        }
        Ok(journal)
    }

    /// How the saga began.
    pub(crate) fn begun(&self, id: &SagaId) -> Result<&Begun, SagaError> {
        match self.records.first() {
            Some(Record::Begun(begun)) => Ok(begun),
            Some(Record::Checkpoint(state)) => Ok(state.begun()),
            _ => {
                let (saga, refusal) = (id.clone(), crate::saga::Refusal::NotBegun);
                Err(SagaError::Impossible { saga, record: 0, refusal })
            }
        }
    }

    /// The saga, as far as the journal tells.
    pub(crate) fn fold(&self, id: &SagaId, plan: &Plan) -> Result<State, SagaError> {
        State::fold(plan, &self.records).map_err(|(record, refusal)| SagaError::Impossible {
            saga: id.clone(),
            record,
            refusal,
        })
    }
}
