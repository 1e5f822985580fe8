//! The body of a commit: the bytes of one append, as they stand in the log.
//!
//! What the caller wrote comes first and is encoded before any lock is taken; the *stamp* behind it
//! is what the decision adds. Reading is bounded and total: bytes that this format did not write
//! are a fault with a reason, never a panic. The bytes are drawn in `docs/FORMAT.md`.

mod cursor;
mod event;
mod whole;

pub(crate) use event::EventView;

use crate::{
    event::{EventId, NewEvent},
    ids::{FencingToken, Position, Revision},
    limits::APPEND_EVENTS_MAX,
    log::fields::{Fields, len_u32, usize_from},
    names::{CommandKey, ConsumerId, FenceName, StreamId},
    time::WallTime,
};
use bytes::Bytes;
use cursor::{Cursor, Read, SHORT, Span};

/// The version of this layout, its first byte.
pub(crate) const BODY_VERSION: u8 = 1;

const HAS_KEY: u8 = 1;
const HAS_CHECKPOINT: u8 = 2;
const HAS_FENCE: u8 = 4;

const HAS_OCCURRED: u8 = 1;
const HAS_CORRELATION: u8 = 2;
const HAS_CAUSATION: u8 = 4;
const HAS_TRACE: u8 = 8;
const HAS_PRINCIPAL: u8 = 16;
const HAS_METADATA: u8 = 32;
const EVENT_FLAGS: u8 =
    HAS_OCCURRED | HAS_CORRELATION | HAS_CAUSATION | HAS_TRACE | HAS_PRINCIPAL | HAS_METADATA;

/// What a decision adds to an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) recorded_at: WallTime,
    /// The revision of the first event of each stream, in the order of the stream table.
    pub(crate) revisions: Vec<Revision>,
}

impl Stamp {
    /// Bytes of the stamp of an append to this many streams.
    pub(crate) const fn bytes(streams: usize) -> usize {
        8 + 8 * streams
    }

    /// Appends the stamp's bytes.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.recorded_at.as_unix_nanos().to_le_bytes());
        for revision in &self.revisions {
            bytes.extend_from_slice(&revision.get().to_le_bytes());
        }
    }
}

/// What an append carries besides its events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extras<'a> {
    pub(crate) key: Option<(&'a CommandKey, u128)>,
    pub(crate) checkpoint: Option<&'a (ConsumerId, Position)>,
    pub(crate) fence: Option<&'a (FenceName, FencingToken)>,
}

/// An event on its way into a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// Which stream of the table.
    pub(crate) stream: u16,
    pub(crate) id: EventId,
    pub(crate) event: &'a NewEvent,
}

/// Encodes everything but the stamp. The names and counts were checked by the caller.
pub(crate) fn encode(extras: Extras<'_>, streams: &[StreamId], entries: &[Entry<'_>]) -> Vec<u8> {
    let payload: usize =
        entries.iter().map(|entry| entry.event.payload.len() + entry.event.metadata.len()).sum();
    let mut bytes = Vec::with_capacity(payload + 96 * (entries.len() + streams.len() + 1));
    let flag = |given: bool, flag: u8| if given { flag } else { 0 };
    bytes.push(BODY_VERSION);
    bytes.push(
        flag(extras.key.is_some(), HAS_KEY)
            | flag(extras.checkpoint.is_some(), HAS_CHECKPOINT)
            | flag(extras.fence.is_some(), HAS_FENCE),
    );
    push_u16(&mut bytes, streams.len());
    push_u16(&mut bytes, entries.len());
    if let Some((key, fingerprint)) = extras.key {
        push_name(&mut bytes, key.as_str());
        bytes.extend_from_slice(&fingerprint.to_le_bytes());
    }
    if let Some((consumer, position)) = extras.checkpoint {
        push_name(&mut bytes, consumer.as_str());
        bytes.extend_from_slice(&position.get().to_le_bytes());
    }
    if let Some((fence, token)) = extras.fence {
        push_name(&mut bytes, fence.as_str());
        bytes.extend_from_slice(&token.get().to_le_bytes());
    }
    for stream in streams {
        push_name(&mut bytes, stream.as_str());
    }
    for entry in entries {
        encode_event(&mut bytes, entry);
    }
    bytes
}

fn encode_event(bytes: &mut Vec<u8>, entry: &Entry<'_>) {
    let Entry { stream, id, event } = entry;
    let flag = |given: bool, flag: u8| if given { flag } else { 0 };
    bytes.extend_from_slice(&stream.to_le_bytes());
    bytes.push(
        flag(event.occurred_at.is_some(), HAS_OCCURRED)
            | flag(event.correlation.is_some(), HAS_CORRELATION)
            | flag(event.causation.is_some(), HAS_CAUSATION)
            | flag(event.trace_context.is_some(), HAS_TRACE)
            | flag(event.principal.is_some(), HAS_PRINCIPAL)
            | flag(!event.metadata.is_empty(), HAS_METADATA),
    );
    bytes.push(event.content_type.code());
    bytes.extend_from_slice(&event.schema_version.to_le_bytes());
    bytes.extend_from_slice(id.as_bytes());
    bytes.push(small(event.tags.len()));
    push_name(bytes, event.event_type.as_str());
    for tag in &event.tags {
        push_name(bytes, tag.as_str());
    }
    if let Some(at) = event.occurred_at {
        bytes.extend_from_slice(&at.as_unix_nanos().to_le_bytes());
    }
    for id in [event.correlation, event.causation].into_iter().flatten() {
        bytes.extend_from_slice(id.as_bytes());
    }
    for text in [&event.trace_context, &event.principal].into_iter().flatten() {
        push_name(bytes, text);
    }
    if !event.metadata.is_empty() {
        bytes.extend_from_slice(&len_u32(&event.metadata).to_le_bytes());
        bytes.extend_from_slice(&event.metadata);
    }
    bytes.extend_from_slice(&len_u32(&event.payload).to_le_bytes());
    bytes.extend_from_slice(&event.payload);
}

fn push_name(bytes: &mut Vec<u8>, name: &str) {
    bytes.push(small(name.len()));
    bytes.extend_from_slice(name.as_bytes());
}

fn push_u16(bytes: &mut Vec<u8>, count: usize) {
    let count = u16::try_from(count).expect("the limits of an append fit 16 bits");
    bytes.extend_from_slice(&count.to_le_bytes());
}

fn small(length: usize) -> u8 {
    u8::try_from(length).expect("names and tags are bounded to 255 before they are encoded")
}

/// A body is not one that this format writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyFault(pub(crate) &'static str);

/// A stream of a body: its name, and the revision of its next event while the body is walked.
#[derive(Clone, Copy, Debug)]
struct StreamSpan {
    name: Span,
    next: Revision,
}

/// A decoded body: walks its events.
#[derive(Debug)]
pub(crate) struct BodyView {
    body: Bytes,
    first: Position,
    events: u16,
    key: Option<(Span, u128)>,
    checkpoint: Option<(Span, Position)>,
    fence: Option<(Span, FencingToken)>,
    streams: Vec<StreamSpan>,
    recorded_at: WallTime,
    /// Where the next event begins.
    at: u32,
    /// How many events were walked.
    walked: u16,
}

impl BodyView {
    /// Decodes what stands around the events of the commit at `first`, which takes `positions`.
    pub(crate) fn decode(body: Bytes, first: Position, positions: u32) -> Read<Self> {
        let mut cursor = Cursor::new(&body);
        if cursor.u8()? != BODY_VERSION {
            return Err(BodyFault("it is of no version that this program reads"));
        }
        let flags = cursor.u8()?;
        let (streams, events) = (cursor.u16()?, cursor.u16()?);
        if flags & !(HAS_KEY | HAS_CHECKPOINT | HAS_FENCE) != 0 {
            return Err(BodyFault("it has unknown flags"));
        }
        let counted = u32::from(events) == positions && usize::from(events) <= APPEND_EVENTS_MAX;
        if !counted || streams == 0 || streams > events {
            return Err(BodyFault("its counts do not fit the positions that it takes"));
        }
        let has = |flag: u8| flags & flag != 0;
        let key = if has(HAS_KEY) {
            Some((cursor.name()?, u128::from_le_bytes(cursor.id()?)))
        } else {
            None
        };
        let checkpoint = if has(HAS_CHECKPOINT) {
            Some((cursor.name()?, Position::new(cursor.counter()?)))
        } else {
            None
        };
        let fence = if has(HAS_FENCE) {
            Some((cursor.name()?, FencingToken::new(cursor.u64()?)))
        } else {
            None
        };
        let mut names = Vec::with_capacity(usize::from(streams));
        for _ in 0..streams {
            names.push(StreamSpan { name: cursor.name()?, next: Revision::default() });
        }
        let at = cursor.at;
        let stamp_bytes = Stamp::bytes(usize::from(streams));
        let stamp = body.len().checked_sub(stamp_bytes).and_then(|start| body.get(start..));
        let mut stamp = Fields::new(stamp.ok_or(SHORT)?);
        let recorded_at = WallTime::from_unix_nanos(stamp.u64().ok_or(SHORT)?);
        for stream in &mut names {
            let revision = stamp.counter().ok_or(BodyFault("a revision is out of bounds"))?;
            stream.next = Revision::new(revision);
        }
        let walked = 0;
        Ok(Self {
            body,
            first,
            events,
            key,
            checkpoint,
            fence,
            streams: names,
            recorded_at,
            at,
            walked,
        })
    }

    /// The position of its first event.
    pub(crate) fn first(&self) -> Position {
        self.first
    }

    /// When the store took it in.
    pub(crate) fn recorded_at(&self) -> WallTime {
        self.recorded_at
    }

    /// The command's key and the fingerprint of its content.
    pub(crate) fn key(&self) -> Option<(&str, u128)> {
        self.key.map(|(name, fingerprint)| (name.text(&self.body), fingerprint))
    }

    /// The consumer's checkpoint.
    pub(crate) fn checkpoint(&self) -> Option<(&str, Position)> {
        self.checkpoint.map(|(name, position)| (name.text(&self.body), position))
    }

    /// The fence and its token.
    pub(crate) fn fence(&self) -> Option<(&str, FencingToken)> {
        self.fence.map(|(name, token)| (name.text(&self.body), token))
    }

    /// The streams, each with the revision behind its last event that was walked.
    pub(crate) fn streams(&self) -> impl Iterator<Item = (&str, Revision)> {
        self.streams.iter().map(|stream| (stream.name.text(&self.body), stream.next))
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Read<Option<EventView>> {
        let stamp_bytes = Stamp::bytes(self.streams.len());
        let end = self.body.len() - stamp_bytes;
        if self.walked == self.events {
            let whole = usize_from(self.at.into()) == end;
            return if whole {
                Ok(None)
            } else {
                Err(BodyFault("it goes on behind its last event"))
            };
        }
        let rest = self.body.get(..end).ok_or(SHORT)?;
        let mut cursor = Cursor::new(rest);
        cursor.span(self.at)?;
        let mut view = EventView::decode(&mut cursor, &self.body)?;
        let stream = self.streams.get_mut(usize::from(view.stream_number));
        let stream = stream.ok_or(BodyFault("an event names a stream that is not in the table"))?;
        view.stream = stream.name;
        view.revision = stream.next;
        view.recorded_at = self.recorded_at;
        view.position = self.first.plus(self.walked.into());
        view.index = self.walked;
        view.commit_positions = self.events.into();
        stream.next = stream.next.next();
        self.at = cursor.at;
        self.walked += 1;
        Ok(Some(view))
    }
}

#[cfg(test)]
mod tests;
