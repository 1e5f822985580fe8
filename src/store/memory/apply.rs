//! How a commit gets into a table: from an append that was just decided, or from the log.
//!
//! Both ways end in the same few steps, so that a table that was rebuilt answers as the one that
//! was lost. A body from the log is checked as a whole first: a fault changes nothing.

use super::{Memory, Slot};
use crate::{
    event::EventId,
    ids::{FencingToken, Position, Revision},
    log::Place,
    names::{StreamId, Tag, category_of, is_system},
    store::{
        answer::NewAnswer,
        body::{BodyFault, BodyView, EventView, Stamp},
        draft::Draft,
        posting::Posting,
        term::TermKind,
    },
};

/// Where a commit stands.
#[derive(Clone, Copy, Debug)]
struct CommitAt {
    first: Position,
    place: Place,
    bytes: u32,
}

/// What of an event is indexed.
struct Indexed<'a, T> {
    stream_number: u16,
    stream: &'a str,
    id: EventId,
    event_type: &'a str,
    tags: T,
}

/// What a commit may carry besides its events.
struct Beside<'a> {
    key: Option<(&'a str, u128)>,
    checkpoint: Option<(&'a str, Position)>,
    fence: Option<(&'a str, FencingToken)>,
}

impl Memory {
    /// Takes in an append that was decided. `bytes` are those of its frame and body, 0 if unknown.
    ///
    /// # Panics
    /// If it does not follow the last commit, or the stamp is not the draft's.
    pub(crate) fn apply(
        &mut self,
        draft: &Draft,
        stamp: &Stamp,
        first: Position,
        place: Place,
        bytes: u32,
    ) {
        assert_eq!(stamp.revisions.len(), draft.streams.len(), "the stamp is the draft's");
        let firsts = stamp.revisions.iter().copied();
        self.begin(CommitAt { first, place, bytes }, draft.events.len(), firsts);
        let mut posting = Posting { position: first, index: 0, place, bytes };
        for ((stream_number, id), (stream, event)) in draft.events.iter().zip(&draft.append.writes)
        {
            self.add_event(
                Indexed {
                    stream_number: *stream_number,
                    stream: stream.as_str(),
                    id: *id,
                    event_type: event.event_type.as_str(),
                    tags: event.tags.iter().map(Tag::as_str),
                },
                &mut posting,
            );
        }
        let append = &draft.append;
        let beside = Beside {
            key: append.key.as_ref().map(|key| (key.as_str(), draft.fingerprint)),
            checkpoint: append.checkpoint.as_ref().map(|(name, at)| (name.as_str(), *at)),
            fence: append.fence.as_ref().map(|(name, token)| (name.as_str(), *token)),
        };
        let streams = draft.streams.iter().map(StreamId::as_str);
        self.end(CommitAt { first, place, bytes }, posting.position, &beside, streams);
    }

    /// Takes in a commit from the log. No event of `body` may have been walked; `bytes` as in
    /// [`Self::apply`].
    ///
    /// # Errors
    /// If this is no body that the store writes. Nothing has changed then.
    ///
    /// # Panics
    /// If it does not follow the last commit.
    pub(crate) fn apply_body(
        &mut self,
        body: &mut BodyView,
        place: Place,
        bytes: u32,
    ) -> Result<(), BodyFault> {
        let mut views = std::mem::take(&mut self.scratch.views);
        let checked = self.check_body(body, &mut views);
        if let Ok(revisions) = &checked {
            let first = body.first();
            let firsts = revisions.iter().copied();
            self.begin(CommitAt { first, place, bytes }, views.len(), firsts);
            let mut posting = Posting { position: first, index: 0, place, bytes };
            for view in &views {
                self.add_event(
                    Indexed {
                        stream_number: view.stream_number(),
                        stream: view.stream(),
                        id: view.id,
                        event_type: view.event_type(),
                        tags: view.tags(),
                    },
                    &mut posting,
                );
            }
            let beside =
                Beside { key: body.key(), checkpoint: body.checkpoint(), fence: body.fence() };
            let streams = body.streams().map(|(name, _)| name);
            self.end(CommitAt { first, place, bytes }, posting.position, &beside, streams);
        }
        views.clear();
        self.scratch.views = views;
        checked.map(|_| ())
    }

    /// Walks the body and sees whether it can be what the store wrote here. Returns the first
    /// revision of each stream.
    fn check_body(
        &self,
        body: &mut BodyView,
        views: &mut Vec<EventView>,
    ) -> Result<Vec<Revision>, BodyFault> {
        let firsts = body.walk_whole(views)?;
        for ((name, _), first) in body.streams().zip(&firsts) {
            if self.head(name).is_some_and(|head| head.next() != *first) {
                return Err(BodyFault("a revision does not follow the one before"));
            }
        }
        Ok(firsts)
    }

    fn begin(&mut self, commit: CommitAt, events: usize, firsts: impl Iterator<Item = Revision>) {
        assert_eq!(commit.first, self.next, "commits follow each other without a gap");
        debug_assert!(!self.ends_in_gap(), "behind a gap another table begins");
        assert_eq!(Some(commit.place.segment), self.segment, "its group was started");
        self.scratch.events = events;
        self.scratch.slots.clear();
        self.scratch.slots.extend(firsts.map(|next| Slot { terms: None, next }));
    }

    /// Adds the event at `posting`, which moves on to the next one.
    fn add_event<'a>(
        &mut self,
        event: Indexed<'a, impl Iterator<Item = &'a str>>,
        posting: &mut Posting,
    ) {
        let terms = &mut self.terms;
        let alone = if let [_] = *self.scratch.slots { self.scratch.events } else { 0 };
        let slot = self.scratch.slots.get_mut(usize::from(event.stream_number));
        let slot = slot.expect("the numbers of streams were checked against the table");
        if let Some((stream, category)) = slot.terms {
            terms.push(stream, *posting);
            terms.push(category, *posting);
        } else {
            let name = event.stream.as_bytes();
            let stream = terms.add(TermKind::Stream, name, slot.next.get(), *posting);
            if alone > 1 {
                terms.reserve(stream, alone - 1);
            }
            let category = category_of(event.stream).as_bytes();
            let category = terms.add(TermKind::Category, category, 0, *posting);
            slot.terms = Some((stream, category));
        }
        slot.next = slot.next.next();
        let (types, tags) = if is_system(event.stream) {
            (TermKind::SystemType, TermKind::SystemTag)
        } else {
            (TermKind::Type, TermKind::Tag)
        };
        let name = event.event_type.as_bytes();
        match self.scratch.event_type {
            Some(place) if terms.is_named(place, types, name) => terms.push(place, *posting),
            Some(_) | None => {
                self.scratch.event_type = Some(terms.add(types, name, 0, *posting));
            }
        }
        for tag in event.tags {
            terms.add(tags, tag.as_bytes(), 0, *posting);
        }
        self.add_id(event.id, *posting);
        posting.position = posting.position.next();
        posting.index += 1;
    }

    fn add_id(&mut self, id: EventId, posting: Posting) {
        let hash = self.terms.hash_id(id);
        let events = &self.events;
        let is_it = |at: usize| events.get(at).is_some_and(|(known, _)| *known == id);
        let older = self.ids.replace(hash, events.len(), is_it);
        if let Some((_, older)) = older.and_then(|at| events.get(at)) {
            self.twins.entry(id).or_insert_with(|| vec![*older]).push(posting);
        }
        self.events.push((id, posting));
    }

    /// Adds what stands beside the events, and moves on to `next`.
    fn end<'a>(
        &mut self,
        commit: CommitAt,
        next: Position,
        beside: &Beside<'_>,
        streams: impl Iterator<Item = &'a str>,
    ) {
        if let Some((key, fingerprint)) = beside.key {
            let positions = u32::try_from(next.get() - commit.first.get());
            let positions = positions.expect("a commit takes at most 4096 positions");
            let (first, place) = (commit.first, commit.place);
            let lasts = self.scratch.slots.iter().map(|slot| before(slot.next));
            NewAnswer { first, positions, fingerprint, place }
                .encode(streams.zip(lasts), &mut self.scratch.value);
            self.terms.set(TermKind::CommandKey, key.as_bytes(), &self.scratch.value);
        }
        if let Some((consumer, position)) = beside.checkpoint {
            let value = position.get().to_le_bytes();
            self.terms.set(TermKind::Checkpoint, consumer.as_bytes(), &value);
        }
        if let Some((fence, token)) = beside.fence {
            self.terms.set(TermKind::Fence, fence.as_bytes(), &token.get().to_le_bytes());
        }
        self.commits.push(commit.first);
        self.next = next;
        self.log_bytes += u64::from(commit.bytes);
    }
}

/// The revision before `next`, which is not the first of its stream.
fn before(next: Revision) -> Revision {
    Revision::new(next.get().saturating_sub(1))
}
