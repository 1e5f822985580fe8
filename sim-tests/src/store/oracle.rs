//! The oracle of the store suite: what callers asked and were told, against what the log holds
//! afterwards.
//!
//! It sees calls, answers and what is read, never the store's own books. When a store is open
//! again, its whole log is read; the order of commits there is the order in which appends took
//! effect, so each must be what the model answers at that point, and every other answer must be
//! what the model answers at some moment between call and answer. Whatever an answer rests on has
//! to be in that log: what was shown was durable. Each violation names the promise of
//! `docs/GUARANTEES.md` that it breaks.

mod clock;
mod history;
mod judge;
mod place;
#[cfg(test)]
mod tests;

pub(super) use history::{Answer, AttemptId};

use crate::report::{Violation, broken};
use history::{History, Pending};
use sagalog::{Actual, runtime::WallTime};
use sagalog_testkit::model::{
    Model, Outcome, PlainAppend, PlainCommitted, Question, Recorded, Reply, Shown,
};
use std::{collections::BTreeMap, sync::Arc};

/// The model of one store, and the history of its callers.
#[derive(Debug)]
pub struct Oracle {
    history: History,
    /// What the log held when it was last read whole.
    model: Model,
    /// About what it holds by now, as acknowledgements arrive: for drawing operations only.
    guess: Model,
    /// The position behind everything that a caller was shown.
    seen: u64,
    /// When more was shown than before: the disk's operation, and the position behind it.
    showings: Vec<(u64, u64)>,
    /// Where keys say that appends without events are.
    bare: BTreeMap<u64, AttemptId>,
    shown: Arc<Shown>,
}

/// How much of a history can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    /// It kept its promises, for all that is not derived.
    Honest,
    /// It broke some: an end may be missing, and answers that rested on it cannot be explained.
    /// What was told before the disk operation `proven` is proven by bytes that are intact, and
    /// has no such excuse.
    Damaged { proven: u64 },
}

impl Disk {
    /// Whether it excuses that what was told at this operation of the disk is not there.
    fn excuses(self, op: u64) -> bool {
        match self {
            Self::Honest => false,
            Self::Damaged { proven } => op >= proven,
        }
    }
}

impl Oracle {
    pub(super) fn new(key_horizon_events: u64) -> Self {
        let model = Model::new(key_horizon_events);
        let guess = model.clone();
        let (history, bare) = (History::default(), BTreeMap::new());
        let (showings, shown) = (Vec::new(), Arc::default());
        Self { history, model, guess, seen: 0, showings, bare, shown }
    }

    /// What the store has shown to anybody, in plain form.
    pub(super) fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown)
    }

    pub(super) fn guess(&self) -> &Model {
        &self.guess
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    pub(super) fn calls(&self) -> u64 {
        self.history.calls()
    }

    /// The wall clock shows this.
    pub(super) fn shows(&mut self, wall: WallTime) {
        self.history.shows(wall);
    }

    /// A life begins. When the one before ended, the wall clock showed `ended`.
    pub(super) fn begins(&mut self, ended: WallTime, now: WallTime) {
        self.history.shows(ended);
        self.history.nobody_lives();
        self.history.shows(now);
    }

    /// An append is about to be made. Its events are marked, so that they are known when read.
    pub(super) fn call(&mut self, append: PlainAppend) -> (AttemptId, Arc<PlainAppend>) {
        self.history.call(append, self.seen)
    }

    /// What a call was made with: whoever does not know what became of it makes it once more.
    pub(super) fn given(&self, attempt: AttemptId) -> PlainAppend {
        self.history.given(attempt)
    }

    /// The call was never polled: it is as if it had not been made.
    pub(super) fn take_back(&mut self, attempt: AttemptId) {
        self.history.take_back(attempt);
    }

    /// What the caller was told, when the disk had performed `op` operations.
    pub(super) fn answer(&mut self, attempt: AttemptId, outcome: Outcome, op: u64) {
        let end = match &outcome {
            Outcome::Committed(answer) => Some(answer.end()),
            Outcome::Conflict(failed) => failed.iter().filter_map(|(_, met)| end_of(met)).max(),
            Outcome::KeyReused(first) => Some(first + 1),
            _ => None,
        };
        self.show(end, op);
        let append = &self.history.attempt(attempt).append;
        if matches!(&outcome, Outcome::Committed(answer) if !answer.replayed) {
            self.guess.append(append, WallTime::default());
        }
        self.history.answer(attempt, outcome, op);
    }

    /// What a reader was told, who asked when `low` had been seen; `pinned` is the moment by which
    /// it was settled what would be told.
    pub(super) fn reply(
        &mut self,
        question: Question,
        reply: Reply,
        (low, pinned): (u64, u64),
        op: u64,
    ) {
        let end = match &reply {
            Reply::Events(events) => events.iter().map(|event| event.position + 1).max(),
            Reply::Streams(lines) => lines.iter().map(|(.., position)| position + 1).max(),
            Reply::Commit(answer) => answer.as_ref().map(PlainCommitted::end),
            Reply::Number(_) | Reply::Refused(_) => None,
        };
        self.show(end, op);
        self.history.pend(Pending { low, by: pinned, op, what: Answer::Reply(question, reply) });
    }

    /// What a reader beside the store was told, whose head is `head`.
    pub(super) fn beside(&mut self, question: Question, reply: Reply, head: u64, op: u64) {
        self.show(Some(head), op);
        let (low, by) = (head, self.history.tick());
        self.history.pend(Pending { low, by, op, what: Answer::Beside(head, question, reply) });
    }

    /// The store was asked for its head.
    pub(super) fn head(&mut self, head: u64, low: u64, op: u64) -> Result<(), Violation> {
        if head < low {
            return broken("G20", format!("the head is {head} after {low} was shown"));
        }
        self.show(Some(head), op);
        let by = self.history.now();
        self.history.pend(Pending { low, by, op, what: Answer::Head(head) });
        Ok(())
    }

    /// Somebody was shown what ends here.
    fn show(&mut self, end: Option<u64>, op: u64) {
        if let Some(end) = end.filter(|end| *end > self.seen) {
            self.seen = end;
            self.showings.push((op, end));
        }
    }

    /// The position behind everything that was shown so far.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// The next moment.
    pub(super) fn tick(&mut self) -> u64 {
        self.history.tick()
    }

    /// Keyed calls of which nobody knows what became.
    pub(super) fn open_calls(&self) -> Vec<AttemptId> {
        self.history.open_keyed()
    }

    /// Calls without events whose place only their key can tell.
    pub(super) fn open_bare(&self) -> Vec<(AttemptId, String)> {
        self.history.open_bare()
    }

    /// Whether the log holds what this call asked for.
    pub(super) fn is_placed(&self, attempt: u64) -> bool {
        self.history.is_placed(attempt)
    }

    /// A key told where its append is.
    pub(super) fn resolved(&mut self, attempt: AttemptId, first: u64) {
        self.bare.insert(first, attempt);
    }

    /// Judges the whole log of a store that was just opened, `events`, and with it everything that
    /// happened before.
    pub(super) fn recovered(
        &mut self,
        events: &[Arc<Recorded>],
        disk: Disk,
        op: u64,
    ) -> Result<(), Violation> {
        let (head, before) = (events.len() as u64, self.model.now().events);
        let same = before.iter().zip(events).take_while(|(then, now)| then == now).count() as u64;
        // What an excuse does not cover.
        let owed = self.showings.iter().filter(|(op, _)| !disk.excuses(*op));
        let owed = owed.map(|(_, end)| *end).max().unwrap_or(0);
        if head < owed {
            return broken("G1", format!("{owed} positions were shown, {head} are left"));
        }
        if same < owed.min(self.model.head()) {
            return broken("G6", format!("position {same} is not what it was before"));
        }
        let lost = head < self.seen;
        if lost || same < self.model.head() {
            self.forget(same);
        }
        self.place(events)?;
        self.judge(disk, lost)?;
        self.history.settle();
        self.bare.clear();
        self.showings.retain(|(_, end)| *end <= head);
        self.seen = self.seen.min(head);
        self.show(Some(head), op);
        self.guess = self.model.clone();
        Ok(())
    }

    /// The damaged log is another one behind its first `same` positions: what stood there is looked
    /// at anew.
    fn forget(&mut self, same: u64) {
        let kept = self.model.heads(0..=same).last().unwrap_or(0);
        self.model.cut(kept);
        self.history.forget(kept);
    }
}

/// Behind what a guard met, if that has a position.
fn end_of(met: &Actual) -> Option<u64> {
    match met {
        Actual::Match(position) => Some(position.get() + 1),
        _ => None,
    }
}
