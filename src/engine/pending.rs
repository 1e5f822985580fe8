//! Waiting for a group to be durable: one's own commit's, or one that an answer depends on.
//!
//! The group's number was given with the commit's place, so nothing has to be sent back: the future
//! is ready once the published durable number reaches it.

use super::shared::Shared;
use crate::{error::CommitError, ids::Sequence};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Waits until a group is durable.
#[must_use = "nothing is durable before this was awaited"]
pub(crate) struct Pending {
    shared: Arc<Shared>,
    sequence: Sequence,
    /// Which waker of the group is this caller's.
    slot: usize,
    /// The caller is being polled by the waker that was left already.
    fresh: bool,
}

impl Pending {
    /// Waits for group `sequence`, with which the caller left the waker number `slot`.
    pub(crate) fn new(shared: Arc<Shared>, sequence: Sequence, slot: usize) -> Self {
        Self { shared, sequence, slot, fresh: true }
    }

    /// The caller will be polled by another waker than the one that it left.
    pub(crate) fn await_later(&mut self) {
        self.fresh = false;
    }

    pub(crate) fn outcome(&self) -> Poll<Result<(), CommitError>> {
        if self.shared.is_durable(self.sequence) {
            return Poll::Ready(Ok(()));
        }
        if self.shared.is_poisoned() {
            return Poll::Ready(Err(CommitError::Unknown));
        }
        Poll::Pending
    }
}

impl Future for Pending {
    type Output = Result<(), CommitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(outcome) = self.outcome() {
            return Poll::Ready(outcome);
        }
        if std::mem::take(&mut self.fresh) {
            return Poll::Pending;
        }
        let mut core = self.shared.core();
        core.change_waker(self.sequence, self.slot, cx.waker());
        drop(core);
        // The group may have become durable before the waker was in place.
        self.outcome()
    }
}
