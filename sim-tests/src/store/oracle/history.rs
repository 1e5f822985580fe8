//! What callers did and were told, in the order in which it happened.
//!
//! It judges nothing. The invariant it guards: a moment is counted at every call and at every
//! answer, so that "before" is known wherever a caller could know it.

use super::clock::Span;
use crate::report::{Violation, broken};
use sagalog::runtime::WallTime;
use sagalog_testkit::model::{Outcome, PlainAppend, PlainCommitted, Question, Recorded, Reply};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Which call of `append`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AttemptId(usize);

impl AttemptId {
    /// Its number, counted from 0.
    pub(crate) fn number(self) -> u64 {
        self.0 as u64
    }
}

/// What is known of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// No answer, or "unknown": it may be in the log or not.
    Open,
    /// The caller was told this.
    Acknowledged(PlainCommitted),
    /// The caller was told that nothing was stored.
    Refused,
    /// A later recovery settled that it is not there.
    Settled,
}

#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) append: Arc<PlainAppend>,
    /// Which content its events carry the mark of.
    content: usize,
    /// The position behind everything that had been shown when it was made.
    pub(super) low: u64,
    /// When it was made.
    pub(super) called: u64,
    /// What the wall clock showed from the call to its answer, or to the end of the life.
    pub(super) span: Span,
    pub(super) fate: Fate,
    /// Where it is in the log.
    pub(super) placed: Option<PlainCommitted>,
}

/// What somebody was told.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Append(AttemptId, Outcome),
    Reply(Question, Reply),
    /// By a reader beside the store, whose head is here.
    Beside(u64, Question, Reply),
    Head(u64),
}

/// What somebody was told and has not been judged.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// The position behind everything that had been shown when it was asked.
    pub(super) low: u64,
    /// When it was settled at the latest.
    pub(super) by: u64,
    /// How many operations the disk had performed when it was told.
    pub(super) op: u64,
    pub(super) what: Answer,
}

#[derive(Debug, Default)]
pub(super) struct History {
    moment: u64,
    /// What the wall clock showed last.
    wall: WallTime,
    attempts: Vec<Attempt>,
    /// Calls of this life without an answer.
    under_way: BTreeSet<AttemptId>,
    /// Calls with a key of which nobody knows what became.
    open_keyed: BTreeSet<AttemptId>,
    /// The calls of each content that was given marks, by its number.
    contents: Vec<Vec<AttemptId>>,
    /// The contents that were said under a key, each with its number.
    said: BTreeMap<String, Vec<(usize, PlainAppend)>>,
    pending: Vec<Pending>,
    /// The commits of this life: first position, and when the call was made.
    placed: Vec<(u64, u64)>,
    replies: u64,
}

/// Bytes of the mark that every payload begins with: content, number of the event, events.
const MARK_BYTES: usize = 8;
/// Bytes of a payload behind its mark.
const PAYLOAD_BYTES_MAX: usize = 256;

impl History {
    pub(super) fn now(&self) -> u64 {
        self.moment
    }

    pub(super) fn tick(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    /// The wall clock shows this.
    pub(super) fn shows(&mut self, wall: WallTime) {
        self.wall = wall;
        for id in &self.under_way {
            self.attempts[id.0].span.widen(wall);
        }
    }

    /// Nobody who called so far gets an answer any more.
    pub(super) fn nobody_lives(&mut self) {
        self.under_way.clear();
    }

    pub(super) fn calls(&self) -> u64 {
        self.attempts.len() as u64 + self.replies
    }

    pub(super) fn is_placed(&self, number: u64) -> bool {
        let attempt = usize::try_from(number).ok().and_then(|number| self.attempts.get(number));
        attempt.is_some_and(|attempt| attempt.placed.is_some())
    }

    pub(super) fn attempt(&self, id: AttemptId) -> &Attempt {
        &self.attempts[id.0]
    }

    /// Marks the events of `append` and notes that it is made now. The same content under the same
    /// key has the same mark.
    pub(super) fn call(
        &mut self,
        mut append: PlainAppend,
        low: u64,
    ) -> (AttemptId, Arc<PlainAppend>) {
        for (_, event) in &mut append.writes {
            event.payload.truncate(PAYLOAD_BYTES_MAX); // It may be a repetition, marked already.
        }
        let (id, content) = (AttemptId(self.attempts.len()), self.content(&append));
        let events = append.writes.len();
        for (number, (_, event)) in append.writes.iter_mut().enumerate() {
            event.payload.splice(..0, mark(content, number, events));
        }
        if append.key.is_some() {
            self.open_keyed.insert(id);
        }
        self.under_way.insert(id);
        self.contents[content].push(id);
        let (append, fate, placed, called) = (Arc::new(append), Fate::Open, None, self.tick());
        let (marked, span) = (Arc::clone(&append), Span::at(self.wall));
        self.attempts.push(Attempt { append, content, low, called, span, fate, placed });
        (id, marked)
    }

    /// The number of what `append` says, the one that it has already if it was said under its key.
    fn content(&mut self, append: &PlainAppend) -> usize {
        let new = self.contents.len();
        if let Some(key) = &append.key {
            let said = self.said.entry(key.clone()).or_default();
            if let Some((known, _)) = said.iter().find(|(_, said)| said.says_the_same(append)) {
                return *known;
            }
            said.push((new, append.clone()));
        }
        self.contents.push(Vec::new());
        new
    }

    /// The append of a call as it was before its events were marked.
    pub(super) fn given(&self, id: AttemptId) -> PlainAppend {
        let mut given = PlainAppend::clone(&self.attempt(id).append);
        for (_, event) in &mut given.writes {
            event.payload.drain(..MARK_BYTES);
        }
        given
    }

    /// The call was never polled: it is as if it had not been made.
    pub(super) fn take_back(&mut self, id: AttemptId) {
        self.settle_one(id, Fate::Refused);
    }

    fn settle_one(&mut self, id: AttemptId, fate: Fate) {
        self.open_keyed.remove(&id);
        self.attempts[id.0].fate = fate;
    }

    pub(super) fn answer(&mut self, id: AttemptId, outcome: Outcome, op: u64) {
        let by = self.tick();
        self.under_way.remove(&id);
        match &outcome {
            Outcome::Unknown => {}
            Outcome::Committed(answer) if !answer.replayed && answer.positions > 0 => {
                self.settle_one(id, Fate::Acknowledged(answer.clone()));
            }
            _ => self.settle_one(id, Fate::Refused),
        }
        if !matches!(outcome, Outcome::Unknown | Outcome::Failed(_)) {
            let low = self.attempt(id).low;
            self.pending.push(Pending { low, by, op, what: Answer::Append(id, outcome) });
        }
    }

    pub(super) fn pend(&mut self, pending: Pending) {
        self.replies += 1;
        self.pending.push(pending);
    }

    pub(super) fn take_pending(&mut self) -> Vec<Pending> {
        std::mem::take(&mut self.pending)
    }

    /// The calls that could have made the commit that begins with `first`: the acknowledged ones
    /// before the others.
    pub(super) fn candidates(
        &self,
        first: &Recorded,
        resolved: Option<AttemptId>,
    ) -> Result<Vec<AttemptId>, Violation> {
        let at = first.position;
        let acknowledged = |id: &AttemptId| match &self.attempt(*id).fate {
            Fate::Acknowledged(told) => told.first == at,
            Fate::Open | Fate::Refused | Fate::Settled => false,
        };
        if first.event.event_type.starts_with('$') {
            // Only its key tells it from others; a repetition has the same content.
            let bare = (0..self.attempts.len()).map(AttemptId);
            let mut bare = bare.filter(|id| self.attempt(*id).append.writes.is_empty());
            let told = bare.find(acknowledged).or(resolved);
            let content = told.map(|id| self.attempt(id).content);
            return Ok(self.calls_of(content, acknowledged));
        }
        let Some((content, 0, _)) = marked(&first.event.payload) else {
            return broken("G4", format!("no commit begins with what is at position {at}"));
        };
        Ok(self.calls_of(Some(content), acknowledged))
    }

    /// The calls that said this, those first that `come_first`.
    fn calls_of(
        &self,
        content: Option<usize>,
        come_first: impl Fn(&AttemptId) -> bool,
    ) -> Vec<AttemptId> {
        let ids = content.and_then(|content| self.contents.get(content));
        let mut ids = ids.cloned().unwrap_or_default();
        ids.sort_by_key(|id| !come_first(id));
        ids
    }

    pub(super) fn place(&mut self, id: AttemptId, answer: PlainCommitted, called: u64) {
        self.placed.push((answer.first, called));
        self.attempts[id.0].placed = Some(answer);
    }

    /// The first position of this life that was stored by a call made after `moment`.
    pub(super) fn first_called_after(&self, moment: u64) -> Option<u64> {
        let later = self.placed.iter().find(|(_, called)| *called > moment);
        later.map(|(first, _)| *first)
    }

    /// A recovery was judged: what has no place is gone for good. If that was acknowledged, it was
    /// lost to damage that excuses it.
    pub(super) fn settle(&mut self) {
        self.placed.clear();
        for attempt in &mut self.attempts {
            let gone = matches!(attempt.fate, Fate::Open | Fate::Acknowledged(_));
            if gone && attempt.placed.is_none() {
                attempt.fate = Fate::Settled;
            }
        }
    }

    /// The log is another one from position `kept` on: everything that is not before it and was not
    /// refused may be in it or not.
    pub(super) fn forget(&mut self, kept: u64) {
        let stays = |placed: &PlainCommitted| placed.first < kept;
        for attempt in &mut self.attempts {
            if attempt.placed.as_ref().is_some_and(stays) {
                continue;
            }
            attempt.placed = None;
            attempt.low = 0;
            if attempt.fate == Fate::Settled {
                attempt.fate = Fate::Open;
            }
        }
    }

    pub(super) fn open_keyed(&self) -> Vec<AttemptId> {
        self.open_keyed.iter().copied().collect()
    }

    pub(super) fn open_bare(&self) -> Vec<(AttemptId, String)> {
        let bare = |id: AttemptId| {
            let attempt = self.attempt(id);
            let open = attempt.fate == Fate::Open && attempt.placed.is_none();
            let key = attempt.append.key.clone().filter(|_| attempt.append.writes.is_empty());
            Some((id, key.filter(|_| open)?))
        };
        (0..self.attempts.len()).map(AttemptId).filter_map(bare).collect()
    }
}

fn mark(content: usize, number: usize, events: usize) -> [u8; MARK_BYTES] {
    let mut mark = [0; MARK_BYTES];
    let small = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
    mark[..4].copy_from_slice(&u32::try_from(content).unwrap_or(u32::MAX).to_le_bytes());
    mark[4..6].copy_from_slice(&small(number));
    mark[6..].copy_from_slice(&small(events));
    mark
}

/// The content, the number of the event, and the events of its commit.
fn marked(payload: &[u8]) -> Option<(usize, u16, u16)> {
    let (mark, _) = payload.split_first_chunk::<MARK_BYTES>()?;
    let (content, rest) = mark.split_first_chunk::<4>()?;
    let (number, events) = rest.split_first_chunk::<2>()?;
    let events = u16::from_le_bytes(*events.first_chunk::<2>()?);
    let content = usize::try_from(u32::from_le_bytes(*content)).ok()?;
    Some((content, u16::from_le_bytes(*number), events))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sagalog_testkit::model::PlainEvent;

    #[test]
    fn a_call_made_again_carries_the_same_marks_if_it_has_a_key() {
        let long = PlainEvent::new("A", vec![b'a'; 2 * PAYLOAD_BYTES_MAX]);
        let writes = vec![("a".to_owned(), PlainEvent::new("A", "b")), ("b".to_owned(), long)];
        let keyed = PlainAppend { key: Some("k".into()), writes, ..PlainAppend::default() };
        for (append, same) in [(keyed.clone(), true), (PlainAppend { key: None, ..keyed }, false)] {
            let mut history = History::default();
            let (id, marked) = history.call(append, 0);
            let given = history.given(id);
            assert!(given != *marked);
            let (again, marked_again) = history.call(given.clone(), 0);
            assert_eq!(history.given(again), given);
            assert_eq!(marked_again == marked, same);
        }
    }
}
