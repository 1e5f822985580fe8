//! A definition without its code: the graph of steps and the policies around them.
//!
//! Not the typed definition that users write, which is made into this. The invariant it guards: a
//! plan that exists can end, whatever fails; what could not is refused when it is built.

use super::{
    impossible::DefinitionError,
    policy::Retry,
    vocabulary::{Effect, OnStuck, StepIndex, StepKind, StepSet},
};
use crate::names::{DefinitionName, StepName};
use core::time::Duration;
use std::fmt;

/// How many steps a definition may have: 256.
pub const STEPS_MAX: usize = 256;

/// How long an attempt may take unless its step says otherwise: 30 s.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A hash of a plan's graph: two plans with one fingerprint read a journal the same way.
///
/// Policies (retries, timeouts, deadlines) are not part of it: they may be tuned under running
/// sagas.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever makes a plan has to say all of it")]
pub struct StepPlan {
    /// Its name, unique in the plan.
    pub name: StepName,
    /// The steps whose outputs it reads; they stand before it.
    pub after: Vec<StepIndex>,
    /// What a second execution would do.
    pub effect: Effect,
    /// Where it stands to the point of no return.
    pub kind: StepKind,
    /// Whether it has a compensation.
    pub compensation: Compensated,
    /// Whether it has a condition, without which it is skipped.
    pub conditional: bool,
    /// Whether its output may end the saga early.
    pub ends_early: bool,
    /// How often the saga may come back to the savepoint behind this step, if there is one.
    pub returns_max: Option<u32>,
    /// How its action is tried again.
    pub retry: Retry,
    /// How its compensation is tried again.
    pub compensation_retry: Retry,
    /// How long an attempt may take.
    pub timeout: Duration,
}

/// Whether a step is compensated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compensated {
    /// It has a compensation.
    Yes,
    /// The definition says that it needs none.
    NotNeeded,
    /// Nothing was said.
    Unsaid,
}

impl StepPlan {
    /// Whether what it did has to be answered if the saga turns back.
    pub fn is_compensated(&self) -> bool {
        self.compensation == Compensated::Yes
    }
}

/// A definition without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    name: DefinitionName,
    revision: u32,
    steps: Vec<StepPlan>,
    output: StepIndex,
    on_stuck: OnStuck,
    deadline: Option<Duration>,
    fingerprint: Fingerprint,
    pivot: Option<StepIndex>,
    ancestors: Vec<StepSet>,
    descendants: Vec<StepSet>,
}

impl Plan {
    /// Checks a graph. `steps` stand in an order in which each comes behind those it is after.
    ///
    /// # Errors
    /// [`DefinitionError`] says which step is impossible, and why.
    pub fn try_new(
        name: DefinitionName,
        revision: u32,
        mut steps: Vec<StepPlan>,
        output: StepIndex,
    ) -> Result<Self, DefinitionError> {
        // Named twice is after once. Otherwise a step could be after more than a graph on disk has
        // room for, which would be written and never read again.
        for step in &mut steps {
            let mut named = StepSet::new();
            step.after.retain(|after| named.insert(*after));
        }
        check_shape(&steps, output)?;
        let ancestors = ancestors_of(&steps);
        let descendants = descendants_of(&ancestors);
        let pivot = steps.iter().position(|step| step.kind == StepKind::Pivot).map(index);
        let mut plan = Self {
            name,
            revision,
            steps,
            output,
            on_stuck: OnStuck::default(),
            deadline: None,
            fingerprint: Fingerprint(0),
            pivot,
            ancestors,
            descendants,
        };
        plan.check_compensations()?;
        plan.check_pivot()?;
        plan.check_early_ends()?;
        plan.seal();
        Ok(plan)
    }

    /// What happens to the rest of an abort when a compensation is stuck.
    #[must_use]
    pub fn on_stuck(mut self, on_stuck: OnStuck) -> Self {
        self.on_stuck = on_stuck;
        self.seal();
        self
    }

    /// How long a saga may take to get past its pivot, or to its end if it has none.
    #[must_use]
    pub fn deadline(mut self, deadline: Option<Duration>) -> Self {
        self.deadline = deadline;
        self
    }

    fn seal(&mut self) {
        let bytes = super::encoding::encode_plan(self);
        self.fingerprint = Fingerprint(xxhash_rust::xxh3::xxh3_64(&bytes));
    }

    /// The definition's name.
    pub fn name(&self) -> &DefinitionName {
        &self.name
    }

    /// The definition's revision.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// The hash of its graph.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Its steps, in the order of definition.
    pub fn steps(&self) -> &[StepPlan] {
        &self.steps
    }

    /// The step with this number.
    pub fn step(&self, step: StepIndex) -> Option<&StepPlan> {
        self.steps.get(step.at())
    }

    /// The step with this name.
    pub fn step_named(&self, name: &str) -> Option<StepIndex> {
        self.steps.iter().position(|step| step.name.as_str() == name).map(index)
    }

    /// The numbers of its steps.
    pub fn indices(&self) -> impl DoubleEndedIterator<Item = StepIndex> + use<> {
        (0..self.steps.len()).map(index)
    }

    /// The step whose output is the saga's.
    pub fn output(&self) -> StepIndex {
        self.output
    }

    /// The point of no return.
    pub fn pivot(&self) -> Option<StepIndex> {
        self.pivot
    }

    /// What happens when a compensation is stuck.
    pub fn stuck_policy(&self) -> OnStuck {
        self.on_stuck
    }

    /// How long a saga may take to get past its pivot.
    pub fn time_limit(&self) -> Option<Duration> {
        self.deadline
    }

    /// The steps that `step` directly or indirectly comes after.
    pub fn ancestors(&self, step: StepIndex) -> &StepSet {
        &self.ancestors[step.at()]
    }

    /// The steps that directly or indirectly come after `step`.
    pub fn descendants(&self, step: StepIndex) -> &StepSet {
        &self.descendants[step.at()]
    }

    /// Whether a return to the savepoint behind `savepoint` leaves `step` as it is.
    pub fn is_before(&self, step: StepIndex, savepoint: StepIndex) -> bool {
        step == savepoint || self.ancestors(savepoint).contains(&step)
    }

    fn named(&self, step: StepIndex) -> StepName {
        self.steps[step.at()].name.clone()
    }

    /// Whatever may have had an effect before the pivot can be answered.
    fn check_compensations(&self) -> Result<(), DefinitionError> {
        for step in &self.steps {
            let name = step.name.clone();
            let answered = step.compensation != Compensated::Unsaid
                || step.effect == Effect::Pure
                || step.kind != StepKind::Ordinary;
            if !answered {
                return Err(DefinitionError::Uncompensated(name));
            }
            if step.is_compensated() && step.effect == Effect::Pure {
                return Err(DefinitionError::NothingToCompensate(name));
            }
            if step.is_compensated() && step.kind == StepKind::Retriable {
                return Err(DefinitionError::RetriableCompensated(name));
            }
            if step.kind == StepKind::Retriable && step.effect == Effect::AtMostOnce {
                return Err(DefinitionError::RetriableOnce(name));
            }
        }
        Ok(())
    }

    /// Every step is the pivot, before it or behind it, and those behind it are retriable.
    fn check_pivot(&self) -> Result<(), DefinitionError> {
        let Some(pivot) = self.pivot else {
            let stray = self.steps.iter().find(|step| step.kind == StepKind::Retriable);
            return stray
                .map_or(Ok(()), |s| Err(DefinitionError::RetriableWithoutPivot(s.name.clone())));
        };
        for step in self.indices() {
            let kind = self.steps[step.at()].kind;
            let before = self.ancestors(pivot).contains(&step);
            let behind = self.descendants(pivot).contains(&step);
            let name = self.named(step);
            match kind {
                StepKind::Pivot if step != pivot => return Err(DefinitionError::TwoPivots(name)),
                StepKind::Ordinary if behind => return Err(DefinitionError::NotRetriable(name)),
                StepKind::Retriable if before => {
                    return Err(DefinitionError::RetriableBeforePivot(name));
                }
                _ if step != pivot && !before && !behind => {
                    return Err(DefinitionError::BesidePivot(name));
                }
                StepKind::Pivot | StepKind::Ordinary | StepKind::Retriable => {}
            }
        }
        Ok(())
    }

    /// Nothing runs beside a step that may end the saga.
    fn check_early_ends(&self) -> Result<(), DefinitionError> {
        for ending in self.indices().filter(|step| self.steps[step.at()].ends_early) {
            let beside = self.indices().find(|step| {
                *step != ending
                    && !self.ancestors(ending).contains(step)
                    && !self.descendants(ending).contains(step)
            });
            if let Some(step) = beside {
                let (step, ending) = (self.named(step), self.named(ending));
                return Err(DefinitionError::BesideEarlyEnd { step, ending });
            }
        }
        Ok(())
    }
}

fn index(at: usize) -> StepIndex {
    StepIndex::new(u16::try_from(at).expect("a plan has at most 256 steps"))
}

fn check_shape(steps: &[StepPlan], output: StepIndex) -> Result<(), DefinitionError> {
    if steps.is_empty() {
        return Err(DefinitionError::NoSteps);
    }
    if steps.len() > STEPS_MAX {
        return Err(DefinitionError::TooManySteps(steps.len()));
    }
    for (at, step) in steps.iter().enumerate() {
        if steps[..at].iter().any(|earlier| earlier.name == step.name) {
            return Err(DefinitionError::DuplicateStep(step.name.clone()));
        }
        if step.after.iter().any(|after| after.at() >= at) {
            return Err(DefinitionError::OutOfOrder(step.name.clone()));
        }
        if step.timeout.is_zero() {
            return Err(DefinitionError::NoTime(step.name.clone()));
        }
    }
    if output.at() >= steps.len() { Err(DefinitionError::NoOutput) } else { Ok(()) }
}

fn ancestors_of(steps: &[StepPlan]) -> Vec<StepSet> {
    let mut all: Vec<StepSet> = Vec::with_capacity(steps.len());
    for step in steps {
        let mut ancestors: StepSet = step.after.iter().copied().collect();
        ancestors.extend(step.after.iter().flat_map(|after| all[after.at()].iter().copied()));
        all.push(ancestors);
    }
    all
}

fn descendants_of(ancestors: &[StepSet]) -> Vec<StepSet> {
    let behind = |step: StepIndex| {
        let of = ancestors.iter().enumerate().filter(move |(_, before)| before.contains(&step));
        of.map(|(at, _)| index(at)).collect()
    };
    (0..ancestors.len()).map(|at| behind(index(at))).collect()
}
