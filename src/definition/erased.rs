//! A step without its types: what is left when its code and its place are put together.
//!
//! Not where that is typed; see `step_builder`. The invariant it guards: code of the definition
//! that should be pure and panics is a failure with a name, since a panic there would come again
//! after every restart.

use super::{
    AttemptFuture, Outcome, StepCx,
    handle::Label,
    sources::{Past, encoded},
};
use crate::{
    codec::Codec,
    names::{NameError, StepName},
    saga::{
        DefinitionError, Effect, Ending, Failure, Retry, StepIndex, StepKind, StepPlan,
        plan::{Compensated, TIMEOUT},
    },
};
use bytes::Bytes;
use core::time::Duration;
use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

/// Whether a step is to be done.
pub(super) type Condition<C> = Box<dyn Fn(&Past<'_, C>) -> Result<bool, Failure> + Send + Sync>;

/// An attempt of one side of a step.
pub(super) type Attempting<C> =
    Box<dyn Fn(StepCx, &Past<'_, C>) -> Result<AttemptFuture, Failure> + Send + Sync>;

/// What a saga ends with early, given its input and the step's output, both as bytes.
pub(super) type EarlyEnd<C> =
    Arc<dyn Fn(&C, &[u8], &[u8]) -> Result<Option<Bytes>, Failure> + Send + Sync>;

/// The code of a step.
pub(super) struct StepCode<C> {
    pub(super) holds: Option<Condition<C>>,
    pub(super) act: Attempting<C>,
    pub(super) compensate: Option<Attempting<C>>,
    pub(super) ends_early: Option<EarlyEnd<C>>,
}

/// What was said of a step beside its code.
#[derive(Clone, Copy)]
pub(super) struct Policies {
    pub(super) kind: StepKind,
    pub(super) returns_max: Option<u32>,
    pub(super) retry: Retry,
    pub(super) compensation_retry: Retry,
    pub(super) timeout: Duration,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            kind: StepKind::Ordinary,
            returns_max: None,
            retry: Retry::default(),
            compensation_retry: Retry::for_compensation(),
            timeout: TIMEOUT,
        }
    }
}

/// A step that was defined; nothing of it is checked yet.
pub(super) struct ErasedStep<C> {
    pub(super) name: Result<StepName, NameError>,
    pub(super) label: Label,
    pub(super) after: Vec<Label>,
    pub(super) effect: Effect,
    pub(super) compensation: Compensated,
    pub(super) policies: Policies,
    pub(super) code: StepCode<C>,
}

impl<C> ErasedStep<C> {
    /// Its place in the graph, and its code.
    pub(super) fn split(self) -> Result<(StepPlan, StepCode<C>), DefinitionError> {
        let Policies { kind, returns_max, retry, compensation_retry, timeout } = self.policies;
        let plan = StepPlan {
            name: self.name.map_err(DefinitionError::Name)?,
            after: self.after.iter().map(|label| label.step).collect(),
            effect: self.effect,
            kind,
            compensation: self.compensation,
            conditional: self.code.holds.is_some(),
            ends_early: self.code.ends_early.is_some(),
            returns_max,
            retry,
            compensation_retry,
            timeout,
        };
        Ok((plan, self.code))
    }
}

/// The number of a step that comes behind `steps` others.
pub(super) fn next_index(steps: usize) -> StepIndex {
    // A plan of so many is refused before the number is looked at.
    StepIndex::new(u16::try_from(steps).unwrap_or(u16::MAX))
}

/// How an attempt of an action ended, as the machine is told.
pub(super) fn acted<T, C: Codec<T>>(codec: &C, outcome: Outcome<T>) -> Ending {
    match outcome {
        Outcome::Done(output) => match encoded(codec, &output) {
            Ok(output) => Ending::Done { output, early: None },
            // Its effect has happened, and what it came to cannot be said.
            Err(error) => Ending::Ambiguous(Failure::failed(format!(
                "it is done and its output cannot be stored: {error}"
            ))),
        },
        Outcome::Failed(failure) => Ending::Failed(failure),
        Outcome::Ambiguous(failure) => Ending::Ambiguous(failure),
        Outcome::Retry(failure, after) => Ending::Retry { failure, after },
    }
}

/// The same of a compensation, which comes to nothing.
pub(super) fn compensated(outcome: Outcome<()>) -> Ending {
    match outcome {
        Outcome::Done(()) => Ending::Done { output: Bytes::new(), early: None },
        Outcome::Failed(failure) => Ending::Failed(failure),
        Outcome::Ambiguous(failure) => Ending::Ambiguous(failure),
        Outcome::Retry(failure, after) => Ending::Retry { failure, after },
    }
}

/// What `code` of the definition gives, or that it panicked.
pub(super) fn caught<T>(code: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Nothing that `code` could leave half done is looked at again: it changes nothing.
    panic::catch_unwind(AssertUnwindSafe(code)).unwrap_or_else(|panicked| {
        Err(Failure::failed(format!("it panicked: {}", text(&*panicked))))
    })
}

fn text(panicked: &(dyn Any + Send)) -> &str {
    let formatted = panicked.downcast_ref::<String>().map(String::as_str);
    formatted.or_else(|| panicked.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}
