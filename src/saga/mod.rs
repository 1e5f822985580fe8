//! Sagas as data and decisions: what a saga is, what its journal says, and what follows from it.
//!
//! Not the executor: nothing here runs a step, reads a clock or writes. The invariant it guards:
//! there is one way from a journal to a state, [`State::apply`], and live execution and recovery
//! both take it.
//!
//! # Reading order
//! [`vocabulary`] (the words), [`plan`] (a definition's graph and policies), [`record`] (what a
//! journal says), [`table`] (which record may follow where: one total match), `state` (a saga, as
//! its journal tells it), `fold` (what a record makes of it), [`machine`] (which records an input
//! leads to), `consequence` (what follows without an input), `due` (what is to be attempted now),
//! `verbs` (what an operator may do), [`policy`] (when to try again), `encoding` (a journal in the
//! log; drawn in `docs/FORMAT.md`), `words` (records for people).
//!
//! # The life of a saga
//! ```text
//!            begun
//!              │
//!              ▼      a step failed, a deadline, a cancellation
//!          ┌─running──────────────────────────────┐
//!          │   │ ▲                                │
//!          │   │ └──returned──┐                   │
//!          │   ▼              │                   ▼
//!          │ returning (to a savepoint) ────► aborting
//!          │                                      │ every step that may have had an effect is
//!          │ every step done or skipped,          │ compensated, or left by an operator's word
//!          ▼ or one ended it early                ▼
//!       completed                              aborted
//! ```
//! A step of a saga that is not ended may be *stuck*: it is not attempted any more until an
//! operator says so, and the saga is shown as stuck.
//!
//! # A turn
//! All records that one turn of the executor adds to a saga are one event of its stream, so they
//! are stored together or not at all. A successful saga of three steps has four of them, because
//! the last step's result and the end share one.

mod consequence;
pub mod due;
mod encoding;
mod fold;
mod impossible;
pub mod machine;
pub mod plan;
pub mod policy;
pub mod record;
mod refusal;
mod state;
pub mod table;
mod verbs;
pub mod vocabulary;
mod words;

#[cfg(test)]
mod tests;

pub use due::{Attempt, Due, due};
pub use encoding::{JournalFault, decode_plan, decode_turn, encode_plan, encode_turn};
pub use impossible::DefinitionError;
pub use machine::{Attempts, Ending, Input, Judge, Outturn, turn};
pub use plan::{Fingerprint, Plan, StepPlan};
pub use policy::Retry;
pub use record::{Begun, Record};
pub use refusal::Refusal;
pub use state::{CancelAsked, Phase, Progress, State, StepState};
pub use verbs::{Intervention, Operator, Verb, VerbRefused};
pub use vocabulary::{
    Cause, Certainty, Effect, Failure, FailureKind, OnStuck, Output, SagaEnd, Side, StepIndex,
    StepKind, StepSet,
};
