//! When attempts begin, and that they have ended.
//!
//! What is due is said in `saga::due`. The invariant it guards: no attempt begins while something
//! is still to be decided on.

use super::{
    super::attempts::{Begin, Ended},
    Executor,
};
use crate::{
    runtime::Runtime,
    saga::{Input, due},
    time::WallTime,
};

impl<R: Runtime> Executor<R> {
    pub(super) fn attempt_ended(&mut self, ended: Ended) {
        let Ended { slot, step, side, ending, staged } = ended;
        self.running -= 1;
        let live = self.slots[slot].as_mut().expect("a saga stays while its attempts run");
        live.attempts.running.remove(&step);
        let ending = live.stage(step, staged, ending);
        live.inbox.push(Input::Attempted { step, side, ending });
        self.enqueue(slot);
    }

    /// Begins the attempts of a saga that are due, as far as there is room. What follows at `now`
    /// was decided on: at a later moment something else might follow, and nothing wake it.
    pub(super) fn begin_due(&mut self, slot: usize, now: WallTime) {
        let Some(live) = &mut self.slots[slot] else { return };
        if self.closing.is_some() || live.proposal.is_some() || live.revision.is_none() {
            return;
        }
        // It is told something first: what it was told may be the end of what seems due.
        if !live.inbox.is_empty() {
            return;
        }
        let due = due(live.code.plan(), &live.state, &live.attempts, now);
        if live.wake_at != due.wake_at {
            if let Some(at) = live.wake_at {
                self.timers.remove(&(at, slot));
            }
            if let Some(at) = due.wake_at {
                self.timers.insert((at, slot));
            }
            live.wake_at = due.wake_at;
        }
        for attempt in due.attempts {
            if self.running >= self.options.attempts_max {
                if !live.deferred {
                    live.deferred = true;
                    self.deferred.push_back(slot);
                }
                return;
            }
            let (id, code, state) = (&live.id, &live.code, &live.state);
            self.attempting.prepare(&Begin { slot, id, code, state, attempt });
            live.attempts.running.insert(attempt.step);
            self.running += 1;
        }
    }

    /// Has as many of those looked at that wait for room as there is room for.
    pub(super) fn begin_deferred(&mut self) {
        let room = self.options.attempts_max.saturating_sub(self.running);
        for _ in 0..room.min(self.deferred.len()) {
            if let Some(slot) = self.deferred.pop_front() {
                if let Some(live) = &mut self.slots[slot] {
                    live.deferred = false;
                }
                self.enqueue(slot);
            }
        }
    }
}
