//! The oracle: what callers did and were told, what attempts began, and whether that goes together
//! with the journals and with the participants' books.
//!
//! It sees histories, never the executor. The invariant it guards: what it holds against a run was
//! seen from outside: an answer, a stored record, an effect on record.

mod attempts;
mod effects;
mod story;

pub(super) use attempts::{AttemptId, Attempted};
pub(super) use story::{Story, begun, stories};

use self::attempts::Attempts;
use super::{
    business::Entry,
    call::Word,
    conduct::Conduct,
    plan::Plan,
    shape::{Shape, name_of},
};
use crate::{
    marks::Mark,
    report::{Violation, broken},
};
use sagalog::{
    SagaId, SagaStatus, Settled, WaitReason,
    saga::{Cause, Phase, SagaEnd},
};
use sagalog_testkit::{Choices, Seeded};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The name of the saga with this number.
pub(super) fn id_of(saga: u64) -> SagaId {
    SagaId::parse(&format!("saga-{saga}")).expect("a short name")
}

/// The number of a saga.
pub(super) fn number_of(saga: &SagaId) -> Option<u64> {
    saga.as_str().strip_prefix("saga-")?.parse().ok()
}

/// What a saga came to, as somebody was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Completed(Option<Vec<u8>>),
    Aborted(Cause),
}

impl Told {
    /// # Panics
    /// If it has not ended.
    pub(super) fn of(settled: Settled) -> Self {
        match settled {
            Settled::Completed(output) => Self::Completed(output.map(|bytes| bytes.to_vec())),
            Settled::Aborted { cause, .. } => Self::Aborted(cause),
            other => panic!("the caller has looked: {other:?}"),
        }
    }

    /// For the trace.
    pub(super) fn word(&self) -> u64 {
        match self {
            Self::Completed(_) => 1,
            Self::Aborted(_) => 2,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Completed(_) => Mark::SagaCompleted,
            Self::Aborted(Cause::Rejected) => Mark::AbortRejected,
            Self::Aborted(Cause::Cancelled) => Mark::AbortCancelled,
            Self::Aborted(Cause::Deadline) => Mark::AbortDeadline,
            Self::Aborted(_) => Mark::AbortFailed,
        }
    }
}

/// Somebody looked where a saga is, of whose end was told before.
pub(super) fn looked(saga: u64, told: Option<&Told>, status: &SagaStatus) -> Result<(), Violation> {
    let stuck = status.steps.iter().any(|step| step.stuck.is_some());
    if status.stuck != stuck && !matches!(status.phase, Phase::Ended(_)) {
        return broken("G36", format!("saga {saga} is not stuck as its steps are: {status:?}"));
    }
    match (told, &status.phase) {
        (None, _) | (Some(Told::Completed(_)), Phase::Ended(SagaEnd::Completed(_))) => Ok(()),
        (Some(Told::Aborted(told)), Phase::Ended(SagaEnd::Aborted { cause, .. }))
            if told == cause =>
        {
            Ok(())
        }
        (Some(told), phase) => {
            broken("G47", format!("saga {saga} came to {told:?}, and is at {phase:?}"))
        }
    }
}

/// What somebody asked to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Start {
    definition: usize,
    steps: Vec<Conduct>,
}

/// What callers know of one saga.
#[derive(Debug, Default)]
struct Known {
    starts: Vec<Start>,
    /// Starts that were acknowledged, and starts that were refused as another's.
    acknowledged: BTreeSet<usize>,
    conflicted: BTreeSet<usize>,
    told: Option<Told>,
    cancelled: bool,
    /// What operators said, by the reason that they gave.
    said: BTreeMap<String, Word>,
    /// What of it was acknowledged.
    heard: BTreeSet<String>,
}

/// Sees everything, and judges.
#[derive(Debug)]
pub struct Oracle {
    shapes: Vec<Shape>,
    sagas: BTreeMap<u64, Known>,
    numbers: u64,
    words: u64,
    calls: u64,
    relayed: bool,
    stuck: Vec<u64>,
    pub(super) attempts: Attempts,
}

impl Oracle {
    pub(super) fn new(plan: &Plan) -> Self {
        let shapes = plan.shapes.clone();
        Self {
            attempts: Attempts::new(shapes.clone()),
            shapes,
            sagas: BTreeMap::new(),
            numbers: 0,
            words: 0,
            calls: 0,
            relayed: false,
            stuck: Vec::new(),
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn count(&mut self) {
        self.calls += 1;
    }

    /// A life has opened its store.
    pub(super) fn begins(&mut self) {
        self.relayed = false;
    }

    /// An executor of this life is taken over from.
    pub(super) fn relayed(&mut self) {
        self.relayed = true;
    }

    pub(super) fn was_relayed(&self) -> bool {
        self.relayed
    }

    /// How many sagas were named.
    pub(super) fn numbers(&self) -> u64 {
        self.numbers
    }

    pub(super) fn new_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers - 1
    }

    fn known(&mut self, saga: u64) -> &mut Known {
        self.sagas.entry(saga).or_default()
    }

    /// What a saga was to be started with first.
    pub(super) fn first_start(&self, saga: u64) -> Option<(usize, Vec<Conduct>)> {
        let start = self.sagas.get(&saga)?.starts.first()?;
        Some((start.definition, start.steps.clone()))
    }

    /// Somebody asks for a start.
    pub(super) fn start(&mut self, saga: u64, definition: usize, steps: Vec<Conduct>) -> usize {
        let known = self.known(saga);
        known.starts.push(Start { definition, steps });
        known.starts.len() - 1
    }

    pub(super) fn acknowledge(&mut self, saga: u64, attempt: usize) {
        self.known(saga).acknowledged.insert(attempt);
    }

    pub(super) fn is_acknowledged(&self, saga: u64) -> bool {
        self.sagas.get(&saga).is_some_and(|known| !known.acknowledged.is_empty())
    }

    /// A start was refused because there is another saga of this name.
    pub(super) fn conflicted(
        &mut self,
        saga: u64,
        attempt: Option<usize>,
    ) -> Result<(), Violation> {
        let Some(attempt) = attempt else {
            return broken("G41", format!("who starts nothing is in conflict over saga {saga}"));
        };
        self.known(saga).conflicted.insert(attempt);
        Ok(())
    }

    /// Somebody was told how a saga ended.
    pub(super) fn told(&mut self, saga: u64, told: Told) -> Result<(), Violation> {
        self.attempts.ended(saga);
        match &self.known(saga).told {
            Some(before) if *before != told => {
                broken("G47", format!("saga {saga} came to {before:?}, and then to {told:?}"))
            }
            _ => {
                self.known(saga).told = Some(told);
                Ok(())
            }
        }
    }

    pub(super) fn cancelled(&mut self, saga: u64) {
        self.known(saga).cancelled = true;
    }

    /// An operator says something; the reason that is given.
    pub(super) fn speaks(&mut self, saga: u64, word: Word) -> String {
        self.words += 1;
        let reason = format!("word {}", self.words);
        self.attempts.spoken(saga);
        self.known(saga).said.insert(reason.clone(), word);
        reason
    }

    pub(super) fn heard(&mut self, saga: u64, reason: String) {
        self.known(saga).heard.insert(reason);
    }

    /// These sagas are stuck.
    pub(super) fn stuck_ones<'a>(&mut self, stuck: impl Iterator<Item = &'a SagaId>) {
        self.stuck = stuck.filter_map(number_of).collect();
    }

    /// A saga that was stuck when somebody looked.
    pub(super) fn draw_stuck(&self, choices: &mut Seeded) -> Option<u64> {
        let at = usize::try_from(choices.below(self.stuck.len() as u64)).ok()?;
        self.stuck.get(at).copied()
    }

    /// What somebody was told of a saga's end.
    pub(super) fn was_told(&self, saga: u64) -> Option<Told> {
        self.sagas.get(&saga)?.told.clone()
    }

    /// Which sagas wait after a taking over without this definition.
    pub(super) fn waiting(
        &self,
        waiting: &[(SagaId, WaitReason)],
        without: Option<usize>,
    ) -> Result<(), Violation> {
        for (saga, reason) in waiting {
            let missing = without.map(|definition| (name_of(definition), 1));
            let named = match reason {
                WaitReason::Definition { name, revision } => Some((name.clone(), *revision)),
                _ => None,
            };
            if named.is_none() || named != missing {
                return broken("G43", format!("{saga} waits: {reason}"));
            }
        }
        let waits = |saga: &u64| waiting.iter().any(|(id, _)| number_of(id) == Some(*saga));
        for (saga, known) in &self.sagas {
            if known.told.is_some() && waits(saga) {
                return broken("G47", format!("saga {saga} has ended, and waits"));
            }
        }
        Ok(())
    }

    /// Judges everything: the world is healed, every saga has ended, nothing is under way.
    pub(super) fn judge(
        &self,
        stories: &BTreeMap<u64, Story>,
        books: &[Entry],
        here: &[Entry],
    ) -> Result<(), Violation> {
        self.attempts.judge()?;
        for (saga, known) in &self.sagas {
            let Some(story) = stories.get(saga) else {
                if known.acknowledged.is_empty() {
                    continue;
                }
                return broken("G41", format!("saga {saga} was started, and is not there"));
            };
            let named = |Violation { guarantee, what }| Violation {
                guarantee,
                what: format!("saga {saga}: {what}; {:?}", story.records),
            };
            self.judge_saga(*saga, known, story, (books, here)).map_err(named)?;
        }
        match stories.keys().find(|saga| !self.sagas.contains_key(saga)) {
            Some(saga) => broken("G41", format!("nobody started saga {saga}")),
            None => Ok(()),
        }
    }

    fn judge_saga(
        &self,
        saga: u64,
        known: &Known,
        story: &Story,
        (books, here): (&[Entry], &[Entry]),
    ) -> Result<(), Violation> {
        let begun = Start {
            definition: (0..self.shapes.len())
                .find(|number| name_of(*number) == story.begun.definition)
                .unwrap_or(usize::MAX),
            steps: super::code::conducts(&story.begun.input),
        };
        let is_it = |at: &usize| known.starts[*at] == begun;
        if !(0..known.starts.len()).any(|at| is_it(&at)) {
            return broken("G41", "it began with what nobody asked for".into());
        }
        if !known.acknowledged.iter().all(is_it) {
            return broken("G41", "another start of it was acknowledged".into());
        }
        if known.conflicted.iter().any(is_it) {
            return broken("G41", "its own start was called a conflict".into());
        }
        let shape = &self.shapes[begun.definition];
        let fate = story::walk(story, shape)?;
        judge_words(known, story, shape)?;
        judge_end(known, story)?;
        let attempted = |step, round| self.attempts.attempted(saga, step, round);
        effects::judge(saga, shape, &fate, &attempted, (books, here))?;
        self.attempts.judge_once(saga, shape, story)
    }
}

/// What operators said stands in the journal, and nothing else.
fn judge_words(known: &Known, story: &Story, shape: &Shape) -> Result<(), Violation> {
    let words: Vec<(Arc<str>, Arc<str>)> = story.words();
    for reason in &known.heard {
        if words.iter().filter(|(_, said)| **said == **reason).count() != 1 {
            return broken("G36", format!("an operator's {reason} is not in its journal"));
        }
    }
    for (principal, reason) in &words {
        if **principal != *"operator" || !known.said.contains_key(&**reason) {
            return broken("G36", format!("{principal} never said {reason}"));
        }
    }
    let forced = known.said.values().any(|word| *word == Word::Complete);
    let early = shape.steps.iter().any(|step| step.ends_early);
    let aborted = matches!(story.end, Some(SagaEnd::Aborted { .. }));
    let free = shape.steps.iter().any(|step| step.pivot) || early || forced;
    if known.cancelled && !aborted && !free {
        return broken("G32", "it was cancelled, and completed".into());
    }
    Ok(())
}

/// It ended as everybody was told.
fn judge_end(known: &Known, story: &Story) -> Result<(), Violation> {
    let Some(end) = &story.end else {
        return broken("G31", "it has not ended".into());
    };
    let same = match (end, &known.told) {
        (_, None) | (SagaEnd::Completed(_), Some(Told::Completed(_))) => true,
        (SagaEnd::Aborted { cause, .. }, Some(Told::Aborted(told))) => cause == told,
        _ => false,
    };
    if same { Ok(()) } else { broken("G47", format!("it ended otherwise: {:?}", known.told)) }
}
