//! Reads with open fields, and what they show.

use super::{
    Circumstances, PlainCommitted, PlainEvent, PlainQuery, is_default, query, stream_id, word,
};
use sagalog::{Position, Read, ReadError, RecordedEvent, Revision, runtime::WallTime};
use serde::{Deserialize, Serialize};

/// A read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "made field by field by tests")]
pub struct PlainRead {
    /// Which events.
    #[serde(rename = "of")]
    pub selector: PlainSelector,
    /// From where.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: PlainStart,
    /// Whether the newest comes first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backward: bool,
    /// How many at most.
    #[serde(default = "unlimited", skip_serializing_if = "is_unlimited")]
    pub limit: u64,
    /// As of when.
    #[serde(default, skip_serializing_if = "is_default")]
    pub as_of: PlainAsOf,
    /// Whether system streams are let through.
    #[serde(default, skip_serializing_if = "is_default")]
    pub system: bool,
}

fn unlimited() -> u64 {
    u64::MAX
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference in")]
fn is_unlimited(limit: &u64) -> bool {
    *limit == unlimited()
}

/// Which events are read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "matched whole by the model")]
pub enum PlainSelector {
    /// All.
    All,
    /// Those of a stream.
    Stream(String),
    /// Those of a category.
    Category(String),
    /// Those of streams whose names begin so.
    Prefix(String),
    /// Those that match.
    Query(PlainQuery),
}

/// Where a read begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "matched whole by the model")]
pub enum PlainStart {
    /// At the first event, or the last one.
    #[default]
    Edge,
    /// At a revision.
    Revision(u64),
    /// At a position.
    Position(u64),
}

/// The moment whose log is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "matched whole by the model")]
pub enum PlainAsOf {
    /// Now.
    #[default]
    Now,
    /// When this position had just been written.
    Position(u64),
    /// At this time.
    Time(#[serde(with = "word")] WallTime),
}

impl PlainAsOf {
    /// The same moment, named by the last position of the append that was written then.
    pub(in crate::model) fn whole<'a>(
        self,
        mut commits: impl Iterator<Item = &'a PlainCommitted>,
    ) -> Self {
        let Self::Position(place) = self else { return self };
        let holding = commits.find(|commit| commit.holds(place));
        Self::Position(holding.map_or(place, |commit| commit.end() - 1))
    }

    /// Whether the event was there then.
    pub(in crate::model) fn includes(self, event: &Recorded) -> bool {
        match self {
            Self::Now => true,
            Self::Position(position) => event.position <= position,
            Self::Time(time) => event.recorded_at <= time,
        }
    }
}

impl PlainRead {
    /// Everything of `selector`, forward.
    pub fn of(selector: PlainSelector) -> Self {
        let (start, as_of) = (PlainStart::Edge, PlainAsOf::Now);
        Self { selector, start, backward: false, limit: unlimited(), as_of, system: false }
    }

    /// Whether it asks for this event, wherever it begins.
    pub(in crate::model) fn selects(&self, event: &Recorded) -> bool {
        match &self.selector {
            PlainSelector::Stream(stream) => event.stream == *stream,
            _ if event.is_system() && !self.system => false,
            PlainSelector::All => true,
            PlainSelector::Category(category) => event.stream.split('-').next() == Some(category),
            PlainSelector::Prefix(prefix) => event.stream.starts_with(prefix.as_str()),
            PlainSelector::Query(query) => event.matches(query),
        }
    }

    /// Whether the event lies where the read begins, or behind that in its direction.
    pub(in crate::model) fn begins_before(&self, event: &Recorded) -> bool {
        match (self.start, self.backward) {
            (PlainStart::Edge, _) => true,
            (PlainStart::Revision(revision), false) => event.revision >= revision,
            (PlainStart::Revision(revision), true) => event.revision <= revision,
            (PlainStart::Position(position), false) => event.position >= position,
            (PlainStart::Position(position), true) => event.position <= position,
        }
    }
}

impl From<&PlainRead> for Read {
    fn from(plain: &PlainRead) -> Self {
        let mut read = match &plain.selector {
            PlainSelector::All => Self::all(),
            PlainSelector::Stream(name) => Self::stream(stream_id(name)),
            PlainSelector::Category(name) => Self::category(name.clone()),
            PlainSelector::Prefix(name) => Self::stream_prefix(name.clone()),
            PlainSelector::Query(items) => Self::query(query(items)),
        };
        read = match plain.start {
            PlainStart::Edge => read,
            PlainStart::Revision(revision) => read.from_revision(Revision::new(revision)),
            PlainStart::Position(position) => read.from_position(Position::new(position)),
        };
        read = match plain.as_of {
            PlainAsOf::Now => read,
            PlainAsOf::Position(position) => read.as_of_position(Position::new(position)),
            PlainAsOf::Time(time) => read.as_of_time(time),
        };
        read = if plain.backward { read.backward() } else { read };
        read = if plain.system { read.with_system() } else { read };
        if plain.limit == u64::MAX { read } else { read.limit(plain.limit) }
    }
}

/// An event as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "compared whole by oracles")]
pub struct Recorded {
    /// Its stream.
    pub stream: String,
    /// Its place in the stream.
    pub revision: u64,
    /// Its place in the log.
    pub position: u64,
    /// When the store took it in.
    pub recorded_at: WallTime,
    /// What its writer gave; the id stands there in any case once it was read.
    pub event: PlainEvent,
}

impl Recorded {
    pub(in crate::model) fn is_system(&self) -> bool {
        self.stream.starts_with('$')
    }

    /// Whether it may be read so: the store chooses its time, and its id if the writer gave none.
    pub(in crate::model) fn may_be(&self, read: &Self) -> bool {
        if self.position != read.position {
            return false;
        }
        let mut expected = self.clone();
        expected.recorded_at = read.recorded_at;
        expected.event.id = expected.event.id.or(read.event.id);
        expected == *read
    }

    pub(in crate::model) fn matches(&self, query: &PlainQuery) -> bool {
        query.iter().any(|item| {
            let typed = item.types.is_empty() || item.types.contains(&self.event.event_type);
            typed && item.tags.iter().all(|tag| self.event.tags.contains(tag))
        })
    }
}

impl From<&RecordedEvent> for Recorded {
    fn from(read: &RecordedEvent) -> Self {
        Self {
            stream: read.stream().to_owned(),
            revision: read.revision().get(),
            position: read.position().get(),
            recorded_at: read.recorded_at(),
            event: PlainEvent {
                id: Some(read.id()),
                event_type: read.event_type().to_owned(),
                schema_version: read.schema_version(),
                content_type: read.content_type(),
                tags: read.tags().map(str::to_owned).collect(),
                metadata: read.metadata().to_vec(),
                payload: read.payload().to_vec(),
                circumstances: Circumstances {
                    occurred_at: read.occurred_at(),
                    correlation: read.correlation_id(),
                    causation: read.causation_id(),
                    trace_context: read.trace_context().map(str::to_owned),
                    principal: read.principal().map(str::to_owned),
                },
            },
        }
    }
}

/// Why a read is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "matched whole by oracles")]
pub enum Refusal {
    /// The stream has no events, or had none then.
    StreamNotFound,
    /// The query is not answered.
    Query,
    /// The request contradicts itself.
    Request,
    /// A write failed, and what is stored is known after reopening.
    Unresolved,
    /// A damaged index file could not be written anew.
    IndexUnwritten(String),
    /// A damaged index file cannot be rebuilt by this handle.
    IndexDamaged(String),
    /// Any other error.
    Failed(String),
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::StreamNotFound(_) => Self::StreamNotFound,
            ReadError::Query(_) => Self::Query,
            ReadError::Request(_) => Self::Request,
            ReadError::Unresolved => Self::Unresolved,
            ReadError::IndexDamaged { file } => Self::IndexDamaged(file),
            ReadError::IndexUnwritten { source } => Self::IndexUnwritten(source.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}
