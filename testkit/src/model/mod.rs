//! The reference store: the simplest thing that could be right, and what tests compare with.
//!
//! A list of events and a list of commits, everything by linear scan; no index, no file, no code
//! of the store's. Questions are put to a [`Past`], the store as it was at some head, so that an
//! answer can be judged later. It is believed because it is short: it has 300 lines at most.

mod ask;
mod draw;
mod plain;
mod shown;
mod word;

pub use ask::{Question, Reply};
pub use draw::{Alphabet, Draw};
pub use plain::{
    Circumstances, Outcome, PlainAppend, PlainAsOf, PlainCommitted, PlainEvent, PlainGuard,
    PlainItem, PlainQuery, PlainRead, PlainSelector, PlainStart, Recorded, Refusal, stream_id,
};
pub use shown::Shown;

use sagalog::{Actual, ExpectedRevision, Position, Revision, runtime::WallTime};
use std::{collections::BTreeSet, ops::RangeInclusive, sync::Arc};

#[cfg(test)]
mod tests;

/// A commit, with the answer that its caller got.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Original {
    append: PlainAppend,
    answer: PlainCommitted,
}

/// The reference store.
#[derive(Clone, Debug)]
pub struct Model {
    key_horizon_events: u64,
    events: Vec<Arc<Recorded>>,
    commits: Vec<Arc<Original>>,
}

/// The reference store as it was at a head.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    key_horizon_events: u64,
    /// Every event, by position.
    pub events: &'a [Arc<Recorded>],
    commits: &'a [Arc<Original>],
}

impl Model {
    /// An empty store that keeps keys for so many positions.
    pub fn new(key_horizon_events: u64) -> Self {
        Self { key_horizon_events, events: Vec::new(), commits: Vec::new() }
    }

    /// The position behind the last event.
    pub fn head(&self) -> u64 {
        self.events.len() as u64
    }

    /// The heads within `range` that the store had: 0 and the end of each commit.
    pub fn heads(&self, range: RangeInclusive<u64>) -> impl Iterator<Item = u64> {
        let before = self.commits.partition_point(|commit| commit.answer.end() < *range.start());
        let ends = self.commits[before..].iter().map(|commit| commit.answer.end());
        let empty = range.contains(&0).then_some(0);
        empty.into_iter().chain(ends).take_while(move |head| range.contains(head))
    }

    /// The store as it is.
    pub fn now(&self) -> Past<'_> {
        self.at(self.head())
    }

    /// The store as it was when its head was at `head`, one of [`Self::heads`].
    pub fn at(&self, head: u64) -> Past<'_> {
        let events = usize::try_from(head).map_or(&self.events[..], |head| &self.events[..head]);
        let commits = self.commits.partition_point(|commit| commit.answer.first < head);
        let commits = &self.commits[..commits];
        Past { key_horizon_events: self.key_horizon_events, events, commits }
    }

    /// Appends, at `wall` by the store's clock.
    pub fn append(&mut self, append: &PlainAppend, wall: WallTime) -> Outcome {
        let outcome = self.now().answer(append);
        if let Outcome::Committed(answer) = &outcome
            && !answer.replayed
            && answer.positions > 0
        {
            let recorded_at = self.events.last().map_or(wall, |last| last.recorded_at.max(wall));
            for (stream, event) in append.stored().iter().cloned() {
                let (position, revision) = (self.head(), self.now().next_revision(&stream));
                let event = Recorded { stream, revision, position, recorded_at, event };
                self.events.push(Arc::new(event));
            }
            let (append, answer) = (append.clone(), answer.clone());
            self.commits.push(Arc::new(Original { append, answer }));
        }
        outcome
    }

    /// Takes over an event that was read: the store chooses its time, and its id if the writer gave
    /// none. False if it is another event than was appended there.
    pub fn learn(&mut self, read: &Arc<Recorded>) -> bool {
        let known = self.events.iter_mut().rfind(|known| known.may_be(read));
        known.map(|known| *known = Arc::clone(read)).is_some()
    }

    /// Forgets what came after `head`, one of [`Self::heads`].
    pub fn cut(&mut self, head: u64) {
        self.events.retain(|event| event.position < head);
        self.commits.retain(|commit| commit.answer.first < head);
    }
}

impl<'a> Past<'a> {
    /// The position behind the last event.
    pub fn head(self) -> u64 {
        self.events.len() as u64
    }

    /// What an append comes to.
    pub fn answer(self, append: &PlainAppend) -> Outcome {
        let guards = || append.guards.iter().enumerate();
        if let Some((number, _)) = guards().find(|(_, guard)| !guard.is_answered()) {
            return Outcome::Query(number);
        }
        if let Some(original) = append.key.as_ref().and_then(|key| self.original(key)) {
            if !append.says_the_same(&original.append) {
                return Outcome::KeyReused(original.answer.first);
            }
            return Outcome::Committed(original.answer.clone().repeated());
        }
        if let Some((fence, token)) = &append.fence
            && let Some(current) = self.fence(fence)
            && *token < current
        {
            return Outcome::Fenced(current);
        }
        let failed = guards().filter_map(|(number, guard)| Some((number, self.failure(guard)?)));
        let failed: Vec<(usize, Actual)> = failed.collect();
        if failed.is_empty() {
            return Outcome::Committed(self.fresh(append));
        }
        self.stored_before(append).unwrap_or(Outcome::Conflict(failed))
    }

    /// The answer to an append that is stored, or to a check that holds.
    fn fresh(self, append: &PlainAppend) -> PlainCommitted {
        let writes = append.stored();
        let mut revisions: Vec<(String, u64)> = Vec::new();
        for (stream, _) in writes {
            match revisions.iter_mut().find(|(written, _)| written == stream) {
                Some((_, last)) => *last += 1,
                None => revisions.push((stream.clone(), self.next_revision(stream))),
            }
        }
        let (first, positions) = (self.head(), writes.len() as u64);
        PlainCommitted { first, positions, revisions, replayed: false }
    }

    /// What a guard met, if it does not hold.
    fn failure(self, guard: &PlainGuard) -> Option<Actual> {
        match guard {
            PlainGuard::Stream(stream, expected) => {
                let last = self.info(stream).map(|last| last.revision);
                let holds = match expected {
                    ExpectedRevision::Any => true,
                    ExpectedRevision::NoStream => last.is_none(),
                    ExpectedRevision::Exists => last.is_some(),
                    ExpectedRevision::Exact(revision) => last == Some(revision.get()),
                    other => panic!("the model does not know {other:?}"),
                };
                let met = |last| Actual::Revision(Revision::new(last));
                (!holds).then_some(last.map_or(Actual::NoStream, met))
            }
            PlainGuard::NoMatch(query, after) => {
                let behind = after.map_or(0, |after| after + 1);
                let unseen = |event: &Recorded| event.position >= behind && !event.is_system();
                let met = |event: &&Arc<Recorded>| unseen(event) && event.matches(query);
                let newest = self.events.iter().rfind(met)?;
                Some(Actual::Match(Position::new(newest.position)))
            }
        }
    }

    /// The original answer if the events stand where guards name their places, or the first
    /// difference if only some do; nothing if this is no repetition, or cannot be told.
    fn stored_before(self, append: &PlainAppend) -> Option<Outcome> {
        let (mut begun, mut before, mut differs) = (false, None::<&Arc<Recorded>>, None);
        let mut revisions: Vec<(String, u64)> = Vec::new();
        for (stream, event) in &append.writes {
            let id = event.id?;
            let known = revisions.iter().position(|(written, _)| written == stream);
            let place = known.map_or(append.named_place(stream), |at| Some(revisions[at].1 + 1))?;
            let there = |event: &&Arc<Recorded>| event.stream == *stream && event.revision == place;
            let stored = self.events.iter().find(there).filter(|event| event.event.id == Some(id));
            if let Some(at) = known {
                revisions[at].1 = place;
            } else {
                begun |= stored.is_some();
                revisions.push((stream.clone(), place));
            }
            let follows = stored.is_some_and(|stored| {
                before.is_none_or(|before| {
                    stored.position > before.position && self.holder(stored) == self.holder(before)
                })
            });
            if !follows {
                differs.get_or_insert((stream, place));
            }
            before = stored.or(before);
        }
        match (differs, before) {
            (None, Some(stored)) => {
                let answer = self.holder(stored)?.answer.clone();
                Some(Outcome::Committed(PlainCommitted { revisions, ..answer.repeated() }))
            }
            (Some((s, place)), _) if begun => Some(Outcome::PartlyCommitted(s.clone(), place)),
            _ => None,
        }
    }

    /// The commit that an event belongs to.
    fn holder(self, event: &Recorded) -> Option<&'a Arc<Original>> {
        self.commits.iter().find(|commit| commit.answer.holds(event.position))
    }

    /// The newest commit with this key, if the key is still kept.
    fn original(self, key: &str) -> Option<&'a Arc<Original>> {
        let newest = self.commits.iter().rfind(|commit| commit.append.key.as_deref() == Some(key));
        let kept_until = |first: u64| first.saturating_add(self.key_horizon_events);
        newest.filter(|commit| self.head() <= kept_until(commit.answer.first))
    }

    /// What a key that is kept was answered with at first.
    pub fn resolve(self, key: &str) -> Option<PlainCommitted> {
        self.original(key).map(|original| original.answer.clone())
    }

    /// A consumer's checkpoint.
    pub fn checkpoint(self, consumer: &str) -> Option<u64> {
        self.commits.iter().rev().find_map(|commit| {
            let (name, number) = commit.append.checkpoint.as_ref()?;
            (name == consumer).then_some(*number)
        })
    }

    /// The token that a fence has seen.
    pub fn fence(self, fence: &str) -> Option<u64> {
        self.commits.iter().rev().find_map(|commit| {
            let (name, number) = commit.append.fence.as_ref()?;
            (name == fence).then_some(*number)
        })
    }

    /// The last event of a stream.
    pub fn info(self, stream: &str) -> Option<&'a Arc<Recorded>> {
        self.events.iter().rfind(|event| event.stream == stream)
    }

    fn next_revision(self, stream: &str) -> u64 {
        self.info(stream).map_or(0, |last| last.revision + 1)
    }

    /// The last event of each stream whose name begins with `prefix`, by name in byte order;
    /// system streams are asked for by theirs.
    pub fn streams(self, prefix: &str) -> Vec<&'a Arc<Recorded>> {
        let shown = |event: &&Arc<Recorded>| !event.is_system() || prefix.starts_with('$');
        let names = self.events.iter().filter(shown).map(|event| event.stream.as_str());
        let names: BTreeSet<&str> = names.filter(|name| name.starts_with(prefix)).collect();
        names.into_iter().filter_map(|name| self.info(name)).collect()
    }

    /// What a read shows.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn read(self, read: &PlainRead) -> Result<Vec<&'a Arc<Recorded>>, Refusal> {
        let one_stream = matches!(read.selector, PlainSelector::Stream(_));
        if matches!(read.start, PlainStart::Revision(_)) && !one_stream {
            return Err(Refusal::Request);
        }
        if matches!(&read.selector, PlainSelector::Query(query) if !plain::is_answered(query)) {
            return Err(Refusal::Query);
        }
        let then = read.as_of.whole(self.commits.iter().map(|commit| &commit.answer));
        let shown = |event: &&Arc<Recorded>| then.includes(event) && read.selects(event);
        let mut events: Vec<&Arc<Recorded>> = self.events.iter().filter(shown).collect();
        if one_stream && events.is_empty() {
            return Err(Refusal::StreamNotFound);
        }
        events.retain(|event| read.begins_before(event));
        if read.backward {
            events.reverse();
        }
        events.truncate(usize::try_from(read.limit).unwrap_or(usize::MAX));
        Ok(events)
    }
}
