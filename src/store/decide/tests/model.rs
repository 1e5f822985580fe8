//! The reference for decisions: every event in one list, every question answered by looking at all
//! of them. Believed because it is short; shares nothing with what it is compared with but names.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes out of bounds fails, which is what it is for"
)]

use super::super::{Decision, Fact, Lookup, Refusal, StoredEvent};
use crate::{
    append::{ExpectedRevision, Guard},
    error::Actual,
    event::EventId,
    ids::{FencingToken, Position, Revision},
    names::{CommandKey, EventType, FenceName, StreamId, Tag},
    query::Query,
    store::{
        answer::{KeyAnswer, Original, Revisions},
        body::Stamp,
        draft::Draft,
    },
    time::WallTime,
};

struct Event {
    stream: StreamId,
    revision: Revision,
    of_type: EventType,
    tags: Vec<Tag>,
    stored: StoredEvent,
}

/// The whole history.
#[derive(Default)]
pub(super) struct Model {
    events: Vec<Event>,
    keys: Vec<(CommandKey, KeyAnswer)>,
    fences: Vec<(Position, FenceName, FencingToken)>,
    recorded_at: WallTime,
    key_horizon_events: u64,
}

impl Model {
    pub(super) fn new(key_horizon_events: u64) -> Self {
        Self { key_horizon_events, ..Self::default() }
    }

    pub(super) fn next(&self) -> Position {
        Position::new(self.events.len().try_into().expect("short histories"))
    }

    pub(super) fn head(&self, stream: &StreamId, below: Position) -> Option<Revision> {
        let last = self.below(below).rfind(|event| event.stream == *stream);
        last.map(|event| event.revision)
    }

    fn below(&self, below: Position) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().filter(move |event| event.stored.position < below)
    }

    fn newest_match(
        &self,
        query: &Query,
        after: Option<Position>,
        below: Position,
    ) -> Option<Position> {
        let matches = |event: &&Event| {
            let tags = event.tags.iter().map(Tag::as_str);
            after.is_none_or(|after| event.stored.position > after)
                && !event.stream.is_system()
                && query.matches(event.of_type.as_str(), &tags)
        };
        self.below(below).rev().find(matches).map(|event| event.stored.position)
    }

    fn key(&self, key: &CommandKey, below: Position) -> Option<&KeyAnswer> {
        let newest = |(known, answer): &&(CommandKey, KeyAnswer)| {
            known == key && answer.original.first < below
        };
        self.keys.iter().rev().find(newest).map(|(_, answer)| answer)
    }

    fn fence(&self, fence: &FenceName, below: Position) -> Option<FencingToken> {
        let seen = self.fences.iter().filter(|(at, known, _)| known == fence && *at < below);
        seen.map(|(_, _, token)| *token).max()
    }

    fn event(&self, stream: &StreamId, revision: Revision) -> Option<&StoredEvent> {
        let found = self.events.iter().find(|e| e.stream == *stream && e.revision == revision);
        found.map(|event| &event.stored)
    }

    /// What an index of all events below `below` says.
    pub(super) fn answer(&self, lookup: &Lookup, draft: &Draft, below: Position) -> Fact {
        match lookup {
            Lookup::Head(stream) => Fact::Head(self.head(stream, below)),
            Lookup::Key(key) => Fact::Key(self.key(key, below).cloned()),
            Lookup::Fence(fence) => Fact::Fence(self.fence(fence, below)),
            Lookup::NewestMatch { guard, after } => {
                let Guard::NoMatch { query, after: asked } = &draft.append.guards[*guard] else {
                    panic!("guard {guard} is no query")
                };
                assert_eq!(asked, after);
                Fact::Match(self.newest_match(query, *after, below))
            }
            Lookup::Stored { stream, from, events } => {
                let event = |at: u32| *self.event(stream, from.plus(at.into())).expect("it exists");
                let stored: Vec<StoredEvent> = (0..*events).map(event).collect();
                assert!(stored.iter().all(|event| event.position < below), "memory holds it");
                Fact::Stored(stored)
            }
        }
    }

    pub(super) fn decide(&self, draft: &Draft, now: WallTime) -> Decision {
        let next = self.next();
        if let Some(key) = &draft.append.key
            && let Some(answer) = self.key(key, next)
            && answer.original.first.get() + self.key_horizon_events >= next.get()
        {
            if answer.fingerprint == draft.fingerprint {
                return Decision::Replay(answer.original.clone());
            }
            let (key, first) = (key.clone(), answer.original.first);
            return Decision::Refuse(Refusal::KeyReused { key, first });
        }
        if let Some((fence, token)) = &draft.append.fence
            && let Some(current) = self.fence(fence, next).filter(|current| current > token)
        {
            return Decision::Refuse(Refusal::Fenced { fence: fence.clone(), current });
        }
        let failed = self.failed(draft);
        if !failed.is_empty() {
            return self.repeated(draft).unwrap_or(Decision::Refuse(Refusal::Conflict(failed)));
        }
        if draft.events.is_empty() {
            return Decision::Check { at: next };
        }
        let heads = draft.streams.iter().map(|stream| self.head(stream, next));
        let revisions = heads.map(|head| head.map_or(Revision::new(0), Revision::next)).collect();
        Decision::Commit(Stamp { recorded_at: now.max(self.recorded_at), revisions })
    }

    fn failed(&self, draft: &Draft) -> Vec<(usize, Actual)> {
        let mut failed = Vec::new();
        for (guard, asked) in draft.append.guards.iter().enumerate() {
            let actual = match asked {
                Guard::Stream { stream, expected } => {
                    let head = self.head(stream, self.next());
                    let holds = match expected {
                        ExpectedRevision::Any => true,
                        ExpectedRevision::NoStream => head.is_none(),
                        ExpectedRevision::Exists => head.is_some(),
                        ExpectedRevision::Exact(revision) => head == Some(*revision),
                    };
                    (!holds).then(|| head.map_or(Actual::NoStream, Actual::Revision))
                }
                Guard::NoMatch { query, after } => {
                    self.newest_match(query, *after, self.next()).map(Actual::Match)
                }
            };
            failed.extend(actual.map(|actual| (guard, actual)));
        }
        failed
    }

    /// The answer by ids; `None` for a plain conflict.
    fn repeated(&self, draft: &Draft) -> Option<Decision> {
        let ids: Option<Vec<EventId>> = draft.append.writes.iter().map(|(_, e)| e.id).collect();
        let ids = ids.filter(|ids| !ids.is_empty())?;
        let mut nexts = Vec::new();
        for stream in &draft.streams {
            let named = draft.append.guards.iter().filter_map(|guard| match guard {
                Guard::Stream { stream: guarded, expected } if guarded == stream => {
                    match expected {
                        ExpectedRevision::NoStream => Some(0),
                        ExpectedRevision::Exact(last) => Some(last.get() + 1),
                        _ => None,
                    }
                }
                _ => None,
            });
            let named: Vec<u64> = named.collect();
            let place = *named.first()?;
            if named.iter().any(|other| *other != place) {
                return None;
            }
            nexts.push((stream, place, place));
        }
        let (mut before, mut difference, mut starts) = (None::<StoredEvent>, None, false);
        for ((stream, _), id) in draft.append.writes.iter().zip(&ids) {
            let at = nexts.iter_mut().find(|(written, ..)| *written == stream)?;
            let revision = Revision::new(at.2);
            at.2 += 1;
            let found = self.event(stream, revision).filter(|stored| stored.id == *id).copied();
            starts |= found.is_some() && revision.get() == at.1;
            let follows = match (&before, &found) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(before), Some(found)) => {
                    found.commit_first == before.commit_first && found.position > before.position
                }
            };
            if !follows && difference.is_none() {
                difference = Some((stream.clone(), revision));
            }
            before = found.or(before);
        }
        if let Some((stream, revision)) = difference {
            let partly = Decision::Refuse(Refusal::PartlyCommitted { stream, revision });
            return starts.then_some(partly);
        }
        let commit = before?;
        let last =
            |(stream, _, next): (&StreamId, u64, u64)| (stream.clone(), Revision::new(next - 1));
        Some(Decision::Replay(Original {
            first: commit.commit_first,
            positions: commit.commit_positions,
            revisions: Revisions::Known(nexts.into_iter().map(last).collect()),
        }))
    }

    pub(super) fn apply(&mut self, draft: &Draft, stamp: &Stamp) {
        let first = self.next();
        let mut nexts = stamp.revisions.clone();
        for ((number, id), (stream, event)) in draft.events.iter().zip(&draft.append.writes) {
            let next = &mut nexts[usize::from(*number)];
            let stored = StoredEvent {
                id: *id,
                position: self.next(),
                commit_first: first,
                commit_positions: draft.positions(),
            };
            self.events.push(Event {
                stream: stream.clone(),
                revision: *next,
                of_type: event.event_type.clone(),
                tags: event.tags.clone(),
                stored,
            });
            *next = next.next();
        }
        let lasts = nexts.iter().map(|next| Revision::new(next.get() - 1));
        let revisions = Revisions::Known(draft.streams.iter().cloned().zip(lasts).collect());
        let original = Original { first, positions: draft.positions(), revisions };
        if let Some(key) = &draft.append.key {
            let fingerprint = draft.fingerprint;
            self.keys.push((key.clone(), KeyAnswer { fingerprint, original }));
        }
        if let Some((fence, token)) = &draft.append.fence {
            self.fences.push((first, fence.clone(), *token));
        }
        self.recorded_at = stamp.recorded_at;
    }
}
