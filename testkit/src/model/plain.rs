//! The store's vocabulary with open fields: what the model looks at and generators put together.
//!
//! What a selector, a query or a place means for one event is said here, and nothing of what
//! follows from it. The store's own types are made from it, and answers are copied into it. The
//! invariant it guards: nothing that an answer says is left out of the comparison.

mod answer;
mod read;

pub use answer::{Outcome, PlainCommitted};
pub use read::{PlainAsOf, PlainRead, PlainSelector, PlainStart, Recorded, Refusal};

use super::word;
use sagalog::{
    Append, CommandKey, ConsumerId, ContentType, EventId, EventType, ExpectedRevision, FenceName,
    FencingToken, NewEvent, Position, Query, QueryItem, StreamId, Tag, runtime::WallTime,
};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Why a name that generators use is a name.
const VALID: &str = "the names of a test are valid";

/// An event to be appended, or the part of a recorded one that its writer gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "made field by field by tests")]
pub struct PlainEvent {
    /// Its identity, if the writer gave one.
    #[serde(default, with = "word::if_any", skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version of its schema.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub schema_version: u32,
    /// How the payload is encoded.
    #[serde(default, with = "word", skip_serializing_if = "is_default")]
    pub content_type: ContentType,
    /// Its tags, none twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its metadata.
    #[serde(default, with = "word", skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<u8>,
    /// What it says.
    #[serde(default, with = "word", skip_serializing_if = "Vec::is_empty")]
    pub payload: Vec<u8>,
    /// Under which circumstances it happened.
    #[serde(default, skip_serializing_if = "is_default")]
    pub circumstances: Circumstances,
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference in")]
fn is_first(schema_version: &u32) -> bool {
    *schema_version == first()
}

/// Whether a field is left out of a line.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What may differ in the repetition of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "made field by field by tests")]
pub struct Circumstances {
    /// When it happened.
    #[serde(with = "word::if_any", skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<WallTime>,
    /// What it belongs to.
    #[serde(with = "word::if_any", skip_serializing_if = "Option::is_none")]
    pub correlation: Option<EventId>,
    /// What caused it.
    #[serde(with = "word::if_any", skip_serializing_if = "Option::is_none")]
    pub causation: Option<EventId>,
    /// In which trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_context: Option<String>,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
}

impl PlainEvent {
    /// An event of a type with a payload, everything else as the store has it by default.
    pub fn new(event_type: &str, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            id: None,
            event_type: event_type.to_owned(),
            schema_version: first(),
            content_type: ContentType::Bytes,
            tags: Vec::new(),
            metadata: Vec::new(),
            payload: payload.into(),
            circumstances: Circumstances::default(),
        }
    }

    /// Whether only its circumstances differ, if anything does.
    fn says_the_same(&self, other: &Self) -> bool {
        let Self {
            id,
            event_type,
            schema_version,
            content_type,
            tags,
            metadata,
            payload,
            circumstances: _,
        } = self;
        *id == other.id
            && *event_type == other.event_type
            && *schema_version == other.schema_version
            && *content_type == other.content_type
            && *tags == other.tags
            && *metadata == other.metadata
            && *payload == other.payload
    }

    fn to_new(&self) -> NewEvent {
        let event_type = EventType::parse(&self.event_type).expect(VALID);
        let mut event = NewEvent::new(event_type, self.payload.clone())
            .schema_version(self.schema_version)
            .content_type(self.content_type)
            .metadata(self.metadata.clone());
        for tag in &self.tags {
            event = event.tag(Tag::parse(tag).expect(VALID));
        }
        if let Some(id) = self.id {
            event = event.id(id);
        }
        let Circumstances { occurred_at, correlation, causation, trace_context, principal } =
            self.circumstances.clone();
        event = occurred_at.into_iter().fold(event, NewEvent::occurred_at);
        event = correlation.into_iter().fold(event, NewEvent::correlation_id);
        event = causation.into_iter().fold(event, NewEvent::causation_id);
        event = trace_context.into_iter().fold(event, NewEvent::trace_context);
        principal.into_iter().fold(event, NewEvent::principal)
    }
}

/// A guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "matched whole by the model")]
pub enum PlainGuard {
    /// A stream has to be as expected.
    Stream(String, #[serde(with = "word")] ExpectedRevision),
    /// No event behind a position may match.
    NoMatch(PlainQuery, Option<u64>),
}

impl PlainGuard {
    /// Whether it keeps the limits of queries.
    pub(super) fn is_answered(&self) -> bool {
        match self {
            Self::Stream(..) => true,
            Self::NoMatch(query, _) => is_answered(query),
        }
    }
}

/// A query: its items. It has at least one.
pub type PlainQuery = Vec<PlainItem>;

/// An alternative of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "made field by field by tests")]
pub struct PlainItem {
    /// One of these types, or any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// All of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

fn query(items: &[PlainItem]) -> Query {
    let item = |plain: &PlainItem| {
        let types = plain.types.iter().map(|name| EventType::parse(name).expect(VALID));
        let item = types.fold(QueryItem::new(), QueryItem::event_type);
        plain.tags.iter().map(|name| Tag::parse(name).expect(VALID)).fold(item, QueryItem::tag)
    };
    let (first, others) = items.split_first().expect("a query has at least one item");
    others.iter().map(item).fold(Query::new(item(first)), Query::or)
}

/// An append.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "made field by field by tests")]
pub struct PlainAppend {
    /// The command's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What has to hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<PlainGuard>,
    /// What is to be stored, each event with its stream.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<(String, PlainEvent)>,
    /// A consumer and its new checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<(String, u64)>,
    /// A fence and the caller's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence: Option<(String, u64)>,
}

/// The stream of what an append without events stores.
const COMMITS_STREAM: &str = "$commits";
/// The type of what an append without events stores.
const COMMIT_TYPE: &str = "$commit";

impl PlainAppend {
    /// The events that it stores: its own, or the one that stands for a key, a checkpoint or a
    /// fence without events; none if it is a check.
    pub fn stored(&self) -> &[(String, PlainEvent)] {
        static BARE: LazyLock<[(String, PlainEvent); 1]> =
            LazyLock::new(|| [(COMMITS_STREAM.to_owned(), PlainEvent::new(COMMIT_TYPE, []))]);
        let carries = self.key.is_some() || self.checkpoint.is_some() || self.fence.is_some();
        if self.writes.is_empty() && carries { &*BARE } else { &self.writes }
    }

    /// Whether it is a repetition of `other` if it has the same key: guards, fence and the
    /// circumstances of events may differ, and nothing else.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let said = |(this, event): &(String, PlainEvent), (that, other): &(String, PlainEvent)| {
            this == that && event.says_the_same(other)
        };
        self.checkpoint == other.checkpoint
            && self.writes.len() == other.writes.len()
            && self.writes.iter().zip(&other.writes).all(|(one, two)| said(one, two))
    }

    /// The revision that the guards give to the first event of `stream`, if they agree on one.
    pub(super) fn named_place(&self, stream: &str) -> Option<u64> {
        let named = |guard: &PlainGuard| match guard {
            PlainGuard::Stream(name, expected) if name == stream => match expected {
                ExpectedRevision::NoStream => Some(0),
                ExpectedRevision::Exact(last) => Some(last.get().saturating_add(1)),
                _ => None,
            },
            _ => None,
        };
        let mut places = self.guards.iter().filter_map(named);
        let first = places.next()?;
        places.all(|place| place == first).then_some(first)
    }
}

/// How many items a query may have, and how many types and tags each of them.
const QUERY_MAX: usize = 64;

/// Whether the query stays within its limits, and an index serves each of its items.
pub(super) fn is_answered(query: &PlainQuery) -> bool {
    let names = |item: &PlainItem| item.types.len().max(item.tags.len());
    query.len() <= QUERY_MAX && query.iter().all(|item| (1..=QUERY_MAX).contains(&names(item)))
}

/// A stream's name, of a system stream if it begins like one.
///
/// # Panics
/// If it is no name.
pub fn stream_id(name: &str) -> StreamId {
    let parsed = if name.starts_with('$') { StreamId::system(name) } else { StreamId::parse(name) };
    parsed.expect(VALID)
}

impl From<&PlainAppend> for Append {
    fn from(plain: &PlainAppend) -> Self {
        let mut append = Self::new();
        for (stream, event) in &plain.writes {
            append = append.event(stream_id(stream), event.to_new());
        }
        for guard in &plain.guards {
            append = match guard {
                PlainGuard::Stream(stream, expected) => append.expect(stream_id(stream), *expected),
                PlainGuard::NoMatch(items, after) => {
                    append.no_match(query(items), after.map(Position::new))
                }
            };
        }
        if let Some(key) = &plain.key {
            append = append.key(CommandKey::parse(key).expect(VALID));
        }
        if let Some((consumer, position)) = &plain.checkpoint {
            let consumer = ConsumerId::parse(consumer).expect(VALID);
            append = append.checkpoint(consumer, Position::new(*position));
        }
        if let Some((fence, token)) = &plain.fence {
            let fence = FenceName::parse(fence).expect(VALID);
            append = append.fence(fence, FencingToken::new(*token));
        }
        append
    }
}
