//! Why a record cannot stand where it stands.
//!
//! A journal that is refused was not written by this build: it is reported, never repaired.

use super::vocabulary::StepIndex;
use std::fmt;

/// Why the fold refuses a record. The state is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A journal begins with `Begun`, or with a checkpoint where it was shortened.
    NotBegun,
    /// It began before.
    BegunAgain,
    /// It began with another definition, or with another graph.
    OtherDefinition,
    /// Nothing follows the end.
    AfterEnd,
    /// The plan has no such step.
    NoSuchStep(StepIndex),
    /// The step waits for another one, which is not done.
    NotEligible(StepIndex),
    /// The step is in a state that this record cannot follow.
    WrongProgress(StepIndex),
    /// The saga is in a phase in which this record cannot occur.
    WrongPhase,
    /// Attempts of one side of a step are numbered from 1 without gaps.
    WrongAttempt(StepIndex),
    /// The step's plan does not allow it: it has no condition, no compensation, no savepoint, or
    /// another effect class.
    NotPlanned(StepIndex),
    /// A descendant of the step may still have an effect.
    DescendantEffective(StepIndex),
    /// The point of no return was passed.
    PastPivot,
    /// Steps are left that have to be done, or compensated, first.
    StepsLeft,
    /// Nobody is stuck, or not this one.
    NotStuck,
    /// The plan's steps and those of a checkpoint are not the same.
    ForeignCheckpoint,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBegun => f.write_str("a record stands before the beginning"),
            Self::BegunAgain => f.write_str("the saga begins a second time"),
            Self::OtherDefinition => f.write_str("the saga began with another definition"),
            Self::AfterEnd => f.write_str("a record stands behind the end"),
            Self::NoSuchStep(step) => write!(f, "the definition has no step {step}"),
            Self::NotEligible(step) => write!(f, "step {step} waits for a step that is not done"),
            Self::WrongProgress(step) => write!(f, "step {step} is past or before this record"),
            Self::WrongPhase => f.write_str("the saga is in another phase"),
            Self::WrongAttempt(step) => write!(f, "an attempt of step {step} is out of turn"),
            Self::NotPlanned(step) => write!(f, "the definition of step {step} has no such thing"),
            Self::DescendantEffective(step) => {
                write!(f, "a step behind step {step} may still have an effect")
            }
            Self::PastPivot => f.write_str("the saga turns back behind its point of no return"),
            Self::StepsLeft => f.write_str("the saga ends while steps are left"),
            Self::NotStuck => f.write_str("an operator acts on a step that is not stuck"),
            Self::ForeignCheckpoint => f.write_str("a checkpoint is of another definition"),
        }
    }
}

impl std::error::Error for Refusal {}
