//! What an executor needs of a definition: its plan, its conditions, and attempts to run.
//!
//! The types of inputs and outputs are gone here: they are bytes of the definition's codec.

use super::StepCx;
use crate::saga::{Attempt, Ending, Judge, Plan, State};
use std::{future::Future, pin::Pin, sync::Arc};

/// An attempt, ready to run. It ends by itself, or is dropped when its time is over.
pub type AttemptFuture = Pin<Box<dyn Future<Output = Ending> + Send>>;

/// A definition as an executor sees it.
///
/// # Determinism
/// [`Judge::holds`] and what [`attempt`](Self::attempt) gives its step to read are pure functions
/// of the state: they are asked again after a crash, and have to answer the same.
pub trait Code: Judge + Send + Sync + 'static {
    /// The graph and the policies.
    fn plan(&self) -> &Arc<Plan>;

    /// An attempt of a step of a saga that is in this state. What is to be read is taken out of
    /// `state` in this call.
    fn attempt(&self, cx: StepCx, attempt: Attempt, state: &State) -> AttemptFuture;
}
