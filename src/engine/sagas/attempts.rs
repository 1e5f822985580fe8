//! Attempts under way: the user's code, its timeout and its panics.
//!
//! What an ending means is decided in `saga::machine`. The invariant it guards: every attempt that
//! is begun ends with exactly one message, unless the executor has stopped listening.

use crate::{
    definition::{Code, Staged, StepCx, StepPlace},
    engine::race::race,
    names::SagaId,
    runtime::{Clock, Tasks},
    saga::{Attempt, Ending, Failure, Side, State, StepIndex},
};
use std::{
    any::Any,
    future::Future,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::{mpsc, watch};

/// An attempt has ended.
pub(super) struct Ended {
    /// The saga's place in the executor.
    pub(super) slot: usize,
    pub(super) step: StepIndex,
    pub(super) side: Side,
    pub(super) ending: Ending,
    pub(super) staged: Staged,
}

/// Begins attempts.
pub(super) struct Attempting<R> {
    pub(super) runtime: R,
    pub(super) epoch: u64,
    pub(super) ended: mpsc::UnboundedSender<Ended>,
    /// Becomes true when nobody listens any more.
    pub(super) stopped: watch::Receiver<bool>,
}

/// What is attempted.
pub(super) struct Begin<'a> {
    pub(super) slot: usize,
    pub(super) id: &'a SagaId,
    pub(super) code: &'a Arc<dyn Code>,
    pub(super) state: &'a State,
    pub(super) attempt: Attempt,
}

impl<R: Clock + Tasks + Clone + Send + Sync + 'static> Attempting<R> {
    /// # Errors
    /// The runtime starts no more tasks.
    pub(super) fn begin(&self, begin: Begin<'_>) -> io::Result<()> {
        let Begin { slot, id, code, state, attempt } = begin;
        let (step, side) = (attempt.step, attempt.side);
        let plan = &code.plan().steps()[usize::from(step.get())];
        let cx = StepCx::new(StepPlace {
            saga: id.clone(),
            step: plan.name.clone(),
            side,
            round: attempt.round,
            attempt: attempt.attempt,
            epoch: self.epoch,
            timeout: plan.timeout,
            trace_context: state.begun().trace_context.clone(),
        });
        let run = Unwinding(code.attempt(cx.clone(), attempt, state));
        let (runtime, timeout) = (self.runtime.clone(), plan.timeout);
        let (ended, mut stopped) = (self.ended.clone(), self.stopped.clone());
        self.runtime.spawn_light(async move {
            let limited = async {
                let Ok(ending) = race(run, runtime.sleep(timeout)).await else {
                    let what = format!("no answer within {timeout:?}");
                    return Ending::Ambiguous(Failure::failed(what));
                };
                ending
            };
            let stop = async {
                // A sender that is gone has stopped as well.
                let _ = stopped.wait_for(|stopped| *stopped).await;
            };
            if let Ok(ending) = race(limited, stop).await {
                let staged = cx.take_staged();
                // Nobody listens to an executor that has ended: the next one makes the attempt again.
                let _ = ended.send(Ended { slot, step, side, ending, staged });
            }
        })
    }
}

/// A future whose panic is an ending.
struct Unwinding(Pin<Box<dyn Future<Output = Ending> + Send>>);

impl Future for Unwinding {
    type Output = Ending;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ending> {
        let run = self.0.as_mut();
        // After a panic the future is dropped and never looked at again.
        match catch_unwind(AssertUnwindSafe(|| run.poll(cx))) {
            Ok(poll) => poll,
            Err(panic) => {
                let what = format!("it panicked: {}", panic_message(&*panic));
                Poll::Ready(Ending::Ambiguous(Failure::failed(what)))
            }
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&'static str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
