//! Definitions of sagas: the steps that users write, and how they hang together.
//!
//! Not the executor, and not the rules of sagas: a definition is made into a
//! [`Plan`](crate::saga::Plan), which refuses what is impossible, and into [`Code`], which an
//! executor runs. It stands on the public vocabulary and on [`saga`](crate::saga) alone. The
//! invariant it guards: a step reads the outputs of steps that it comes after, and of no others;
//! otherwise it does not compile.

mod code;
mod context;

pub use self::{
    code::{AttemptFuture, Code},
    context::{Staged, StepCx, StepPlace},
};
