//! Turns: deciding on sagas, storing what follows, and what the store answers.
//!
//! The invariant it guards: a saga's state changes when its turn is durable, and not before.

use super::{
    super::{
        checkpoint::Unfinished,
        commits::{Answered, Purpose, TurnAt},
        live::{Live, Proposal, Rival, Started},
        registry::refused,
    },
    Executor,
};
use crate::{
    error::{Actual, AppendError, SagaError, saga::WaitReason},
    ids::{Position, Revision},
    runtime::Runtime,
    saga::{
        Effect, Ending, Failure, Input, Record, StepIndex, VerbRefused,
        machine::{Scene, turn},
    },
    time::WallTime,
};
use std::{collections::BTreeMap, sync::Arc};

/// After how many turns of a saga its journal is begun anew with a checkpoint.
const JOURNAL_TURNS_MAX: u32 = 64;

/// After how many turns at least the list of unfinished sagas is written again.
const LIST_TURNS_MIN: u64 = 10_000;

impl<R: Runtime> Executor<R> {
    /// Decides on every saga that has something to decide on, and submits what follows.
    pub(super) fn decide(&mut self) {
        let now = self.now();
        while let Some(slot) = self.queue.pop_front() {
            let Some(live) = &mut self.slots[slot] else { continue };
            live.queued = false;
            // It is looked at again when its turn is durable.
            if live.proposal.is_some() {
                continue;
            }
            self.drawn = draw(self.drawn);
            if propose(live, now, self.drawn) {
                self.commits.add(slot, live);
            } else {
                self.begin_due(slot, now);
            }
        }
        self.commits.submit_gathered();
        self.attempting.begin_prepared();
    }

    /// # Errors
    /// Why it cannot go on.
    pub(super) fn answered(&mut self, answered: Answered) -> Result<(), SagaError> {
        let Answered { answer, purpose } = answered;
        let turns = match purpose {
            Purpose::Turns(turns) => turns,
            Purpose::Checkpoint => {
                self.listing = false;
                return match answer {
                    Err(error) => unlisted(error),
                    Ok(_) => Ok(()),
                };
            }
        };
        match answer {
            Ok(committed) => {
                self.refused_since = None;
                for turn in &turns {
                    self.stored(turn.slot, committed.first.plus(turn.event));
                }
                Ok(())
            }
            Err(AppendError::Conflict(failed)) => {
                let failed = failed.iter().map(|failed| (failed.guard, failed.actual)).collect();
                self.conflicted(&turns, &failed);
                Ok(())
            }
            Err(AppendError::Limit { size, limit, .. }) => {
                self.too_large(&turns, size, limit);
                Ok(())
            }
            Err(error @ AppendError::PartlyCommitted { .. }) => {
                // Events that ride with a result stand there already, without it: they were given
                // ids that somebody else has used.
                let failure = Failure::failed(error.to_string());
                for turn in turns {
                    self.redo_staged(turn.slot, |effect| match effect {
                        Effect::Pure | Effect::Transactional => Ending::Failed(failure.clone()),
                        Effect::Idempotent | Effect::Keyed | Effect::AtMostOnce => {
                            Ending::Ambiguous(failure.clone())
                        }
                    });
                }
                Ok(())
            }
            Err(error) if error.is_retryable() || matches!(error, AppendError::Read(_)) => {
                self.not_taken(&turns, error);
                Ok(())
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// A turn is durable: what follows from it may happen.
    fn stored(&mut self, slot: usize, position: Position) {
        let live = self.slots[slot].as_mut().expect("a saga stays while its turn is on its way");
        let proposal = live.proposal.take().expect("its turn was on its way");
        let proposal = *proposal;
        live.state = proposal.state;
        if live.revision.is_none() {
            live.first = position;
        }
        live.revision = Some(live.revision.map_or(Revision::new(0), Revision::next));
        live.turns = live.turns.saturating_add(1);
        if proposal.records.iter().any(|record| matches!(record, Record::Checkpoint(_))) {
            live.turns = 1;
        }
        self.turns_since_list += 1;
        for starter in live.starters.drain(..) {
            let _ = starter.send(Ok(Started::Here));
        }
        live.rivals.drain(..).for_each(Rival::look);
        for (reply, answer) in proposal.replies.into_iter().zip(proposal.answers) {
            let _ = reply.send(answer.map_err(SagaError::Refused));
        }
        if let Some(settled) = live.settled() {
            for waiter in live.waiters.drain(..) {
                let _ = waiter.send(Ok(Some(settled.clone())));
            }
        }
        if let Some(end) = live.state.end().cloned() {
            // Whoever spoke meanwhile came too late.
            for reply in live.replies.drain(..) {
                let _ = reply.send(Err(SagaError::Refused(VerbRefused::Ended(end.clone()))));
            }
            self.remove(slot);
            return;
        }
        self.enqueue(slot);
    }

    /// Guards did not hold: nothing of the append was stored.
    fn conflicted(&mut self, turns: &[TurnAt], failed: &BTreeMap<usize, Actual>) {
        for (at, turn) in turns.iter().enumerate() {
            let behind = turns.get(at + 1).map_or(usize::MAX, |next| next.guard);
            if failed.contains_key(&turn.guard) {
                self.displaced(turn.slot);
            } else if failed.range(turn.guard..behind).next().is_some() {
                let failure = Failure::failed("the streams that it reads have changed");
                self.redo_staged(turn.slot, |effect| match effect {
                    Effect::Pure | Effect::Transactional => {
                        Ending::Retry { failure: failure.clone(), after: None }
                    }
                    // It has happened; only its events are not on record.
                    Effect::Idempotent | Effect::Keyed | Effect::AtMostOnce => {
                        Ending::Ambiguous(failure.clone())
                    }
                });
            } else if let Some(live) = &self.slots[turn.slot] {
                self.commits.add(turn.slot, live);
            }
        }
    }

    /// Something stands where a saga's turn should have gone.
    fn displaced(&mut self, slot: usize) {
        let Some(live) = &mut self.slots[slot] else { return };
        if live.revision.is_none() {
            for starter in live.starters.drain(..) {
                let _ = starter.send(Ok(Started::Elsewhere));
            }
            for waiter in live.waiters.drain(..) {
                let _ = waiter.send(Ok(None));
            }
            let proposed = live.proposal.take().map(|proposal| proposal.replies);
            for reply in proposed.into_iter().flatten().chain(live.replies.drain(..)) {
                let _ = reply.send(Err(SagaError::NotFound(live.id.clone())));
            }
            self.remove(slot);
            return;
        }
        tracing::error!(saga = %live.id, "another program wrote to the journal of a saga");
        let (id, first) = (live.id.clone(), live.first);
        let waiting = || SagaError::Waiting { saga: id.clone(), reason: WaitReason::Foreign };
        for waiter in live.waiters.drain(..) {
            let _ = waiter.send(Err(waiting()));
        }
        let proposed = live.proposal.as_mut().map(|proposal| std::mem::take(&mut proposal.replies));
        for reply in proposed.into_iter().flatten().chain(live.replies.drain(..)) {
            let _ = reply.send(Err(waiting()));
        }
        // Attempts under way still end, and find a saga that decides nothing any more.
        if live.attempts.running.is_empty() {
            self.remove(slot);
        }
        self.by_id.remove(&id);
        self.waiting.insert(id, (WaitReason::Foreign, first));
    }

    /// Decides a turn again, with another ending of the attempts whose events were not stored.
    fn redo_staged(&mut self, slot: usize, instead: impl Fn(Effect) -> Ending) {
        let Some(live) = &self.slots[slot] else { return };
        let Some(proposal) = &live.proposal else { return };
        let staged: Vec<StepIndex> = proposal.staged.iter().map(|(step, _)| *step).collect();
        let plan = Arc::clone(live.plan());
        self.redo(slot, |step| {
            staged.contains(&step).then(|| instead(plan.steps()[step.at()].effect))
        });
    }

    /// Decides a turn again, with another ending of some of its attempts that were done.
    fn redo(&mut self, slot: usize, instead: impl Fn(StepIndex) -> Option<Ending>) {
        let Some(live) = &mut self.slots[slot] else { return };
        let Some(proposal) = live.proposal.take() else { return };
        let proposal = *proposal;
        let again = proposal.inputs.into_iter().map(|input| match input {
            Input::Attempted { step, side, ending: ending @ Ending::Done { .. } } => {
                Input::Attempted { step, side, ending: instead(step).unwrap_or(ending) }
            }
            input => input,
        });
        let again: Vec<_> = again.collect();
        let later = std::mem::take(&mut live.inbox);
        live.inbox = again.into_iter().chain(later).collect();
        let later = std::mem::take(&mut live.replies);
        live.replies = proposal.replies.into_iter().chain(later).collect();
        live.event = proposal.event.or(live.event);
        self.enqueue(slot);
    }

    /// The append is larger than the store takes.
    fn too_large(&mut self, turns: &[TurnAt], bytes: usize, limit: usize) {
        for turn in turns {
            let Some(live) = &mut self.slots[turn.slot] else { continue };
            let Some(proposal) = &mut live.proposal else { continue };
            let checkpoint = matches!(proposal.records.last(), Some(Record::Checkpoint(_)));
            if !proposal.alone || checkpoint {
                proposal.alone = true;
                // A journal without a checkpoint is longer, and all there. The next one is due
                // after as many turns as the one that did not fit.
                live.turns = if checkpoint { 0 } else { live.turns };
                proposal.records.retain(|record| !matches!(record, Record::Checkpoint(_)));
                self.commits.add(turn.slot, live);
            } else if live.revision.is_none() {
                for starter in live.starters.drain(..) {
                    let _ = starter.send(Err(SagaError::TooLarge { bytes, limit }));
                }
                for waiter in live.waiters.drain(..) {
                    let _ = waiter.send(Err(SagaError::TooLarge { bytes, limit }));
                }
                self.remove(turn.slot);
            } else {
                let done = |input: &Input| {
                    matches!(input, Input::Attempted { ending: Ending::Done { .. }, .. })
                };
                if !proposal.inputs.iter().any(done) {
                    self.refuse_words(turn.slot, &SagaError::TooLarge { bytes, limit });
                    continue;
                }
                let what = format!("its result has {bytes} bytes, the store takes {limit}");
                let ending = Ending::Ambiguous(Failure::failed(what));
                self.redo(turn.slot, |_| Some(ending.clone()));
            }
        }
    }

    /// Writes the list of unfinished sagas now and then.
    pub(super) fn write_list(&mut self) {
        let every = LIST_TURNS_MIN.max(4 * self.by_id.len() as u64);
        if self.listing || self.turns_since_list < every {
            return;
        }
        let live = self.slots.iter().flatten().filter(|live| live.revision.is_some());
        let live = live.map(|live| (live.id.clone(), live.first));
        let waiting = self.waiting.iter().map(|(id, (_, first))| (id.clone(), *first));
        let sagas = live.chain(waiting).collect();
        let list = Unfinished { sagas, from: self.commits.accounted() };
        for append in list.appends(self.token) {
            self.commits.submit(append, Purpose::Checkpoint);
        }
        self.listing = true;
        self.turns_since_list = 0;
    }
}

/// The next of a row of numbers that look random: one step of a linear congruence, which is enough
/// for jitter and costs no system call. Constants by Knuth, MMIX.
fn draw(last: u64) -> u64 {
    last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

/// Tells a saga what it was sent, if anything follows from it.
fn propose(live: &mut Live, now: WallTime, drawn: u64) -> bool {
    let code = Arc::clone(&live.code);
    let scene = Scene { plan: code.plan(), judge: &*code, attempts: &live.attempts, now, drawn };
    let inputs = std::mem::take(&mut live.inbox);
    let outturn = turn(scene, &live.state, inputs.clone());
    let replies = std::mem::take(&mut live.replies);
    let event = live.event.take();
    let (mut records, state) = (outturn.records, outturn.state);
    if live.revision.is_none() {
        records.insert(0, Record::Begun(live.state.begun().clone()));
    }
    if records.is_empty() {
        for (reply, answer) in replies.into_iter().zip(outturn.answers) {
            let _ = reply.send(answer.map_err(SagaError::Refused));
        }
        return false;
    }
    // Who looks for sagas that are stuck finds them by the kind of their turns.
    let plain = state.end().is_none() && !state.is_stuck();
    if live.turns >= JOURNAL_TURNS_MAX && plain {
        records.push(Record::Checkpoint(Box::new(state.clone())));
    }
    let staged = std::mem::take(&mut live.staged);
    let answers = outturn.answers;
    live.proposal = Some(Box::new(Proposal {
        inputs,
        records,
        state,
        answers,
        replies,
        event,
        staged,
        alone: false,
    }));
    true
}

/// An opening takes longer without the list; nothing is lost.
fn unlisted(error: AppendError) -> Result<(), SagaError> {
    match error {
        AppendError::Fenced { .. }
        | AppendError::Unknown { .. }
        | AppendError::Poisoned
        | AppendError::Displaced(_)
        | AppendError::Closed => Err(refused(error)),
        other => {
            tracing::warn!(error = %other, "the list of unfinished sagas is not stored");
            Ok(())
        }
    }
}
