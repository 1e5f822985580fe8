//! Where sagas stand in the store: streams, event types, the fence.
//!
//! Nothing is decided here. A saga's journal is the stream `$saga-<id>`, one event a turn, so the
//! category `$saga` is the journal of all of them in order.

use crate::{
    event::{ContentType, NewEvent},
    ids::FencingToken,
    names::{CommandKey, EventType, FenceName, SagaId, StreamId},
    saga::{Phase, Record, State, encode_turn},
};

/// The category of all journals.
pub(super) const JOURNALS: &str = "$saga";
/// The stream of lists of unfinished sagas.
const CHECKPOINTS: &str = "$sagas";
/// The stream of the graphs of all definitions that were ever registered.
const DEFINITIONS: &str = "$saga_definitions";

/// A turn that ends a saga.
pub(super) const ENDED: &str = "$SagaEnded";
/// A turn that holds all that was before.
pub(super) const CHECKPOINTED: &str = "$SagaCheckpointed";
/// A turn that begins a saga.
pub(super) const BEGUN: &str = "$SagaBegun";
/// A turn behind which a step waits for an operator.
pub(super) const STUCK: &str = "$SagaStuck";
/// Any other turn.
pub(super) const WENT: &str = "$SagaWent";
const UNFINISHED: &str = "$SagasUnfinished";
const DEFINITION: &str = "$SagaDefinition";

pub(super) fn journal(id: &SagaId) -> StreamId {
    system(&format!("{JOURNALS}-{id}"))
}

/// The saga whose journal this is.
pub(super) fn saga_of(stream: &str) -> Option<SagaId> {
    let id = stream.strip_prefix(JOURNALS)?.strip_prefix('-')?;
    SagaId::parse(id).ok()
}

pub(super) fn checkpoints() -> StreamId {
    system(CHECKPOINTS)
}

/// Whether the lists of unfinished sagas are in this stream. They name positions of their own log.
pub(in crate::engine) fn is_of_lists(stream: &str) -> bool {
    stream == CHECKPOINTS
}

pub(super) fn definitions() -> StreamId {
    system(DEFINITIONS)
}

fn system(name: &str) -> StreamId {
    StreamId::system(name).expect("it begins with a dollar sign and is short enough")
}

/// What an executor proves its right to act by.
pub(super) fn fence() -> FenceName {
    FenceName::system("$sagas")
}

/// Under which key an executor claims its token.
pub(super) fn office(token: FencingToken) -> CommandKey {
    CommandKey::system(&format!("$sagas {}", token.get()))
}

/// The event of a turn that leads to `state`.
pub(super) fn turn_event(records: &[Record], state: &State) -> NewEvent {
    let checkpoint = records.iter().any(|record| matches!(record, Record::Checkpoint(_)));
    let name = match (state.phase(), records.first()) {
        (Phase::Ended(_), _) => ENDED,
        _ if checkpoint => CHECKPOINTED,
        (_, Some(Record::Begun(_))) => BEGUN,
        _ if state.is_stuck() => STUCK,
        _ => WENT,
    };
    event(name, encode_turn(records))
}

pub(super) fn unfinished_event(payload: Vec<u8>) -> NewEvent {
    event(UNFINISHED, payload)
}

pub(super) fn definition_event(payload: Vec<u8>) -> NewEvent {
    event(DEFINITION, payload)
}

fn event(name: &'static str, payload: Vec<u8>) -> NewEvent {
    NewEvent::new(EventType::system(name), payload).content_type(ContentType::Bytes)
}
