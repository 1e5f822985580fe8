//! Questions, and what the model and the store reply to them.
//!
//! It compares and says nothing about who is right. The invariant it guards: a question is asked
//! of both in the same words.

use super::{
    Past, PlainAppend, PlainCommitted, PlainItem, PlainRead, PlainSelector, Recorded, Refusal,
    stream_id, word,
};
use sagalog::{CommandKey, ConsumerId, EventId, FenceName, ReadError, ReadOnlyStore, Store};
use serde::{Deserialize, Serialize};

/// A question that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "matched whole by tests")]
pub enum Question {
    /// Which events does this read show?
    Read(PlainRead),
    /// Which event has this id?
    Event(#[serde(with = "word")] EventId),
    /// Where does this stream end?
    Info(String),
    /// Which streams begin so?
    Streams(String),
    /// What became of this key?
    Resolve(String),
    /// Where is this consumer?
    Checkpoint(String),
    /// Which token has this fence seen?
    Fence(String),
}

/// What was replied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "compared whole by tests")]
pub enum Reply {
    /// These events.
    Events(Vec<Recorded>),
    /// Streams, each with its last revision and position.
    Streams(Vec<(String, u64, u64)>),
    /// The answer to an append that was stored, as to its repetition.
    Commit(Option<PlainCommitted>),
    /// A number.
    Number(Option<u64>),
    /// No reply.
    Refused(Refusal),
}

const VALID: &str = "the names of a test are valid";

/// Asks a store, or a reader beside one: they have the same methods.
macro_rules! ask {
    ($question:expr, $store:expr) => {
        match $question {
            Question::Read(read) => {
                let events = $store.read(read.into()).collect().await?;
                Reply::Events(events.iter().map(Recorded::from).collect())
            }
            Question::Event(id) => {
                let event = $store.event(*id).await?;
                Reply::Events(event.iter().map(Recorded::from).collect())
            }
            Question::Info(stream) => {
                let info = $store.stream_info(&stream_id(stream)).await?;
                Reply::Streams(vec![line_of(&info)])
            }
            Question::Streams(prefix) => {
                let streams = $store.streams(prefix).collect().await?;
                Reply::Streams(streams.iter().map(line_of).collect())
            }
            Question::Resolve(key) => {
                let key = CommandKey::parse(key).expect(VALID);
                let original = $store.resolve(&key).await?;
                Reply::Commit(original.map(|original| repeated(original.into())))
            }
            Question::Checkpoint(consumer) => {
                let consumer = ConsumerId::parse(consumer).expect(VALID);
                Reply::Number($store.checkpoint(&consumer).await?.map(sagalog::Position::get))
            }
            Question::Fence(fence) => {
                let fence = FenceName::parse(fence).expect(VALID);
                Reply::Number($store.fence(&fence).await?.map(sagalog::FencingToken::get))
            }
        }
    };
}

impl Question {
    /// One question for everything that the store at `past` could be asked about: each stream,
    /// category, type, tag, id, key, consumer and fence, and the whole log both ways.
    pub fn of_everything(past: Past<'_>) -> Vec<Self> {
        let read = |selector| Self::Read(PlainRead::of(selector));
        let item = |types, tags| read(PlainSelector::Query(vec![PlainItem { types, tags }]));
        let whole = PlainRead { system: true, ..PlainRead::of(PlainSelector::All) };
        let mut all = vec![
            Self::Streams(String::new()),
            Self::Streams("$".to_owned()),
            Self::Read(PlainRead { backward: true, ..whole.clone() }),
            Self::Read(whole),
        ];
        for event in past.events {
            let stream = event.stream.clone();
            let category = stream.split('-').next().unwrap_or_default().to_owned();
            all.push(read(PlainSelector::Category(category)));
            all.push(Self::Info(stream.clone()));
            all.push(read(PlainSelector::Stream(stream)));
            all.extend(event.event.id.map(Self::Event));
            if !event.event.event_type.starts_with('$') {
                all.push(item(vec![event.event.event_type.clone()], Vec::new()));
            }
            all.extend(event.event.tags.iter().map(|tag| item(Vec::new(), vec![tag.clone()])));
        }
        for commit in past.commits {
            let PlainAppend { key, checkpoint, fence, .. } = &commit.append;
            all.extend(key.clone().map(Self::Resolve));
            all.extend(checkpoint.clone().map(|(consumer, _)| Self::Checkpoint(consumer)));
            all.extend(fence.clone().map(|(fence, _)| Self::Fence(fence)));
        }
        all.sort();
        all.dedup();
        all
    }

    /// Whether this is what the model replies.
    pub fn is_answered(&self, past: Past<'_>, reply: &Reply) -> bool {
        match (self, reply) {
            (Self::Read(read), Reply::Events(events)) => {
                past.read(read).is_ok_and(|expected| expected.into_iter().eq(events))
            }
            (_, reply) => self.put_to(past) == *reply,
        }
    }

    /// What the model replies.
    pub fn put_to(&self, past: Past<'_>) -> Reply {
        let line = |last: &Recorded| (last.stream.clone(), last.revision, last.position);
        match self {
            Self::Read(read) => match past.read(read) {
                Ok(events) => Reply::Events(events.into_iter().cloned().collect()),
                Err(refusal) => Reply::Refused(refusal),
            },
            // An id that was used again names its newest event.
            Self::Event(id) => {
                let newest = past.events.iter().rfind(|event| event.event.id == Some(*id));
                Reply::Events(newest.into_iter().cloned().collect())
            }
            Self::Info(stream) => match past.info(stream) {
                Some(last) => Reply::Streams(vec![line(last)]),
                None => Reply::Refused(Refusal::StreamNotFound),
            },
            Self::Streams(prefix) => {
                Reply::Streams(past.streams(prefix).into_iter().map(line).collect())
            }
            Self::Resolve(key) => Reply::Commit(past.resolve(key).map(repeated)),
            Self::Checkpoint(consumer) => Reply::Number(past.checkpoint(consumer)),
            Self::Fence(fence) => Reply::Number(past.fence(fence)),
        }
    }

    /// What the store replies.
    pub async fn put_to_store(&self, store: &Store) -> Reply {
        let asked: Result<Reply, ReadError> = async { Ok(ask!(self, store)) }.await;
        asked.unwrap_or_else(|error| Reply::Refused(error.into()))
    }

    /// What a reader beside the store replies.
    pub async fn put_to_reader(&self, store: &ReadOnlyStore) -> Reply {
        let asked: Result<Reply, ReadError> = async { Ok(ask!(self, store)) }.await;
        asked.unwrap_or_else(|error| Reply::Refused(error.into()))
    }
}

fn repeated(answer: PlainCommitted) -> PlainCommitted {
    PlainCommitted { replayed: true, ..answer }
}

fn line_of(info: &sagalog::StreamInfo) -> (String, u64, u64) {
    (info.stream.as_str().to_owned(), info.revision.get(), info.position.get())
}
