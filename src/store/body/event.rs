//! One event of a body, as a view into the body's bytes.
//!
//! Where an event stands among the others, the body says; this reads what stands in it.

use super::{
    BodyFault, EVENT_FLAGS, HAS_CAUSATION, HAS_CORRELATION, HAS_METADATA, HAS_OCCURRED,
    HAS_PRINCIPAL, HAS_TRACE,
    cursor::{Cursor, Read, Span},
};
use crate::{
    event::{ContentType, EventId},
    ids::{Position, Revision},
    log::fields::{Fields, usize_from},
    time::WallTime,
};
use bytes::Bytes;
use std::str;

/// One event of a body: a view into its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventView {
    body: Bytes,
    pub(super) stream_number: u16,
    flags: u8,
    tag_count: u8,
    /// The event's place in its commit, from 0.
    pub(crate) index: u16,
    pub(crate) commit_positions: u32,
    pub(crate) position: Position,
    pub(crate) revision: Revision,
    pub(crate) recorded_at: WallTime,
    pub(crate) id: EventId,
    pub(crate) schema_version: u32,
    pub(crate) content_type: ContentType,
    pub(super) stream: Span,
    event_type: Span,
    tags: Span,
    extras: Span,
    metadata: Span,
    payload: Span,
}

/// What an event may carry besides.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventExtras<'a> {
    pub(crate) occurred_at: Option<WallTime>,
    pub(crate) correlation: Option<EventId>,
    pub(crate) causation: Option<EventId>,
    pub(crate) trace_context: Option<&'a str>,
    pub(crate) principal: Option<&'a str>,
}

impl EventView {
    pub(super) fn decode(cursor: &mut Cursor<'_>, body: &Bytes) -> Read<Self> {
        let stream_number = cursor.u16()?;
        let flags = cursor.u8()?;
        if flags & !EVENT_FLAGS != 0 {
            return Err(BodyFault("an event has unknown flags"));
        }
        let content_type = ContentType::parse(cursor.u8()?);
        let schema_version = cursor.u32()?;
        let id = EventId::from_bytes(cursor.id()?);
        let tag_count = cursor.u8()?;
        let event_type = cursor.name()?;
        let start = cursor.at;
        for _ in 0..tag_count {
            cursor.name()?;
        }
        let tags = Span { start, end: cursor.at };
        let has = |flag: u8| flags & flag != 0;
        for (flag, bytes) in [(HAS_OCCURRED, 8), (HAS_CORRELATION, 16), (HAS_CAUSATION, 16)] {
            if has(flag) {
                cursor.span(bytes)?;
            }
        }
        for flag in [HAS_TRACE, HAS_PRINCIPAL] {
            if has(flag) {
                cursor.text()?;
            }
        }
        let extras = Span { start: tags.end, end: cursor.at };
        let metadata = if has(HAS_METADATA) {
            let length = cursor.u32()?;
            cursor.span(length)?
        } else {
            Span::default()
        };
        let length = cursor.u32()?;
        let payload = cursor.span(length)?;
        Ok(Self {
            body: body.clone(),
            stream_number,
            flags,
            tag_count,
            index: 0,
            commit_positions: 0,
            position: Position::default(),
            revision: Revision::default(),
            recorded_at: WallTime::default(),
            id,
            schema_version,
            content_type: content_type.ok_or(BodyFault("a content type is unknown"))?,
            stream: Span::default(),
            event_type,
            tags,
            extras,
            metadata,
            payload,
        })
    }

    pub(crate) fn stream(&self) -> &str {
        self.stream.text(&self.body)
    }

    /// Its stream's place in the table of the body.
    pub(crate) fn stream_number(&self) -> u16 {
        self.stream_number
    }

    pub(crate) fn event_type(&self) -> &str {
        self.event_type.text(&self.body)
    }

    pub(crate) fn tags(&self) -> impl Iterator<Item = &str> + Clone {
        let mut fields = Fields::new(self.tags.of(&self.body));
        (0..self.tag_count).map_while(move |_| {
            let length = fields.u8()?;
            str::from_utf8(fields.bytes(length.into())?).ok()
        })
    }

    pub(crate) fn metadata(&self) -> Bytes {
        self.slice(self.metadata)
    }

    pub(crate) fn payload(&self) -> Bytes {
        self.slice(self.payload)
    }

    fn slice(&self, span: Span) -> Bytes {
        self.body.slice(usize_from(span.start.into())..usize_from(span.end.into()))
    }

    pub(crate) fn extras(&self) -> EventExtras<'_> {
        let mut fields = Fields::new(self.extras.of(&self.body));
        let has = |flag: u8| self.flags & flag != 0;
        let mut extras = EventExtras::default();
        if has(HAS_OCCURRED) {
            extras.occurred_at = fields.u64().map(WallTime::from_unix_nanos);
        }
        if has(HAS_CORRELATION) {
            extras.correlation = fields.id().map(EventId::from_bytes);
        }
        if has(HAS_CAUSATION) {
            extras.causation = fields.id().map(EventId::from_bytes);
        }
        let mut text = || {
            let length = fields.u8()?;
            str::from_utf8(fields.bytes(length.into())?).ok()
        };
        if has(HAS_TRACE) {
            extras.trace_context = text();
        }
        if has(HAS_PRINCIPAL) {
            extras.principal = text();
        }
        extras
    }
}
