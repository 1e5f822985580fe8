//! What callers and readers were told, against what stands in the log.
//!
//! It changes nothing, and it takes the log as it was placed. The invariant it guards: an answer is
//! right if the model gives it at some head between call and answer, and not otherwise.

use super::{
    Disk, Oracle,
    history::{Answer, Pending},
};
use crate::report::{Violation, broken};
use sagalog_testkit::model::{Outcome, Question, Recorded, Reply};
use std::sync::Arc;

impl Oracle {
    /// Judges what callers and readers were told since the last time, on a disk that may have
    /// `lost` what some of it rested on.
    pub(super) fn judge(&mut self, disk: Disk, lost: bool) -> Result<(), Violation> {
        for pending in self.history.take_pending() {
            // An append of which nobody was told may have made the conflict, and may be lost.
            let conflict = matches!(&pending.what, Answer::Append(_, Outcome::Conflict(_)));
            if (lost || conflict) && disk.excuses(pending.op) {
                continue;
            }
            self.judge_one(&pending)?;
        }
        Ok(())
    }

    fn judge_one(&self, pending: &Pending) -> Result<(), Violation> {
        let Pending { low, by, what, .. } = pending;
        let high = self.history.first_called_after(*by).unwrap_or(self.model.head());
        let heads = || self.model.heads(*low..=high);
        let (explained, guarantee) = match what {
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
                let once = lines.is_sorted_by(|(one, ..), (two, ..)| one < two);
                (complete && once && lines.iter().all(was), "G21")
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
