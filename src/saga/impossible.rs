//! Why a definition is impossible, in sentences that say what to change.

use super::plan::STEPS_MAX;
use crate::names::StepName;
use std::{error::Error, fmt};

/// Why a definition is impossible. Change the definition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DefinitionError {
    /// It has no steps.
    NoSteps,
    /// It has more than [`STEPS_MAX`].
    TooManySteps(usize),
    /// Two steps have one name.
    DuplicateStep(StepName),
    /// A step is after one that is not defined before it.
    OutOfOrder(StepName),
    /// A step is after one of another definition.
    Foreign(StepName),
    /// The output is of no step of this definition.
    NoOutput,
    /// What may end the saga early is no step of this definition.
    NoEarlyEnd,
    /// An attempt may take no time at all.
    NoTime(StepName),
    /// A step may have an effect, and nothing answers it if the saga aborts.
    Uncompensated(StepName),
    /// A pure step has a compensation.
    NothingToCompensate(StepName),
    /// A step behind the pivot has a compensation, which would never run.
    RetriableCompensated(StepName),
    /// A step behind the pivot may be attempted once only.
    RetriableOnce(StepName),
    /// A step is retriable and there is no pivot before it.
    RetriableWithoutPivot(StepName),
    /// A step before the pivot is retriable: it could never fail, and the pivot never be refused.
    RetriableBeforePivot(StepName),
    /// A step behind the pivot may fail for good.
    NotRetriable(StepName),
    /// A step is neither before nor behind the pivot.
    BesidePivot(StepName),
    /// There is one point of no return at most; this is the second.
    TwoPivots(StepName),
    /// A step may be under way while another one ends the saga early.
    BesideEarlyEnd {
        /// The step that may be under way.
        step: StepName,
        /// The step that may end the saga.
        ending: StepName,
    },
    /// A name is none.
    Name(crate::names::NameError),
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSteps => f.write_str("a definition has at least one step"),
            Self::TooManySteps(steps) => {
                write!(f, "the definition has {steps} steps, the limit is {STEPS_MAX}")
            }
            Self::DuplicateStep(step) => write!(f, "two steps are called {step}"),
            Self::OutOfOrder(step) => {
                write!(f, "step {step} is after a step that does not stand before it")
            }
            Self::Foreign(step) => write!(f, "step {step} is after a step of another definition"),
            Self::NoEarlyEnd => {
                f.write_str("what may end the saga early is no step of this definition")
            }
            Self::NoOutput => f.write_str("the output is of no step of this definition"),
            Self::NoTime(step) => write!(f, "an attempt of step {step} has a timeout of zero"),
            Self::Uncompensated(step) => write!(
                f,
                "step {step} may have an effect and has no compensation; give it one, or say that \
                 it needs none"
            ),
            Self::NothingToCompensate(step) => {
                write!(f, "step {step} is pure, so there is nothing to compensate")
            }
            Self::RetriableCompensated(step) => {
                write!(f, "step {step} comes after the pivot, so it is never compensated")
            }
            Self::RetriableOnce(step) => {
                write!(f, "step {step} has to be tried until it is done, and may be tried once")
            }
            Self::RetriableWithoutPivot(step) => {
                write!(f, "step {step} is retriable, and there is no pivot before it")
            }
            Self::RetriableBeforePivot(step) => {
                write!(f, "step {step} is retriable and stands before the pivot")
            }
            Self::NotRetriable(step) => {
                write!(f, "step {step} comes after the pivot, so it has to be retriable")
            }
            Self::BesidePivot(step) => {
                write!(f, "step {step} is neither before nor after the pivot")
            }
            Self::TwoPivots(step) => write!(f, "step {step} is a second pivot"),
            Self::BesideEarlyEnd { step, ending } => {
                write!(f, "step {step} may be under way while step {ending} ends the saga early")
            }
            Self::Name(error) => error.fmt(f),
        }
    }
}

impl Error for DefinitionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Name(error) => Some(error),
            _ => None,
        }
    }
}
