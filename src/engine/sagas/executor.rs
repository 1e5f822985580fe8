//! The executor: one task that tells sagas what happened, stores what follows, and lets attempts
//! begin.
//!
//! What follows is decided in `saga::machine`, what is due in `saga::due`. The invariant it guards:
//! an attempt begins, a caller is answered and a step's output is read only when the turn that they
//! rest on is durable; of each saga, one turn at a time is on its way. This file is the loop; what
//! handles ask for is in `calls`, what is decided and stored in `turns`, what the store does
//! not take in `patience`, what is begun in `attempts`.

mod attempts;
mod calls;
mod patience;
mod turns;

use super::{
    SagaStats, SagaStatus, Settled, StuckStep,
    attempts::{Attempting, Ended},
    clock::SagaClock,
    commits::{Answered, Commits},
    live::{Live, Reply, Rival, Started},
    options::SagaOptions,
    registry::Registry,
    stop::Stop,
};
use crate::{
    error::{SagaError, saga::WaitReason},
    event::EventId,
    ids::{FencingToken, Position},
    names::{DefinitionName, SagaId},
    runtime::Runtime,
    saga::Input,
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

type Alarm = Pin<Box<dyn Future<Output = ()> + Send>>;

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
    pub(super) stop: Stop,
    /// Why it has ended; whoever asks later is told so.
    pub(super) end: watch::Sender<Option<SagaError>>,
    pub(super) alarm: Option<(WallTime, Alarm)>,
    pub(super) closing: Option<Closing>,
    pub(super) turns_since_list: u64,
    pub(super) listing: bool,
    /// For the jitter of delays.
    pub(super) drawn: u64,
    /// Turns that the store had no room for, and when they are submitted again.
    pub(super) again: Option<(WallTime, Vec<usize>)>,
    /// Since when the store has taken no turn that it was given.
    pub(super) refused_since: Option<WallTime>,
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
            self.go_on();
            self.write_list();
            if let Some(end) = self.is_over() {
                break end;
            }
            let news = self.news().await;
            if let Err(error) = self.take(news) {
                break Err(error);
            }
        };
        self.finish(end.err());
    }

    /// Decides and begins, until there is no room for another attempt or nobody waits for it: who
    /// waited may have no use for its room any more, and the next one has to be given it.
    fn go_on(&mut self) {
        loop {
            self.begin_deferred();
            self.decide();
            if self.deferred.is_empty() || self.running >= self.options.attempts_max {
                return;
            }
        }
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

    fn enqueue(&mut self, slot: usize) {
        if let Some(live) = &mut self.slots[slot]
            && !live.queued
        {
            live.queued = true;
            self.queue.push_back(slot);
        }
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

    pub(super) fn insert(&mut self, live: Live) -> usize {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        self.by_id.insert(live.id.clone(), slot);
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(live);
        slot
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
    fn finish(mut self, error: Option<SagaError>) {
        // Attempts are dropped where they wait; the next executor makes them again.
        self.stop.stop();
        if let Some(error) = &error {
            tracing::error!(%error, "the executor of sagas has ended");
        }
        let replies = self.closing.take().map(|closing| closing.replies).unwrap_or_default();
        self.end.send_replace(Some(error.clone().unwrap_or(SagaError::Closing)));
        drop(self);
        let answer = error.map_or(Ok(()), Err);
        for reply in replies {
            let _ = reply.send(answer.clone());
        }
    }
}
