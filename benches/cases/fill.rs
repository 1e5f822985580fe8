//! What the store is filled with: streams `order-0`, `order-1` and so on, each in one append.
//!
//! Reads no clock and judges nothing. The invariant: a stream's events depend on its number and
//! the scale alone, so that two fills, and the peers' binary, write the same payloads.

use super::scale::{Ids, Scale};
use crate::support::Failure;
use bytes::Bytes;
use sagalog::{Append, EventId, EventType, ExpectedRevision, NewEvent, Store, StreamId, Tag};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub(crate) const EVENT_TYPE: &str = "OrderPlaced";

/// The name of a stream.
pub(crate) fn stream(number: u64) -> String {
    format!("order-{number}")
}

/// The name of a tag.
pub(crate) fn tag(number: u64) -> String {
    format!("course:{number}")
}

/// A generator that the peers' binary uses too: what it gives compresses to nothing.
pub(crate) struct XorShift(pub(crate) u64);

impl XorShift {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn generator(seed: u64) -> XorShift {
    XorShift(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
}

/// `bytes` bytes that follow from `seed`.
pub(crate) fn payload(seed: u64, bytes: usize) -> Bytes {
    let mut generator = generator(seed);
    let mut payload = Vec::with_capacity(bytes + 7);
    while payload.len() < bytes {
        payload.extend_from_slice(&generator.next().to_le_bytes());
    }
    payload.truncate(bytes);
    payload.into()
}

/// An id as a writer would draw it.
fn id(seed: u64) -> EventId {
    let mut generator = generator(!seed);
    let (first, second) = (generator.next(), generator.next());
    let mut bytes = [0; 16];
    let (front, back) = bytes.split_at_mut(8);
    front.copy_from_slice(&first.to_le_bytes());
    back.copy_from_slice(&second.to_le_bytes());
    EventId::from_bytes(bytes)
}

/// The number of the tag that an event carries.
fn tag_of(event: u64, tags: u64) -> u64 {
    generator(event ^ 0x7A67).next() % tags
}

/// The append that makes stream `number`.
fn append(number: u64, event_type: &EventType, scale: &Scale) -> Result<Append, Failure> {
    let stream = StreamId::parse(&stream(number))?;
    let mut append = Append::new().expect(stream.clone(), ExpectedRevision::NoStream);
    for index in 0..scale.stream_events() {
        // The seed that the peers' binary takes; the event's own number is unique, this is not.
        let payload = payload(number * 1000 + index, scale.payload_bytes);
        let own = number * scale.stream_events() + index;
        let mut event = NewEvent::new(event_type.clone(), payload);
        if scale.ids == Ids::Given {
            event = event.id(id(own));
        }
        if scale.tags > 0 {
            event = event.tag(Tag::parse(&tag(tag_of(own, scale.tags)))?);
        }
        append = append.event(stream.clone(), event);
    }
    Ok(append)
}

/// Fills an empty store: `writers` tasks that take the next stream when one was acknowledged.
pub(crate) async fn fill(store: &Store, scale: &Scale) -> Result<(), Failure> {
    let next = Arc::new(AtomicU64::new(0));
    let event_type = EventType::parse(EVENT_TYPE)?;
    let write = |_| {
        let (store, next, scale) = (store.clone(), Arc::clone(&next), scale.clone());
        let event_type = event_type.clone();
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= scale.streams {
                    return Ok::<_, Failure>(());
                }
                store.append(append(number, &event_type, &scale)?).await?;
            }
        })
    };
    let writers: Vec<_> = (0..scale.writers).map(write).collect();
    for writer in writers {
        writer.await??;
    }
    Ok(())
}

/// Bytes that the writer wanted kept: of payloads, and of the names that stand beside them.
pub(crate) fn wanted_bytes(scale: &Scale) -> (u64, u64) {
    let payloads = scale.events * scale.payload_bytes as u64;
    let streams: u64 = (0..scale.streams).map(|number| stream(number).len() as u64).sum();
    let names = streams * scale.stream_events() + scale.events * EVENT_TYPE.len() as u64;
    (payloads, names)
}
