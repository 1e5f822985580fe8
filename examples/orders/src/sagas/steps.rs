//! How functions become steps and compensations, and what they come to.
//!
//! No step is here. The invariant it guards: what a service has done is never taken for not done
//! because something here went wrong afterwards.

use super::{Around, BookError};
use bytes::Bytes;
use sagalog::{
    definition::{Outcome, StepCx, StepFn, step_fn},
    runtime::Transport,
    saga::Effect,
};
use std::{future::Future, sync::Arc};

/// A step that is given the saga's request, and its surroundings.
pub(super) fn step<T, Request, Out, F, Run>(
    around: &Arc<Around<T>>,
    effect: Effect,
    run: F,
) -> StepFn<Request, impl Fn(StepCx, Request) -> Run + Send + Sync + use<T, Request, Out, F, Run>>
where
    T: Transport,
    Request: Send + 'static,
    Out: Send + 'static,
    F: Fn(Arc<Around<T>>, StepCx, Request) -> Run + Send + Sync + 'static,
    Run: Future<Output = Outcome<Out>> + Send,
{
    let around = Arc::clone(around);
    step_fn(effect, move |cx, request| run(Arc::clone(&around), cx, request))
}

/// A compensation likewise. What its step came to is known to whoever is asked, by the key.
pub(super) fn answer<T, Request, Out, F, Run>(
    around: &Arc<Around<T>>,
    run: F,
) -> impl Fn(StepCx, Request, Option<Out>) -> Run + Send + Sync + use<T, Request, Out, F, Run>
where
    T: Transport,
    F: Fn(Arc<Around<T>>, StepCx, Request) -> Run + Send + Sync + 'static,
    Run: Future<Output = Outcome<()>> + Send,
{
    let around = Arc::clone(around);
    move |cx, request, _| run(Arc::clone(&around), cx, request)
}

/// What a step comes to whose effect has happened: without its event on record it is asked again,
/// under the same key.
pub(super) fn after_effect<Out>(left: Result<(), BookError>, output: Out) -> Outcome<Out> {
    match left {
        Ok(()) => Outcome::Done(output),
        Err(error) => Outcome::ambiguous(error.to_string()),
    }
}

/// What follows on a reply; any other outcome stays as it is.
pub(super) fn then<Out>(
    outcome: Outcome<Bytes>,
    next: impl FnOnce(Bytes) -> Outcome<Out>,
) -> Outcome<Out> {
    match outcome {
        Outcome::Done(reply) => next(reply),
        Outcome::Failed(failure) => Outcome::Failed(failure),
        Outcome::Ambiguous(failure) => Outcome::Ambiguous(failure),
        Outcome::Retry(failure, after) => Outcome::Retry(failure, after),
    }
}
