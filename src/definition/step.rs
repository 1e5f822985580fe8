//! What users write: steps and compensations, as types or as closures.
//!
//! Not where a step stands in a saga; one step may stand in several, and twice in one. The
//! invariant it guards: a compensation fits its step, so it is given what that was given and what
//! it came to.

use super::{Outcome, StepCx};
use crate::saga::Effect;
use std::{fmt, future::Future, marker::PhantomData};

/// An action on the world, with a name in each saga that takes it.
///
/// It may be executed more than once, also at the same time by a process that is already believed
/// dead; [`effect`](Self::effect) says what becomes of it then. It holds what it needs to act, such
/// as clients and pools, and no state of a saga: that is in the journal.
pub trait Step: Send + Sync + 'static {
    /// What it is given.
    type In: Send + 'static;
    /// What it comes to.
    type Out: Send + 'static;

    /// What a second execution would do. The same answer every time: it is part of the definition.
    fn effect(&self) -> Effect;

    /// One attempt.
    ///
    /// # Cancel safety
    /// The future is dropped when its time is over or the process drains. That counts as
    /// [`Ambiguous`](Outcome::Ambiguous), so nothing has to be done for it.
    fn run(&self, cx: StepCx, input: Self::In) -> impl Future<Output = Outcome<Self::Out>> + Send;
}

/// What answers the effect of a step if its saga turns back.
///
/// It may come before the step's own call does, or without it: `output` is `None` if nobody knows
/// what the step came to. Then it has to find out by the key, and has to stop a call that is still
/// on its way.
pub trait Compensation<S: Step>: Send + Sync + 'static {
    /// One attempt. `input` is what the step was given.
    ///
    /// # Cancel safety
    /// As that of [`Step::run`].
    fn compensate(
        &self,
        cx: StepCx,
        input: S::In,
        output: Option<S::Out>,
    ) -> impl Future<Output = Outcome<()>> + Send;
}

/// A step that is a closure. Made by [`step_fn`].
pub struct StepFn<In, F> {
    effect: Effect,
    run: F,
    input: PhantomData<fn(In)>,
}

/// A step out of a closure, so that a small saga needs no types of its own.
///
/// ```
/// use sagalog::{definition::{Outcome, step_fn}, saga::Effect};
///
/// let greet = step_fn(Effect::Pure, |_cx, name: String| async move {
///     Outcome::Done(format!("hello {name}"))
/// });
/// # let _: &dyn std::any::Any = &greet;
/// ```
pub fn step_fn<In, Out, F, Run>(effect: Effect, run: F) -> StepFn<In, F>
where
    In: Send + 'static,
    Out: Send + 'static,
    F: Fn(StepCx, In) -> Run + Send + Sync + 'static,
    Run: Future<Output = Outcome<Out>> + Send,
{
    StepFn { effect, run, input: PhantomData }
}

impl<In, Out, F, Run> Step for StepFn<In, F>
where
    In: Send + 'static,
    Out: Send + 'static,
    F: Fn(StepCx, In) -> Run + Send + Sync + 'static,
    Run: Future<Output = Outcome<Out>> + Send,
{
    type In = In;
    type Out = Out;

    fn effect(&self) -> Effect {
        self.effect
    }

    fn run(&self, cx: StepCx, input: In) -> impl Future<Output = Outcome<Out>> + Send {
        (self.run)(cx, input)
    }
}

impl<In, F> fmt::Debug for StepFn<In, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepFn").field("effect", &self.effect).finish_non_exhaustive()
    }
}

/// A compensation that is a closure.
pub(super) struct CompensationFn<F>(pub(super) F);

impl<S, F, Run> Compensation<S> for CompensationFn<F>
where
    S: Step,
    F: Fn(StepCx, S::In, Option<S::Out>) -> Run + Send + Sync + 'static,
    Run: Future<Output = Outcome<()>> + Send,
{
    fn compensate(
        &self,
        cx: StepCx,
        input: S::In,
        output: Option<S::Out>,
    ) -> impl Future<Output = Outcome<()>> + Send {
        (self.0)(cx, input, output)
    }
}
