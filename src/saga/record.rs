//! What a journal says, one record for each thing that happened.
//!
//! A record is a fact that the fold accepts or refuses; whether it should have come about is
//! decided in `machine`. There is no record that an attempt was started, except for
//! [`Effect::AtMostOnce`](super::Effect::AtMostOnce): which steps may be under way follows from the
//! plan.

use super::{
    plan::Fingerprint,
    state::State,
    verbs::Operator,
    vocabulary::{Cause, Certainty, Failure, SagaEnd, Side, StepIndex},
};
use crate::{names::DefinitionName, time::WallTime};
use bytes::Bytes;
use std::sync::Arc;

/// How a saga began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Which definition.
    pub definition: DefinitionName,
    /// Which revision of it.
    pub revision: u32,
    /// The graph it began with.
    pub fingerprint: Fingerprint,
    /// What it was given.
    pub input: Bytes,
    /// By when it has to be past its pivot, or done.
    pub deadline: Option<WallTime>,
    /// The W3C trace context of who began it.
    pub trace_context: Option<Arc<str>>,
}

/// One fact of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a new record must not compile until all handle it")]
pub enum Record {
    /// The saga exists.
    Begun(Begun),
    /// An attempt of an at-most-once step is about to be made.
    Started {
        /// Which step.
        step: StepIndex,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// A step's action did what it is for.
    Done {
        /// Which step.
        step: StepIndex,
        /// Which attempt, from 1.
        attempt: u32,
        /// What it came to.
        output: Bytes,
    },
    /// A step's condition did not hold.
    Skipped {
        /// Which step.
        step: StepIndex,
    },
    /// A step's action certainly had no effect, and is not attempted again.
    Failed {
        /// Which step.
        step: StepIndex,
        /// Which attempt, from 1.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// A step's action may have had an effect, and is not attempted again.
    Ambiguous {
        /// Which step.
        step: StepIndex,
        /// Which attempt, from 1.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// An attempt failed, and another one follows.
    AttemptFailed {
        /// Which step.
        step: StepIndex,
        /// Its action or its compensation.
        side: Side,
        /// Which attempt, from 1.
        attempt: u32,
        /// Whether it may have had an effect.
        certainty: Certainty,
        /// Why.
        failure: Failure,
        /// Not before this moment.
        next_at: WallTime,
    },
    /// A step could have been attempted when the saga turned back, and certainly was not.
    Withdrawn {
        /// Which step.
        step: StepIndex,
    },
    /// Somebody wants the saga cancelled.
    CancelAsked {
        /// Who.
        principal: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// The saga goes back to its beginning.
    AbortDecided {
        /// Why.
        cause: Cause,
        /// The same for people.
        reason: Arc<str>,
    },
    /// The saga goes back to a savepoint.
    ReturnDecided {
        /// The step that ends at the savepoint.
        savepoint: StepIndex,
        /// Why, for people.
        reason: Arc<str>,
    },
    /// A step is compensated.
    Compensated {
        /// Which step.
        step: StepIndex,
        /// Which attempt of its compensation, from 1.
        attempt: u32,
    },
    /// The savepoint is reached: what lies behind it may be done anew.
    Returned,
    /// A step is not attempted any more until an operator says so.
    Stuck {
        /// Which step.
        step: StepIndex,
        /// Its action or its compensation.
        side: Side,
        /// The last attempt, from 1.
        attempt: u32,
        /// Whether it may have had an effect.
        certainty: Certainty,
        /// Why.
        failure: Failure,
    },
    /// An operator intervened.
    Operator(Operator),
    /// All that was said before, folded, so that nobody has to read it again.
    Checkpoint(Box<State>),
    /// The saga ended.
    Ended(SagaEnd),
}
