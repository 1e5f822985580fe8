//! A client: appends and asks, gives up now and then, and tells the oracle what it was told.
//!
//! It does not know what is right. The invariant it guards: an answer goes to the oracle in the
//! step in which it arrives, so that a life that is cut short leaves what its callers knew.

use super::{Stage, Temper, oracle::AttemptId};
use crate::{
    report::{Violation, broken},
    runtime::MadsimRuntime,
};
use madsim::{task::yield_now, time::sleep};
use sagalog::{Append, AppendError, Store};
use sagalog_testkit::{
    Choices, Seeded,
    model::{Draw, Outcome, PlainAppend, Question, Refusal, Reply},
};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

pub(super) struct Client {
    pub(super) stage: Stage,
    pub(super) choices: Seeded,
    pub(super) store: Store,
    /// Nothing may fail.
    pub(super) healthy: bool,
}

impl Client {
    /// Makes its calls.
    pub(super) async fn call(mut self) -> Result<(), Violation> {
        for _ in 0..=self.choices.below(self.stage.plan.calls_max) {
            match self.choices.below(32) {
                0..=17 => self.append().await?,
                18..=25 => self.ask().await?,
                26..=27 => self.read_slowly().await?,
                28..=29 => self.look_at_the_head()?,
                30 => self.read_beside().await?,
                _ => sleep(Duration::from_millis(self.choices.below(4))).await,
            }
        }
        Ok(())
    }

    async fn append(&mut self) -> Result<(), Violation> {
        let open = self.stage.oracle().open_calls();
        let append = if !open.is_empty() && self.choices.below(3) == 0 {
            let at = usize::try_from(self.choices.below(open.len() as u64)).unwrap_or(0);
            self.stage.oracle().given(open[at])
        } else {
            let mut append = Draw::new(
                &mut self.choices,
                self.stage.plan.alphabet,
                self.stage.oracle().guess().now(),
            )
            .append();
            self.tame(&mut append);
            append
        };
        let (attempt, append) = self.stage.oracle().call(append);
        self.submit(attempt, &append).await
    }

    /// An append without events is found again by its key: it gets one that nobody else uses, or
    /// an event.
    fn tame(&mut self, append: &mut PlainAppend) {
        let stores = append.key.is_some() || append.checkpoint.is_some() || append.fence.is_some();
        if !append.writes.is_empty() || !stores {
            return;
        }
        if self.stage.plan.keeps_keys() {
            let unique = || format!("bare {}", self.choices.bits());
            append.key.get_or_insert_with(unique);
        } else {
            let event = sagalog_testkit::model::PlainEvent::new("A", []);
            append.writes.push(("a-1".to_owned(), event));
        }
    }

    async fn submit(&mut self, attempt: AttemptId, append: &PlainAppend) -> Result<(), Violation> {
        let append = Append::from(append);
        let mode = self.choices.below(8);
        let answer = if self.stage.plan.cancels && mode < 2 {
            let polls = self.choices.below(12);
            if polls == 0 {
                self.stage.oracle().take_back(attempt);
            }
            match give_up_after(polls, self.store.append(append)).await {
                Some(answer) => answer,
                None => return Ok(()),
            }
        } else if mode == 2 {
            match self.store.try_append(append) {
                Ok(pending) => pending.await,
                Err(error) => Err(error),
            }
        } else {
            self.store.append(append).await
        };
        self.judge(&answer, mode == 2)?;
        let outcome = Outcome::from(answer);
        self.stage.note_debug(&outcome);
        self.stage.oracle().answer(attempt, outcome);
        Ok(())
    }

    /// An error that says nothing of what the append asked for needs a reason.
    fn judge(
        &self,
        answer: &Result<sagalog::Committed, AppendError>,
        tried: bool,
    ) -> Result<(), Violation> {
        let Err(error) = answer else { return Ok(()) };
        let rot = self.stage.plan.temper == Temper::IndexRot;
        let excused = match error {
            AppendError::Conflict(_)
            | AppendError::PartlyCommitted { .. }
            | AppendError::KeyReused { .. }
            | AppendError::Fenced { .. }
            | AppendError::Query { .. } => true,
            AppendError::Overloaded => tried,
            AppendError::Read(error) => self.stage.excuses(&error.clone().into(), self.healthy)?,
            // The log fails for its own reasons, never for those of an index file.
            AppendError::Unknown { .. } | AppendError::Poisoned => {
                !self.healthy && !rot && self.stage.plan.may_fail()
            }
            AppendError::StorageFull | AppendError::Unprepared(_) => {
                !self.healthy && self.stage.index_unwritable()
            }
            _ => false,
        };
        let guarantee = if rot { "G22" } else { "G8" };
        if excused { Ok(()) } else { broken(guarantee, format!("an append fails: {error}")) }
    }

    async fn ask(&mut self) -> Result<(), Violation> {
        let question = Draw::new(
            &mut self.choices,
            self.stage.plan.alphabet,
            self.stage.oracle().guess().now(),
        )
        .question();
        let low = self.stage.oracle().seen();
        let reply = if self.stage.plan.cancels && self.choices.below(4) == 0 {
            let polls = 1 + self.choices.below(8);
            give_up_after(polls, question.put_to_store(&self.store, &self.stage.shown)).await
        } else {
            Some(question.put_to_store(&self.store, &self.stage.shown).await)
        };
        let Some(reply) = reply else { return Ok(()) };
        let by = self.stage.oracle().tick();
        self.told(question, reply, low, by)
    }

    fn told(&self, question: Question, reply: Reply, low: u64, by: u64) -> Result<(), Violation> {
        self.stage.note_reply(&reply);
        if self.stage.excuses_reply(&reply, self.healthy)? {
            return Ok(());
        }
        self.stage.oracle().reply(question, reply, low, by);
        Ok(())
    }

    /// A read that lets others append between its events: it shows what was there at its first
    /// poll.
    async fn read_slowly(&mut self) -> Result<(), Violation> {
        let read = Draw::new(
            &mut self.choices,
            self.stage.plan.alphabet,
            self.stage.oracle().guess().now(),
        )
        .read();
        let low = self.stage.oracle().seen();
        let mut events = self.store.read((&read).into());
        let (mut shown, mut pinned) = (Vec::new(), None);
        let reply = loop {
            let next = events.next().await;
            let by = *pinned.get_or_insert_with(|| self.stage.oracle().tick());
            match next {
                Ok(Some(event)) => shown.push(self.stage.shown.plain(&event)),
                Ok(None) => break (Reply::Events(shown), by),
                Err(error) => break (Reply::Refused(error.into()), by),
            }
            for _ in 0..self.choices.below(4) {
                yield_now().await;
            }
        };
        self.told(Question::Read(read), reply.0, low, reply.1)
    }

    /// Another process reads beside this one. What it shows is durable, and all of it up to its
    /// head.
    async fn read_beside(&mut self) -> Result<(), Violation> {
        let runtime = MadsimRuntime::new(self.stage.disk.clone());
        let reader = match Store::open_read_only_with(&runtime).await {
            Ok(reader) => reader,
            Err(_) if self.stage.plan.may_fail() && !self.healthy => return Ok(()),
            Err(_) if self.stage.damaged() => return Ok(()),
            Err(error) => return broken("G14", format!("no reading beside the store: {error}")),
        };
        for refreshed in [false, true] {
            let before = reader.head();
            if refreshed && reader.refresh().await.is_err() {
                return Ok(());
            }
            let head = reader.head();
            // A damaged end cannot be told from one that was torn by who only reads.
            if head < before && !self.stage.damaged() {
                return broken("G14", format!("a refresh went back from {before} to {head}"));
            }
            let alphabet = self.stage.plan.alphabet;
            let question =
                Draw::new(&mut self.choices, alphabet, self.stage.oracle().guess().now())
                    .question();
            if matches!(question, Question::Resolve(_)) && !self.stage.plan.keeps_keys() {
                continue; // A reader knows no horizon.
            }
            let reply = question.put_to_reader(&reader, &self.stage.shown).await;
            self.stage.note_reply(&reply);
            // It writes nothing: a damaged file of the index is an error to it.
            let damaged = matches!(reply, Reply::Refused(Refusal::IndexDamaged(_)));
            if !damaged && !self.stage.excuses_reply(&reply, self.healthy)? {
                self.stage.oracle().beside(question, reply, head.get());
            }
        }
        Ok(())
    }

    fn look_at_the_head(&self) -> Result<(), Violation> {
        let mut oracle = self.stage.oracle();
        let low = oracle.seen();
        oracle.head(self.store.head().get(), low)
    }
}

/// Polls a future so often and no more.
async fn give_up_after<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
