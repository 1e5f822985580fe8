//! One attempt of the user's code, run to its end on the spot.
//!
//! No clock and no I/O: code that waits for something that only the outside could bring is
//! reported, since it would wait for ever here. The invariant it guards: a panic of the code is an
//! ending, as it is in production.

use sagalog::{
    definition::{AttemptFuture, Code, Staged, StepCx, StepPlace},
    names::SagaId,
    saga::{Attempt, Ending, Failure, State},
};
use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// How often code may yield before it is taken for endless.
const POLLS_MAX: u32 = 10_000;

/// An attempt that is under way. Its code runs when it is told to.
pub(super) struct UnderWay {
    pub(super) attempt: Attempt,
    cx: StepCx,
    future: AttemptFuture,
}

/// The code waits for something outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waits;

impl UnderWay {
    pub(super) fn begin(code: &dyn Code, state: &State, attempt: Attempt, epoch: u64) -> Self {
        let step = &code.plan().steps()[usize::from(attempt.step.get())];
        let cx = StepCx::new(StepPlace {
            saga: SagaId::parse("saga-under-test").expect("it is a name"),
            step: step.name.clone(),
            side: attempt.side,
            round: attempt.round,
            attempt: attempt.attempt,
            epoch,
            timeout: step.timeout,
            trace_context: state.begun().trace_context.clone(),
        });
        let future = code.attempt(cx.clone(), attempt, state);
        Self { attempt, cx, future }
    }

    /// Runs the code to its end: what it came to, and what it left to be stored with that.
    ///
    /// # Errors
    /// It waits, or yields for ever.
    pub(super) fn run(mut self) -> Result<(Ending, Staged), Waits> {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        for _ in 0..POLLS_MAX {
            if !woken.0.swap(false, Ordering::Relaxed) {
                return Err(Waits);
            }
            let poll = AssertUnwindSafe(|| self.future.as_mut().poll(&mut context));
            // After a panic the future is dropped and never looked at again.
            match catch_unwind(poll) {
                Ok(Poll::Ready(ending)) => return Ok((ending, self.cx.take_staged())),
                Ok(Poll::Pending) => {}
                Err(panic) => {
                    let what = format!("it panicked: {}", message(&*panic));
                    return Ok((Ending::Ambiguous(Failure::failed(what)), Staged::default()));
                }
            }
        }
        Err(Waits)
    }
}

impl fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnderWay").field(&self.attempt).finish()
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&'static str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
