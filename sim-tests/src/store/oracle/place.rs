//! What stands in the log: which call made each commit there, and whether it is what that call
//! asked for.
//!
//! It looks at the log alone; what callers were told is judged beside it, when all commits have
//! their calls. The invariant it guards: a commit is taken in only if some call is answered with
//! just this commit at just this place.

use super::{
    AttemptId, Oracle,
    history::{Attempt, Fate},
};
use crate::report::{Violation, broken};
use sagalog::runtime::WallTime;
use sagalog_testkit::model::{Outcome, PlainCommitted, Recorded};
use std::sync::Arc;

impl Oracle {
    /// Takes in the commits that the model does not know: each is a call whose answer at that point
    /// is just this commit.
    pub(super) fn place(&mut self, events: &[Arc<Recorded>]) -> Result<(), Violation> {
        let known = usize::try_from(self.model.head()).unwrap_or(usize::MAX);
        let mut rest = events.get(known..).unwrap_or(&[]);
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
                self.compare(event, first.recorded_at)?;
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
        let before = self.model.now().events.last().map(|last| last.recorded_at);
        let time = rest.first().map(|first| first.recorded_at);
        if time.is_some_and(|time| !attempt.span.explains(time, before.unwrap_or_default())) {
            let span = attempt.span;
            return broken(
                "G3",
                format!("recorded at {time:?} behind {before:?}, called {span:?}"),
            );
        }
        match self.model.now().answer(&attempt.append) {
            Outcome::Committed(answer) if !answer.replayed && answer.first == at => Ok(answer),
            Outcome::Committed(answer) => {
                broken("G19", format!("stored again at {at}, rightly {answer:?}"))
            }
            other => broken("G18", format!("stored at {at} in spite of {other:?}")),
        }
    }

    /// Compares an event of a commit of this time with what its writer gave, and learns the rest.
    fn compare(&mut self, read: &Arc<Recorded>, time: WallTime) -> Result<(), Violation> {
        let at = usize::try_from(read.position).unwrap_or(usize::MAX);
        if read.event.id.is_none() {
            return broken("G4", format!("position {at} has no id"));
        }
        if read.recorded_at != time {
            return broken("G3", format!("position {at} has not the time of its commit, {time:?}"));
        }
        let known = self.model.now().events.get(at).cloned();
        if !self.model.learn(read) {
            return broken("G4", format!("appended {known:?}, read {read:?}"));
        }
        Ok(())
    }
}

fn count(answer: &PlainCommitted) -> usize {
    usize::try_from(answer.positions).unwrap_or(usize::MAX)
}
