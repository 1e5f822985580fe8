//! How attempts are told that their executor ends: all at once, in the order in which they began to
//! listen.
//!
//! Not a `watch` of tokio, which wakes its receivers in an order that it draws from a generator of
//! its own. The invariant it guards: who hears of the end first follows from who listened first.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    bell: Notify,
}

/// Whoever ends it. One that is dropped has ended it as well.
#[derive(Debug, Default)]
pub(super) struct Stop(Arc<Shared>);

/// Whoever hears of it.
#[derive(Clone, Debug)]
pub(super) struct Stopped(Arc<Shared>);

impl Stop {
    pub(super) fn listener(&self) -> Stopped {
        Stopped(Arc::clone(&self.0))
    }

    pub(super) fn stop(&self) {
        self.0.is_over.store(true, Ordering::Release);
        self.0.bell.notify_waiters();
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Stopped {
    /// Waits until it is over.
    pub(super) async fn wait(&self) {
        // Before the look: a bell that rings in between is heard.
        let rings = self.0.bell.notified();
        if !self.0.is_over.load(Ordering::Acquire) {
            rings.await;
        }
    }
}
