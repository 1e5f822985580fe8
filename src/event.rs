//! Events: what a caller hands in and what a reader gets back.
//!
//! The payload is opaque here; typed codecs are a layer above. A recorded event is a view into the
//! buffer that was read: its fields are slices, and cloning it copies no bytes.

mod content;

pub use content::{ContentType, ContentTypeError, CustomCode};

use crate::{
    ids::{Position, Revision},
    limits::{EVENT_TAGS_MAX, METADATA_BYTES_MAX, TRACE_BYTES_MAX},
    names::{EventType, Tag},
    store::body::EventView,
    time::WallTime,
};
use bytes::Bytes;
use std::{fmt, str::FromStr};

/// The identity of an event: sixteen bytes, usually a UUID. Given by the caller, or drawn by the
/// store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId([u8; 16]);

/// A text is no event id: it takes 32 hexadecimal digits, with or without the hyphens of a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventIdError;

impl fmt::Display for EventIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event id has 32 hexadecimal digits, with or without a UUID's hyphens")
    }
}

impl std::error::Error for EventIdError {}

impl EventId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id's bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads 32 hexadecimal digits, with or without the hyphens of a UUID.
    ///
    /// # Errors
    /// [`EventIdError`] if the text is anything else.
    pub fn parse(text: &str) -> Result<Self, EventIdError> {
        let hyphened = text.len() == 36;
        let mut digits = text
            .char_indices()
            .filter(|(at, letter)| !(hyphened && *letter == '-' && matches!(at, 8 | 13 | 18 | 23)));
        let mut digit = || digits.next().and_then(|(_, letter)| letter.to_digit(16));
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            let (high, low) = digit().zip(digit()).ok_or(EventIdError)?;
            *byte = u8::try_from(high << 4 | low).map_err(|_| EventIdError)?;
        }
        if digits.next().is_some() { Err(EventIdError) } else { Ok(Self(bytes)) }
    }

    /// An id in the layout of a UUID version 7: `wall` in milliseconds, then random bits.
    #[expect(clippy::big_endian_bytes, reason = "the layout of a UUID")]
    pub(crate) fn draw(wall: WallTime, random: [u64; 2]) -> Self {
        let millis = wall.as_unix_nanos() / 1_000_000;
        let [first, second] = random;
        let high = millis << 16 | 0x7000 | (first & 0x0FFF);
        let low = 1 << 63 | (second >> 2);
        let mut bytes = [0; 16];
        let (front, back) = bytes.split_at_mut(8);
        front.copy_from_slice(&high.to_be_bytes());
        back.copy_from_slice(&low.to_be_bytes());
        Self(bytes)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        Self::parse(text)
    }
}

/// An event that is to be appended.
///
/// ```
/// use sagalog::{ContentType, EventType, NewEvent, Tag};
///
/// let event = NewEvent::new(EventType::parse("OrderPlaced")?, r#"{"total_cents":1250}"#)
///     .content_type(ContentType::Json)
///     .tag(Tag::parse("customer:77")?);
/// # Ok::<(), sagalog::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub(crate) id: Option<EventId>,
    pub(crate) event_type: EventType,
    pub(crate) schema_version: u32,
    pub(crate) content_type: ContentType,
    pub(crate) tags: Vec<Tag>,
    pub(crate) metadata: Bytes,
    pub(crate) occurred_at: Option<WallTime>,
    pub(crate) correlation: Option<EventId>,
    pub(crate) causation: Option<EventId>,
    pub(crate) trace_context: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) payload: Bytes,
}

impl NewEvent {
    /// An event of this type with this payload, of schema version 1. The store draws an id unless
    /// one is [given](Self::id).
    pub fn new(event_type: EventType, payload: impl Into<Bytes>) -> Self {
        Self {
            id: None,
            event_type,
            schema_version: 1,
            content_type: ContentType::Bytes,
            tags: Vec::new(),
            metadata: Bytes::new(),
            occurred_at: None,
            correlation: None,
            causation: None,
            trace_context: None,
            principal: None,
            payload: payload.into(),
        }
    }

    /// Gives the event an id. With one, a repeated append under `Exact` or `NoStream` is known;
    /// under `Any` and `Exists` it is [stored again](crate::ExpectedRevision). Ids need not be
    /// unique: [`Store::event`](crate::Store::event) finds the newest event with one.
    #[must_use]
    pub fn id(mut self, id: EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// The version of the payload's schema.
    #[must_use]
    pub fn schema_version(mut self, version: u32) -> Self {
        self.schema_version = version;
        self
    }

    /// How the payload is encoded.
    #[must_use]
    pub fn content_type(mut self, content_type: ContentType) -> Self {
        self.content_type = content_type;
        self
    }

    /// Adds a tag; at most [`EVENT_TAGS_MAX`]. A tag that is there already is not added again.
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }

    /// Bytes about the event that are not part of what it says; at most [`METADATA_BYTES_MAX`].
    #[must_use]
    pub fn metadata(mut self, metadata: impl Into<Bytes>) -> Self {
        self.metadata = metadata.into();
        self
    }

    /// When it happened, by the caller's word. The store records its own time besides.
    #[must_use]
    pub fn occurred_at(mut self, at: WallTime) -> Self {
        self.occurred_at = Some(at);
        self
    }

    /// What this event belongs to: the id that a whole conversation shares.
    #[must_use]
    pub fn correlation_id(mut self, id: EventId) -> Self {
        self.correlation = Some(id);
        self
    }

    /// The event or command that caused this one.
    #[must_use]
    pub fn causation_id(mut self, id: EventId) -> Self {
        self.causation = Some(id);
        self
    }

    /// A W3C `traceparent`; at most [`TRACE_BYTES_MAX`] bytes.
    #[must_use]
    pub fn trace_context(mut self, context: impl Into<String>) -> Self {
        self.trace_context = Some(context.into());
        self
    }

    /// On whose behalf it happened; at most 255 bytes.
    #[must_use]
    pub fn principal(mut self, principal: impl Into<String>) -> Self {
        self.principal = Some(principal.into());
        self
    }

    /// The first bound that the event exceeds, if there is one: what, how much, and the limit.
    pub(crate) fn excess(&self) -> Option<(&'static str, usize, usize)> {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let bounds = [
            ("the event's tags", self.tags.len(), EVENT_TAGS_MAX),
            ("the event's metadata in bytes", self.metadata.len(), METADATA_BYTES_MAX),
            ("the trace context in bytes", length(&self.trace_context), TRACE_BYTES_MAX),
            ("the principal in bytes", length(&self.principal), crate::limits::NAME_BYTES_MAX),
        ];
        bounds.into_iter().find(|(_, size, limit)| size > limit)
    }
}

/// An event as it was read: a view into the shared buffer that holds it. Cloning copies no bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    view: EventView,
}

impl RecordedEvent {
    pub(crate) fn new(view: EventView) -> Self {
        Self { view }
    }

    /// The first position of the commit that it is part of.
    pub(crate) fn commit_first(&self) -> Position {
        Position::new(self.view.position.get() - u64::from(self.view.index))
    }

    /// How many positions that commit takes.
    pub(crate) fn commit_positions(&self) -> u32 {
        self.view.commit_positions
    }

    /// The stream's name.
    pub fn stream(&self) -> &str {
        self.view.stream()
    }

    /// Its place in the stream.
    pub fn revision(&self) -> Revision {
        self.view.revision
    }

    /// Its place in the whole log.
    pub fn position(&self) -> Position {
        self.view.position
    }

    /// Its identity.
    pub fn id(&self) -> EventId {
        self.view.id
    }

    /// The name of its type.
    pub fn event_type(&self) -> &str {
        self.view.event_type()
    }

    /// The version of the payload's schema.
    pub fn schema_version(&self) -> u32 {
        self.view.schema_version
    }

    /// How the payload is encoded.
    pub fn content_type(&self) -> ContentType {
        self.view.content_type
    }

    /// Its tags, in the order in which they were given.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.view.tags()
    }

    /// Bytes about the event, empty if there are none.
    pub fn metadata(&self) -> Bytes {
        self.view.metadata()
    }

    /// What it says. A slice of the shared buffer.
    pub fn payload(&self) -> Bytes {
        self.view.payload()
    }

    /// When it happened, by its writer's word.
    pub fn occurred_at(&self) -> Option<WallTime> {
        self.view.extras().occurred_at
    }

    /// When the store took it in, by the store's clock. Never goes back from one position to the
    /// next.
    pub fn recorded_at(&self) -> WallTime {
        self.view.recorded_at
    }

    /// What it belongs to.
    pub fn correlation_id(&self) -> Option<EventId> {
        self.view.extras().correlation
    }

    /// What caused it.
    pub fn causation_id(&self) -> Option<EventId> {
        self.view.extras().causation
    }

    /// The trace context of its writer.
    pub fn trace_context(&self) -> Option<&str> {
        self.view.extras().trace_context
    }

    /// On whose behalf it happened.
    pub fn principal(&self) -> Option<&str> {
        self.view.extras().principal
    }
}

impl fmt::Debug for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedEvent")
            .field("position", &self.position())
            .field("stream", &self.stream())
            .field("revision", &self.revision())
            .field("id", &self.id())
            .field("type", &self.event_type())
            .field("payload_bytes", &self.payload().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) use tests::recorded;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        names::StreamId,
        store::body::{self, BodyView, Entry, Extras, Stamp},
    };

    /// The event as it is read when it stands alone in its commit, at this position and revision.
    pub(crate) fn recorded(
        event: &NewEvent,
        stream: &str,
        position: Position,
        revision: Revision,
    ) -> RecordedEvent {
        let streams = [StreamId::parse(stream).expect("a test names its streams properly")];
        let entry = Entry { stream: 0, id: EventId::from_bytes([7; 16]), event };
        let mut bytes = body::encode(Extras::default(), &streams, &[entry]);
        let recorded_at = WallTime::from_unix_nanos(1);
        Stamp { recorded_at, revisions: vec![revision] }.encode(&mut bytes);
        let view = BodyView::decode(bytes.into(), position, 1).and_then(|mut body| body.next());
        RecordedEvent::new(view.expect("it was just encoded").expect("it holds one event"))
    }

    #[test]
    fn an_id_reads_back_as_it_is_printed() {
        let id = EventId::draw(WallTime::from_unix_nanos(1_700_000_000_123_456_789), [7, 9]);
        let printed = id.to_string();
        assert_eq!(EventId::parse(&printed), Ok(id));
        assert_eq!(EventId::parse(&printed.replace('-', "")), Ok(id));
        assert_eq!(printed.as_bytes().get(14), Some(&b'7'), "{printed} is of version 7");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let digits = "0123456789abcdef0123456789abcdef";
        let table =
            ["", "0", &digits[1..], "0123456789abcdef0123456789abcdeg", &format!("{digits}0")];
        for text in table {
            assert_eq!(EventId::parse(text), Err(EventIdError), "{text}");
        }
        assert_eq!(EventId::parse("01234567-89ab-cdef-0123-456789abcde-"), Err(EventIdError));
    }
}
