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
    saga::{Effect, Ending, Input, due},
};

impl<R: Runtime> Executor<R> {
    pub(super) fn attempt_ended(&mut self, ended: Ended) {
        let Ended { slot, step, side, ending, staged } = ended;
        self.running -= 1;
        let live = self.slots[slot].as_mut().expect("a saga stays while its attempts run");
        live.attempts.running.remove(&step);
        // Only what was done brings its events along, and only where the class says so.
        let effect = live.code.plan().steps()[usize::from(step.get())].effect;
        if effect == Effect::Transactional && matches!(ending, Ending::Done { .. }) {
            live.staged.guards.extend(staged.guards);
            live.staged.events.extend(staged.events);
        }
        live.inbox.push(Input::Attempted { step, side, ending });
        self.enqueue(slot);
    }

    /// Begins the attempts of a saga that are due, as far as there is room.
    pub(super) fn begin_due(&mut self, slot: usize) {
        let now = self.clock.now(&self.runtime);
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
                self.deferred.push_back(slot);
                return;
            }
            let (id, code, state) = (&live.id, &live.code, &live.state);
            self.attempting.prepare(&Begin { slot, id, code, state, attempt });
            live.attempts.running.insert(attempt.step);
            self.running += 1;
        }
    }

    pub(super) fn begin_deferred(&mut self) {
        let waiting = self.deferred.len();
        for _ in 0..waiting {
            if self.running >= self.options.attempts_max {
                return;
            }
            if let Some(slot) = self.deferred.pop_front() {
                self.begin_due(slot);
            }
        }
    }
}
