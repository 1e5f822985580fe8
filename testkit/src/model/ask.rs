//! Questions, and what the model and the store reply to them.
//!
//! It compares and says nothing about who is right. The invariant it guards: a question is asked
//! of both in the same words.

use super::{
    Past, PlainAppend, PlainCommitted, PlainItem, PlainRead, PlainSelector, Recorded, Refusal,
    Shown, stream_id, word,
};
use sagalog::{CommandKey, ConsumerId, EventId, FenceName, ReadError, ReadOnlyStore, Store};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

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
    Events(Vec<Arc<Recorded>>),
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
    ($question:expr, $store:expr, $shown:expr) => {
        match $question {
            Question::Read(read) => {
                let events = $store.read(read.into()).collect().await?;
                Reply::Events(events.iter().map(|event| $shown.plain(event)).collect())
            }
            Question::Event(id) => {
                let event = $store.event(*id).await?;
                Reply::Events(event.iter().map(|event| $shown.plain(event)).collect())
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
                Reply::Commit(original.map(|original| PlainCommitted::from(original).repeated()))
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

/// Every name in a store, once.
#[derive(Default)]
struct Named<'a> {
    streams: BTreeSet<&'a str>,
    categories: BTreeSet<&'a str>,
    ids: BTreeSet<EventId>,
    types: BTreeSet<&'a str>,
    tags: BTreeSet<&'a str>,
    keys: BTreeSet<&'a str>,
    consumers: BTreeSet<&'a str>,
    fences: BTreeSet<&'a str>,
}

impl<'a> Named<'a> {
    fn event(&mut self, recorded: &'a Recorded) {
        let Recorded { stream, event, .. } = recorded;
        self.streams.insert(stream);
        self.categories.extend(stream.split('-').next());
        self.ids.extend(event.id);
        if !event.event_type.starts_with('$') {
            self.types.insert(&event.event_type);
        }
        self.tags.extend(event.tags.iter().map(String::as_str));
    }

    fn commit(&mut self, append: &'a PlainAppend) {
        self.keys.extend(append.key.as_deref());
        self.consumers.extend(append.checkpoint.iter().map(|(consumer, _)| consumer.as_str()));
        self.fences.extend(append.fence.iter().map(|(fence, _)| fence.as_str()));
    }
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
        let mut of = Named::default();
        for event in past.events {
            of.event(event);
        }
        for commit in past.commits {
            of.commit(&commit.append);
        }
        for stream in of.streams {
            all.push(Self::Info(stream.to_owned()));
            all.push(read(PlainSelector::Stream(stream.to_owned())));
        }
        let categories = of.categories.into_iter().map(str::to_owned);
        all.extend(categories.map(|name| read(PlainSelector::Category(name))));
        all.extend(of.ids.into_iter().map(Self::Event));
        all.extend(of.types.into_iter().map(|name| item(vec![name.to_owned()], Vec::new())));
        all.extend(of.tags.into_iter().map(|name| item(Vec::new(), vec![name.to_owned()])));
        all.extend(of.keys.into_iter().map(|name| Self::Resolve(name.to_owned())));
        all.extend(of.consumers.into_iter().map(|name| Self::Checkpoint(name.to_owned())));
        all.extend(of.fences.into_iter().map(|name| Self::Fence(name.to_owned())));
        all.sort();
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
        let line = |last: &Arc<Recorded>| (last.stream.clone(), last.revision, last.position);
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
            Self::Resolve(key) => Reply::Commit(past.resolve(key).map(PlainCommitted::repeated)),
            Self::Checkpoint(consumer) => Reply::Number(past.checkpoint(consumer)),
            Self::Fence(fence) => Reply::Number(past.fence(fence)),
        }
    }

    /// What the store replies, with its events in plain form as `shown` has them.
    pub async fn put_to_store(&self, store: &Store, shown: &Shown) -> Reply {
        let asked: Result<Reply, ReadError> = async { Ok(ask!(self, store, shown)) }.await;
        asked.unwrap_or_else(|error| Reply::Refused(error.into()))
    }

    /// What a reader beside the store replies.
    pub async fn put_to_reader(&self, store: &ReadOnlyStore, shown: &Shown) -> Reply {
        let asked: Result<Reply, ReadError> = async { Ok(ask!(self, store, shown)) }.await;
        asked.unwrap_or_else(|error| Reply::Refused(error.into()))
    }
}

fn line_of(info: &sagalog::StreamInfo) -> (String, u64, u64) {
    (info.stream.as_str().to_owned(), info.revision.get(), info.position.get())
}
