//! A store that takes no turns for now: no space, no files, nothing to be read.
//!
//! What sagas have to store is submitted again and again, since nothing else lets them go on. Who
//! waits for it is told within a bound. The invariant it guards: who is told that the store does
//! not take appends has changed nothing by what they asked for.

use super::{
    super::{commits::TurnAt, live::Rival},
    Executor,
};
use crate::{
    error::{AppendError, SagaError},
    runtime::Runtime,
    saga::Input,
    time::WallTime,
};
use std::time::Duration;

/// How long the executor waits before it submits again what the store did not take.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

impl<R: Runtime> Executor<R> {
    /// The store takes no appends for now, and these turns were not stored.
    pub(super) fn not_taken(&mut self, turns: &[TurnAt], error: AppendError) {
        tracing::warn!(%error, "turns of sagas are not stored yet");
        let now = self.now();
        let since = *self.refused_since.get_or_insert(now);
        let waited = now.as_unix_nanos().saturating_sub(since.as_unix_nanos());
        if u128::from(waited) >= self.options.store_patience.as_nanos() {
            let error = SagaError::Append(error);
            for turn in turns {
                self.tell_refused(turn.slot, &error);
            }
        }
        let later = u64::try_from(AGAIN_AFTER.as_nanos()).unwrap_or(u64::MAX);
        let at = WallTime::from_unix_nanos(now.as_unix_nanos().saturating_add(later));
        let slots = turns.iter().map(|turn| turn.slot);
        let waiting = slots
            .filter(|slot| self.slots[*slot].as_ref().is_some_and(|live| live.proposal.is_some()));
        let waiting: Vec<usize> = waiting.collect();
        if !waiting.is_empty() {
            self.again.get_or_insert((at, Vec::new())).1.extend(waiting);
        }
    }

    /// Lets nobody wait on for this turn. A saga that has not begun is forgotten, and the words of
    /// operators are left out; what else has happened to a saga is still to be stored.
    fn tell_refused(&mut self, slot: usize, error: &SagaError) {
        let Some(live) = &mut self.slots[slot] else { return };
        for waiter in live.waiters.drain(..) {
            let _ = waiter.send(Err(error.clone()));
        }
        let Some(proposal) = &mut live.proposal else { return };
        if live.revision.is_some() {
            if !proposal.replies.is_empty() {
                self.refuse_words(slot, error);
            }
            return;
        }
        let words = proposal.replies.drain(..).chain(live.replies.drain(..));
        words.for_each(|reply| drop(reply.send(Err(error.clone()))));
        for starter in live.starters.drain(..) {
            let _ = starter.send(Err(error.clone()));
        }
        for rival in live.rivals.drain(..) {
            match rival {
                Rival::Start(reply) => drop(reply.send(Err(error.clone()))),
                Rival::Run(reply) => drop(reply.send(Err(error.clone()))),
            }
        }
        self.remove(slot);
    }

    /// Answers those who spoke in a turn, and decides the rest of it again: what they gave along is
    /// theirs to make smaller.
    pub(super) fn refuse_words(&mut self, slot: usize, error: &SagaError) {
        let Some(live) = &mut self.slots[slot] else { return };
        let Some(proposal) = live.proposal.take() else { return };
        for reply in proposal.replies {
            let _ = reply.send(Err(error.clone()));
        }
        let rest = proposal.inputs.into_iter();
        let rest = rest.filter(|input| matches!(input, Input::Attempted { .. }));
        let later = std::mem::take(&mut live.inbox);
        live.inbox = rest.chain(later).collect();
        // What attempts have left is stored with their results, whoever else spoke.
        let later = std::mem::take(&mut live.staged);
        live.staged = proposal.staged.into_iter().chain(later).collect();
        self.enqueue(slot);
    }
}
