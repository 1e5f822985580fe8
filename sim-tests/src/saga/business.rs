//! What participants do: whatever they are asked, on record.
//!
//! It judges nothing. The invariant it guards: each effect is one event that names its key, in a
//! stream that the kit does not know, so that the books tell what was done without asking the kit.

use super::{conduct::Manner, plan::options};
use crate::frame::Trade;
use sagalog::{
    EventType, NewEvent, Options, Read, ReadError, Store, StreamId,
    participant::{Books, Business, Busy, Decision, Effect, Participant},
    runtime::{Address, Answer, Call, Responder, Unanswered},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a step reads of those it is after, each as text.
pub(super) type Reads = BTreeMap<u16, String>;

/// The payload of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// How this side of the step goes.
    pub(super) manner: Manner,
    pub(super) reads: Reads,
}

/// What stands in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: String,
    /// It is the answer to the effect, not the effect.
    pub(super) undone: bool,
    /// Which delivery it was.
    pub(super) delivery: String,
    pub(super) reads: Reads,
}

impl Entry {
    /// The event that records it.
    pub(super) fn event(&self) -> NewEvent {
        let name = if self.undone { "Undone" } else { "Done" };
        let payload = serde_json::to_vec(self).expect("an entry is JSON");
        NewEvent::new(EventType::parse(name).expect("a name"), payload)
    }
}

/// The stream of all effects.
pub(super) fn effects() -> StreamId {
    StreamId::parse("effects").expect("a name")
}

/// All effects on record, in order.
pub(super) async fn entries(store: &Store) -> Result<Vec<Entry>, ReadError> {
    let events = match store.read(Read::stream(effects())).collect().await {
        Err(ReadError::StreamNotFound(_)) => return Ok(Vec::new()),
        events => events?,
    };
    let entry = |payload: &[u8]| serde_json::from_slice(payload).expect("it was an entry");
    Ok(events.iter().map(|event| entry(&event.payload())).collect())
}

/// Where a participant is.
pub(super) fn address(participant: usize) -> Address {
    Address::parse(&format!("participant-{participant}")).expect("an address")
}

/// All participants: each does the same.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it holds nothing")]
pub struct Participants;

impl Trade for Participants {
    fn address(&self, number: usize) -> Address {
        address(number)
    }

    fn options(&self) -> Options {
        options()
    }

    async fn answer(&self, _: usize, books: Store, call: Call) -> Result<Answer, Unanswered> {
        Participant::new(books, Obliging).answer(call).await
    }
}

/// The business of every participant.
pub(super) struct Obliging;

impl Obliging {
    fn order(call: &Call) -> Result<Order, Busy> {
        serde_json::from_slice(&call.payload).map_err(Busy::new)
    }

    fn effect(call: &Call, reads: Reads, undone: bool) -> Effect {
        let delivery = format!("{} at {}", call.key, call.fence);
        let key = call.key.as_str().to_owned();
        let entry = Entry { key, undone, delivery: delivery.clone(), reads };
        Effect::new(delivery).event(effects(), entry.event())
    }
}

impl Business for Obliging {
    async fn act(&self, call: &Call, _: &Books<'_>) -> Result<Decision, Busy> {
        let Order { manner, reads } = Self::order(call)?;
        match manner.in_attempt(call.fence.attempt) {
            Manner::Busy(_) => Err(Busy::new("no time for an action")),
            Manner::Refused => Ok(Decision::Refused("no".into())),
            _ => Ok(Decision::Effect(Self::effect(call, reads, false))),
        }
    }

    async fn compensate(
        &self,
        call: &Call,
        _: &bytes::Bytes,
        _: &Books<'_>,
    ) -> Result<Effect, Busy> {
        let Order { manner, reads } = Self::order(call)?;
        if let Manner::Busy(_) = manner.in_attempt(call.fence.attempt) {
            return Err(Busy::new("no time for a compensation"));
        }
        Ok(Self::effect(call, reads, true))
    }
}
