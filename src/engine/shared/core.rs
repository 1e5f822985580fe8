//! What stands under the one lock of the append path: the pipeline, who waits for which group, and
//! where the index was cut.
//!
//! Books only: nobody is woken and nothing is awaited here.

use crate::{
    ids::Sequence,
    log::{Anchor, pipeline::Pipeline},
};
use std::{collections::VecDeque, io, sync::Arc, task::Waker};

/// Guarded by the one lock of the append path.
pub(crate) struct Core {
    pub(crate) pipeline: Pipeline,
    /// Wakers of the callers of each group that is not yet durable, in order.
    pub(super) waiting: VecDeque<(Sequence, Vec<Waker>)>,
    /// A vector to reuse.
    pub(super) spare_wakers: Vec<Waker>,
    /// Whether, and for what, the writer waits.
    pub(crate) waits: Waits,
    /// Why the next segment could not be prepared.
    pub(crate) unprepared: Option<Arc<io::Error>>,
    /// Points between groups at which the index was cut, in order, once they are reached.
    pub(super) cuts: VecDeque<(Sequence, Option<Anchor>)>,
    /// Why the index could not be written.
    pub(crate) unindexed: Option<Arc<io::Error>>,
    /// How many checkpoint intervals of the active segment the keeper was told of.
    pub(crate) checkpoint_mark: u64,
}

/// Whether the writer task waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// It is at work.
    No,
    /// It waits for work.
    ForWork,
    /// It waits for work, or for the time of a heartbeat.
    ForHeartbeat,
}

impl Core {
    /// Whether the writer task has to be woken for what a leading caller leaves behind.
    pub(crate) fn wake_behind_leader(&mut self, closing: bool) -> bool {
        let work = self.pipeline.has_work() || closing;
        let wake = match self.waits {
            Waits::No => false,
            Waits::ForWork => work || self.pipeline.wants_heartbeat(),
            Waits::ForHeartbeat => work,
        };
        if wake {
            self.waits = Waits::No;
        }
        wake
    }

    /// Tables that were cut when the store was opened.
    pub(crate) fn begin_cuts(&mut self, cuts: &VecDeque<Anchor>) {
        self.cuts.extend(cuts.iter().map(|anchor| (anchor.sequence, Some(*anchor))));
    }

    /// Notes that the log is durable up to `durable`; whether that lets a table be written.
    pub(super) fn reach(&mut self, durable: &Anchor) -> bool {
        for (sequence, anchor) in &mut self.cuts {
            if *sequence == durable.sequence {
                *anchor = Some(*durable);
            }
        }
        self.proven_cut().is_some()
    }

    /// The oldest cut, once a durable group behind it calls everything before it durable.
    pub(crate) fn proven_cut(&self) -> Option<Anchor> {
        let (sequence, anchor) = self.cuts.front()?;
        anchor.filter(|_| self.pipeline.durable().sequence > *sequence)
    }

    /// The oldest cut was dealt with.
    pub(crate) fn take_cut(&mut self) {
        self.cuts.pop_front();
    }

    pub(super) fn leave_waker(&mut self, sequence: Sequence, waker: &Waker) -> usize {
        if self.waiting.back().is_none_or(|(last, _)| *last != sequence) {
            let wakers = std::mem::take(&mut self.spare_wakers);
            self.waiting.push_back((sequence, wakers));
        }
        let (_, wakers) = self.waiting.back_mut().expect("a group was just put in line");
        wakers.push(waker.clone());
        wakers.len() - 1
    }

    pub(crate) fn change_waker(&mut self, sequence: Sequence, slot: usize, waker: &Waker) {
        let group = self.waiting.iter_mut().find(|(waiting, _)| *waiting == sequence);
        if let Some(old) = group.and_then(|(_, wakers)| wakers.get_mut(slot))
            && !old.will_wake(waker)
        {
            old.clone_from(waker);
        }
    }

    /// Moves the wakers of the groups before `sequence` to `woken`, whose memory it keeps.
    pub(super) fn take_waiting(&mut self, sequence: Sequence, woken: &mut Vec<Waker>) {
        while self.waiting.front().is_some_and(|(group, _)| *group < sequence) {
            let (_, wakers) = self.waiting.pop_front().expect("the front was just seen");
            if woken.is_empty() {
                self.spare_wakers = std::mem::replace(woken, wakers);
            } else {
                woken.extend(wakers);
            }
        }
    }
}
