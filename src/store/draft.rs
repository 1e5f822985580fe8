//! A draft: an append that was checked and encoded, ready to be decided on.
//!
//! Everything that does not depend on the state of the store happens here, before any lock is
//! taken: bounds, the table of streams, ids, the fingerprint, the bytes. Decides nothing.

use super::body::{self, Entry, Extras, Stamp};
use crate::{
    append::{Append, Guard},
    error::AppendError,
    event::{EventId, NewEvent},
    limits::{APPEND_EVENTS_MAX, APPEND_GUARDS_MAX, COUNTER_MAX, FRAME_BYTES, GROUP_BYTES_MAX},
    log::fields::u64_from,
    names::{EventType, StreamId},
};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::Xxh3;

/// The stream of what an append without events records.
pub(crate) const COMMITS_STREAM: &str = "$commits";
/// The type of what an append without events records.
pub(crate) const COMMIT_TYPE: &str = "$commit";

/// An append, checked and encoded.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) append: Append,
    /// The streams that are written, in the order of their first event.
    pub(crate) streams: Vec<StreamId>,
    /// The events in order: the number of the stream, and the id.
    pub(crate) events: Vec<(u16, EventId)>,
    /// Whether there are events and the caller gave every one an id.
    pub(crate) identified: bool,
    /// What the content of a keyed append comes to.
    pub(crate) fingerprint: u128,
    /// The body without its stamp; empty for a pure check.
    pub(crate) body: Vec<u8>,
}

impl Draft {
    /// Checks `append` against the limits and encodes it. `draw` makes ids for events that have
    /// none.
    pub(crate) fn new(
        mut append: Append,
        mut draw: impl FnMut() -> EventId,
    ) -> Result<Self, AppendError> {
        check(&append)?;
        let identified =
            !append.writes.is_empty() && append.writes.iter().all(|(_, event)| event.id.is_some());
        let fingerprint = append.key.as_ref().map_or(0, |_| fingerprint(&append));
        if append.writes.is_empty() && !append.is_check() {
            append.writes.push(bare_commit());
        }
        let (streams, numbers) = table_of(&append.writes);
        let ids = append.writes.iter().map(|(_, event)| event.id.unwrap_or_else(&mut draw));
        let events: Vec<(u16, EventId)> = numbers.into_iter().zip(ids).collect();
        let extras = Extras {
            key: append.key.as_ref().map(|key| (key, fingerprint)),
            checkpoint: append.checkpoint.as_ref(),
            fence: append.fence.as_ref(),
        };
        let entries: Vec<Entry<'_>> = events
            .iter()
            .zip(&append.writes)
            .map(|((stream, id), (_, event))| Entry { stream: *stream, id: *id, event })
            .collect();
        let body =
            if entries.is_empty() { Vec::new() } else { body::encode(extras, &streams, &entries) };
        Ok(Self { append, streams, events, identified, fingerprint, body })
    }

    /// How many positions it takes.
    pub(crate) fn positions(&self) -> u32 {
        u32::try_from(self.events.len()).expect("the limits of an append fit 32 bits")
    }
}

impl Append {
    /// The bytes that its commit takes, frame and stamp included: what has to fit into the largest
    /// group ([`Options::group_bytes_max`](crate::Options::group_bytes_max)) beside the group's
    /// header of [`HEADER_BYTES`](crate::log::group::HEADER_BYTES). It encodes the append to tell.
    ///
    /// # Errors
    /// [`AppendError::Limit`] or [`AppendError::Query`] if no store would take it.
    pub fn stored_bytes(&self) -> Result<u64, AppendError> {
        let draft = Draft::new(self.clone(), || EventId::from_bytes([0; 16]))?;
        if draft.body.is_empty() {
            return Ok(0);
        }
        Ok(FRAME_BYTES + u64_from(draft.body.len() + Stamp::bytes(draft.streams.len())))
    }
}

/// What stands for an append that stores a key, a checkpoint or a fence without events.
fn bare_commit() -> (StreamId, NewEvent) {
    let stream = StreamId::system(COMMITS_STREAM).expect("the constant is a system name");
    let event_type = EventType::system(COMMIT_TYPE);
    (stream, NewEvent::new(event_type, Vec::new()))
}

fn check(append: &Append) -> Result<(), AppendError> {
    let sizes = [
        ("the events of the append", append.writes.len(), APPEND_EVENTS_MAX),
        ("the guards of the append", append.guards.len(), APPEND_GUARDS_MAX),
    ];
    let events = append.writes.iter().filter_map(|(_, event)| event.excess());
    let excess = sizes.into_iter().find(|(_, size, limit)| size > limit);
    if let Some((what, size, limit)) = excess.or_else(|| events.into_iter().next()) {
        return Err(AppendError::Limit { what, size, limit });
    }
    let bytes = append.writes.iter().map(|(_, event)| u64_from(event.payload.len())).sum();
    let checkpoint = append.checkpoint.as_ref().map_or(0, |(_, position)| position.get());
    let numbers = [
        ("the payloads of the append in bytes", bytes, GROUP_BYTES_MAX),
        ("the position of the checkpoint", checkpoint, COUNTER_MAX),
    ];
    if let Some((what, size, limit)) = numbers.into_iter().find(|(_, size, limit)| size > limit) {
        let length = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        return Err(AppendError::Limit { what, size: length(size), limit: length(limit) });
    }
    for (guard, asked) in append.guards.iter().enumerate() {
        if let Guard::NoMatch { query, .. } = asked {
            query.check().map_err(|error| AppendError::Query { guard, error })?;
        }
    }
    Ok(())
}

/// The distinct streams in the order of their first event, and each event's place in that table.
fn table_of(writes: &[(StreamId, NewEvent)]) -> (Vec<StreamId>, Vec<u16>) {
    let mut streams: Vec<StreamId> = Vec::new();
    let mut places: BTreeMap<&StreamId, u16> = BTreeMap::new();
    let mut numbers = Vec::with_capacity(writes.len());
    for (stream, _) in writes {
        let next = u16::try_from(streams.len()).expect("the limits of an append fit 16 bits");
        let number = *places.entry(stream).or_insert(next);
        if number == next {
            streams.push(stream.clone());
        }
        numbers.push(number);
    }
    (streams, numbers)
}

/// What the content of an append comes to: see [`Append::key`]. 128 bits of XXH3, which tell an
/// honest repetition from a mistake and are no defence against a forger.
fn fingerprint(append: &Append) -> u128 {
    let mut hasher = Xxh3::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&u64_from(bytes.len()).to_le_bytes());
        hasher.update(bytes);
    };
    for (stream, event) in &append.writes {
        field(stream.as_str().as_bytes());
        field(event.id.as_ref().map_or(&[], |id| id.as_bytes().as_slice()));
        field(event.event_type.as_str().as_bytes());
        field(&event.schema_version.to_le_bytes());
        field(&[event.content_type.code()]);
        field(&u64_from(event.tags.len()).to_le_bytes());
        for tag in &event.tags {
            field(tag.as_str().as_bytes());
        }
        field(&event.metadata);
        field(&event.payload);
    }
    if let Some((consumer, position)) = &append.checkpoint {
        field(consumer.as_str().as_bytes());
        field(&position.get().to_le_bytes());
    }
    hasher.digest128()
}
