//! Questions, and what the model and the store reply to them.
//!
//! It compares and says nothing about who is right. The invariant it guards: a question is asked
//! of both in the same words.

use super::{Past, PlainAppend, PlainItem, PlainRead, PlainSelector, Recorded, Refusal};
use sagalog::EventId;

/// A question that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "matched whole by tests")]
pub enum Question {
    /// Which events does this read show?
    Read(PlainRead),
    /// Which event has this id?
    Event(EventId),
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
    /// The first position, the number of positions and the last revisions of a commit.
    Commit(Option<(u64, u64, Vec<(String, u64)>)>),
    /// A number.
    Number(Option<u64>),
    /// No reply.
    Refused(Refusal),
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
            Self::Resolve(key) => Reply::Commit(
                past.resolve(key)
                    .map(|original| (original.first, original.positions, original.revisions)),
            ),
            Self::Checkpoint(consumer) => Reply::Number(past.checkpoint(consumer)),
            Self::Fence(fence) => Reply::Number(past.fence(fence)),
        }
    }
}
