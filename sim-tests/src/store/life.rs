//! One life of the process: open, judge what is there, let clients call, maybe close.
//!
//! The invariant it guards: the whole log is read and judged before anything is called, so that
//! each life's history is closed when the next one begins.

use super::{Stage, client::Client, oracle::Disk};
use crate::{
    report::{Violation, broken},
    runtime::MadsimRuntime,
};
use sagalog::{OpenError, ReadError, Store};
use sagalog_testkit::{
    Choices, Seeded,
    model::{PlainAsOf, PlainRead, PlainSelector, Question, Recorded, Refusal, Reply, Shown},
};
use std::sync::Arc;

/// Questions about a store that was just opened, if not all are asked.
const SAMPLE: u64 = 12;

/// How a life ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The store did not open.
    NotOpened(OpenError),
    /// It opened, and could not be read whole.
    ReadDamaged,
    /// Its work was done and it was left open.
    Left,
    /// It was closed in order.
    Closed,
    /// The disk stopped before it was done.
    CutShort,
}

pub(super) struct Life {
    stage: Stage,
    choices: Seeded,
    healed: bool,
}

impl Life {
    pub(super) fn new(stage: Stage, choices: Seeded) -> Self {
        Self { stage, choices, healed: false }
    }

    /// Nothing may fail any more, everything is asked, and the life ends in order.
    pub(super) fn in_a_healed_world(mut self) -> Self {
        self.healed = true;
        self
    }

    pub(super) async fn live(mut self) -> Result<Ending, Violation> {
        let runtime = MadsimRuntime::new(self.stage.disk.clone());
        let store = match Store::open_with(&runtime, self.stage.plan.options()).await {
            Ok((store, _)) => store,
            Err(error) => return self.judge_refusal(error),
        };
        let head = store.head().get();
        self.stage.note([1, head, 0]);
        let events = match read_all(&store, &self.stage.shown).await {
            Ok(events) => events,
            Err(error) => return self.judge_unreadable(&store, &error).await,
        };
        if events.len() as u64 != head {
            return broken("G3", format!("the head is {head}, {} events are read", events.len()));
        }
        if !self.find_bare(&store).await {
            return Ok(Ending::ReadDamaged);
        }
        let disk = if self.stage.damaged() { Disk::Damaged } else { Disk::Honest };
        self.stage.oracle().recovered(&events, disk)?;
        self.ask(&store).await?;
        self.work(&store).await?;
        if self.healed || self.choices.below(3) == 0 {
            return self.close(store).await;
        }
        Ok(Ending::Left)
    }

    /// Asks the keys of appends without events where they are. False if that cannot be read.
    async fn find_bare(&self, store: &Store) -> bool {
        let open = self.stage.oracle().open_bare();
        for (attempt, key) in open {
            match Question::Resolve(key).put_to_store(store, &self.stage.shown).await {
                Reply::Commit(Some(answer)) => {
                    self.stage.oracle().resolved(attempt, answer.first);
                }
                Reply::Commit(None) => {}
                _ => return false,
            }
        }
        true
    }

    /// Nobody else is there: everything is as the model says.
    async fn ask(&mut self, store: &Store) -> Result<(), Violation> {
        let all = Question::of_everything(self.stage.oracle().model().now());
        let count = all.len() as u64;
        let sample = if self.healed || self.choices.below(6) == 0 { count } else { SAMPLE };
        for number in 0..sample.min(count) {
            let chosen = if sample == count { number } else { self.choices.below(count) };
            let question = &all[usize::try_from(chosen).unwrap_or(0)];
            let reply = question.put_to_store(store, &self.stage.shown).await;
            if self.stage.excuses_reply(&reply, self.healed)? {
                continue;
            }
            let oracle = self.stage.oracle();
            let past = oracle.model().now();
            if !question.is_answered(past, &reply) {
                let expected = question.put_to(past);
                let what = format!("{question:?} of a quiet store: {reply:?}, not {expected:?}");
                return broken("G21", what);
            }
        }
        Ok(())
    }

    /// Without faults a store opens. With faults that the disk reports it says so and can be
    /// retried.
    fn judge_refusal(&self, error: OpenError) -> Result<Ending, Violation> {
        if !self.stage.plan.may_fail() && !crate::disk::is_final(&error) {
            return broken("G10", format!("refused on a quiet disk: {error}"));
        }
        Ok(Ending::NotOpened(error))
    }

    /// What cannot be read has to be an error wherever it is asked for, never less than was there.
    async fn judge_unreadable(
        &self,
        store: &Store,
        error: &ReadError,
    ) -> Result<Ending, Violation> {
        if !self.stage.excuses(&error.clone().into(), self.healed)? {
            return broken("G4", format!("the whole log is refused: {error}"));
        }
        let known = self.stage.oracle().model().head();
        if known == 0 || store.head().get() < known {
            return Ok(Ending::ReadDamaged);
        }
        let questions = Question::of_everything(self.stage.oracle().model().now());
        for question in questions {
            let Question::Read(read) = question else { continue };
            let then = PlainRead { as_of: PlainAsOf::Position(known - 1), ..read };
            let question = Question::Read(then);
            let reply = question.put_to_store(store, &self.stage.shown).await;
            let oracle = self.stage.oracle();
            let silent = matches!(
                reply,
                Reply::Refused(
                    Refusal::Failed(_) | Refusal::IndexUnwritten(_) | Refusal::IndexDamaged(_)
                )
            );
            if silent || question.is_answered(oracle.model().now(), &reply) {
                continue;
            }
            return broken("G4", format!("{question:?} of a damaged store: {reply:?}"));
        }
        Ok(Ending::ReadDamaged)
    }

    async fn work(&mut self, store: &Store) -> Result<(), Violation> {
        let mut tasks = Vec::new();
        for number in 0..=self.choices.below(self.stage.plan.clients) {
            let client = Client {
                stage: self.stage.clone(),
                choices: self.choices.fork(number),
                store: store.clone(),
                healthy: self.healed,
            };
            tasks.push(madsim::task::spawn(client.call()));
        }
        for task in tasks {
            match task.await {
                Ok(judged) => judged?,
                Err(panicked) => return broken("G9", format!("a client panicked: {panicked}")),
            }
        }
        Ok(())
    }

    async fn close(&self, store: Store) -> Result<Ending, Violation> {
        match store.close().await {
            Ok(()) => Ok(Ending::Closed),
            Err(error) if self.healed || !self.stage.plan.may_fail() => {
                broken("G8", format!("a healthy store does not close: {error}"))
            }
            Err(_) => Ok(Ending::Left),
        }
    }
}

async fn read_all(store: &Store, shown: &Shown) -> Result<Vec<Arc<Recorded>>, ReadError> {
    let whole = PlainRead { system: true, ..PlainRead::of(PlainSelector::All) };
    let mut events = store.read((&whole).into());
    let mut found = Vec::new();
    while let Some(event) = events.next().await? {
        found.push(shown.plain(&event));
    }
    Ok(found)
}
