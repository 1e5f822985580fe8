//! Journals as they stand in the store, read once more by other rules than the engine's fold.
//!
//! Not the fold: it knows no transition that it does not need, and takes no decision. The invariant
//! it guards: what it says of a step follows from the records alone.

use super::number_of;
use crate::{
    frame::Sky,
    report::{Violation, broken},
    saga::{desk::Desk, shape::Shape},
};
use bytes::Bytes;
use sagalog::{
    Read, ReadError, SagaId, Store,
    saga::{Begun, Operator, Output, Record, SagaEnd, Side, StepIndex, Verb, decode_turn},
};
use std::{collections::BTreeMap, sync::Arc};

/// The category of journals.
const JOURNALS: &str = "$saga";

/// A journal.
#[derive(Clone, Debug)]
pub(in crate::saga) struct Story {
    pub(super) begun: Begun,
    pub(super) records: Vec<Record>,
    pub(super) end: Option<SagaEnd>,
}

impl Story {
    /// Who said what for which reason.
    pub(super) fn words(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let word = |record: &Record| match record {
            Record::Operator(Operator { principal, reason, .. }) => {
                Some((Arc::clone(principal), Arc::clone(reason)))
            }
            _ => None,
        };
        self.records.iter().filter_map(word).collect()
    }
}

/// All journals.
pub(in crate::saga) async fn stories(store: &Store) -> Result<BTreeMap<u64, Story>, Violation> {
    let mut records: BTreeMap<u64, Vec<Record>> = BTreeMap::new();
    let read = Read::category(JOURNALS).with_system();
    let events = match store.read(read).collect().await {
        Err(ReadError::StreamNotFound(_)) => Vec::new(),
        Err(error) => return broken("G31", format!("journals cannot be read: {error}")),
        Ok(events) => events,
    };
    for event in events {
        let id = event.stream().split_once('-').and_then(|(_, id)| SagaId::parse(id).ok());
        let Some(saga) = id.as_ref().and_then(number_of) else {
            return broken("G41", format!("there is a journal {}", event.stream()));
        };
        match decode_turn(&event.payload()) {
            Ok(turn) => records.entry(saga).or_default().extend(turn),
            Err(fault) => return broken("G34", format!("journal of saga {saga}: {fault}")),
        }
    }
    let story = |(saga, records): (u64, Vec<Record>)| {
        let Some(Record::Begun(begun)) = records.first().cloned() else {
            return broken("G34", format!("saga {saga} begins with {:?}", records.first()));
        };
        let forced = |verb: &Verb| match verb {
            Verb::Complete(output) => Some(SagaEnd::Completed(Output::Forced(output.clone()))),
            Verb::Abort => Some(SagaEnd::Aborted {
                cause: sagalog::saga::Cause::Forced,
                reason: "forced".into(),
            }),
            Verb::Retry | Verb::Skip(_) => None,
        };
        let end = match records.last() {
            Some(Record::Ended(end)) => Some(end.clone()),
            Some(Record::Operator(Operator { verb, .. })) => forced(verb),
            _ => None,
        };
        Ok((saga, Story { begun, records, end }))
    };
    records.into_iter().map(story).collect()
}

/// The sagas that have a journal.
pub(in crate::saga) async fn begun<R: Sky>(desk: &Desk<R>) -> Result<Vec<u64>, Violation> {
    Ok(stories(&desk.store).await?.into_keys().collect())
}

/// What became of a step in one round, as its journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Became {
    /// Nothing is said.
    #[default]
    Open,
    Done(Bytes),
    Skipped,
    Failed,
    Vague,
    Withdrawn,
    Compensated,
    /// An operator left it.
    Left,
}

/// What became of all steps, by step and round; and whether an operator ended the saga.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate {
    pub(super) steps: BTreeMap<(u16, u32), Became>,
    /// What was done of a step, also if it was compensated later.
    pub(super) outputs: BTreeMap<(u16, u32), Bytes>,
    pub(super) rounds: BTreeMap<u16, u32>,
    pub(super) forced: bool,
}

/// Walks a journal, and judges its order.
pub(super) fn walk(story: &Story, shape: &Shape) -> Result<Fate, Violation> {
    let mut walk = Walk {
        shape,
        fate: Fate::default(),
        turned: None,
        stuck: BTreeMap::new(),
        tries: BTreeMap::new(),
    };
    let last = story.records.len() - 1;
    for (at, record) in story.records.iter().enumerate() {
        let ends = matches!(record, Record::Ended(_))
            || matches!(record, Record::Operator(Operator { verb, .. })
                if matches!(verb, Verb::Complete(_) | Verb::Abort));
        if ends && at != last {
            return broken("G47", format!("record {at} is the end, and not the last"));
        }
        walk.take(record)?;
    }
    Ok(walk.fate)
}

/// Where a saga turned back to.
#[derive(Clone, Copy)]
enum Turned {
    ToSavepoint(u16),
    ToBeginning,
}

struct Walk<'a> {
    shape: &'a Shape,
    fate: Fate,
    /// Where it turned back to: a savepoint, or its beginning.
    turned: Option<Turned>,
    stuck: BTreeMap<u16, Side>,
    /// Attempts in a row that were to be followed by others, of actions and of compensations.
    tries: BTreeMap<(u16, bool), u32>,
}

impl Walk<'_> {
    fn round(&self, step: u16) -> u32 {
        self.fate.rounds.get(&step).copied().unwrap_or(0)
    }

    fn became(&self, step: u16) -> Became {
        self.fate.steps.get(&(step, self.round(step))).cloned().unwrap_or_default()
    }

    fn becomes(&mut self, step: StepIndex, became: Became) {
        let step = step.get();
        self.stuck.remove(&step);
        self.fate.steps.insert((step, self.round(step)), became);
    }

    /// Steps that have to be answered before the saga is back.
    fn effective(&self, step: u16) -> bool {
        let compensated = self.shape.steps[usize::from(step)].compensated;
        let back = match self.turned {
            Some(Turned::ToSavepoint(savepoint)) => {
                step != savepoint && !self.shape.ancestors(savepoint).contains(&step)
            }
            Some(Turned::ToBeginning) => true,
            None => false,
        };
        back && compensated && matches!(self.became(step), Became::Done(_) | Became::Vague)
    }

    fn numbers(&self) -> std::ops::Range<u16> {
        0..u16::try_from(self.shape.steps.len()).expect("few steps")
    }

    fn take(&mut self, record: &Record) -> Result<(), Violation> {
        match record {
            Record::Done { step, output, .. } => self.done(*step, output),
            Record::Skipped { step } => {
                self.becomes(*step, Became::Skipped);
                Ok(())
            }
            Record::Failed { step, .. } => {
                self.becomes(*step, Became::Failed);
                Ok(())
            }
            Record::Ambiguous { step, .. } => {
                self.becomes(*step, Became::Vague);
                Ok(())
            }
            Record::Withdrawn { step } => {
                self.becomes(*step, Became::Withdrawn);
                Ok(())
            }
            Record::Stuck { step, side, failure, .. } => {
                self.stuck.insert(step.get(), *side);
                if failure.reason().is_empty() {
                    return broken("G36", format!("step {step} is stuck without a reason"));
                }
                Ok(())
            }
            Record::AbortDecided { .. } => self.abort(),
            Record::ReturnDecided { savepoint, .. } => {
                self.turned = Some(Turned::ToSavepoint(savepoint.get()));
                self.tries.clear();
                Ok(())
            }
            Record::Compensated { step, .. } => self.compensated(*step),
            Record::Returned => self.returned(),
            Record::Operator(Operator { verb, .. }) => {
                self.operated(verb);
                Ok(())
            }
            Record::Ended(end) => self.ended(end),
            Record::AttemptFailed { step, side, .. } => self.failed(*step, *side),
            Record::Begun(_)
            | Record::Started { .. }
            | Record::CancelAsked { .. }
            | Record::Checkpoint(_) => Ok(()),
        }
    }

    fn done(&mut self, step: StepIndex, output: &Bytes) -> Result<(), Violation> {
        let number = step.get();
        if matches!(self.became(number), Became::Done(_) | Became::Failed | Became::Compensated) {
            return broken("G34", format!("step {step} is done twice, or after its end"));
        }
        for after in &self.shape.steps[usize::from(number)].after {
            let ready = matches!(self.became(*after), Became::Done(_) | Became::Skipped);
            if self.turned.is_none() && !ready {
                return broken("G34", format!("step {step} is done before step {after}"));
            }
        }
        self.fate.outputs.insert((number, self.round(number)), output.clone());
        self.becomes(step, Became::Done(output.clone()));
        Ok(())
    }

    /// Another attempt follows only while some are left.
    fn failed(&mut self, step: StepIndex, side: Side) -> Result<(), Violation> {
        let compensates = side == Side::Compensation;
        let shape = &self.shape.steps[usize::from(step.get())];
        let most = if compensates { shape.compensation_attempts } else { shape.attempts };
        let tries = self.tries.entry((step.get(), compensates)).or_default();
        *tries += 1;
        if *tries >= most {
            return broken("G31", format!("step {step} failed {tries} times, and is tried again"));
        }
        Ok(())
    }

    fn abort(&mut self) -> Result<(), Violation> {
        self.tries.clear();
        let pivot = self.numbers().find(|step| self.shape.steps[usize::from(*step)].pivot);
        if pivot.is_some_and(|pivot| matches!(self.became(pivot), Became::Done(_))) {
            return broken("G34", "it is aborted behind its point of no return".into());
        }
        self.turned = Some(Turned::ToBeginning);
        Ok(())
    }

    fn compensated(&mut self, step: StepIndex) -> Result<(), Violation> {
        if self.turned.is_none() {
            return broken("G34", format!("step {step} is compensated on the way forward"));
        }
        let behind = self.numbers().find(|other| {
            self.shape.ancestors(*other).contains(&step.get()) && self.effective(*other)
        });
        if let Some(behind) = behind.filter(|_| !self.shape.continues) {
            return broken("G34", format!("step {step} is compensated before step {behind}"));
        }
        self.becomes(step, Became::Compensated);
        Ok(())
    }

    fn returned(&mut self) -> Result<(), Violation> {
        let Some(Turned::ToSavepoint(savepoint)) = self.turned else {
            return broken("G34", "it returned to no savepoint".into());
        };
        if let Some(left) = self.numbers().find(|step| self.effective(*step)) {
            return broken("G34", format!("it returned although step {left} stands"));
        }
        self.turned = None;
        self.tries.clear();
        let kept = self.shape.ancestors(savepoint);
        for step in self.numbers().filter(|step| *step != savepoint && !kept.contains(step)) {
            *self.fate.rounds.entry(step).or_default() += 1;
        }
        Ok(())
    }

    fn operated(&mut self, verb: &Verb) {
        match verb {
            Verb::Retry => {
                self.stuck.clear();
                self.tries.clear();
            }
            Verb::Skip(step) => self.becomes(*step, Became::Left),
            Verb::Complete(_) | Verb::Abort => self.fate.forced = true,
        }
        // An action that was left out counts as skipped for who comes behind it.
        if let Verb::Skip(step) = verb
            && self.turned.is_none()
        {
            self.becomes(*step, Became::Skipped);
            self.fate.outputs.remove(&(step.get(), self.round(step.get())));
        }
    }

    fn ended(&mut self, end: &SagaEnd) -> Result<(), Violation> {
        match end {
            SagaEnd::Completed(Output::OfStep) => {
                let left = self
                    .numbers()
                    .find(|step| !matches!(self.became(*step), Became::Done(_) | Became::Skipped));
                match left {
                    Some(step) => broken("G32", format!("it completed without step {step}")),
                    None => Ok(()),
                }
            }
            SagaEnd::Completed(_) => Ok(()),
            SagaEnd::Aborted { .. } => {
                let left = self.numbers().find(|step| self.effective(*step));
                match left {
                    Some(step) => broken("G32", format!("it aborted, and step {step} stands")),
                    None => Ok(()),
                }
            }
            _ => broken("G34", format!("nobody knows this end: {end:?}")),
        }
    }
}
