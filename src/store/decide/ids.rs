//! Repetitions that are known by the ids of their events, where guards name their places.
//!
//! Looked at only when guards fail: an append whose guards hold is new, whatever its ids. The
//! whole of it has to stand in one commit, in the same order; anything between that and nothing
//! at all is an error, never a silent append of the rest.

use super::{Case, Decision, Fact, Lookup, Refusal, Revisions};
use crate::{
    append::{ExpectedRevision, Guard},
    error::Actual,
    event::EventId,
    ids::{Position, Revision},
    limits::COUNTER_MAX,
    names::StreamId,
    store::{answer::Original, draft::Draft, state::State},
};
use std::collections::BTreeMap;

/// Where an event of the append stands already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    position: Position,
    commit_first: Position,
    commit_positions: u32,
}

/// A written stream: where its events would stand, and what of that is stored.
struct Row<'a> {
    stream: &'a StreamId,
    /// The place that the guards name.
    place: Revision,
    /// How many events of the append it gets.
    events: u32,
    /// What stands at its places below what memory holds.
    stored: &'a [super::StoredEvent],
}

/// The decision on an append some of whose guards fail. `heads` are those of its streams.
pub(super) fn repeated(
    mut case: Case<'_>,
    heads: &[Option<Revision>],
    failed: Vec<(usize, Actual)>,
) -> Decision {
    let draft = case.draft;
    let Some(rows) = places(draft).map(|places| case.rows(&places, heads)) else {
        return Decision::Refuse(Refusal::Conflict(failed));
    };
    if !case.needs.is_empty() {
        return case.need();
    }
    let revisions = revisions_of(draft, &rows);
    let found: Vec<Option<Standing>> = draft
        .events
        .iter()
        .zip(&revisions)
        .map(|((number, id), revision)| {
            rows.get(usize::from(*number))?.standing(case.state, *revision, *id)
        })
        .collect();
    let first_stands = |(number, row): (usize, &Row<'_>)| {
        let events = draft.events.iter().zip(&revisions).zip(&found);
        let mut of_row = events
            .filter(|(((stream, _), revision), _)| {
                usize::from(*stream) == number && **revision == row.place
            })
            .map(|(_, found)| found.is_some());
        of_row.next() == Some(true)
    };
    let Some(difference) = first_difference(&found) else {
        return replay(&rows, &found);
    };
    if !rows.iter().enumerate().any(first_stands) {
        return Decision::Refuse(Refusal::Conflict(failed));
    }
    let number = draft.events.get(difference).map_or(0, |(number, _)| usize::from(*number));
    let stream = rows.get(number).map(|row| row.stream.clone());
    let stream = stream.expect("the numbers of streams were given by their table");
    let revision = revisions.get(difference).copied().unwrap_or_default();
    Decision::Refuse(Refusal::PartlyCommitted { stream, revision })
}

/// The place that guards name for each written stream; `None` if one names none or two, or if
/// the caller did not name the events.
fn places(draft: &Draft) -> Option<Vec<Revision>> {
    if !draft.identified || draft.streams.is_empty() {
        return None;
    }
    let mut named: BTreeMap<&StreamId, Revision> = BTreeMap::new();
    for guard in &draft.append.guards {
        let Guard::Stream { stream, expected } = guard else { continue };
        let place = match expected {
            ExpectedRevision::Any | ExpectedRevision::Exists => continue,
            ExpectedRevision::NoStream => Revision::default(),
            // No stream is as long as the bound: whatever lies beyond, nothing stands there.
            ExpectedRevision::Exact(last) => {
                Revision::new(last.get().saturating_add(1).min(COUNTER_MAX))
            }
        };
        if *named.entry(stream).or_insert(place) != place && draft.streams.contains(stream) {
            return None;
        }
    }
    draft.streams.iter().map(|stream| named.get(stream).copied()).collect()
}

impl<'a> Case<'a> {
    /// What stands at the places of the written streams; notes what has to be looked up.
    fn rows(&mut self, places: &[Revision], heads: &[Option<Revision>]) -> Vec<Row<'a>> {
        let draft = self.draft;
        let mut counts = vec![0_u32; draft.streams.len()];
        for (number, _) in &draft.events {
            if let Some(count) = counts.get_mut(usize::from(*number)) {
                *count += 1;
            }
        }
        let streams = draft.streams.iter().zip(places).zip(heads).zip(counts);
        streams
            .map(|(((stream, place), head), events)| {
                let stored = self.stored(stream, *place, *head, events);
                Row { stream, place: *place, events, stored }
            })
            .collect()
    }

    /// The events from `place` on that lie below what memory holds.
    fn stored(
        &mut self,
        stream: &StreamId,
        place: Revision,
        head: Option<Revision>,
        events: u32,
    ) -> &'a [super::StoredEvent] {
        let end = head.map_or(0, |head| head.next().get());
        let below = self.state.lowest(stream).map_or(end, Revision::get);
        let count = below.saturating_sub(place.get()).min(events.into());
        let Some(events) = u32::try_from(count).ok().filter(|count| *count > 0) else {
            return &[];
        };
        // Not a question about the prefix: events do not change, whatever the facts reach.
        let lookup = Lookup::Stored { stream: stream.clone(), from: place, events };
        match self.facts.known.get(&lookup) {
            Some(Fact::Stored(stored)) => stored,
            Some(other) => other.is_no_answer_to("stored events"),
            None => {
                self.needs.insert(lookup);
                &[]
            }
        }
    }
}

impl Row<'_> {
    /// Where the event stands, if it is the one with this revision.
    fn standing(&self, state: &State, revision: Revision, id: EventId) -> Option<Standing> {
        let ordinal = usize::try_from(revision.get().checked_sub(self.place.get())?).ok()?;
        if let Some(stored) = self.stored.get(ordinal) {
            let super::StoredEvent { position, commit_first, commit_positions, .. } = *stored;
            let standing = Standing { position, commit_first, commit_positions };
            return (stored.id == id).then_some(standing);
        }
        let held = state.event(self.stream, revision, id)?;
        held.is_it.then_some(Standing {
            position: held.posting.position,
            commit_first: held.commit_first,
            commit_positions: held.commit_positions,
        })
    }

    /// The revision of the last event that the append would write.
    fn last(&self) -> Revision {
        Revision::new(self.place.get() + u64::from(self.events.saturating_sub(1)))
    }
}

/// The revision that each event of the append would have at the places that guards name.
fn revisions_of(draft: &Draft, rows: &[Row<'_>]) -> Vec<Revision> {
    let mut nexts: Vec<Revision> = rows.iter().map(|row| row.place).collect();
    let numbers = draft.events.iter().map(|(number, _)| usize::from(*number));
    numbers
        .map(|number| {
            let next = nexts.get_mut(number).expect("the places of all streams are known");
            let revision = *next;
            *next = revision.next();
            revision
        })
        .collect()
}

/// The first event that does not stand behind the one before it, in the same commit.
fn first_difference(found: &[Option<Standing>]) -> Option<usize> {
    let mut before: Option<Standing> = None;
    found.iter().position(|found| {
        let follows = match (found, before) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(found), Some(before)) => {
                found.commit_first == before.commit_first && found.position > before.position
            }
        };
        before = *found;
        !follows
    })
}

fn replay(rows: &[Row<'_>], found: &[Option<Standing>]) -> Decision {
    let first = found.first().copied().flatten().expect("an append with places has events");
    let lasts = rows.iter().map(|row| (row.stream.clone(), row.last()));
    Decision::Replay(Original {
        first: first.commit_first,
        positions: first.commit_positions,
        revisions: Revisions::Known(lasts.collect()),
    })
}
