//! What became of a key, and what a delivery comes to: the fold of its records, and the table.
//!
//! Pure: it reads no books and asks no business. The invariant it guards: from every standing, a
//! key has at most one effect, and none is done once the key was refused or compensated.

use super::record::{Fault, Record, Said};
use crate::{
    append::ExpectedRevision,
    ids::Revision,
    runtime::{Answer, CallFence, CallKind, Reason},
};
use bytes::Bytes;

/// What became of a key so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    stage: Stage,
    /// The fence of the action's record.
    action: Option<CallFence>,
    /// The fence of the compensation's record.
    compensation: Option<CallFence>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    New,
    Done(Bytes),
    Refused(Reason),
    /// By a compensation with this reply, with or without an action before it.
    Compensated(Bytes),
}

/// What a delivery comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It changes nothing.
    Answer(Answer),
    /// The business decides about the action.
    Act,
    /// The business compensates the action that had this reply.
    Compensate(Bytes),
    /// There is nothing to compensate, and there shall not be.
    Entomb,
}

impl Standing {
    /// How many records a key has at most: of its action and of its compensation.
    pub(super) const RECORDS_MAX: u64 = 2;

    /// The standing when `record` follows.
    pub(super) fn after(self, record: Record) -> Result<Self, Fault> {
        let fence = Some(record.fence);
        match (self.stage, record.said) {
            (Stage::New, Said::Done(reply)) => {
                Ok(Self { stage: Stage::Done(reply), action: fence, compensation: None })
            }
            (Stage::New, Said::Refused(reason)) => {
                Ok(Self { stage: Stage::Refused(reason), action: fence, compensation: None })
            }
            (Stage::New | Stage::Done(_), Said::Compensated(reply)) => Ok(Self {
                stage: Stage::Compensated(reply),
                action: self.action,
                compensation: fence,
            }),
            (
                Stage::Done(_) | Stage::Refused(_) | Stage::Compensated(_),
                Said::Done(_) | Said::Refused(_),
            )
            | (Stage::Refused(_) | Stage::Compensated(_), Said::Compensated(_)) => {
                Err(Fault::OutOfOrder)
            }
        }
    }

    /// The guard that nothing has become of the key meanwhile.
    pub(super) fn expected(&self) -> ExpectedRevision {
        match (self.action, self.compensation) {
            (None, None) => ExpectedRevision::NoStream,
            (Some(_), None) | (None, Some(_)) => ExpectedRevision::Exact(Revision::new(0)),
            (Some(_), Some(_)) => ExpectedRevision::Exact(Revision::new(1)),
        }
    }

    /// What a delivery of this kind comes to. That the key was compensated is said before anything
    /// else, as it ends the matter for every executor, old or new.
    pub(super) fn verdict(&self, kind: CallKind, fence: CallFence) -> Verdict {
        let known = |answer| Verdict::Answer(answer);
        match (kind, &self.stage, self.newer(kind, fence)) {
            (CallKind::Action, Stage::Compensated(_), _) => known(Answer::Compensated),
            (_, _, Some(current)) => known(Answer::Fenced { current }),
            (CallKind::Action, Stage::New, None) => Verdict::Act,
            (CallKind::Action, Stage::Done(reply), None) => known(Answer::Done(reply.clone())),
            (CallKind::Action, Stage::Refused(reason), None) => {
                known(Answer::Refused(reason.clone()))
            }
            (CallKind::Compensation, Stage::New, None) => Verdict::Entomb,
            (CallKind::Compensation, Stage::Done(reply), None) => {
                Verdict::Compensate(reply.clone())
            }
            // A refused key has no effect and never will: that is all a compensation asks for.
            (CallKind::Compensation, Stage::Refused(_), None) => known(Answer::Done(Bytes::new())),
            (CallKind::Compensation, Stage::Compensated(reply), None) => {
                known(Answer::Done(reply.clone()))
            }
        }
    }

    /// The newest right to act on record that shuts this delivery out. Attempts are compared within
    /// one kind, since actions and compensations are counted apart.
    fn newer(&self, kind: CallKind, fence: CallFence) -> Option<CallFence> {
        let (same, other) = match kind {
            CallKind::Action => (self.action, self.compensation),
            CallKind::Compensation => (self.compensation, self.action),
        };
        let same = same.filter(|seen| *seen > fence);
        let other = other.filter(|seen| seen.epoch > fence.epoch);
        same.max(other)
    }
}

#[cfg(test)]
mod tests {
    use super::{CallKind::*, *};

    fn fence(epoch: u64, attempt: u32) -> CallFence {
        CallFence { epoch, attempt }
    }

    /// The standing after these records.
    fn standing(records: &[(CallFence, Said)]) -> Result<Standing, Fault> {
        let mut records = records.iter().cloned();
        records.try_fold(Standing::default(), |standing, (fence, said)| {
            standing.after(Record { fence, said })
        })
    }

    fn said() -> [Said; 3] {
        [Said::Done("d".into()), Said::Refused("r".into()), Said::Compensated("c".into())]
    }

    #[test]
    fn a_key_has_one_of_five_histories() {
        let [done, refused, compensated] = said();
        let lawful: [&[Said]; 5] = [
            &[],
            std::slice::from_ref(&done),
            std::slice::from_ref(&refused),
            std::slice::from_ref(&compensated),
            &[done.clone(), compensated.clone()],
        ];
        let mut histories = vec![Vec::new()];
        for _ in 0..3 {
            let longer = histories.iter().flat_map(|history: &Vec<Said>| {
                said().map(|next| [history.as_slice(), &[next]].concat())
            });
            histories.extend(longer.collect::<Vec<_>>());
        }
        for history in histories {
            let records: Vec<_> = history.iter().map(|said| (fence(1, 1), said.clone())).collect();
            let expected = lawful.contains(&history.as_slice());
            assert_eq!(standing(&records).is_ok(), expected, "{history:?}");
            assert!(!expected || history.len() as u64 <= Standing::RECORDS_MAX);
        }
    }

    #[test]
    fn the_table_says_what_each_delivery_comes_to() {
        let [done, refused, compensated] = said().map(|said| (fence(2, 2), said));
        let now = fence(2, 2);
        let known = |answer| Verdict::Answer(answer);
        let table: [(&[_], _, _); 5] = [
            (&[], Verdict::Act, Verdict::Entomb),
            (
                std::slice::from_ref(&done),
                known(Answer::Done("d".into())),
                Verdict::Compensate("d".into()),
            ),
            (
                std::slice::from_ref(&refused),
                known(Answer::Refused("r".into())),
                known(Answer::Done(Bytes::new())),
            ),
            (
                std::slice::from_ref(&compensated),
                known(Answer::Compensated),
                known(Answer::Done("c".into())),
            ),
            (
                &[done.clone(), compensated.clone()],
                known(Answer::Compensated),
                known(Answer::Done("c".into())),
            ),
        ];
        for (records, action, compensation) in table {
            let standing = standing(records).expect("a lawful history");
            assert_eq!(standing.verdict(Action, now), action, "{records:?}");
            assert_eq!(standing.verdict(Compensation, now), compensation, "{records:?}");
        }
    }

    #[test]
    fn an_older_fence_is_refused_and_attempts_count_within_their_kind() {
        let [done, _, compensated] = said();
        let done = standing(&[(fence(2, 5), done)]).expect("lawful");
        let fenced = Verdict::Answer(Answer::Fenced { current: fence(2, 5) });
        let replayed = Verdict::Answer(Answer::Done("d".into()));
        assert_eq!(done.verdict(Action, fence(1, 9)), fenced);
        assert_eq!(done.verdict(Action, fence(2, 4)), fenced);
        assert_eq!(done.verdict(Action, fence(3, 1)), replayed);
        assert_eq!(done.verdict(Compensation, fence(1, 9)), fenced);
        assert_eq!(done.verdict(Compensation, fence(2, 1)), Verdict::Compensate("d".into()));

        let compensated =
            done.after(Record { fence: fence(3, 2), said: compensated }).expect("lawful");
        let fenced = Verdict::Answer(Answer::Fenced { current: fence(3, 2) });
        assert_eq!(compensated.verdict(Compensation, fence(2, 9)), fenced);
        assert_eq!(compensated.verdict(Compensation, fence(3, 1)), fenced);
        assert_eq!(compensated.verdict(Action, fence(1, 1)), Verdict::Answer(Answer::Compensated));
    }
}
