//! Attempts under way: the user's code, its timeout and its panics.
//!
//! What an ending means is decided in `saga::machine`. The invariant it guards: every attempt that
//! is begun ends with exactly one message, unless the executor has stopped listening.

use super::stop::Stopped;
use crate::{
    definition::{Code, Staged, StepCx, StepPlace},
    engine::race::race,
    names::SagaId,
    runtime::{Clock, Tasks},
    saga::{Attempt, Ending, Failure, Side, State, StepIndex},
};
use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::mpsc;

/// An attempt has ended.
pub(super) struct Ended {
    /// The saga's place in the executor.
    pub(super) slot: usize,
    pub(super) step: StepIndex,
    pub(super) side: Side,
    pub(super) ending: Ending,
    pub(super) staged: Staged,
}

/// How long the first polls of attempts that begin together may take before the rest of them go
/// tasks of their own: so long may code that computes instead of waiting hold up the others.
const TOGETHER_MAX: Duration = Duration::from_micros(200);

/// Begins attempts.
pub(super) struct Attempting<R> {
    runtime: R,
    epoch: u64,
    ended: mpsc::UnboundedSender<Vec<Ended>>,
    /// Becomes true when nobody listens any more.
    stopped: Stopped,
    prepared: Vec<Prepared>,
}

/// What is attempted.
pub(super) struct Begin<'a> {
    pub(super) slot: usize,
    pub(super) id: &'a SagaId,
    pub(super) code: &'a Arc<dyn Code>,
    pub(super) state: &'a State,
    pub(super) attempt: Attempt,
}

/// An attempt that is ready to run.
struct Prepared {
    slot: usize,
    step: StepIndex,
    side: Side,
    cx: StepCx,
    run: Unwinding,
}

impl Prepared {
    fn ended(&self, ending: Ending) -> Ended {
        let staged = self.cx.take_staged();
        Ended { slot: self.slot, step: self.step, side: self.side, ending, staged }
    }
}

impl<R: Clock + Tasks + Clone + Send + Sync + 'static> Attempting<R> {
    pub(super) fn new(
        runtime: R,
        epoch: u64,
        ended: mpsc::UnboundedSender<Vec<Ended>>,
        stopped: Stopped,
    ) -> Self {
        Self { runtime, epoch, ended, stopped, prepared: Vec::new() }
    }

    /// Makes an attempt ready. It begins with the next [`begin_prepared`](Self::begin_prepared).
    pub(super) fn prepare(&mut self, begin: &Begin<'_>) {
        let &Begin { slot, id, code, state, attempt } = begin;
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
        self.prepared.push(Prepared { slot, step, side, cx, run });
    }

    /// Begins what was made ready: all together in one task, which gives those that wait for
    /// something tasks of their own. Most of the work of a task is to start it.
    pub(super) fn begin_prepared(&mut self) {
        if self.prepared.is_empty() {
            return;
        }
        let prepared = std::mem::take(&mut self.prepared);
        let single = Single {
            runtime: self.runtime.clone(),
            ended: self.ended.clone(),
            stopped: self.stopped.clone(),
        };
        let begun = self.runtime.spawn_light(begin_together(single, prepared));
        // It runs on the runtime on which the executor runs, so there is one.
        begun.expect("what started the executor starts its attempts");
    }
}

async fn begin_together<R: Clock + Tasks + Clone + Send + Sync + 'static>(
    single: Single<R>,
    prepared: Vec<Prepared>,
) {
    let started = single.runtime.now();
    let mut endings = Vec::new();
    for mut attempt in prepared {
        let hurried = single.runtime.now().since(started) < TOGETHER_MAX;
        let first = poll_fn(|cx| {
            let poll = if hurried { Pin::new(&mut attempt.run).poll(cx) } else { Poll::Pending };
            Poll::Ready(poll)
        });
        match first.await {
            Poll::Ready(ending) => endings.push(attempt.ended(ending)),
            Poll::Pending => single.clone().go_on(attempt),
        }
    }
    // Nobody listens to an executor that has ended: the next one makes the attempts again.
    let _ = single.ended.send(endings);
}

/// Runs one attempt in a task of its own.
#[derive(Clone)]
struct Single<R> {
    runtime: R,
    ended: mpsc::UnboundedSender<Vec<Ended>>,
    stopped: Stopped,
}

impl<R: Clock + Tasks + Clone + Send + Sync + 'static> Single<R> {
    fn go_on(self, attempt: Prepared) {
        let starter = self.runtime.clone();
        let begun = starter.spawn_light(self.run(attempt));
        begun.expect("what started the executor starts its attempts");
    }

    async fn run(self, mut attempt: Prepared) {
        let timeout = attempt.cx.timeout();
        let limited = async {
            let Ok(ending) = race(&mut attempt.run, self.runtime.sleep(timeout)).await else {
                let what = format!("no answer within {timeout:?}");
                return Ending::Ambiguous(Failure::failed(what));
            };
            ending
        };
        if let Ok(ending) = race(limited, self.stopped.wait()).await {
            let _ = self.ended.send(vec![attempt.ended(ending)]);
        }
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
