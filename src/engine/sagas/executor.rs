//! The executor: one task that tells sagas what happened, stores what follows, and lets attempts
//! begin.
//!
//! What follows is decided in `saga::machine`, what is due in `saga::due`. The invariant it guards:
//! an attempt begins, a caller is answered and a step's output is read only when the turn that they
//! rest on is durable; of each saga, one turn at a time is on its way.

use super::{
    SagaStats, SagaStatus, Settled, StuckStep,
    attempts::{Attempting, Begin, Ended},
    checkpoint::Unfinished,
    clock::SagaClock,
    commits::{Answered, Commits, Purpose, TurnAt},
    live::{Live, Proposal, Reply, Rival, Started},
    names,
    options::SagaOptions,
    registry::{Registry, refused},
};
use crate::{
    error::{Actual, AppendError, SagaError, saga::WaitReason},
    event::EventId,
    ids::{FencingToken, Position, Revision},
    names::{DefinitionName, SagaId},
    runtime::Runtime,
    saga::{
        Begun, Effect, Ending, Failure, Input, Record, State, VerbRefused, due,
        machine::{Scene, turn},
    },
    time::WallTime,
};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::{mpsc, watch};

/// How many calls are looked at in one turn of the executor.
const CALLS_AT_ONCE: usize = 1024;

/// After how many turns of a saga its journal is begun anew with a checkpoint.
const JOURNAL_TURNS_MAX: u32 = 64;

/// After how many turns at least the list of unfinished sagas is written again.
const LIST_TURNS_MIN: u64 = 10_000;

/// How long the executor waits before it submits again what the store had no room for.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A saga that is to be started.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) id: SagaId,
    pub(super) definition: DefinitionName,
    pub(super) revision: u32,
    pub(super) input: Bytes,
    pub(super) trace_context: Option<Arc<str>>,
}

/// What a handle asks for.
pub(super) enum Call {
    Start(Start, Reply<Started>),
    /// Starts a saga and waits for what it comes to; `None` if its journal tells.
    Run(Start, Reply<Option<Settled>>),
    /// Waits for what a saga comes to; `None` if its journal tells.
    Settled(SagaId, Reply<Option<Settled>>),
    Tell {
        id: SagaId,
        input: Input,
        /// The id of the turn that it comes to.
        event: Option<EventId>,
        reply: Reply<()>,
    },
    Status(SagaId, Reply<Option<SagaStatus>>),
    Stuck(Reply<Vec<(SagaId, Vec<StuckStep>)>>),
    Waiting(Reply<Vec<(SagaId, WaitReason)>>),
    Stats(Reply<SagaStats>),
    /// Stops within this time.
    Close(Duration, Reply<()>),
}

pub(super) struct Executor<R: Runtime> {
    pub(super) runtime: R,
    pub(super) options: SagaOptions,
    pub(super) clock: SagaClock,
    pub(super) registry: Registry,
    pub(super) token: FencingToken,
    pub(super) slots: Vec<Option<Live>>,
    pub(super) free: Vec<usize>,
    pub(super) by_id: BTreeMap<SagaId, usize>,
    pub(super) waiting: BTreeMap<SagaId, (WaitReason, Position)>,
    /// Sagas that have something to decide on.
    pub(super) queue: VecDeque<usize>,
    /// Sagas whose due attempts have no room yet.
    pub(super) deferred: VecDeque<usize>,
    pub(super) timers: BTreeSet<(WallTime, usize)>,
    pub(super) running: usize,
    pub(super) commits: Commits,
    pub(super) attempting: Attempting<R>,
    pub(super) ended: mpsc::UnboundedReceiver<Vec<Ended>>,
    pub(super) calls: mpsc::Receiver<Call>,
    pub(super) stop: watch::Sender<bool>,
    /// Why it has ended; whoever asks later is told so.
    pub(super) end: watch::Sender<Option<SagaError>>,
    pub(super) alarm: Option<(WallTime, Pin<Box<dyn Future<Output = ()> + Send>>)>,
    pub(super) closing: Option<Closing>,
    pub(super) turns_since_list: u64,
    pub(super) listing: bool,
    /// For the jitter of delays.
    pub(super) drawn: u64,
    /// Turns that the store had no room for, and when they are submitted again.
    pub(super) again: Option<(WallTime, Vec<usize>)>,
}

/// Whose a name is.
enum Place {
    /// Of the saga that was to be started.
    Own,
    /// Of another one, whose beginning is not durable yet.
    Taken,
}

/// The executor is told to end.
pub(super) struct Closing {
    until: WallTime,
    replies: Vec<Reply<()>>,
}

/// What has happened while the executor waited.
#[derive(Default)]
struct News {
    ended: Vec<Ended>,
    answered: Vec<Answered>,
    calls: Vec<Call>,
    /// Every handle is gone.
    deserted: bool,
    rang: bool,
}

impl News {
    fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.answered.is_empty() && self.calls.is_empty()
    }
}

impl<R: Runtime> Executor<R> {
    /// Executes until it is closed, or cannot go on.
    pub(super) async fn run(mut self) {
        let end = loop {
            self.begin_deferred();
            self.decide();
            self.write_list();
            if let Some(end) = self.is_over() {
                break end;
            }
            let news = self.news().await;
            if let Err(error) = self.take(news) {
                break Err(error);
            }
        };
        self.finish(end);
    }

    fn now(&self) -> WallTime {
        self.clock.now(&self.runtime)
    }

    /// Waits until something has happened.
    async fn news(&mut self) -> News {
        self.set_alarm();
        poll_fn(|cx| self.poll_news(cx)).await
    }

    fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<News> {
        let mut news = News::default();
        self.commits.poll(cx, &mut news.answered);
        while let Poll::Ready(Some(ended)) = self.ended.poll_recv(cx) {
            news.ended.extend(ended);
        }
        while news.calls.len() < CALLS_AT_ONCE {
            match self.calls.poll_recv(cx) {
                Poll::Ready(Some(call)) => news.calls.push(call),
                Poll::Ready(None) => {
                    news.deserted = self.closing.is_none();
                    break;
                }
                Poll::Pending => break,
            }
        }
        if let Some((_, alarm)) = &mut self.alarm
            && alarm.as_mut().poll(cx).is_ready()
        {
            self.alarm = None;
            news.rang = true;
        }
        if news.is_empty() && !news.deserted && !news.rang {
            Poll::Pending
        } else {
            Poll::Ready(news)
        }
    }

    /// Sets the alarm to the next moment at which something is due.
    fn set_alarm(&mut self) {
        let timer = self.timers.first().map(|(at, _)| *at);
        // Once the grace is over, only answers are waited for: an alarm in the past rings for ever.
        let closing = self.closing.as_ref().map(|closing| closing.until);
        let closing = closing.filter(|until| *until > self.now());
        let again = self.again.as_ref().map(|(at, _)| *at);
        let next = [timer, closing, again].into_iter().flatten().min();
        let Some(at) = next else {
            self.alarm = None;
            return;
        };
        if self.alarm.as_ref().is_some_and(|(set, _)| *set == at) {
            return;
        }
        let (runtime, wait) = (self.runtime.clone(), SagaClock::until(self.now(), at));
        self.alarm = Some((at, Box::pin(async move { runtime.sleep(wait).await })));
    }

    /// # Errors
    /// Why it cannot go on.
    fn take(&mut self, news: News) -> Result<(), SagaError> {
        for answered in news.answered {
            self.answered(answered)?;
        }
        for ended in news.ended {
            self.attempt_ended(ended);
        }
        for call in news.calls {
            self.called(call);
        }
        if news.deserted {
            let until = self.now();
            self.closing = Some(Closing { until, replies: Vec::new() });
        }
        self.ring();
        Ok(())
    }

    /// Wakes whose time has come.
    fn ring(&mut self) {
        let now = self.now();
        while let Some((at, slot)) = self.timers.first().copied() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            if let Some(live) = &mut self.slots[slot] {
                live.wake_at = None;
            }
            self.enqueue(slot);
        }
        if self.again.as_ref().is_some_and(|(at, _)| *at <= now)
            && let Some((_, slots)) = self.again.take()
        {
            for slot in slots {
                if let Some(live) = &self.slots[slot] {
                    self.commits.add(slot, live);
                }
            }
        }
    }

    fn attempt_ended(&mut self, ended: Ended) {
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

    fn enqueue(&mut self, slot: usize) {
        if let Some(live) = &mut self.slots[slot]
            && !live.queued
        {
            live.queued = true;
            self.queue.push_back(slot);
        }
    }

    /// Decides on every saga that has something to decide on, and submits what follows.
    fn decide(&mut self) {
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
                self.begin_due(slot);
            }
        }
        self.commits.submit_gathered();
        self.attempting.begin_prepared();
    }

    /// # Errors
    /// Why it cannot go on.
    fn answered(&mut self, answered: Answered) -> Result<(), SagaError> {
        let Answered { answer, purpose } = answered;
        let turns = match purpose {
            Purpose::Turns(turns) => turns,
            Purpose::Checkpoint => {
                self.listing = false;
                return match answer {
                    Err(error) => self.unlisted(error),
                    Ok(_) => Ok(()),
                };
            }
        };
        match answer {
            Ok(committed) => {
                for (at, turn) in (0_u64..).zip(&turns) {
                    // A turn that stands alone may bring other events along, behind its own.
                    self.stored(turn.slot, committed.first.plus(at));
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
            Err(error) if error.is_retryable() || matches!(error, AppendError::Read(_)) => {
                tracing::warn!(%error, "turns of sagas are not stored yet");
                let (at, slots) = self.again.get_or_insert((WallTime::default(), Vec::new()));
                let later = u64::try_from(AGAIN_AFTER.as_nanos()).unwrap_or(u64::MAX);
                let now = self.clock.now(&self.runtime).as_unix_nanos();
                *at = WallTime::from_unix_nanos(now.saturating_add(later));
                slots.extend(turns.iter().map(|turn| turn.slot));
                Ok(())
            }
            Err(error) => Err(refused(error)),
        }
    }

    fn unlisted(&mut self, error: AppendError) -> Result<(), SagaError> {
        match error {
            AppendError::Fenced { .. }
            | AppendError::Unknown { .. }
            | AppendError::Poisoned
            | AppendError::Closed => Err(refused(error)),
            other => {
                // An opening takes longer; nothing is lost.
                tracing::warn!(error = %other, "the list of unfinished sagas is not stored");
                Ok(())
            }
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
        // What came meanwhile is decided on first: it may change what is due.
        let live = self.slots[slot].as_mut().expect("it was there a moment ago");
        if live.inbox.is_empty() {
            self.begin_due(slot);
        }
        self.enqueue(slot);
    }

    fn remove(&mut self, slot: usize) {
        if let Some(live) = self.slots[slot].take() {
            live.rivals.into_iter().for_each(Rival::look);
            if let Some(at) = live.wake_at {
                self.timers.remove(&(at, slot));
            }
            self.by_id.remove(&live.id);
            self.free.push(slot);
        }
    }

    /// Guards did not hold: nothing of the append was stored.
    fn conflicted(&mut self, turns: &[TurnAt], failed: &BTreeMap<usize, Actual>) {
        for (at, turn) in turns.iter().enumerate() {
            let behind = turns.get(at + 1).map_or(usize::MAX, |next| next.guard);
            if failed.contains_key(&turn.guard) {
                self.displaced(turn.slot);
            } else if failed.range(turn.guard..behind).next().is_some() {
                let failure = Failure::failed("the streams that it reads have changed");
                let again = Ending::Retry { failure, after: None };
                self.redo(turn.slot, Some((&again, |effect| effect == Effect::Transactional)));
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
        for waiter in live.waiters.drain(..) {
            let reason = WaitReason::Foreign;
            let _ = waiter.send(Err(SagaError::Waiting { saga: id.clone(), reason }));
        }
        self.waiting.insert(id.clone(), (WaitReason::Foreign, first));
        self.by_id.remove(&id);
        // Its attempts may still end; they find the saga without a journal to write to.
    }

    /// Decides a turn again; instead, perhaps, with another ending of its attempts that were done,
    /// of some classes.
    fn redo(&mut self, slot: usize, instead: Option<(&Ending, fn(Effect) -> bool)>) {
        let Some(live) = &mut self.slots[slot] else { return };
        let Some(proposal) = live.proposal.take() else { return };
        let proposal = *proposal;
        let plan = live.code.plan();
        let again = proposal.inputs.into_iter().map(|input| match (input, instead) {
            (Input::Attempted { step, side, ending: Ending::Done { .. } }, Some((ending, of)))
                if of(plan.steps()[usize::from(step.get())].effect) =>
            {
                Input::Attempted { step, side, ending: ending.clone() }
            }
            (input, _) => input,
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
                // A journal without a checkpoint is longer, and all there.
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
                if proposal.inputs.len() > 1 {
                    live.singly = true;
                    self.redo(turn.slot, None);
                    continue;
                }
                if !matches!(proposal.inputs.first(), Some(Input::Attempted { .. })) {
                    // What somebody gave along with a word: it is theirs to make it smaller.
                    let given = live.proposal.take().map(|proposal| proposal.replies);
                    for reply in given.into_iter().flatten() {
                        let _ = reply.send(Err(SagaError::TooLarge { bytes, limit }));
                    }
                    self.enqueue(turn.slot);
                    continue;
                }
                let what = format!("its result has {bytes} bytes, the store takes {limit}");
                let ending = Ending::Ambiguous(Failure::failed(what));
                self.redo(turn.slot, Some((&ending, |_| true)));
            }
        }
    }

    /// Begins the attempts of a saga that are due, as far as there is room.
    fn begin_due(&mut self, slot: usize) {
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
            self.attempting.prepare(Begin { slot, id, code, state, attempt });
            live.attempts.running.insert(attempt.step);
            self.running += 1;
        }
    }

    fn begin_deferred(&mut self) {
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

    /// Writes the list of unfinished sagas now and then.
    fn write_list(&mut self) {
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

    fn called(&mut self, call: Call) {
        match call {
            Call::Start(start, reply) => match self.find_or_begin(start) {
                Ok((live, Place::Own)) if live.revision.is_some() => {
                    drop(reply.send(Ok(Started::Here)));
                }
                Ok((live, Place::Own)) => live.starters.push(reply),
                Ok((live, Place::Taken)) => live.rivals.push(Rival::Start(reply)),
                Err(error) => drop(reply.send(Err(error))),
            },
            Call::Run(start, reply) => match self.find_or_begin(start) {
                Ok((live, Place::Own)) => live.wait(reply),
                Ok((live, Place::Taken)) => live.rivals.push(Rival::Run(reply)),
                Err(error) => drop(reply.send(Err(error))),
            },
            Call::Settled(id, reply) => self.wait_for(&id, reply),
            Call::Tell { id, input, event, reply } => self.tell(&id, input, event, reply),
            Call::Status(id, reply) => {
                let live = self.by_id.get(&id).and_then(|slot| self.slots[*slot].as_ref());
                let durable = live.filter(|live| live.revision.is_some());
                let _ = reply.send(Ok(durable.map(Live::status)));
            }
            Call::Stuck(reply) => {
                let stuck = self.slots.iter().flatten().filter(|live| live.state.is_stuck());
                let _ = reply.send(Ok(stuck.map(|live| (live.id.clone(), live.stuck())).collect()));
            }
            Call::Waiting(reply) => {
                let waiting = self.waiting.iter();
                let _ = reply.send(Ok(waiting
                    .map(|(id, (reason, _))| (id.clone(), reason.clone()))
                    .collect()));
            }
            Call::Stats(reply) => {
                let _ = reply.send(Ok(self.stats()));
            }
            Call::Close(grace, reply) => self.close(grace, reply),
        }
    }

    fn stats(&self) -> SagaStats {
        let stuck = self.slots.iter().flatten().filter(|live| live.state.is_stuck()).count();
        SagaStats {
            unfinished: self.by_id.len(),
            stuck,
            waiting: self.waiting.len(),
            attempts: self.running,
            epoch: self.token.get(),
        }
    }

    /// The saga of this name, which is begun if there is none.
    ///
    /// # Errors
    /// There is one with another input, or none can be begun.
    fn find_or_begin(&mut self, start: Start) -> Result<(&mut Live, Place), SagaError> {
        if let Some(error) = self.refuses(&start) {
            return Err(error);
        }
        let (slot, place) = match self.by_id.get(&start.id) {
            Some(slot) => {
                let live = self.slots[*slot].as_ref().expect("names lead to sagas");
                let begun = live.state.begun();
                let same = begun.definition == start.definition && begun.input == start.input;
                match (same, live.revision) {
                    (true, _) => (*slot, Place::Own),
                    (false, None) => (*slot, Place::Taken),
                    (false, Some(_)) => return Err(SagaError::Conflict(start.id)),
                }
            }
            None => {
                let slot = self.begin_saga(start);
                self.enqueue(slot);
                (slot, Place::Own)
            }
        };
        Ok((self.slots[slot].as_mut().expect("it was found or begun"), place))
    }

    fn refuses(&self, start: &Start) -> Option<SagaError> {
        if self.closing.is_some() {
            return Some(SagaError::Closing);
        }
        if let Some((reason, _)) = self.waiting.get(&start.id) {
            let (saga, reason) = (start.id.clone(), reason.clone());
            return Some(SagaError::Waiting { saga, reason });
        }
        let (name, revision) = (start.definition.clone(), start.revision);
        let known = self.registry.code(&name, revision).is_some();
        (!known).then_some(SagaError::UnknownDefinition { name, revision })
    }

    fn begin_saga(&mut self, start: Start) -> usize {
        let code = self.registry.code(&start.definition, start.revision);
        let code = Arc::clone(code.expect("the caller has looked"));
        let plan = code.plan();
        let deadline = plan.time_limit().map(|limit| {
            let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            WallTime::from_unix_nanos(self.now().as_unix_nanos().saturating_add(limit))
        });
        let begun = Record::Begun(Begun {
            definition: start.definition,
            revision: start.revision,
            fingerprint: plan.fingerprint(),
            input: start.input,
            deadline,
            trace_context: start.trace_context,
        });
        let state = State::first(plan, &begun).expect("it is of this plan");
        let stream = names::journal(&start.id);
        let live = Live::new(start.id, stream, Arc::clone(&code), state);
        self.insert(live)
    }

    pub(super) fn insert(&mut self, live: Live) -> usize {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        self.by_id.insert(live.id.clone(), slot);
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(live);
        slot
    }

    fn wait_for(&mut self, id: &SagaId, reply: Reply<Option<Settled>>) {
        if let Some((reason, _)) = self.waiting.get(id) {
            let (saga, reason) = (id.clone(), reason.clone());
            let _ = reply.send(Err(SagaError::Waiting { saga, reason }));
            return;
        }
        match self.by_id.get(id).and_then(|slot| self.slots[*slot].as_mut()) {
            Some(live) => live.wait(reply),
            None => drop(reply.send(Ok(None))),
        }
    }

    fn tell(&mut self, id: &SagaId, input: Input, event: Option<EventId>, reply: Reply<()>) {
        let Some(slot) = self.by_id.get(id).copied() else {
            let error = match self.waiting.get(id) {
                Some((reason, _)) => {
                    SagaError::Waiting { saga: id.clone(), reason: reason.clone() }
                }
                None => SagaError::NotFound(id.clone()),
            };
            let _ = reply.send(Err(error));
            return;
        };
        let live = self.slots[slot].as_mut().expect("names lead to sagas");
        live.inbox.push(input);
        live.replies.push(reply);
        live.event = event.or(live.event);
        self.enqueue(slot);
    }

    fn close(&mut self, grace: Duration, reply: Reply<()>) {
        let grace = u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX);
        let until = WallTime::from_unix_nanos(self.now().as_unix_nanos().saturating_add(grace));
        let closing = self.closing.get_or_insert(Closing { until, replies: Vec::new() });
        closing.until = closing.until.min(until);
        closing.replies.push(reply);
    }

    /// Whether everything is done that a closing executor waits for.
    fn is_over(&self) -> Option<Result<(), SagaError>> {
        let closing = self.closing.as_ref()?;
        let patient = closing.until > self.now();
        let done = self.commits.is_idle() && self.again.is_none() && self.queue.is_empty();
        let over = done && (self.running == 0 || !patient) || !patient && self.again.is_some();
        over.then_some(Ok(()))
    }

    /// Lets nobody wait for what will not come.
    fn finish(mut self, end: Result<(), SagaError>) {
        // Attempts are dropped where they wait; the next executor makes them again.
        self.stop.send_replace(true);
        let error = end.as_ref().err().cloned();
        if let Some(error) = &error {
            tracing::error!(%error, "the executor of sagas has ended");
        }
        let replies = self.closing.take().map(|closing| closing.replies).unwrap_or_default();
        self.end.send_replace(Some(error.clone().unwrap_or(SagaError::Closing)));
        drop(self);
        for reply in replies {
            let _ = reply.send(error.clone().map_or(Ok(()), Err));
        }
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
    let mut inputs = std::mem::take(&mut live.inbox);
    if std::mem::take(&mut live.singly) {
        live.inbox = inputs.split_off(1.min(inputs.len()));
    }
    let outturn = turn(scene, &live.state, inputs.clone());
    let asked = inputs.iter().filter(|input| !matches!(input, Input::Attempted { .. })).count();
    let replies: Vec<_> = live.replies.drain(..asked).collect();
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
    if live.turns >= JOURNAL_TURNS_MAX && state.end().is_none() {
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
