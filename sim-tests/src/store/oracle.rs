//! The oracle of the store suite: what callers asked and were told, against what the log holds
//! afterwards.
//!
//! It sees calls, answers and what is read, never the store's own books. When a store is open
//! again, its whole log is read; the order of commits there is the order in which appends took
//! effect, so each must be what the model answers at that point, and every other answer must be
//! what the model answers at some moment between call and answer. Whatever an answer rests on has
//! to be in that log: what was shown was durable. Each violation names the promise of
//! `docs/GUARANTEES.md` that it breaks.

mod history;

pub(super) use history::{Answer, AttemptId};

use crate::report::{Violation, broken};
use history::{Attempt, Fate, History, Pending};
use sagalog::runtime::WallTime;
use sagalog_testkit::model::{
    Model, Outcome, PlainAppend, PlainCommitted, Question, Recorded, Reply, Shown,
};
use std::{collections::BTreeMap, sync::Arc};

/// The model of one store, and the history of its callers.
#[derive(Debug)]
pub struct Oracle {
    key_horizon_events: u64,
    history: History,
    /// What the log held when it was last read whole.
    model: Model,
    /// About what it holds by now, as acknowledgements arrive: for drawing operations only.
    guess: Model,
    /// The position behind everything that a caller was shown.
    seen: u64,
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
    Damaged,
}

impl Oracle {
    pub(super) fn new(key_horizon_events: u64) -> Self {
        let model = Model::new(key_horizon_events);
        let guess = model.clone();
        let (history, bare) = (History::default(), BTreeMap::new());
        Self { key_horizon_events, history, model, guess, seen: 0, bare, shown: Arc::default() }
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

    /// What the caller was told.
    pub(super) fn answer(&mut self, attempt: AttemptId, outcome: Outcome) {
        match &outcome {
            Outcome::Committed(answer) => self.show(answer.end()),
            Outcome::Conflict(failed) => {
                for (_, actual) in failed {
                    if let sagalog::Actual::Match(position) = actual {
                        self.show(position.get() + 1);
                    }
                }
            }
            Outcome::KeyReused(first) => self.show(first + 1),
            _ => {}
        }
        let append = &self.history.attempt(attempt).append;
        if matches!(&outcome, Outcome::Committed(answer) if !answer.replayed) {
            self.guess.append(append, WallTime::default());
        }
        self.history.answer(attempt, outcome);
    }

    /// What a reader was told, who asked when `low` had been seen; `pinned` is the moment by which
    /// it was settled what would be told.
    pub(super) fn reply(&mut self, question: Question, reply: Reply, low: u64, pinned: u64) {
        self.show(match &reply {
            Reply::Events(events) => events.iter().map(|event| event.position + 1).max(),
            Reply::Streams(lines) => lines.iter().map(|(.., position)| position + 1).max(),
            Reply::Commit(answer) => answer.as_ref().map(PlainCommitted::end),
            Reply::Number(_) | Reply::Refused(_) => None,
        });
        self.history.pend(Pending { low, by: pinned, what: Answer::Reply(question, reply) });
    }

    /// What a reader beside the store was told, whose head is `head`.
    pub(super) fn beside(&mut self, question: Question, reply: Reply, head: u64) {
        self.show(head);
        let (low, by) = (head, self.history.tick());
        self.history.pend(Pending { low, by, what: Answer::Beside(head, question, reply) });
    }

    /// The store was asked for its head.
    pub(super) fn head(&mut self, head: u64, low: u64) -> Result<(), Violation> {
        if head < low {
            return broken("G20", format!("the head is {head} after {low} was shown"));
        }
        self.show(head);
        let by = self.history.now();
        self.history.pend(Pending { low, by, what: Answer::Head(head) });
        Ok(())
    }

    /// Somebody was shown what ends here.
    fn show(&mut self, end: impl Into<Option<u64>>) {
        self.seen = self.seen.max(end.into().unwrap_or(0));
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
    ) -> Result<(), Violation> {
        let known = self.model.head().min(events.len() as u64);
        let same = self.model.now().events.iter().zip(events).position(|(then, now)| then != now);
        let lost = (events.len() as u64) < self.seen.max(self.model.head());
        if disk == Disk::Honest {
            if let Some(at) = same {
                return broken("G6", format!("position {at} is not what it was before"));
            }
            if lost {
                let what = format!("{} positions were shown, {} are left", self.seen, events.len());
                return broken("G1", what);
            }
        } else if lost || same.is_some() {
            self.forget();
        }
        let known = if self.model.head() == 0 { 0 } else { known };
        self.place(known, events)?;
        let judged = self.judge(disk, lost);
        self.history.settle();
        self.bare.clear();
        self.seen = self.model.head();
        self.guess = self.model.clone();
        judged
    }

    /// The damaged log is another one: everything is looked at anew, and old answers are void.
    fn forget(&mut self) {
        self.model = Model::new(self.key_horizon_events);
        self.history.forget();
    }

    /// Takes in the commits behind position `known`: each is a call whose answer at that point is
    /// just this commit.
    fn place(&mut self, known: u64, events: &[Arc<Recorded>]) -> Result<(), Violation> {
        let mut rest = events.get(usize::try_from(known).unwrap_or(usize::MAX)..).unwrap_or(&[]);
        while let Some(first) = rest.first() {
            let at = first.position;
            if at != self.model.head() {
                return broken("G3", format!("position {at} follows {}", self.model.head()));
            }
            let candidates = self.history.candidates(first, self.bare.get(&at).copied())?;
            let (attempt, answer, called) = self.cause(rest, &candidates)?;
            let (commit, behind) = rest.split_at_checked(count(&answer)).unwrap_or((rest, &[]));
            if commit.len() != count(&answer) {
                return broken("G17", format!("the commit at {at} ends in its middle"));
            }
            let append = Arc::clone(&self.history.attempt(attempt).append);
            self.model.append(&append, first.recorded_at);
            for event in commit {
                self.compare(event)?;
            }
            self.history.place(attempt, answer, called);
            rest = behind;
        }
        Ok(())
    }

    /// Which call made the commit that `rest` begins with, and the earliest call that could have.
    fn cause(
        &self,
        rest: &[Arc<Recorded>],
        candidates: &[AttemptId],
    ) -> Result<(AttemptId, PlainCommitted, u64), Violation> {
        let (mut cause, mut misfits) = (None, Vec::new());
        for id in candidates {
            let attempt = self.history.attempt(*id);
            match (self.fits(attempt, rest), &mut cause) {
                (Ok(_), Some((_, _, called))) => *called = attempt.called.min(*called),
                (Ok(answer), None) => cause = Some((*id, answer, attempt.called)),
                (Err(misfit), _) => misfits.push((misfit, attempt)),
            }
        }
        // A call that the model refuses says more than one that had another fate.
        let worst = misfits.into_iter().max_by_key(|(misfit, _)| misfit.guarantee == "G18");
        match (cause, worst) {
            (Some(cause), _) => Ok(cause),
            (None, Some((Violation { guarantee, what }, attempt))) => {
                broken(guarantee, format!("{what}: {:?}", attempt.append))
            }
            (None, None) => {
                broken("G4", format!("nobody made the commit at {}", self.model.head()))
            }
        }
    }

    /// What the commit that `rest` begins with is answered with, if this call made it.
    fn fits(&self, attempt: &Attempt, rest: &[Arc<Recorded>]) -> Result<PlainCommitted, Violation> {
        let at = self.model.head();
        // A repetition under the same key may differ in its circumstances.
        let stored = attempt.append.stored();
        let mut both = stored.iter().zip(rest).map(|((_, given), read)| (given, &read.event));
        if both.any(|(given, read)| given.circumstances != read.circumstances) {
            return broken("G4", format!("stored at {at} with other circumstances"));
        }
        if attempt.fate == Fate::Refused {
            return broken("G5", format!("refused, and stored at {at}"));
        }
        if attempt.fate == Fate::Settled {
            return broken("G6", format!("it was gone, and is back at {at}"));
        }
        if let Some(placed) = &attempt.placed {
            return broken("G19", format!("stored at {at} as well as at {}", placed.first));
        }
        if attempt.low > at {
            let low = attempt.low;
            return broken("G20", format!("called when {low} had been shown, stored at {at}"));
        }
        if let Fate::Acknowledged(told) = &attempt.fate
            && (told.replayed || told.first != at)
        {
            return broken("G17", format!("told {told:?}, stored at {at}"));
        }
        match self.model.now().answer(&attempt.append) {
            Outcome::Committed(answer) if !answer.replayed && answer.first == at => Ok(answer),
            Outcome::Committed(answer) => {
                broken("G19", format!("stored again at {at}, rightly {answer:?}"))
            }
            other => broken("G18", format!("stored at {at} in spite of {other:?}")),
        }
    }

    /// Compares an event with what its writer gave, and learns the rest.
    fn compare(&mut self, read: &Arc<Recorded>) -> Result<(), Violation> {
        let at = usize::try_from(read.position).unwrap_or(usize::MAX);
        if read.event.id.is_none() {
            return broken("G4", format!("position {at} has no id"));
        }
        let events = self.model.now().events;
        let before = at.checked_sub(1).and_then(|before| events.get(before));
        if before.is_some_and(|before| before.recorded_at > read.recorded_at) {
            return broken("G3", format!("time goes back at position {at}"));
        }
        let known = events.get(at).cloned();
        if !self.model.learn(read) {
            return broken("G4", format!("appended {known:?}, read {read:?}"));
        }
        Ok(())
    }

    /// Judges what callers and readers were told since the last time.
    fn judge(&mut self, disk: Disk, lost: bool) -> Result<(), Violation> {
        let pending = self.history.take_pending();
        if disk == Disk::Damaged && lost {
            return Ok(());
        }
        pending.into_iter().try_for_each(|pending| self.judge_one(&pending, disk))
    }

    fn judge_one(&self, pending: &Pending, disk: Disk) -> Result<(), Violation> {
        let Pending { low, by, what } = pending;
        let high = self.history.first_called_after(*by).unwrap_or(self.model.head());
        let heads = || self.model.heads(*low..=high);
        let (explained, guarantee) = match what {
            Answer::Append(_, Outcome::Conflict(_)) if disk == Disk::Damaged => (true, ""),
            Answer::Append(id, Outcome::Committed(told))
                if !told.replayed && told.positions > 0 =>
            {
                let placed = self.history.attempt(*id).placed.as_ref();
                (placed == Some(told), "G1")
            }
            Answer::Append(id, outcome) => {
                let append = &self.history.attempt(*id).append;
                (heads().any(|head| self.model.at(head).answer(append) == *outcome), "G18")
            }
            // A list of streams is not pinned: each line is as it was when it was given out.
            Answer::Reply(Question::Streams(prefix), Reply::Streams(lines)) => {
                let before = self.model.at(*low).streams(prefix);
                let listed = |name: &str| lines.iter().any(|(listed, ..)| listed == name);
                let was = |(name, revision, position): &(String, u64, u64)| {
                    let line = |last: &Arc<Recorded>| (last.revision, last.position);
                    name.starts_with(prefix.as_str())
                        && heads().any(|head| {
                            let last = self.model.at(head).info(name);
                            last.map(line) == Some((*revision, *position))
                        })
                };
                let complete = before.iter().all(|last| listed(&last.stream));
                (complete && lines.is_sorted() && lines.iter().all(was), "G21")
            }
            Answer::Reply(question, reply) => {
                (heads().any(|head| question.is_answered(self.model.at(head), reply)), "G21")
            }
            Answer::Beside(head, question, reply) => {
                let known = self.model.heads(*head..=*head).count() > 0;
                (known && question.is_answered(self.model.at(*head), reply), "G14")
            }
            Answer::Head(head) => (heads().any(|known| known == *head), "G20"),
        };
        if explained {
            return Ok(());
        }
        let asked = match what {
            Answer::Append(id, _) => format!("{:?}", self.history.attempt(*id).append),
            Answer::Reply(..) | Answer::Beside(..) | Answer::Head(_) => String::new(),
        };
        broken(guarantee, format!("at no head from {low} to {high}: {what:?} {asked}"))
    }
}

fn count(answer: &PlainCommitted) -> usize {
    usize::try_from(answer.positions).unwrap_or(usize::MAX)
}
