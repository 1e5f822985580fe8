//! The decision on an append: whether it is committed, repeats an earlier one, or is refused.
//!
//! A function of what memory knows, of what was looked up in the index, and of the append; it
//! reads nothing itself. What it still has to know it names, as many things at once as it can.
//! Guards are judged against the log as it is before the append.

mod ids;
mod vocabulary;

pub(crate) use vocabulary::{Decision, Fact, Facts, Lookup, Refusal, StoredEvent};

use super::{
    answer::{KeyAnswer, Revisions},
    body::Stamp,
    draft::Draft,
    state::State,
};
use crate::{
    append::{ExpectedRevision, Guard},
    error::Actual,
    ids::{FencingToken, Position, Revision},
    names::StreamId,
    query::Query,
    time::WallTime,
};
use std::collections::BTreeSet;

/// Decides on `draft`, against all that was decided before it.
///
/// [`Decision::Need`] is no verdict: the lookups have to be answered with [`Facts`], and the
/// question asked again.
pub(crate) fn decide(state: &State, facts: &Facts, draft: &Draft, now: WallTime) -> Decision {
    let mut case = Case::new(state, facts, draft);
    if let Some(decision) = case.repeated_key() {
        return decision;
    }
    let fenced = case.fenced();
    let heads: Vec<Option<Revision>> =
        draft.streams.iter().map(|stream| case.head(stream)).collect();
    let failed = case.failed_guards();
    if !case.needs.is_empty() {
        return case.need();
    }
    if let Some(refusal) = fenced {
        return Decision::Refuse(refusal);
    }
    if !failed.is_empty() {
        return ids::repeated(case, &heads, failed);
    }
    if draft.streams.is_empty() {
        return Decision::Check { at: state.next() };
    }
    let revisions = heads.iter().map(|head| head.map_or(Revision::default(), Revision::next));
    Decision::Commit(Stamp {
        recorded_at: now.max(state.recorded_at()),
        revisions: revisions.collect(),
    })
}

/// An append, what is known about it, and what has to be looked up. A question that cannot be
/// answered yet is noted in `needs` and gets the answer "nothing there" for the moment.
struct Case<'a> {
    state: &'a State,
    /// The prefix of the log that memory does not hold is empty.
    whole: bool,
    /// Whether the facts reach up to what memory holds.
    joined: bool,
    facts: &'a Facts,
    draft: &'a Draft,
    needs: BTreeSet<Lookup>,
}

impl<'a> Case<'a> {
    fn new(state: &'a State, facts: &'a Facts, draft: &'a Draft) -> Self {
        let whole = state.from() == Position::default();
        let joined = facts.through >= state.from();
        Self { state, whole, joined, facts, draft, needs: BTreeSet::new() }
    }

    fn need(self) -> Decision {
        Decision::Need(self.needs.into_iter().collect())
    }

    /// What was looked up about the prefix; notes the question if it was not.
    fn fact(&mut self, lookup: Lookup) -> Option<&'a Fact> {
        if self.whole {
            return None;
        }
        let known = self.facts.known.get(&lookup).filter(|_| self.joined);
        if known.is_none() {
            self.needs.insert(lookup);
        }
        known
    }

    /// The decision if the key was met before.
    fn repeated_key(&mut self) -> Option<Decision> {
        let key = self.draft.append.key.as_ref()?;
        let answer = self.state.key(key).or_else(|| self.older_key())?;
        if self.is_beyond_horizon(answer.original.first) {
            return None;
        }
        if answer.fingerprint == self.draft.fingerprint {
            return Some(Decision::Replay(answer.original));
        }
        let first = answer.original.first;
        Some(Decision::Refuse(Refusal::KeyReused { key: key.clone(), first }))
    }

    fn older_key(&mut self) -> Option<KeyAnswer> {
        let key = self.draft.append.key.as_ref()?;
        // Nothing below memory can be within the horizon: no need to look.
        let newest = Position::new(self.state.from().get().checked_sub(1)?);
        if self.is_beyond_horizon(newest) {
            return None;
        }
        match self.fact(Lookup::Key(key.clone()))? {
            Fact::Key(answer) => answer.clone(),
            other => other.is_no_answer_to("a key"),
        }
    }

    fn is_beyond_horizon(&self, first: Position) -> bool {
        let kept = first.get().saturating_add(self.state.key_horizon_events());
        kept < self.state.next().get()
    }

    /// The refusal if somebody with a higher token has been here.
    fn fenced(&mut self) -> Option<Refusal> {
        let (fence, token) = self.draft.append.fence.as_ref()?;
        let current: FencingToken = match self.state.fence(fence) {
            Some(token) => token,
            None => match self.fact(Lookup::Fence(fence.clone()))? {
                Fact::Fence(token) => (*token)?,
                other => other.is_no_answer_to("a fence"),
            },
        };
        (*token < current).then(|| Refusal::Fenced { fence: fence.clone(), current })
    }

    /// The revision of the stream's last event.
    fn head(&mut self, stream: &StreamId) -> Option<Revision> {
        self.state.head(stream).or_else(|| match self.fact(Lookup::Head(stream.clone()))? {
            Fact::Head(head) => *head,
            other => other.is_no_answer_to("a head"),
        })
    }

    /// The newest event behind `after` that matches.
    fn newest_match(
        &mut self,
        guard: usize,
        query: &Query,
        after: Option<Position>,
    ) -> Option<Position> {
        let held = self.state.newest_match(query, after);
        let below =
            after.is_none_or(|after| after.get().saturating_add(1) < self.state.from().get());
        if held.is_some() || !below {
            return held;
        }
        match self.fact(Lookup::NewestMatch { guard, after })? {
            // The fact may speak of more than was asked for, but of nothing before it.
            Fact::Match(found) => found.filter(|found| after.is_none_or(|after| *found > after)),
            other => other.is_no_answer_to("a match"),
        }
    }

    /// All guards that do not hold, and what each met.
    fn failed_guards(&mut self) -> Vec<(usize, Actual)> {
        let mut failed = Vec::new();
        for (guard, asked) in self.draft.append.guards.iter().enumerate() {
            let actual = match asked {
                Guard::Stream { stream, expected } => self.unexpected(stream, *expected),
                Guard::NoMatch { query, after } => {
                    self.newest_match(guard, query, *after).map(Actual::Match)
                }
            };
            failed.extend(actual.map(|actual| (guard, actual)));
        }
        failed
    }

    /// How the stream is, if that is not as expected.
    fn unexpected(&mut self, stream: &StreamId, expected: ExpectedRevision) -> Option<Actual> {
        if expected == ExpectedRevision::Any {
            return None;
        }
        let head = self.head(stream);
        let holds = match expected {
            ExpectedRevision::Any => true,
            ExpectedRevision::NoStream => head.is_none(),
            ExpectedRevision::Exists => head.is_some(),
            ExpectedRevision::Exact(revision) => head == Some(revision),
        };
        (!holds).then(|| head.map_or(Actual::NoStream, Actual::Revision))
    }
}

#[cfg(test)]
mod tests;
