//! The words of sagas: effect classes, kinds of steps, causes, ends.
//!
//! Plain data that definition, journal and executor share; no rule stands here.

use bytes::Bytes;
use std::{collections::BTreeSet, fmt, sync::Arc};

/// The longest text of a failure that a journal keeps, in bytes. What is longer is cut.
pub const FAILURE_BYTES_MAX: usize = 1024;

/// Which step of a plan, counted from 0 in the order of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIndex(u16);

impl StepIndex {
    /// The step with this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u16 {
        self.0
    }

    pub(crate) fn at(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for StepIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Some steps of a plan.
pub type StepSet = BTreeSet<StepIndex>;

/// What a second execution of a step would do, and so what may be made of a lost one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// It has none: it reads and computes. It needs no compensation.
    Pure,
    /// The same as one execution, by what it does.
    Idempotent,
    /// The same as one execution, because who performs it knows its key.
    Keyed,
    /// Its events and its result are one append to the store of the sagas: exactly once.
    Transactional,
    /// Another effect. An attempt whose end is not known is never repeated.
    AtMostOnce,
}

/// Where a step stands to the point of no return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepKind {
    /// It may fail, and what it did is compensated if the saga aborts.
    Ordinary,
    /// The point of no return: once it is done the saga goes forward only.
    Pivot,
    /// It comes after the pivot, and is tried until it is done.
    Retriable,
}

/// What happens to the rest of an abort when a compensation is stuck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnStuck {
    /// What lies upstream waits.
    #[default]
    Block,
    /// The rest is compensated; the saga is stuck all the same.
    Continue,
}

/// The action of a step, or its compensation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Side {
    /// What the step is for.
    Action,
    /// What answers it.
    Compensation,
}

/// Whether an attempt that failed may have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Certainty {
    /// It certainly had none.
    NoEffect,
    /// It may have had one.
    Unknown,
}

/// Whether a failure is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// A business no: an answer, not a fault.
    Rejected,
    /// A fault.
    Failed,
}

/// Why an attempt did not do what it was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether it is a fault at all.
    pub kind: FailureKind,
    /// Private, so that none is longer than a journal keeps.
    pub(super) reason: Arc<str>,
}

impl Failure {
    /// What happened, for people; at most [`FAILURE_BYTES_MAX`] bytes.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// A fault.
    pub fn failed(reason: impl AsRef<str>) -> Self {
        Self { kind: FailureKind::Failed, reason: bounded(reason.as_ref()) }
    }

    /// A business no.
    pub fn rejected(reason: impl AsRef<str>) -> Self {
        Self { kind: FailureKind::Rejected, reason: bounded(reason.as_ref()) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

/// As much of `text` as a journal keeps.
pub(crate) fn bounded(text: &str) -> Arc<str> {
    let end = (0..=FAILURE_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().into()
}

/// Why a saga is aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A step said no.
    Rejected,
    /// A step failed, or it was not to be found out whether it had.
    Failed,
    /// Somebody asked for it.
    Cancelled,
    /// It was not done by its deadline.
    Deadline,
    /// An operator ended it as it was.
    Forced,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Deadline => "deadline",
            Self::Forced => "forced",
        })
    }
}

/// What a completed saga came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// The output of the step that the definition names.
    OfStep,
    /// What the saga was ended early with.
    Early(Bytes),
    /// An operator completed it, with an output or without one.
    Forced(Option<Bytes>),
}

/// How a saga ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SagaEnd {
    /// Every step that was required is done.
    Completed(Output),
    /// Whatever may have had an effect is compensated, or was left by an operator's word.
    Aborted {
        /// Why.
        cause: Cause,
        /// The same for people.
        reason: Arc<str>,
    },
}
