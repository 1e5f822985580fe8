//! Waiting in a thread that may block, for `append_blocking` alone.

#![expect(
    clippy::disallowed_methods,
    reason = "a caller that blocks has a thread of its own to park; simulated worlds do not block"
)]

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// Unparks the thread that made it.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A waker that unparks the calling thread.
pub(crate) fn unpark_here() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// Waits until the calling thread is unparked, or for no reason; the caller looks again.
pub(crate) fn park() {
    thread::park();
}

/// Polls `future` in the calling thread until it is ready; `waker` unparks this thread.
pub(crate) fn block_on<F: Future>(future: F, waker: &Waker) -> F::Output {
    let mut future: Pin<&mut F> = pin!(future);
    let mut cx = Context::from_waker(waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        park();
    }
}
