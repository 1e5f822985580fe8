//! A client: appends and asks, gives up now and then, and tells the oracle what it was told.
//!
//! It does not know what is right. The invariant it guards: an answer goes to the oracle in the
//! step in which it arrives, so that a life that is cut short leaves what its callers knew.

use super::{Call, Store as Suite, call, oracle::AttemptId};
use crate::{
    frame::{How, Sky, Stage, give_up_after},
    marks::{Mark, Unclear},
    report::{Violation, broken},
};
use sagalog::{Append, AppendError, Committed, ReadOnlyStore, Store};
use sagalog_testkit::{
    Choices, Seeded,
    model::{Outcome, PlainAppend, PlainRead, Question, Refusal, Reply, Shown},
    yield_now,
};
use std::sync::Arc;

pub(super) struct Client<R> {
    pub(super) stage: Stage<Suite>,
    pub(super) life: u32,
    pub(super) number: u32,
    pub(super) choices: Seeded,
    pub(super) runtime: R,
    pub(super) store: Store,
    pub(super) shown: Arc<Shown>,
    /// Nothing may fail.
    pub(super) healthy: bool,
}

impl<R: Sky> Client<R> {
    /// Makes its calls.
    pub(super) async fn call(mut self) -> Result<(), Violation> {
        let calls = 1 + self.choices.below(self.stage.plan.calls_max);
        for made in 0.. {
            let (stage, choices) = (&self.stage, &mut self.choices);
            let draw = || Call::draw(choices, &stage.plan, &stage.oracle());
            let call = stage.next_call(self.life, self.number, || (made < calls).then(draw));
            let Some(call) = call else { break };
            self.make(call).await?;
        }
        Ok(())
    }

    async fn make(&self, call: Call) -> Result<(), Violation> {
        match call {
            Call::Append { append, how } => self.append(append, how).await,
            Call::Ask { question, how } => self.ask(question, how).await,
            Call::ReadSlowly { read, turns, drops } => self.read_slowly(read, turns, drops).await,
            Call::Head {} => self.look_at_the_head(),
            Call::Beside(questions) => self.read_beside(questions).await,
            Call::BesideBriefly(polls) => self.look_briefly(polls).await,
            Call::Weather(weather) => {
                self.read_the_clock();
                weather.happen(&self.runtime, &self.stage.watch).await;
                self.read_the_clock();
                Ok(())
            }
        }
    }

    fn read_the_clock(&self) {
        self.stage.oracle().shows(self.runtime.wall());
    }

    async fn append(&self, append: PlainAppend, how: How) -> Result<(), Violation> {
        self.read_the_clock();
        let (attempt, append) = self.stage.oracle().call(append);
        let Some(answer) = self.submit(attempt, Append::from(&*append), how).await else {
            if how != How::ForPolls(0) {
                self.stage.watch.unclear(attempt.number(), Unclear::Cancelled);
            }
            return Ok(());
        };
        self.read_the_clock();
        self.notice(attempt, &answer);
        let too_large = call::is_too_large(&append, &self.stage.plan);
        if too_large && answer.is_ok() {
            return broken("G17", format!("it fits in no group and is stored: {append:?}"));
        }
        if let Err(error) = &answer
            && !(too_large && matches!(error, AppendError::Limit { .. }))
        {
            self.stage.judge_append(error, self.healthy, how == How::IfThereIsRoom)?;
        }
        let outcome = Outcome::from(answer);
        self.stage.note_outcome(&outcome);
        self.stage.oracle().answer(attempt, outcome, self.stage.disk_op());
        Ok(())
    }

    fn notice(&self, attempt: AttemptId, answer: &Result<Committed, AppendError>) {
        let watch = &self.stage.watch;
        match answer {
            Ok(told) if told.replayed => watch.reach(Mark::Replayed),
            Ok(_) => watch.reach(Mark::Acknowledged),
            Err(error) => {
                watch.append_failed(error);
                if error.is_unknown_outcome() {
                    watch.unclear(attempt.number(), Unclear::Unknown);
                }
            }
        }
    }

    /// `None` if the caller gave up.
    async fn submit(
        &self,
        attempt: AttemptId,
        append: Append,
        how: How,
    ) -> Option<Result<Committed, AppendError>> {
        match how {
            How::IfThereIsRoom => match self.store.try_append(append) {
                Ok(pending) => Some(pending.await),
                Err(error) => Some(Err(error)),
            },
            How::ForPolls(0) => {
                self.stage.oracle().take_back(attempt);
                give_up_after(0, self.store.append(append)).await
            }
            How::ForPolls(_) | How::Patiently => how.wait(self.store.append(append)).await,
        }
    }

    async fn ask(&self, question: Question, how: How) -> Result<(), Violation> {
        let low = self.stage.oracle().seen();
        let reply = how.wait(question.put_to_store(&self.store, &self.shown)).await;
        let Some(reply) = reply else { return Ok(()) };
        let by = self.stage.oracle().tick();
        self.told(question, reply, low, by)
    }

    fn told(&self, question: Question, reply: Reply, low: u64, by: u64) -> Result<(), Violation> {
        self.stage.note_reply(&reply);
        if self.stage.excuses_reply(&reply, self.healthy)? {
            return Ok(());
        }
        self.stage.oracle().reply(question, reply, (low, by), self.stage.disk_op());
        Ok(())
    }

    /// A read that lets others append between its events: it shows what was there at its first
    /// poll.
    async fn read_slowly(&self, read: PlainRead, turns: u64, drops: u64) -> Result<(), Violation> {
        let low = self.stage.oracle().seen();
        let mut events = self.store.read((&read).into());
        let (mut shown, mut pinned) = (Vec::new(), None);
        let reply = loop {
            // What is given up is begun anew, and nothing is left out.
            let next = match give_up_after(drops, events.next()).await {
                Some(next) => next,
                None => events.next().await,
            };
            let by = *pinned.get_or_insert_with(|| self.stage.oracle().tick());
            match next {
                Ok(Some(event)) => shown.push(self.shown.plain(&event)),
                Ok(None) => break (Reply::Events(shown), by),
                Err(error) => break (Reply::Refused(error.into()), by),
            }
            for _ in 0..turns {
                yield_now().await;
            }
        };
        self.told(Question::Read(read), reply.0, low, reply.1)
    }

    /// Another process gives up looking: the store is none the worse, nor is what it saw.
    async fn look_briefly(&self, polls: u64) -> Result<(), Violation> {
        let opening = Store::open_read_only_with(&self.runtime);
        let Some(Ok(reader)) = give_up_after(polls, opening).await else { return Ok(()) };
        let before = reader.head();
        let refreshed = give_up_after(polls / 2, reader.refresh()).await;
        if refreshed.is_none() && reader.head() != before {
            let what = format!("a refresh that was given up went from {before}");
            return broken("G14", format!("{what} to {}", reader.head()));
        }
        Ok(())
    }

    /// Another process reads beside this one. What it shows is durable, and all of it up to its
    /// head.
    async fn read_beside(&self, questions: Vec<Question>) -> Result<(), Violation> {
        let reader = match Store::open_read_only_with(&self.runtime).await {
            Ok(reader) => reader,
            Err(_) if self.excuses_beside() => return Ok(()),
            Err(error) => return broken("G14", format!("no reading beside the store: {error}")),
        };
        for (asked, question) in questions.into_iter().enumerate() {
            let before = reader.head();
            if asked > 0
                && let Err(error) = reader.refresh().await
            {
                if self.excuses_beside() {
                    return Ok(());
                }
                return broken("G14", format!("no refresh beside the store: {error}"));
            }
            // A damaged end cannot be told from one that was torn by who only reads.
            if reader.head() < before && !self.stage.damaged() {
                let what = format!("a refresh went back from {before} to {}", reader.head());
                return broken("G14", what);
            }
            self.ask_beside(&reader, question).await?;
        }
        Ok(())
    }

    fn excuses_beside(&self) -> bool {
        let strange = self.stage.troubled() || self.stage.index_may_be_damaged();
        strange && !self.healthy || self.stage.hurt()
    }

    async fn ask_beside(
        &self,
        reader: &ReadOnlyStore,
        question: Question,
    ) -> Result<(), Violation> {
        if matches!(question, Question::Resolve(_)) && !self.stage.plan.keeps_keys() {
            return Ok(()); // A reader knows no horizon.
        }
        let head = reader.head();
        let reply = question.put_to_reader(reader, &self.shown).await;
        self.stage.note_reply(&reply);
        // It writes nothing: a damaged file of the index is an error to it.
        let damaged = matches!(reply, Reply::Refused(Refusal::IndexDamaged(_)))
            && self.stage.index_may_be_damaged();
        if !damaged && !self.stage.excuses_reply(&reply, self.healthy)? {
            self.stage.oracle().beside(question, reply, head.get(), self.stage.disk_op());
        }
        Ok(())
    }

    fn look_at_the_head(&self) -> Result<(), Violation> {
        self.stage.watch.runs(self.store.stats().runs);
        let mut oracle = self.stage.oracle();
        let low = oracle.seen();
        oracle.head(self.store.head().get(), low, self.stage.disk_op())
    }
}

impl Stage<Suite> {
    /// Takes a reply into the trace: of events only how many and which.
    fn note_reply(&self, reply: &Reply) {
        match reply {
            Reply::Events(events) => {
                self.note(&[2, events.len() as u64]);
                for event in events {
                    self.note(&[3, event.position, event.revision]);
                }
            }
            other => self.note_debug(other),
        }
    }

    fn note_outcome(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Committed(told) => {
                self.note(&[4, told.first, told.positions, u64::from(told.replayed)]);
            }
            other => self.note_debug(other),
        }
    }

    fn note_debug(&self, answer: &impl std::fmt::Debug) {
        self.disk.with(|disk| disk.remark(&format!("{answer:?}")));
    }
}
